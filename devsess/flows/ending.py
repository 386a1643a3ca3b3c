"""End sessions: one, a user's, everybody's."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

from devsess import lifecycle
from devsess.flows import _ask as ask
from devsess.flows._checks import checked_actor, checked_reason, checked_text, checked_user
from devsess.flows.context import Context, find_row, own_row
from devsess.rows import EXPIRED
from devsess.stores.base import ById, Ending, Everyone, OfUser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devsess.flows._ask import Flow
    from devsess.rows import EventRow
    from devsess.stores.base import Target


def revoke(
    context: Context,
    now: float,
    session_id: str,
    *,
    user_id: str | None,
    reason: str,
    actor: str | None,
) -> Flow[bool]:
    """Whether the session exists, is the user's, and is ended now; ending twice is fine."""
    if user_id is not None:
        checked_user(user_id)
    if not isinstance(session_id, str):
        return False
    ended = yield from _end(context, now, ById(session_id, user_id), reason, actor)
    return bool(ended) or (yield from find_row(session_id, user_id)) is not None


def revoke_all(
    context: Context,
    now: float,
    user_id: str,
    *,
    keep: str | None,
    reason: str,
    actor: str | None,
) -> Flow[builtins.list[str]]:
    """
    The ids that ended; sign-ins from before *now* are refused from here on.

    Raises:
        SessionNotFoundError: If *keep* is not the user's own; nothing was ended.
    """
    checked_text(user_id, "user_id")
    if keep is not None:
        yield from own_row(keep, user_id)
    ended = yield from _end(context, now, OfUser(user_id, keep), reason, actor)
    return [event.session_id for event in ended if event.session_id]


def revoke_everyone(context: Context, now: float, *, reason: str, actor: str | None) -> Flow[int]:
    """How many ended; sign-ins from before *now* are refused from here on."""
    return len((yield from _end(context, now, Everyone(), reason, actor)))


def _end(
    context: Context, now: float, target: Target, reason: str, actor: str | None
) -> Flow[Sequence[EventRow]]:
    why = checked_reason(reason)
    who = checked_actor(actor)
    if why == EXPIRED:
        raise ValueError(f"{EXPIRED!r} is what devsess calls a time that ran out: say another word")
    ending = Ending(target, why, who, lifecycle.horizon(now, context.policy))
    ended = yield from ask.end(ending)
    yield from ask.emit(*ended)
    return ended
