"""
"Was this you?": notices of unusual sign-ins, and the questions on pages, which ask the same.

An answer is a POST: mail scanners open every link, so showing a page must change nothing. "No"
to a notice needs no session, for a thief may have ended them all. The effect of an answer is in
`answering`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from attrs import asdict, evolve

from devsess import lifecycle, requirement, strength
from devsess.errors import BadTokenError, StepUpRequiredError, TokenExpiredError
from devsess.models import EventType, Notice
from devsess.operations._checks import checked_reason
from devsess.operations.answering import Question, say_no, say_yes
from devsess.operations.common import find_row, own_row, require_live
from devsess.operations.requiring import require_settled
from devsess.requirement import Requirement
from devsess.risk.notices import is_in_question
from devsess.stores.rows import NoticeRow
from devsess.tokens.notice import LIFETIME, NoticeClaims
from devsess.views import session_view

if TYPE_CHECKING:
    from devsess.models import Session
    from devsess.operations.operation import Operation
    from devsess.stores.rows import EventRow, SessionRow


def notice(op: Operation, row: SessionRow) -> Notice:
    """The question about the sign-in that began *row*, with the two tokens that answer it."""
    expires_at = math.floor(op.now + LIFETIME)
    claims = NoticeClaims(op.new_id(), row.user_id, row.id, row.device.id, True, expires_at)
    return Notice(
        yes_token=op.tokens.notice.mint(claims),
        no_token=op.tokens.notice.mint(evolve(claims, yes=False)),
        expires_at=lifecycle.instant(expires_at),
    )


def send(op: Operation, row: SessionRow, event: EventRow) -> Notice:
    """The question about the sign-in of *event*, handed to the application as an event too."""
    question = notice(op, row)
    columns = asdict(event, recurse=False) | {"type": EventType.NOTICE}
    op.emit(NoticeRow(**columns, notice=question))
    return question


async def confirm(op: Operation, token: str, yes: bool, *, by: str | Session | None) -> bool:
    """
    Answer a notice.

    Yes teaches the account's habits; it trusts the device, and takes the session out of
    question, only where *by* is a live session of the account on another device, and not young.
    No blocks the device, ends its sessions, and asks the account's other sessions for a step-up.

    Returns:
        Whether there was still something to do: the sign-in's session, or its device.

    Raises:
        BadTokenError: If *token* is not genuine, or is that of the other answer.
        TokenExpiredError: If its day is over, it was used, or "no" was answered before.
    """
    claims = op.tokens.notice.verify(token, op.now)
    if claims.yes is not yes:
        raise BadTokenError("the token gives the other answer")
    asked = Question(
        claims.user_id, claims.session_id, claims.device_id, claims.expires_at, once=True
    )
    return await (say_yes(op, asked, by=by) if yes else say_no(op, asked))


async def answer(op: Operation, session_id: str | Session, yes: bool, *, by: str | Session) -> bool:
    """
    Answer for a sign-in of the account of *by*, in whose session it is asked.

    As `confirm`, but a session proves less than a mailbox does. Yes needs one on another device
    that is older, settled and not in question itself, or that has proven more than a thief
    could; it trusts nothing. No needs one that is settled.

    Returns:
        Whether there was something to do: False where the session is unknown, another
        account's, has ended (for yes), or was answered for with no.

    Raises:
        InvalidSessionError: If *by* is not live.
        StepUpRequiredError: If it must prove more first, or is an impersonation.
    """
    _checked_answer(yes)
    own = await own_row(op, by, None)
    standing = require_live(op, own)
    requirement.check_is_user(session_view(standing))
    requirement.check(Requirement(), session_view(standing), op.now, op.policy)
    row = await find_row(op, session_id, own.user_id)
    if row is None:
        return False
    if yes:
        await _require_witness(op, own, row)
    await require_settled(op, own)
    return await _answered(op, row, yes, actor=None)


async def judge(op: Operation, session_id: str | Session, it_was_them: bool, *, actor: str) -> bool:
    """
    Answer for a sign-in as an operator, who has checked it in a way of their own.

    As `confirm`. Yes takes the session out of question, and trusts nothing.

    Returns:
        As `answer`.

    Raises:
        TypeError, ValueError: If *actor* is no text that can be kept.
    """
    _checked_answer(it_was_them)
    by = checked_reason(actor, "actor")
    row = await find_row(op, session_id, None)
    return row is not None and await _answered(op, row, it_was_them, actor=by)


async def _answered(op: Operation, row: SessionRow, yes: bool, *, actor: str | None) -> bool:
    until = op.now + LIFETIME  # longer than the tokens of its notice, if it had one
    asked = Question(row.user_id, row.id, row.device.id, until, actor)
    is_own = row.impersonator is None
    try:
        if not yes:
            return await say_no(op, asked)
        is_live = lifecycle.standing(row, op.now, op.policy).is_live
        return is_own and is_live and await say_yes(op, asked)
    except TokenExpiredError:
        return False


def _checked_answer(yes: object) -> None:
    """
    Check that *yes* is an answer: the text "no" of a form is none.

    Raises:
        TypeError: If it is not.
    """
    if not isinstance(yes, bool):
        raise TypeError(f"the answer must be True or False, not {type(yes).__name__}")


async def _require_witness(op: Operation, own: SessionRow, row: SessionRow) -> None:
    """
    Check that *own* may say that *row* is its owner's as well.

    A thief who knows the password signs in as often as they like, and each of these sessions
    would speak for the others.

    Raises:
        StepUpRequiredError: If it must prove more first.
    """
    is_elder = own.device.id != row.device.id and own.created_at < row.created_at
    if is_elder and not is_in_question(own.score, op.policy):
        return
    if _has_proven_more(op, own):
        return
    raise StepUpRequiredError(
        "a sign-in is confirmed from an older session on another device that is not in question"
        " itself, or after a step-up",
        acr_values=strength.demanded(op.policy),
    )


def _has_proven_more(op: Operation, own: SessionRow) -> bool:
    """Whether *own* reached what answers for a risk; where nothing does, any newer proof."""
    needed = strength.demanded(op.policy)
    if not needed:
        return own.auth_time > own.created_at
    reached = lifecycle.levels_reached(own)
    return any(strength.satisfies(acr, needed[0], op.policy) for acr in reached)
