"""
"Was this you?", answered by the owner who is signed in: the law of a mailed notice's answer.

Both answers need what a decision needs: a thief inside the account neither confirms a sign-in of
their own nor shuts the owner out by a "no".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.errors import StepUpRequiredError
from devsess.web.account.confirming import Question, asked
from devsess.web.problems import problem_page
from devsess.web.words import msg

if TYPE_CHECKING:
    from devsess.adapters._http import Answer
    from devsess.models import Session
    from devsess.web.account.visit import AccountVisit

NOT_MINE = Question(
    question=msg("Secure your account?"),
    sentence=msg(
        "{device} is signed out and blocked, and on every device that stays signed in you must"
        " confirm that it is you."
    ),
    button=msg("No, it was not me"),
    action="/sessions/{session}/not-mine",
    is_danger=True,
)


async def _found(visit: AccountVisit) -> Session | None:
    """The sign-in that the path names; never the one that the answer comes from."""
    session = await visit.manager.get(visit.values["session"], user_id=visit.user_id)
    return None if session is None or session.id == visit.session.id else session


async def mine(visit: AccountVisit) -> Answer:
    """Yes."""
    session = await _found(visit)
    if session is None:
        return problem_page(visit, 404)
    await visit.check_may_decide()
    is_done = await visit.manager.answer(session.id, True, by=visit.session)
    return visit.see("/", {"done": "mine"} if is_done else None)


async def ask_not_mine(visit: AccountVisit) -> Answer:
    """The effect of "no", before it is done."""
    session = await _found(visit)
    if session is None:
        return problem_page(visit, 404)
    await visit.check_may_end(session.id)
    return asked(visit, NOT_MINE, device=visit.words.label(session.device.label))


async def not_mine(visit: AccountVisit) -> Answer:
    """No."""
    session = await _found(visit)
    if session is None:
        return problem_page(visit, 404)
    try:
        await visit.check_may_end(session.id)
    except StepUpRequiredError:
        if _is_done(visit, session):
            return visit.see("/secured")
        raise
    await visit.manager.answer(session.id, False, by=visit.session)
    return visit.see("/secured")


def _is_done(visit: AccountVisit, session: Session) -> bool:
    """Whether "no" did its work already: a second click on it is asked for a step-up too."""
    is_shut_out = session.device.blocked and not session.is_active
    return is_shut_out and visit.session.step_up_after is not None


async def secured(visit: AccountVisit) -> Answer:
    """The changes that were made, and the password to be changed."""
    if visit.is_led_by_another_site:
        return visit.see("/")
    return visit.page("account/secured.html")
