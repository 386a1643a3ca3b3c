"""End sessions: one, a user's, everybody's."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

from attrs import frozen

from devsess import lifecycle
from devsess.operations._checks import (
    checked_actor,
    checked_reason,
    checked_session,
    checked_text,
    checked_user,
)
from devsess.operations._ids import Ids
from devsess.operations.common import find_row, own_row
from devsess.stores.base import ById, Ending, Everyone, OfUser
from devsess.stores.rows import EXPIRED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devsess.models import Session
    from devsess.operations.operation import Operation
    from devsess.stores.base import Ended
    from devsess.stores.calls import Target

# Rows of an ending's first batch, which holds the write lock for 4 to 40 ms, and of the largest.
BATCH, MOST = 64, 256
# Seconds: a quicker batch is followed by a larger one, and one that took longer by the smallest.
QUICK, LONG = 0.02, 0.04
# Seconds after which any process may write the rows of an ending: by then, the process that
# ended them has read their ids.
LEFT_BEHIND = 60.0
# Ids of a page; reading them takes no lock.
PAGE = 1_000


async def revoke(
    op: Operation,
    session_id: str | Session,
    *,
    user_id: str | None,
    reason: str,
    actor: str | None,
) -> bool:
    """Whether the session exists, is the user's, and is ended now; ending twice is fine."""
    if user_id is not None:
        checked_user(user_id)
    session_id = checked_session(session_id)
    ended = await _end(op, ById(session_id, user_id), reason, actor)
    return bool(ended.events) or (await find_row(op, session_id, user_id)) is not None


async def end_one(op: Operation, session_id: str, reason: str, actor: str | None) -> bool:
    """Whether a session was live, and is ended now."""
    return bool((await _end(op, ById(session_id), reason, actor)).events)


@frozen
class AllEnded:
    """
    Many sessions ended.

    Attributes:
        ids: Of those that were live.
        following: The number of the ending, if its rows are still to be written, by `settle`.
    """

    ids: Sequence[str]
    following: int | None


async def revoke_all(
    op: Operation,
    user_id: str,
    *,
    keep: str | Session | None,
    reason: str,
    actor: str | None,
    compromised: bool,
) -> AllEnded:
    """
    End a user's sessions; a sign-in that began before is refused from here on.

    Raises:
        SessionNotFoundError: If *keep* is not the user's own; nothing was ended.
    """
    checked_text(user_id, "user_id")
    if keep is not None:
        keep = checked_session(keep, "keep")
        await own_row(op, keep, user_id)
    target = OfUser(user_id, keep, bool(compromised))
    ended = await _end(op, target, reason, actor)
    return await _all_ended(op, ended)


async def revoke_everyone(op: Operation, *, reason: str, actor: str | None) -> AllEnded:
    """End everybody's sessions; a sign-in that began before is refused from here on."""
    ended = await _end(op, Everyone(), reason, actor)
    return await _all_ended(op, ended)


async def _all_ended(op: Operation, ended: Ended) -> AllEnded:
    if ended.following is None:
        return AllEnded([event.session_id for event in ended.events if event.session_id], None)
    return AllEnded(await _covered(op, ended.following), ended.following)


async def settle(op: Operation, own: int | None, size: int | None = None) -> int:
    """
    Write one batch of the rows that endings cover, and let others write; the size of the next.

    0 if none follows. Writes the rows of the ending *own*, and those left by a process that
    died.
    """
    size = size or BATCH
    batch = await op.store.settle(limit=size, own=own, before=op.now - LEFT_BEHIND)
    op.emit(*batch.events)
    return _next_size(size, await op.pause()) if batch.is_more else 0


def _next_size(size: int, took: float) -> int:
    """As many rows as nobody minds: each batch waits for the disk, and is followed by a pause."""
    if took > LONG:
        return BATCH
    return min(size + BATCH, MOST) if took < QUICK else size


async def _covered(op: Operation, number: int) -> Sequence[str]:
    """The ids, read page by page while others write."""
    pages: builtins.list[tuple[str, ...]] = []
    cursor: str | None = None
    while True:
        page = await op.store.covered(number, limit=PAGE, cursor=cursor)
        pages.append(page.items)
        cursor = page.next
        if cursor is None:
            return Ids(pages)


async def _end(op: Operation, target: Target, reason: str, actor: str | None) -> Ended:
    why = checked_reason(reason)
    who = checked_actor(actor)
    if why == EXPIRED:
        raise ValueError(f"{EXPIRED!r} is the reason of a deadline that passed: give another one")
    ending = Ending(target, why, who, lifecycle.cutoffs(op.now, op.policy))
    ended = await op.store.end(ending)
    op.emit(*ended.events)
    return ended
