"""Read sessions and the history: one, all, or a page."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

from attrs import evolve

from devsess import lifecycle
from devsess.models import Page
from devsess.operations._checks import checked_count, checked_session, checked_user
from devsess.operations.common import all_live, find_row, has_live_impersonator
from devsess.views import event_view, session_view

if TYPE_CHECKING:
    from devsess.models import Event, Session
    from devsess.operations.operation import Operation
    from devsess.stores.rows import SessionRow

MAX_PAGE = 1000


async def get(op: Operation, session_id: str | Session, *, user_id: str | None) -> Session | None:
    """
    The session in any state; None where it is unknown or another user's.

    An impersonation is inactive as soon as the session that began it has ended.
    """
    row = await find_row(op, session_id, user_id)
    if row is None:
        return None
    found = session_view(lifecycle.standing(row, op.now, op.policy))
    if found.is_active and not await has_live_impersonator(op, row):
        return evolve(found, is_active=False)
    return found


async def list_sessions(
    op: Operation,
    user_id: str,
    *,
    current: str | Session | None,
    include_ended: bool,
) -> builtins.list[Session]:
    """
    A user's sessions, newest activity first; the live ones alone unless *include_ended*.

    Those alone are read then: of a program there may be very many that have ended.
    """
    checked_user(user_id)
    own = None if current is None else checked_session(current, "current")
    rows = await (op.store.list(user_id) if include_ended else _live_by_activity(op, user_id))
    found = (lifecycle.standing(row, op.now, op.policy) for row in rows)
    return [session_view(standing, current=own) for standing in found]


async def _live_by_activity(op: Operation, user_id: str) -> builtins.list[SessionRow]:
    return sorted(await all_live(op, user_id), key=lambda row: (-row.last_seen_at, row.id))


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
    check_cursor(cursor)
    own = None if current is None else checked_session(current, "current")
    cutoffs = lifecycle.cutoffs(op.now, op.policy)
    page = await op.store.live(user_id, cutoffs=cutoffs, limit=limit, cursor=cursor)
    found = (lifecycle.standing(row, op.now, op.policy) for row in page.items)
    return Page(tuple(session_view(standing, current=own) for standing in found), page.next)


def check_cursor(cursor: object, name: str = "cursor") -> None:
    """
    Check that *cursor* is a text, or None.

    Raises:
        TypeError: If it is neither.
    """
    if cursor is not None and not isinstance(cursor, str):
        raise TypeError(f"{name} must be a str, not {type(cursor).__name__}")


async def poll(op: Operation, position: str | None, *, limit: int) -> Page[Event]:
    """
    The events of all accounts behind *position*, oldest first; `next` is always there.

    Raises:
        ConfigurationError: If the store cannot be polled.
        TypeError, ValueError: If *limit* is not 1 to 1,000, or *position* is mangled.
    """
    checked_count(limit, "limit", MAX_PAGE)
    check_cursor(position, "position")
    page = await op.store.poll(position, limit=limit)
    return Page(tuple(event_view(row) for row in page.items), page.next)


async def history(op: Operation, user_id: str, *, limit: int, cursor: str | None) -> Page[Event]:
    """
    A page of a user's events, newest first.

    Raises:
        TypeError, ValueError: If *limit* is not 1 to 1,000, or *cursor* is mangled.
    """
    checked_user(user_id)
    checked_count(limit, "limit", MAX_PAGE)
    check_cursor(cursor)
    page = await op.store.events(user_id, limit=limit, cursor=cursor)
    return Page(tuple(event_view(row) for row in page.items), page.next)
