"""Change a live session: its idle deadline, its claims."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from devsess import lifecycle
from devsess.models import EventType
from devsess.operations._checks import checked_claims, own_claims
from devsess.operations.common import corrected, event_of, own_row, require_live
from devsess.policy import Span, seconds
from devsess.views import session_view

if TYPE_CHECKING:
    from devsess.lifecycle import Standing
    from devsess.models import Session
    from devsess.operations.operation import Operation
    from devsess.stores.calls import Columns


async def extend(
    op: Operation, session_id: str | Session, by: Span, *, user_id: str | None
) -> Session:
    """
    Move the idle deadline ahead by *by*, up to the absolute one.

    Raises:
        SessionNotFoundError, SessionRevokedError, SessionExpiredError: As its state says.
        ConfigurationError, ValueError: If *by* is no span above zero.
    """
    span = seconds(by)
    if span == 0:
        raise ValueError("extend by more than nothing; to end a session use revoke")

    def longer(standing: Standing) -> tuple[Columns, Columns]:
        row, moved = standing.row, lifecycle.columns(lifecycle.extended(standing, span, op.policy))
        return {"idle_expires_at": row.idle_expires_at, "idle_from": row.idle_from}, moved

    return await _change(op, session_id, user_id, EventType.SESSION_EXTENDED, longer)


async def update(
    op: Operation,
    session_id: str | Session,
    *,
    claims: Mapping[str, object] | None,
    user_id: str | None,
) -> Session:
    """
    Replace the session's claims with *claims*, at most 1,024 bytes as JSON.

    Those that devsess itself has set stay, unless *claims* has others of their names.

    Raises:
        SessionNotFoundError, SessionRevokedError, SessionExpiredError: As its state says.
        TypeError, ValueError: If *claims* are no JSON object, or too long.
    """
    text = checked_claims(claims)

    def other(standing: Standing) -> tuple[Columns, Columns]:
        before = standing.row.claims
        own = own_claims(before)
        if not own:
            return {}, {"claims": text}
        return {"claims": before}, {"claims": checked_claims({**own, **(claims or {})})}

    return await _change(op, session_id, user_id, EventType.SESSION_UPDATED, other)


async def _change(
    op: Operation,
    session_id: str | Session,
    user_id: str | None,
    kind: EventType,
    wanted: Callable[[Standing], tuple[Columns, Columns]],
) -> Session:
    """Compare and swap until it succeeds; *wanted* gives the columns for each row that is read."""
    while True:
        row = await own_row(op, session_id, user_id)
        standing = await corrected(op, require_live(op, row))
        expected, changes = wanted(standing)
        event = event_of(standing.row, kind, op.now)
        changed = await op.store.update(row.id, expected=expected, changes=changes, event=event)
        if changed is not None:
            op.emit(event)
            return session_view(lifecycle.standing(changed, op.now, op.policy))
