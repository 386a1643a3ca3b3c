"""End sessions: one, a user's, everybody's."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

from attrs import frozen

from devsess import lifecycle
from devsess.flows import _ask as ask
from devsess.flows._checks import (
    checked_actor,
    checked_reason,
    checked_session,
    checked_text,
    checked_user,
)
from devsess.flows._ids import Ids
from devsess.flows.context import Context, find_row, own_row
from devsess.rows import EXPIRED
from devsess.stores.base import ById, Ending, Everyone, OfUser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devsess.flows._ask import Flow
    from devsess.models import Session
    from devsess.stores.base import Ended, Target

# Rows of a batch: it holds the write lock for 10 to 40 ms, which others hardly feel.
BATCH = 64
# Seconds after which any process may write the rows of an ending: the one that ended them
# has read which they are by then.
LEFT_BEHIND = 60.0
# Ids of a page; reading them takes no lock.
PAGE = 1_000


def revoke(
    context: Context,
    now: float,
    session_id: str | Session,
    *,
    user_id: str | None,
    reason: str,
    actor: str | None,
) -> Flow[bool]:
    """Whether the session exists, is the user's, and is ended now; ending twice is fine."""
    if user_id is not None:
        checked_user(user_id)
    session_id = checked_session(session_id)
    ended = yield from _end(context, now, ById(session_id, user_id), reason, actor)
    return bool(ended.events) or (yield from find_row(session_id, user_id)) is not None


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


def revoke_all(
    context: Context,
    now: float,
    user_id: str,
    *,
    keep: str | Session | None,
    reason: str,
    actor: str | None,
    compromised: bool,
) -> Flow[AllEnded]:
    """
    End a user's sessions; a sign-in that began before is refused from here on.

    Raises:
        SessionNotFoundError: If *keep* is not the user's own; nothing was ended.
    """
    checked_text(user_id, "user_id")
    if keep is not None:
        keep = checked_session(keep, "keep")
        yield from own_row(keep, user_id)
    target = OfUser(user_id, keep, bool(compromised))
    ended = yield from _end(context, now, target, reason, actor)
    return (yield from _all_ended(ended))


def revoke_everyone(
    context: Context, now: float, *, reason: str, actor: str | None
) -> Flow[AllEnded]:
    """End everybody's sessions; a sign-in that began before is refused from here on."""
    ended = yield from _end(context, now, Everyone(), reason, actor)
    return (yield from _all_ended(ended))


def _all_ended(ended: Ended) -> Flow[AllEnded]:
    if ended.following is None:
        return AllEnded([event.session_id for event in ended.events if event.session_id], None)
    return AllEnded((yield from _covered(ended.following)), ended.following)


def settle(context: Context, now: float, own: int | None) -> Flow[bool]:
    """
    Write one batch of the rows that endings cover, and let others write; whether more follow.

    The rows of the ending *own*, and those that a process which died has left.
    """
    batch = yield from ask.settle(limit=BATCH, own=own, before=now - LEFT_BEHIND)
    yield from ask.emit(*batch.events)
    if batch.is_more:
        yield from ask.pause()
    return batch.is_more


def _covered(number: int) -> Flow[Sequence[str]]:
    """The ids, read page by page while others write."""
    pages: builtins.list[tuple[str, ...]] = []
    cursor: str | None = None
    while True:
        page = yield from ask.covered(number, limit=PAGE, cursor=cursor)
        pages.append(page.items)
        cursor = page.next
        if cursor is None:
            return Ids(pages)


def _end(
    context: Context, now: float, target: Target, reason: str, actor: str | None
) -> Flow[Ended]:
    why = checked_reason(reason)
    who = checked_actor(actor)
    if why == EXPIRED:
        raise ValueError(f"{EXPIRED!r} is what devsess calls a time that ran out: say another word")
    ending = Ending(target, why, who, lifecycle.horizon(now, context.policy))
    ended = yield from ask.end(ending)
    yield from ask.emit(*ended.events)
    return ended
