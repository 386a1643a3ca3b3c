"""Read the records, clean them, hand them over, delete them."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

from devsess import lifecycle, skew
from devsess.errors import SessionNotFoundError
from devsess.flows import _ask as ask
from devsess.flows._checks import checked_count, checked_session, checked_user
from devsess.flows.context import Context, corrected, find_row
from devsess.lifecycle import State, instant
from devsess.models import Page
from devsess.stores.base import Erasure, Retention
from devsess.views import claims_view, device_view, event_view, session_view

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess.flows._ask import Flow
    from devsess.models import Event, Session
    from devsess.policy import Policy
    from devsess.rows import SessionRow

MAX_PAGE = 1000
BATCH = 500
# Seconds for which the digests of an erased account are kept: longer than any sign-in is under way.
ERASED_KEPT = 86_400.0


def get(
    context: Context, now: float, session_id: str | Session, *, user_id: str | None
) -> Flow[Session | None]:
    """The session, whatever its state; None where it is unknown or another user's."""
    row = yield from find_row(session_id, user_id)
    return None if row is None else session_view(row, now, context.policy)


def list_sessions(
    context: Context,
    now: float,
    user_id: str,
    *,
    current: str | Session | None,
    include_ended: bool,
) -> Flow[builtins.list[Session]]:
    """A user's sessions, newest activity first; the live ones unless told otherwise."""
    checked_user(user_id)
    own = None if current is None else checked_session(current, "current")
    rows = yield from ask.list_rows(user_id)
    return [
        session_view(row, now, context.policy, current=own)
        for row in rows
        if include_ended or lifecycle.state(row, now, context.policy) is State.LIVE
    ]


def live(
    context: Context,
    now: float,
    user_id: str,
    *,
    limit: int,
    cursor: str | None,
    current: str | Session | None,
) -> Flow[Page[Session]]:
    """
    A page of a user's live sessions, newest sign-in first.

    Raises:
        TypeError, ValueError: If *limit* is not 1 to 1,000, or *cursor* is mangled.
    """
    checked_user(user_id)
    checked_count(limit, "limit", MAX_PAGE)
    _check_cursor(cursor)
    own = None if current is None else checked_session(current, "current")
    horizon = lifecycle.horizon(now, context.policy)
    page = yield from ask.live(user_id, horizon=horizon, limit=limit, cursor=cursor)
    views = (session_view(row, now, context.policy, current=own) for row in page.items)
    return Page(tuple(views), page.next)


def _check_cursor(cursor: object) -> None:
    if cursor is not None and not isinstance(cursor, str):
        raise TypeError(f"cursor must be a str, not {type(cursor).__name__}")


def history(
    context: Context, now: float, user_id: str, *, limit: int, cursor: str | None
) -> Flow[Page[Event]]:
    """
    A page of a user's events, newest first.

    Raises:
        TypeError, ValueError: If *limit* is not 1 to 1,000, or *cursor* is mangled.
    """
    checked_user(user_id)
    checked_count(limit, "limit", MAX_PAGE)
    _check_cursor(cursor)
    page = yield from ask.events(user_id, limit=limit, cursor=cursor)
    return Page(tuple(event_view(row) for row in page.items), page.next)


def purge(
    context: Context,
    now: float,
    *,
    limit: int | None,
    progress: Callable[[int], object] | None = None,
) -> Flow[int]:
    """
    Delete what is past its retention, in batches of 500; how many rows.

    After each batch *progress* is called with its rows, and others may write.

    Nothing is touched by a clock that has not been set: it would date all that ended to
    long ago, and the next purge would delete it.

    Raises:
        TypeError, ValueError: If *limit* is not 1 or more.
    """
    if limit is not None:
        checked_count(limit, "limit")
    if skew.is_unset(now):
        return 0
    yield from _set_back(context, now)
    retention = _retention(now, context.policy)
    done = 0
    while limit is None or done < limit:
        batch = BATCH if limit is None else min(BATCH, limit - done)
        deleted = yield from ask.purge(retention, batch)
        if deleted == 0:
            break
        done += deleted
        if progress is not None:
            progress(deleted)
        yield from ask.pause()
    return done


def _retention(now: float, policy: Policy) -> Retention:
    return Retention(
        now=now,
        latest=skew.latest(now),
        before=lifecycle.purge_before(now, policy),
        devices_before=lifecycle.purge_devices_before(now, policy),
        agents_before=lifecycle.purge_agents_before(now, policy),
    )


def _set_back(context: Context, now: float) -> Flow[None]:
    """Correct the sessions that a clock that was ahead would have live for ever."""
    after = skew.latest_deadline(now, context.policy)
    found = True
    while found:  # the farthest come first; a policy that was longer has left others
        found = False
        for row in (yield from ask.ahead(after=after, limit=BATCH)):
            try:
                found |= (yield from corrected(context, now, row)) is not row
            except SessionNotFoundError:  # erased meanwhile
                found = True


def export_user(context: Context, now: float, user_id: str) -> Flow[dict[str, Any]]:
    """Everything kept about a person, as JSON types (GDPR Art. 15 and 20)."""
    checked_user(user_id)
    sessions = yield from ask.list_rows(user_id)
    devices = yield from ask.devices(user_id)
    cut_off = yield from ask.cut_off(user_id)
    events: builtins.list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = yield from ask.events(user_id, limit=MAX_PAGE, cursor=cursor)
        events += [event_view(row).to_dict() for row in page.items]
        cursor = page.next
        if cursor is None:
            break
    return {
        "userId": user_id,
        "cutOff": None if cut_off is None else instant(cut_off).isoformat(),
        "sessions": [_exported(context, now, row) for row in sessions],
        "devices": [
            {**device_view(row).to_dict(), "network": row.network, "resembles": row.resembles}
            for row in devices
        ],
        "events": events,
    }


def _exported(context: Context, now: float, row: SessionRow) -> dict[str, Any]:
    view = session_view(row, now, context.policy)
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


def erase_user(context: Context, now: float, user_id: str) -> Flow[int]:
    """
    Delete everything about a person; how many rows (GDPR Art. 17).

    A sign-in that is under way is refused: for a day keyed digests of the name remember
    that there was an account (ASVS 7.4.2); one a key, for while keys are changed the
    processes have not all the same.
    """
    checked_user(user_id)
    digests = context.account_digests(user_id)
    return (yield from ask.erase(Erasure(user_id, digests, now + ERASED_KEPT)))


def migrate(context: Context, now: float) -> Flow[builtins.list[str]]:
    """Bring the store's schema up to date; the names of the steps taken."""
    return (yield from ask.migrate())
