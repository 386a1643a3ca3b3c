"""The changes of a device that ask first: trust, remove, block, unblock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from devsess.lifecycle import instant
from devsess.web.account.confirming import Question, asked
from devsess.web.account.device import found_device, sessions_on
from devsess.web.account.rows import named
from devsess.web.problems import problem_page
from devsess.web.words import msg

if TYPE_CHECKING:
    from devsess.adapters._http import Answer
    from devsess.models import Device
    from devsess.web.account.visit import AccountVisit

_AT: Final = "/devices/{device}"

TRUST = Question(
    question=msg("Trust {device}?"),
    sentence=msg(
        "Trust only a device that is yours and that nobody else uses. The trust ends on {date}."
    ),
    button=msg("Trust this device"),
    action=f"{_AT}/trust",
    back=_AT,
)
FORGET = Question(
    question=msg("Remove {device}?"),
    sentence=msg("It is signed out. When it signs in again, it is a new device."),
    button=msg("Remove this device"),
    action=f"{_AT}/forget",
    back=_AT,
    is_danger=True,
)
BLOCK = Question(
    question=msg("Block {device}?"),
    sentence=msg("It is signed out and cannot sign in again until you unblock it."),
    button=msg("Block this device"),
    action=f"{_AT}/block",
    back=_AT,
    is_danger=True,
)
UNBLOCK = Question(
    question=msg("Unblock {device}?"),
    sentence=msg("It may sign in again with your password."),
    button=msg("Unblock this device"),
    action=f"{_AT}/unblock",
    back=_AT,
)


async def _ask(visit: AccountVisit, question: Question, *, ends: bool) -> Answer:
    device = await found_device(visit)
    if device is None:
        return problem_page(visit, 404)
    await _check(visit, device, ends=ends)
    until = visit.times.date(instant(_trusted_until(visit)))
    return asked(visit, question, device=named(visit.words, device), date=until)


async def _check(visit: AccountVisit, device: Device, *, ends: bool) -> None:
    """That the person may vouch for it, or else end each session that is live on it."""
    if not ends:
        await visit.check_may_vouch()
        return
    await visit.check_may_decide()
    for session in await sessions_on(visit, device.id):
        if session.id != visit.session.id:
            await visit.check_may_end(session.id)


def _trusted_until(visit: AccountVisit) -> float:
    """As long as a session may last."""
    return visit.now + visit.manager.core.policy.absolute_lifetime


async def ask_trust(visit: AccountVisit) -> Answer:
    """The question whether to trust it."""
    return await _ask(visit, TRUST, ends=False)


async def trust(visit: AccountVisit) -> Answer:
    """Trust it for as long as a session may last; one that is blocked stays so."""
    device = await found_device(visit)
    if device is None or device.blocked:
        return problem_page(visit, 404)
    await _check(visit, device, ends=False)
    until = instant(_trusted_until(visit))
    await visit.manager.trust_device(visit.user_id, device.id, until, actor=visit.user_id)
    return visit.see(_AT, {"done": "trusted"}, device=device.id)


async def ask_forget(visit: AccountVisit) -> Answer:
    """The question whether to remove it."""
    return await _ask(visit, FORGET, ends=True)


async def forget(visit: AccountVisit) -> Answer:
    """Remove it; this very device is signed out first."""
    device = await found_device(visit)
    if device is None:
        return problem_page(visit, 404)
    await _check(visit, device, ends=True)
    user_id, is_current = visit.user_id, device.id == visit.session.device.id
    await visit.manager.forget_device(user_id, device.id, actor=user_id)
    if is_current:
        await visit.dealings.logout()
        return visit.see("/")
    return visit.see("/", {"done": "forgotten"})


async def ask_block(visit: AccountVisit) -> Answer:
    """The question whether to block it."""
    return await _ask(visit, BLOCK, ends=True)


async def block(visit: AccountVisit) -> Answer:
    """Block it; this very device would lock its own person out."""
    device = await found_device(visit)
    if device is None or device.id == visit.session.device.id:
        return problem_page(visit, 404)
    await _check(visit, device, ends=True)
    await visit.manager.block_device(visit.user_id, device.id, actor=visit.user_id)
    return visit.see(_AT, {"done": "blocked"}, device=device.id)


async def ask_unblock(visit: AccountVisit) -> Answer:
    """The question whether to unblock it."""
    return await _ask(visit, UNBLOCK, ends=False)


async def unblock(visit: AccountVisit) -> Answer:
    """Let it sign in again."""
    device = await found_device(visit)
    if device is None:
        return problem_page(visit, 404)
    await _check(visit, device, ends=False)
    await visit.manager.unblock_device(visit.user_id, device.id, actor=visit.user_id)
    return visit.see(_AT, {"done": "unblocked"}, device=device.id)
