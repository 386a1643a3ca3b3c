"""Signing out: one session, all of a device, all other devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.adapters._deciding import SIGNED_OUT
from devsess.web.account.confirming import Question, asked, is_for_this_session
from devsess.web.account.device import found_device, sessions_on
from devsess.web.problems import problem_page
from devsess.web.words import msg

if TYPE_CHECKING:
    from devsess.adapters._http import Answer
    from devsess.models import Session
    from devsess.web.account.visit import AccountVisit


async def end_one(visit: AccountVisit) -> Answer:
    """End a session of the account; one that has ended already stays so."""
    user_id = visit.user_id
    session = await visit.manager.get(visit.values["session"], user_id=user_id)
    if session is None:
        return problem_page(visit, 404)
    if session.id == visit.session.id:
        return await _leave(visit)
    await _end(visit, [session])
    return visit.see("/", {"done": "signed-out"})


async def end_device(visit: AccountVisit) -> Answer:
    """End all sessions on a device; on this one, this very session last."""
    own, wanted = visit.session, visit.values["device"]
    sessions = await sessions_on(visit, wanted)
    # The device that staff used in the person's name is in no list, but has a row.
    if not sessions and await found_device(visit) is None:
        return problem_page(visit, 404)
    await _end(visit, [it for it in sessions if it.id != own.id])
    if wanted == own.device.id:
        return await _leave(visit)
    return visit.see("/", {"done": "signed-out"})


async def _end(visit: AccountVisit, sessions: list[Session]) -> None:
    """All or, where one of them may not be ended, none."""
    for session in sessions:
        await visit.check_may_end(session.id)
    user_id = visit.user_id
    for session in sessions:
        await visit.manager.revoke(session.id, user_id=user_id, reason=SIGNED_OUT, actor=user_id)


async def _leave(visit: AccountVisit) -> Answer:
    await visit.dealings.logout()
    return visit.see("/")


OTHERS = Question(
    question=msg("Sign out all other devices?"),
    sentence=msg(
        "You stay signed in here. Everybody else who uses your account must sign in again."
    ),
    button=msg("Sign out all other devices"),
    action="/sign-out-others",
    is_danger=True,
)


async def ask_others(visit: AccountVisit) -> Answer:
    """The question, once the person may answer it."""
    await visit.check_may_end(None)
    return asked(visit, OTHERS)


async def end_others(visit: AccountVisit) -> Answer:
    """End all sessions but this one, as the page that asked said."""
    await visit.check_may_end(None)
    if not is_for_this_session(visit):
        return problem_page(visit, 403)
    user_id = visit.user_id
    await visit.manager.revoke_all(user_id, keep=visit.session.id, reason=SIGNED_OUT, actor=user_id)
    return visit.see("/", {"done": "others"})
