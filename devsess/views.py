"""From a store's rows to the records of `models.py`: instants become datetimes here."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from devsess import lifecycle
from devsess._app import with_version
from devsess._frozen import NOTHING, FrozenDict, freeze
from devsess._later import Unfilled
from devsess._provider import parted
from devsess.lifecycle import instant
from devsess.models import Device, Event, Session
from devsess.stores.plain_rows import shown
from devsess.stores.rows import EXPIRED, NoticeRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from devsess.lifecycle import Standing
    from devsess.stores.plain_rows import PlainRow, Shown
    from devsess.stores.rows import ActivityRow, DeviceRow, EventRow

EMPTY_CLAIMS = "{}"

# The fields of a session that cost something to make: most requests look at none of them.
_COLD = (
    "device",
    "created_at",
    "last_seen_at",
    "expires_at",
    "absolute_expires_at",
    "auth_time",
    "claims",
    "levels",
)
_unfilled = Unfilled(Session, _COLD)


def device_view(row: DeviceRow) -> Device:
    """A device as a user sees it."""
    return _device(shown(row))


def _by_its_app(device: Shown, user_agent: str | None) -> Shown:
    """*device*, in whose label is the version of the app that the session's agent names."""
    if not user_agent or user_agent[0] != "[":
        return device
    return (device[0], with_version(device[1], user_agent), *device[2:])


def _device(device: Shown) -> Device:
    id_, label, kind, os, browser, first_seen_at, last_seen_at = device[:7]
    trusted_until, blocked, name, resembles = device[7:]
    seen_at = instant(first_seen_at)
    return Device(
        id_,
        label,
        kind,
        os,
        browser,
        seen_at,
        seen_at if last_seen_at == first_seen_at else instant(last_seen_at),
        None if trusted_until is None else instant(trusted_until),
        blocked,
        name,
        resembles,
    )


def session_view(standing: Standing, *, current: str | None = None) -> Session:
    """A session as a user sees it: the address of an ended one is reduced."""
    row, active = standing.row, standing.is_live
    revoked = row.revoked_at is not None and row.reason != EXPIRED
    created_at = instant(row.created_at)
    amr, provider = parted(row.amr)
    # By position, and one datetime for equal instants: a new token's validation passes here.
    return Session(
        row.id,
        row.user_id,
        _device(_by_its_app(shown(row.device), row.user_agent)),
        row.ip if active else row.network,
        row.user_agent,
        row.location,
        created_at,
        created_at if row.last_seen_at == row.created_at else instant(row.last_seen_at),
        instant(standing.idle_deadline),
        instant(standing.absolute_deadline),
        instant(row.auth_time),
        amr,
        row.acr,
        row.persistent,
        instant(row.revoked_at) if revoked and row.revoked_at is not None else None,
        row.reason if revoked else None,
        active,
        row.id == current,
        claims_view(row.claims),
        row.bound,
        levels_view(lifecycle.levels_reached(row)),
        row.generation,
        None if row.step_up_after is None else instant(row.step_up_after),
        row.score,
        row.impersonator[1] if row.impersonator else None,
        provider,
    )


def live_view(
    row: PlainRow, idle_deadline: float, absolute_deadline: float, auth_time: int
) -> Session:
    """
    As `session_view`, of a live session that nobody acts in: the costly fields are made later.

    It does not hold the row, which takes as much memory as all that is made of it.
    """
    created_at, last_seen_at = row.created_at, row.last_seen_at
    session = _unfilled.blank()
    session.id, session.user_id = row.id, row.user_id
    session.ip, session.user_agent, session.location = row.ip, row.user_agent, row.location
    session.amr, session.provider = parted(row.amr)
    session.acr, session.persistent = row.acr, row.persistent
    session.revoked_at = session.revoke_reason = None
    session.is_active, session.is_current = True, False  # not the `current` of a list
    session.is_bound, session.generation, session.score = row.bound, row.generation, row.score
    session.step_up_after = session.impersonator = None
    return _unfilled.freeze(
        session,
        partial(
            _cold,
            _by_its_app(row.device, row.user_agent),
            None if row.claims == EMPTY_CLAIMS else row.claims,
            lifecycle.levels_reached(row) if row.levels or row.acr is not None else None,
            created_at,
            created_at if last_seen_at == created_at else last_seen_at,  # equal ones are kept once
            idle_deadline,
            absolute_deadline,
            auth_time,
        ),
    )


def touched_view(session: Session, row: ActivityRow, idle_deadline: float) -> Session:
    """*session* with the activity of its *row* and the deadline that follows from it."""
    seen, make = _unfilled.copy(session)
    seen.is_bound = row.bound
    last_seen_at = row.last_seen_at
    if make is None:
        seen.last_seen_at, seen.expires_at = instant(last_seen_at), instant(idle_deadline)
        return _unfilled.freeze(seen, None)
    *others, _, _, absolute_deadline, auth_time = make.args
    instants = (last_seen_at, idle_deadline, absolute_deadline, auth_time)
    return _unfilled.freeze(seen, partial(_cold, *others, *instants))


def _cold(
    device: Shown, claims: str | None, levels: Mapping[str, int] | None, *instants: float
) -> dict[str, object]:
    """The fields _COLD by name."""
    values = (
        _device(device),
        *map(instant, instants),
        claims_view(claims or EMPTY_CLAIMS),
        levels_view(levels or {}),
    )
    return dict(zip(_COLD, values, strict=True))


def levels_view(levels: Mapping[str, int]) -> FrozenDict:
    """Each level reached, and when it last was."""
    return FrozenDict({acr: instant(at) for acr, at in levels.items()}) if levels else NOTHING


def claims_view(text: str) -> FrozenDict:
    """The application's claims, read-only at any depth."""
    if text == EMPTY_CLAIMS:
        return NOTHING
    claims: FrozenDict = freeze(json.loads(text))
    return claims


def event_view(row: EventRow) -> Event:
    """An event as a user sees it."""
    return Event(
        type=row.type,
        at=instant(row.at),
        user_id=row.user_id,
        session_id=row.session_id,
        device_id=row.device_id,
        ip=row.ip,
        user_agent=row.user_agent,
        reason=row.reason,
        actor=row.actor,
        assessment=row.assessment,
        is_new_device=row.new_device,
        notice=row.notice if isinstance(row, NoticeRow) else None,
    )
