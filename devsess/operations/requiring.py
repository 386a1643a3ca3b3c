"""May a session do what could lock its account's owner out? The law is in `seniority`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess import lifecycle, seniority
from devsess.operations.common import all_live, find_row, own_row, require_live
from devsess.views import session_view

if TYPE_CHECKING:
    import builtins

    from devsess.models import Session
    from devsess.operations.operation import Operation
    from devsess.stores.rows import SessionRow


async def require_seniority(
    op: Operation,
    session: str | Session,
    *,
    ends: str | Session | None,
    ends_others: bool,
) -> None:
    """
    Check that *session* may end the session *ends*, or all others; or trust and export.

    A session that began later may be ended by any. Reads nothing without a policy for it.

    Raises:
        InvalidSessionError: If *session* is not live.
        StepUpRequiredError: If it is young.
        TypeError: If one of them is neither a text nor a Session.
    """
    if op.policy.seniority is None:
        return
    row = await own_row(op, session, None)
    require_live(op, row)
    await require_settled(op, row, ends=ends, ends_others=ends_others)


async def require_settled(
    op: Operation,
    row: SessionRow,
    *,
    ends: str | Session | None = None,
    ends_others: bool = False,
) -> None:
    """
    As `require_seniority`, of the live session *row*.

    Raises:
        StepUpRequiredError: If it is young.
    """
    asking = _view(op, row)
    if not seniority.is_young(asking, op.now, op.policy):
        return
    others = await _others(op, row) if ends is None else await _one(op, row, ends)
    elders = seniority.older(asking, others)
    is_ending = ends is not None or ends_others
    if elders or not is_ending:
        seniority.check(asking, elders, op.now, op.policy)


async def _others(op: Operation, row: SessionRow) -> builtins.list[Session]:
    """The live sessions of *row*'s account."""
    return [_view(op, it) for it in await all_live(op, row.user_id)]


async def _one(op: Operation, row: SessionRow, other: str | Session) -> builtins.list[Session]:
    found = await find_row(op, other, row.user_id)
    return [] if found is None else [_view(op, found)]


def _view(op: Operation, row: SessionRow) -> Session:
    return session_view(lifecycle.standing(row, op.now, op.policy))
