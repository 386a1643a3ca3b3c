"""
"Was this you?": notices of unusual sign-ins, and what their owner's answer does.

An answer is a POST: mail scanners open every link, so showing a page must change nothing. "No"
needs no session, for a thief may have ended them all; it always wins over "yes".
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from attrs import asdict, evolve

from devsess import lifecycle, requirement, skew, strength
from devsess.errors import BadTokenError, StepUpRequiredError, TokenExpiredError
from devsess.models import EventType, Notice
from devsess.operations import habits
from devsess.operations._kinds import NOTICE
from devsess.operations.common import all_live, event_of, find_row, record
from devsess.operations.devices import block_device, trust_device
from devsess.operations.requiring import require_settled
from devsess.requirement import Requirement
from devsess.risk import profile as profiles
from devsess.risk.facts import Facts, Proof
from devsess.risk.profile import Part
from devsess.stores.items import Item
from devsess.stores.rows import EventRow, NoticeRow
from devsess.tokens.notice import LIFETIME, NoticeClaims
from devsess.views import session_view

if TYPE_CHECKING:
    from devsess.models import Session
    from devsess.operations.operation import Operation
    from devsess.risk.profile import Profile
    from devsess.stores.rows import SessionRow

# Answered notices that are kept, until they expire: more than an account is sent a day.
KEPT = 64


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

    Yes teaches the account's habits; it trusts the device only where *by* is a live session
    of the account on another device, and not young. No blocks the device, ends its sessions,
    and asks the account's other sessions for a step-up.

    Returns:
        Whether there was still something to do: the sign-in's session, or its device.

    Raises:
        BadTokenError: If *token* is not genuine, or is that of the other answer.
        TokenExpiredError: If its day is over, it was used, or "no" was answered before.
    """
    claims = op.tokens.notice.verify(token, op.now)
    if claims.yes is not yes:
        raise BadTokenError("the token gives the other answer")
    given = await _given(op, claims)
    if yes:
        row = await find_row(op, claims.session_id, claims.user_id)
        if row is None:
            return False
        if not await _noted(op, claims, given):
            raise TokenExpiredError("this notice has been answered")
        await _confirmed(op, row, by)
        if await _is_disowned(op, claims):  # meanwhile
            await _unlearn(op, claims, row)
        return True
    if not await _disowned(op, claims):
        return False
    # Only now: a "no" that was cut short can be given again.
    while not await _noted(op, claims, given):
        given = await _given(op, claims)
        # A "yes" came in between; what it taught since has not been taken back.
        begun = await op.store.get(claims.session_id)
        await _unlearn(op, claims, begun)
    return True


async def _answers(op: Operation, claims: NoticeClaims) -> Item | None:
    items = await op.store.items(NOTICE, claims.user_id, limit=KEPT)
    return next((it for it in items if it.key == claims.id), None)


async def _given(op: Operation, claims: NoticeClaims) -> Item | None:
    """The answers so far, if they leave room for this one."""
    given = await _answers(op, claims)
    if given is None:
        return None
    answers = json.loads(given.body)
    if claims.yes in answers or False in answers:
        raise TokenExpiredError("this notice has been answered")
    return given


async def _is_disowned(op: Operation, claims: NoticeClaims) -> bool:
    """Whether "no" was answered."""
    given = await _answers(op, claims)
    return given is not None and False in json.loads(given.body)


async def _noted(op: Operation, claims: NoticeClaims, given: Item | None) -> bool:
    """Whether the answer is written behind those *given*: no other came in between."""
    answers = [*json.loads(given.body), claims.yes] if given else [claims.yes]
    version = 1 if given is None else given.version + 1
    # A process whose clock is ahead may purge it while another still takes the tokens.
    body, until = json.dumps(answers), skew.latest(claims.expires_at)
    item = Item(NOTICE, claims.user_id, claims.id, body, version, op.now, until)
    return await op.store.put_item(item, most=KEPT)


async def _confirmed(op: Operation, row: SessionRow, by: str | Session | None) -> None:
    def teach(profile: Profile) -> Profile:
        return profiles.learned(profile, _facts(op, row), confirmed=True, is_sign_in=False)

    # Where the session went since, perhaps with a thief, nobody was asked about.
    is_where_it_began = row.network == row.device.network
    if op.policy.risk is not None and is_where_it_began:
        await habits.learn(op, row.user_id, teach)
    if by is not None and await _may_trust(op, by, row):
        until = lifecycle.instant(op.now + op.policy.absolute_lifetime)
        await trust_device(op, row.user_id, row.device.id, until, actor=row.user_id)
    await record(op, event_of(row, EventType.NOTICE_CONFIRMED, op.now, reduced=True))


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


async def _disowned(op: Operation, claims: NoticeClaims) -> bool:
    device = await block_device(op, claims.user_id, claims.device_id, actor=claims.user_id)
    event = EventRow(
        type=EventType.NOTICE_DISOWNED,
        at=op.now,
        user_id=claims.user_id,
        session_id=claims.session_id,
        device_id=claims.device_id,
        actor=claims.user_id,
    )
    begun = await op.store.get(claims.session_id)
    if device is None and begun is None:
        return False
    await record(op, event)
    for row in await all_live(op, claims.user_id):  # however many a thief began
        await _ask_for_step_up(op, row)
    await _unlearn(op, claims, begun)
    return True


async def _unlearn(op: Operation, claims: NoticeClaims, row: SessionRow | None) -> None:
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
    await habits.unlearn(op, claims.user_id, lambda it: profiles.disowned(it, theirs))


async def _ask_for_step_up(op: Operation, row: SessionRow) -> None:
    changes = {"step_up_after": strength.demand(row, op.now)}
    event = event_of(row, EventType.STEP_UP_ASKED, op.now, reason="disowned")
    if await op.store.update(row.id, expected={}, changes=changes, event=event) is not None:
        op.emit(event)
