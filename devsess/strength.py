"""LAW: how fresh and how strong an authentication is, and what meets a demand for another."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from devsess import skew
from devsess.errors import StepUpRequiredError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from devsess.policy import Policy
    from devsess.stores.rows import SessionRow


def require_strength(
    latest: float,
    levels: Mapping[str, float],
    now: float,
    policy: Policy,
    *,
    max_auth_age: float | None,
    required_acr: str | None,
) -> None:
    """
    Check how fresh and how strong an authentication is (RFC 9470 §4).

    Args:
        latest: When the latest sign-in or step-up was.
        levels: Each context reached, and when it last was.
        now: This instant.
        policy: For the order of contexts.
        max_auth_age: The age that it must be below, in seconds. With
            *required_acr*, that of this context or of a stronger one.
        required_acr: The context needed.

    Raises:
        StepUpRequiredError: If it is too weak, or was too long ago.
    """
    if required_acr is not None:
        reached = _reached_at(levels, required_acr, policy)
        if reached is None:
            raise StepUpRequiredError(
                f"this needs {required_acr}, which the session has not reached: step up",
                acr_values=(required_acr,),
                max_age=max_auth_age,
            )
        latest = reached
    if max_auth_age is not None and not skew.age(latest, now) < max_auth_age:
        raise StepUpRequiredError(
            f"the sign-in is older than {max_auth_age:g} seconds: sign in again",
            acr_values=(required_acr,) if required_acr else (),
            max_age=max_auth_age,
        )


def demand(row: SessionRow, now: float) -> int:
    """
    The instant that a demand made of *row* at *now* names: no authentication so far meets it.

    A step-up dates itself later than the one before, and a clock may be ahead of this one: both
    can lie after *now*.
    """
    return max(math.floor(now), row.auth_time, row.step_up_after or 0)


def demanded(policy: Policy) -> tuple[str, ...]:
    """The contexts that meet a demand for a step-up; empty where any newer sign-in does."""
    return (policy.risk.acr,) if policy.risk and policy.risk.acr else ()


def meets(acr: str | None, policy: Policy) -> bool:
    """Whether a step-up to *acr* meets every demand so far."""
    return all(satisfies(acr, needed, policy) for needed in demanded(policy))


def require_step_up(
    demand: float, latest: float, levels: Mapping[str, float], policy: Policy
) -> None:
    """
    Check that the person has proven themselves since *demand*.

    Args:
        demand: When a step-up was asked for.
        latest, levels, policy: As for `require_strength`.

    Raises:
        StepUpRequiredError: If not, or not as strongly as risk asks for.
    """
    needed = demanded(policy)
    at = _reached_at(levels, needed[0], policy) if needed else latest
    if at is None or at <= demand:
        raise StepUpRequiredError(
            "the session was used in an unusual way, or its owner did not recognise it: step up",
            acr_values=needed,
        )


def _reached_at(levels: Mapping[str, float], required: str, policy: Policy) -> float | None:
    """When a context as strong as *required* was last reached."""
    return max((at for acr, at in levels.items() if satisfies(acr, required, policy)), default=None)


def satisfies(acr: str | None, required: str, policy: Policy) -> bool:
    """Whether the context *acr* is as strong as *required*."""
    order = policy.acr_order
    if acr in order and required in order:
        return order.index(acr) >= order.index(required)
    return acr == required
