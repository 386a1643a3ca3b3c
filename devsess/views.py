"""From a store's rows to the records of `models.py`: instants become datetimes here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from devsess import lifecycle
from devsess._frozen import NOTHING, FrozenDict, freeze
from devsess.lifecycle import instant
from devsess.models import Device, Event, Session
from devsess.stores.rows import EXPIRED, NoticeRow

if TYPE_CHECKING:
    from devsess.lifecycle import Standing
    from devsess.stores.rows import DeviceRow, EventRow, SessionRow

EMPTY_CLAIMS = "{}"


def device_view(row: DeviceRow) -> Device:
    """A device as a user sees it."""
    seen_at = instant(row.first_seen_at)
    return Device(
        row.id,
        row.label,
        row.kind,
        row.os,
        row.browser,
        seen_at,
        seen_at if row.last_seen_at == row.first_seen_at else instant(row.last_seen_at),
        None if row.trusted_until is None else instant(row.trusted_until),
        row.blocked,
        row.name,
        row.resembles,
    )


def session_view(standing: Standing, *, current: str | None = None) -> Session:
    """A session as a user sees it: the address of an ended one is reduced."""
    row, active = standing.row, standing.is_live
    revoked = row.revoked_at is not None and row.reason != EXPIRED
    created_at = instant(row.created_at)
    # By position, and one datetime for equal instants: a new token's validation passes here.
    return Session(
        row.id,
        row.user_id,
        device_view(row.device),
        row.ip if active else row.network,
        row.user_agent,
        row.location,
        created_at,
        created_at if row.last_seen_at == row.created_at else instant(row.last_seen_at),
        instant(standing.idle_deadline),
        instant(standing.absolute_deadline),
        instant(row.auth_time),
        row.amr,
        row.acr,
        row.persistent,
        instant(row.revoked_at) if revoked and row.revoked_at is not None else None,
        row.reason if revoked else None,
        active,
        row.id == current,
        claims_view(row.claims),
        row.bound,
        levels_view(row),
        row.generation,
        None if row.step_up_after is None else instant(row.step_up_after),
        row.score,
        row.impersonator[1] if row.impersonator else None,
    )


def levels_view(row: SessionRow) -> FrozenDict:
    """Each level reached, and when it last was."""
    levels = lifecycle.levels_reached(row)
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
