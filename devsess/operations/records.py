"""Read the records, clean them, hand them over, delete them."""

from __future__ import annotations

import builtins
import math
from typing import TYPE_CHECKING, Any

from devsess import lifecycle, skew
from devsess.lifecycle import instant
from devsess.models import Page
from devsess.operations._checks import checked_count, checked_session, checked_user
from devsess.operations.common import find_row, set_back
from devsess.stores.base import Erasure, Retention
from devsess.views import claims_view, device_view, event_view, session_view

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess.models import Event, Session
    from devsess.operations.operation import Operation
    from devsess.policy import Policy
    from devsess.stores.rows import SessionRow

MAX_PAGE = 1000
BATCH = 500
# Seconds for which the digests of an erased account are kept: no sign-in takes as long.
ERASED_KEPT = 86_400.0


async def get(op: Operation, session_id: str | Session, *, user_id: str | None) -> Session | None:
    """The session in any state; None where it is unknown or another user's."""
    row = await find_row(op, session_id, user_id)
    return None if row is None else session_view(lifecycle.standing(row, op.now, op.policy))


async def list_sessions(
    op: Operation,
    user_id: str,
    *,
    current: str | Session | None,
    include_ended: bool,
) -> builtins.list[Session]:
    """A user's sessions, newest activity first; the live ones alone unless *include_ended*."""
    checked_user(user_id)
    own = None if current is None else checked_session(current, "current")
    rows = await op.store.list(user_id)
    found = (lifecycle.standing(row, op.now, op.policy) for row in rows)
    return [
        session_view(standing, current=own)
        for standing in found
        if include_ended or standing.is_live
    ]


async def live(
    op: Operation,
    user_id: str,
    *,
    limit: int,
    cursor: str | None,
    current: str | Session | None,
) -> Page[Session]:
    """
    A page of a user's live sessions, newest sign-in first.

    Raises:
        TypeError, ValueError: If *limit* is not 1 to 1,000, or *cursor* is mangled.
    """
    checked_user(user_id)
    checked_count(limit, "limit", MAX_PAGE)
    _check_cursor(cursor)
    own = None if current is None else checked_session(current, "current")
    cutoffs = lifecycle.cutoffs(op.now, op.policy)
    page = await op.store.live(user_id, cutoffs=cutoffs, limit=limit, cursor=cursor)
    found = (lifecycle.standing(row, op.now, op.policy) for row in page.items)
    return Page(tuple(session_view(standing, current=own) for standing in found), page.next)


def _check_cursor(cursor: object) -> None:
    if cursor is not None and not isinstance(cursor, str):
        raise TypeError(f"cursor must be a str, not {type(cursor).__name__}")


async def history(op: Operation, user_id: str, *, limit: int, cursor: str | None) -> Page[Event]:
    """
    A page of a user's events, newest first.

    Raises:
        TypeError, ValueError: If *limit* is not 1 to 1,000, or *cursor* is mangled.
    """
    checked_user(user_id)
    checked_count(limit, "limit", MAX_PAGE)
    _check_cursor(cursor)
    page = await op.store.events(user_id, limit=limit, cursor=cursor)
    return Page(tuple(event_view(row) for row in page.items), page.next)


async def purge(
    op: Operation,
    *,
    limit: int | None,
    progress: Callable[[int], object] | None = None,
) -> int:
    """
    Delete the rows past their retention, in batches of 500; returns how many.

    After each batch *progress* is called with its rows, and others may write.

    A clock that has not been set deletes nothing. A clock that the history disputes sets
    nothing back and dates no ending: by it, all sessions would have ended long ago, and the
    next purge would delete them.

    Raises:
        TypeError, ValueError: If *limit* is not 1 or more.
    """
    if limit is not None:
        checked_count(limit, "limit")
    if skew.is_unset(op.now):
        return 0
    is_believed = await _is_believed(op)
    if is_believed:
        await _set_back(op)
    retention = _retention(op.now, op.policy, skew.latest(op.now) if is_believed else math.inf)
    done = 0
    while limit is None or done < limit:
        batch = BATCH if limit is None else min(BATCH, limit - done)
        deleted = await op.store.purge(retention, limit=batch)
        if deleted == 0:
            break
        done += deleted
        if progress is not None:
            progress(deleted)
        await op.pause()
    return done


async def _is_believed(op: Operation) -> bool:
    """Whether the newest events of the history do not dispute this clock; logged if they do."""
    by = skew.disputed_by(await op.store.newest_instants(limit=skew.NEWEST), op.now)
    if by:
        op.corrections.dispute(by)
    return not by


def _retention(now: float, policy: Policy, latest: float) -> Retention:
    return Retention(
        now=now,
        latest=latest,
        before=lifecycle.purge_before(now, policy),
        devices_before=lifecycle.purge_devices_before(now, policy),
        agents_before=lifecycle.purge_agents_before(now, policy),
    )


async def _set_back(op: Operation) -> None:
    """Set back the sessions that a clock that was ahead has dated to live too long."""
    after = skew.latest_deadline(op.now, op.policy)
    found = True
    while found:  # the farthest come first; a policy that was longer has left others
        found = False
        for row in await op.store.ahead(after=after, limit=BATCH):
            found |= skew.was_ahead(row, op.now) and await set_back(op, row)


async def export_user(op: Operation, user_id: str) -> dict[str, Any]:
    """All records about a person, as JSON types (GDPR Art. 15 and 20)."""
    checked_user(user_id)
    sessions = await op.store.list(user_id)
    devices = await op.store.devices(user_id)
    cut_off = await op.store.cut_off(user_id)
    events: builtins.list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = await op.store.events(user_id, limit=MAX_PAGE, cursor=cursor)
        events += [event_view(row).to_dict() for row in page.items]
        cursor = page.next
        if cursor is None:
            break
    return {
        "userId": user_id,
        "cutOff": None if cut_off is None else instant(cut_off).isoformat(),
        "sessions": [_exported(op, row) for row in sessions],
        "devices": [
            {**device_view(row).to_dict(), "network": row.network, "resembles": row.resembles}
            for row in devices
        ],
        "events": events,
    }


def _exported(op: Operation, row: SessionRow) -> dict[str, Any]:
    view = session_view(lifecycle.standing(row, op.now, op.policy))
    place = row.location
    return {
        **view.to_dict(),
        "network": row.network,
        "lastSeenAt": view.last_seen_at.isoformat(),
        "absoluteExpiresAt": view.absolute_expires_at.isoformat(),
        "authTime": view.auth_time.isoformat(),
        "amr": [*row.amr],
        "levels": {acr: at.isoformat() for acr, at in view.levels.items()},
        "coordinates": [place.latitude, place.longitude] if place else None,
        "revokedAt": view.revoked_at.isoformat() if view.revoked_at else None,
        "revokeReason": view.revoke_reason,
        "actor": row.actor,
        "claims": dict(claims_view(row.claims)),
    }


async def erase_user(op: Operation, user_id: str) -> int:
    """
    Delete all records about a person; returns how many rows (GDPR Art. 17).

    A sign-in that is under way is refused: for a day, keyed digests of the user id remember
    that there was an account (ASVS 7.4.2). There is one digest for each key, since processes
    may use different keys while keys are changed.
    """
    checked_user(user_id)
    digests = op.account_digests(user_id)
    return await op.store.erase(Erasure(user_id, digests, op.now + ERASED_KEPT))


async def migrate(op: Operation) -> builtins.list[str]:
    """Bring the store's schema up to date; the names of the steps taken."""
    return await op.store.migrate()
