"""
LAW: a young session cannot lock the account's owner out.

A thief who has just signed in with a stolen password looks like the owner on a new device. So,
under `Policy.seniority`, a session that is young, on a device that is young too, ends no older
session, trusts no device and exports nothing, unless its person has stepped up since. What the
application does by itself, without a session that asks for it, is not judged here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from devsess import lifecycle, strength
from devsess.errors import StepUpRequiredError

if TYPE_CHECKING:
    from devsess.models import Session
    from devsess.policy import Policy


def is_young(session: Session, now: float, policy: Policy) -> bool:
    """
    Whether *session* is young at *now*, and its device too.

    One that a clock which was ahead has dated counts as young: its age is not known.
    """
    return not lifecycle.is_over(_settled_at(session, policy), now)


def _settled_at(session: Session, policy: Policy) -> float:
    rule = policy.seniority
    if rule is None:
        return -math.inf
    return min(
        session.created_at.timestamp() + rule.session,
        session.device.first_seen_at.timestamp() + rule.device,
    )


def older(session: Session, others: Iterable[Session]) -> list[Session]:
    """Those of *others* that began before *session*."""
    return [it for it in others if it.created_at < session.created_at]


def check(session: Session, elders: Iterable[Session], now: float, policy: Policy) -> None:
    """
    Check that *session* is not young, or has stepped up to the level of its *elders*.

    Where they have reached no level, it is that of `Risk.acr`; without one, any newer
    authentication will do. The sign-in itself is no step-up: a thief has passed it.

    Raises:
        StepUpRequiredError: If it is young and has not; with the contexts that would do, and
            the instant from which it is young no more.
    """
    if not is_young(session, now, policy):
        return
    needed = _needed(elders, policy)
    if _has_stepped_up(session, needed, policy):
        return
    settled_at = lifecycle.instant(_settled_at(session, policy))
    raise StepUpRequiredError(
        "this session is younger than the account's others, or not yet settled:"
        f" step up, use an older one, or wait until {settled_at:%Y-%m-%d %H:%M:%S} UTC",
        acr_values=needed,
        settled_at=settled_at,
    )


def _needed(elders: Iterable[Session], policy: Policy) -> tuple[str, ...]:
    """The contexts that *elders* have reached, without those that a stronger one satisfies."""
    reached = sorted({acr for it in elders for acr in it.levels})
    strongest = [
        acr
        for acr in reached
        if not any(it != acr and strength.satisfies(it, acr, policy) for it in reached)
    ]
    return tuple(strongest) or strength.demanded(policy)


def _has_stepped_up(session: Session, needed: Iterable[str], policy: Policy) -> bool:
    """Whether a step-up since the sign-in has reached all that is *needed*."""
    begun = session.created_at
    since = [acr for acr, at in session.levels.items() if at > begun]
    return session.auth_time > begun and all(
        any(strength.satisfies(acr, it, policy) for acr in since) for it in needed
    )
