"""
LAW: what an answer to "was this you?" does, whoever gives it: by mail, on a page, or as operator.

"No" always wins over "yes", whichever comes first. The answers to the sign-in of a session are one
item of its account, so that no second one, and none at the same moment, counts beside it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from attrs import frozen

from devsess import lifecycle, requirement, skew, strength
from devsess.errors import StepUpRequiredError, TokenExpiredError
from devsess.models import EventType
from devsess.operations import habits
from devsess.operations._kinds import NOTICE
from devsess.operations.common import all_live, event_of, find_row, record
from devsess.operations.devices import block_device, trust_device
from devsess.operations.ending import end_one
from devsess.operations.requiring import require_settled
from devsess.requirement import Requirement
from devsess.risk import profile as profiles
from devsess.risk.facts import Facts, Proof
from devsess.risk.profile import Part
from devsess.stores.items import Item
from devsess.stores.rows import EventRow
from devsess.views import session_view

if TYPE_CHECKING:
    from devsess.models import Session
    from devsess.operations.operation import Operation
    from devsess.risk.profile import Profile
    from devsess.stores.rows import SessionRow

# Answered questions that are kept, until they expire: more than an account is asked a day.
KEPT = 64
# The reason in the event of an operator's answer.
JUDGED = "judged"
# The reason of a session that "no" ended without its device.
DISOWNED = "disowned"


@frozen
class Question:
    """
    The sign-in that is asked about, and who answers.

    Attributes:
        user_id, session_id, device_id: Of the sign-in.
        until: Seconds since the epoch until which an answer must be remembered.
        actor: The operator who answers; None for the owner.
        once: Whether each answer counts once: by mail, where a token is good for one.
    """

    user_id: str
    session_id: str
    device_id: str
    until: float
    actor: str | None = None
    once: bool = False

    @property
    def reason(self) -> str | None:
        """The reason in the events of the answer."""
        return None if self.actor is None else JUDGED


async def say_yes(op: Operation, asked: Question, *, by: str | Session | None = None) -> bool:
    """
    Answer that the sign-in was its owner's: the account's habits learn from it.

    Args:
        by: The session that an answer by mail comes from too: it may trust the device.

    Returns:
        Whether the sign-in's session was still known.

    Raises:
        TokenExpiredError: If "no" was answered, or this answer was and counts once.
    """
    given = await _given(op, asked, yes=True)
    row = await find_row(op, asked.session_id, asked.user_id)
    if row is None:
        return False
    while not await _noted(op, asked, True, given):
        given = await _given(op, asked, yes=True)
    await _confirmed(op, asked, row, by)
    if await _is_disowned(op, asked):  # meanwhile
        await _unlearn(op, asked, row)
    return True


async def say_no(op: Operation, asked: Question) -> bool:
    """
    Answer that it was not: the device is blocked, its sessions end, the others owe a step-up.

    Returns:
        Whether there was still something to do: the sign-in's session, or its device.

    Raises:
        TokenExpiredError: If "no" was answered before.
    """
    given = await _given(op, asked, yes=False)
    if not await _disowned(op, asked):
        return False
    # Only now: a "no" that was cut short can be given again.
    while not await _noted(op, asked, False, given):
        given = await _given(op, asked, yes=False)
        # A "yes" came in between; what it taught since has not been taken back.
        await _unlearn(op, asked, await op.store.get(asked.session_id))
    return True


async def _answers(op: Operation, asked: Question) -> Item | None:
    items = await op.store.items(NOTICE, asked.user_id, limit=KEPT)
    return next((it for it in items if it.key == asked.session_id), None)


async def _given(op: Operation, asked: Question, *, yes: bool) -> Item | None:
    """The answers so far, if they leave room for this one."""
    given = await _answers(op, asked)
    if given is None:
        return None
    answers = json.loads(given.body)
    if False in answers or (asked.once and yes in answers):
        raise TokenExpiredError("this notice has been answered")
    return given


async def _is_disowned(op: Operation, asked: Question) -> bool:
    """Whether "no" was answered."""
    given = await _answers(op, asked)
    return given is not None and False in json.loads(given.body)


async def _noted(op: Operation, asked: Question, yes: bool, given: Item | None) -> bool:
    """Whether the answer is written behind those *given*: no other came in between."""
    answers = json.loads(given.body) if given else []
    version = 1 if given is None else given.version + 1
    # A process whose clock is ahead may purge it while another still takes the tokens.
    until = max(skew.latest(asked.until), given.until if given else 0.0)
    body = json.dumps([*answers, yes] if yes not in answers else answers)
    item = Item(NOTICE, asked.user_id, asked.session_id, body, version, op.now, until)
    return await op.store.put_item(item, most=KEPT)


async def _confirmed(
    op: Operation, asked: Question, row: SessionRow, by: str | Session | None
) -> None:
    def teach(profile: Profile) -> Profile:
        return profiles.learned(profile, _facts(op, row), confirmed=True, is_sign_in=False)

    # Where the session went since, perhaps with a thief, nobody was asked about.
    is_where_it_began = row.network == row.device.network
    if op.policy.risk is not None and is_where_it_began:
        await habits.learn(op, row.user_id, teach)
    trusts = by is not None and await _may_trust(op, by, row)
    if trusts:
        until = lifecycle.instant(op.now + op.policy.absolute_lifetime)
        await trust_device(op, row.user_id, row.device.id, until, actor=row.user_id)
    kind, actor = EventType.NOTICE_CONFIRMED, asked.actor
    event = event_of(row, kind, op.now, reason=asked.reason, actor=actor, reduced=True)
    is_by_mail_alone = asked.once and not trusts
    if not is_by_mail_alone and await _cleared(op, row, event):
        op.emit(event)
    else:
        await record(op, event)


async def _may_trust(op: Operation, by: str | Session, row: SessionRow) -> bool:
    """Whether *by* is a live session on another device, not young, and no step-up is due in it."""
    own = await find_row(op, by, row.user_id)
    if own is None or own.device.id == row.device.id or own.impersonator is not None:
        return False
    standing = lifecycle.standing(own, op.now, op.policy)
    if not standing.is_live:
        return False
    try:
        requirement.check(Requirement(), session_view(standing), op.now, op.policy)
        await require_settled(op, own)
    except StepUpRequiredError:
        return False
    return True


async def _cleared(op: Operation, row: SessionRow, event: EventRow) -> bool:
    """Whether the points of *row* are taken away: none came since it was read."""
    if row.score is None:
        return False
    expected = {"score": row.score, "network": row.network}
    changed = await op.store.update(row.id, expected=expected, changes={"score": None}, event=event)
    return changed is not None


def _facts(op: Operation, row: SessionRow) -> Facts:
    return Facts(
        at=op.now,
        proof=Proof.KNOWN,
        network=row.network,
        location=row.location,
        os=row.device.os,
        browser=row.device.browser,
        kind=row.device.kind,
    )


async def _disowned(op: Operation, asked: Question) -> bool:
    by = asked.actor or asked.user_id
    device = await block_device(op, asked.user_id, asked.device_id, actor=by)
    event = EventRow(
        type=EventType.NOTICE_DISOWNED,
        at=op.now,
        user_id=asked.user_id,
        session_id=asked.session_id,
        device_id=asked.device_id,
        reason=asked.reason,
        actor=by,
    )
    begun = await op.store.get(asked.session_id)
    if device is None:
        if begun is None:
            return False
        await end_one(op, begun.id, DISOWNED, by)  # an impersonation's device is in no list
    await record(op, event)
    for row in await all_live(op, asked.user_id):  # however many a thief began
        await _ask_for_step_up(op, asked, row)
    await _unlearn(op, asked, begun)
    return True


async def _unlearn(op: Operation, asked: Question, row: SessionRow | None) -> None:
    """
    Take back what the sign-in that began *row* has taught.

    All of it, as it is not known any more what was new with it: a "yes", a copied device token or
    a phished step-up may have made each part the account's own. Those that are the owner's too
    are seen again at the next sign-in of a device of theirs.
    """
    if op.policy.risk is None:
        return
    theirs: dict[Part, tuple[str | None, ...]] = {}
    if row is not None:
        theirs = {part: (it,) for part, it in profiles.parts(_facts(op, row)).items()}
        theirs[Part.NETWORK] = row.network, row.device.network
    await habits.unlearn(op, asked.user_id, lambda it: profiles.disowned(it, theirs))


async def _ask_for_step_up(op: Operation, asked: Question, row: SessionRow) -> None:
    changes = {"step_up_after": strength.demand(row, op.now)}
    kind, why = EventType.STEP_UP_ASKED, asked.reason or DISOWNED
    event = event_of(row, kind, op.now, reason=why, actor=asked.actor)
    if await op.store.update(row.id, expected={}, changes=changes, event=event) is not None:
        op.emit(event)
