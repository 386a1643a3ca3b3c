"""Held sign-ins: write one, list them, approve or refuse one. The law is in `devsess.holding`."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from devsess import holding, lifecycle, requirement, strength
from devsess._held import HeldSignIn
from devsess.errors import LoginDeniedError, SignInHeldError
from devsess.holding import LIFETIME, MOST, Held, State
from devsess.models import EventType
from devsess.operations._checks import checked_actor, checked_text, checked_user
from devsess.operations._kinds import HELD
from devsess.operations.common import find_row, own_row, record, require_live
from devsess.operations.ending import revoke
from devsess.operations.requiring import require_settled
from devsess.stores.items import Item
from devsess.stores.rows import EventRow
from devsess.tokens.pending import PendingClaims
from devsess.tokens.text import base64url
from devsess.views import session_view

if TYPE_CHECKING:
    from devsess.models import Assessment, Session
    from devsess.operations._sign_in import Seen, SignIn
    from devsess.operations.operation import Operation
    from devsess.stores.rows import SessionRow


@frozen
class Kept:
    """
    A held sign-in and the item that it was read from.

    Attributes:
        item: As the store has it.
        held: What is in it.
    """

    item: Item
    held: Held

    @property
    def id(self) -> str:
        """Of the held sign-in, and of its session to be."""
        return self.item.key

    def is_over(self, now: float) -> bool:
        """Whether its time is over, whatever its state."""
        return lifecycle.is_over(self.item.until, now)


async def hold(
    op: Operation, sign_in: SignIn, seen: Seen, assessment: Assessment
) -> LoginDeniedError:
    """
    Write a held sign-in; the error that carries its code and its pending token.

    Beside an ending or an erasure of the account, the error that says so: nothing is held.
    """
    there = [it for it in await _kept(op, sign_in.user_id) if not it.is_over(op.now)]
    code = holding.new_code(op.entropy(8), {it.held.code for it in there})
    claims = PendingClaims(op.new_id(), sign_in.user_id, base64url(op.entropy(32)))
    held = _held(op, sign_in, seen, code, op.tokens.pending.digest(claims))
    until = op.now + LIFETIME
    await _make_room(op, there, seen.sighting.network)
    item = Item(HELD, sign_in.user_id, claims.id, holding.dump(held), 1, op.now, until)
    await op.store.put_item(item, most=MOST)
    if await is_cut_off(op, sign_in.user_id, Kept(item, held)):
        await op.store.put_item(evolve(item, body="{}", version=2, until=op.now), most=MOST)
        return cut_off()
    event = evolve(
        _event(op, sign_in.user_id, held, EventType.SIGN_IN_HELD),
        user_agent=seen.sighting.user_agent,
        assessment=assessment,
    )
    await record(op, event)
    return SignInHeldError(
        "this sign-in is unusual for the account: it waits to be approved from another device",
        code=holding.shown(code),
        expires_at=lifecycle.instant(until),
        pending_token=op.tokens.pending.mint(claims),
        acr_values=strength.demanded(op.policy),
        assessment=assessment,
    )


def _held(op: Operation, sign_in: SignIn, seen: Seen, code: str, digest: str) -> Held:
    traits, place = seen.sighting.traits, seen.location
    return Held(
        code=code,
        digest=digest,
        number=seen.account.ending_number,
        at=op.now,
        auth_instant=sign_in.auth_instant,
        is_dated=sign_in.is_dated,
        device_id=seen.device.id if seen.is_known else None,
        label=traits.label,
        os=traits.os,
        browser=traits.browser,
        network=seen.sighting.network,
        place=(str(place) or None) if place else None,
        country_code=place.country_code if place else None,
        asn=place.asn if place else None,
        amr=sign_in.amr,
        acr=sign_in.acr,
        persistent=sign_in.persistent,
        claims=sign_in.claims,
        lifetime=sign_in.lifetime,
    )


async def _make_room(op: Operation, there: builtins.list[Kept], network: str | None) -> None:
    """Let the store drop the right one: of several, it drops the one that ends first."""
    at = holding.to_drop([it.held for it in there], network)
    if at is not None:
        first = evolve(there[at].item, version=there[at].item.version + 1, until=op.now)
        await op.store.put_item(first, most=MOST)


async def held(op: Operation, user_id: str) -> builtins.list[HeldSignIn]:
    """The account's sign-ins that may still be approved or collected, the newest first."""
    checked_user(user_id)
    found = await _open(op, user_id)
    views = [_view(it, is_approved=await stands(op, it)) for it in found]
    return sorted(views, key=lambda it: it.at, reverse=True)


async def approve(
    op: Operation, user_id: str, code: str, *, by: str | Session | None, actor: str | None
) -> bool:
    """
    Approve the held sign-in that shows *code*; whether it may be collected now.

    Raises:
        InvalidSessionError: If *by* is not a live session of the account.
        LoginDeniedError: If *by* is on the very device that waits.
        StepUpRequiredError: If *by* is young, was asked for a step-up, or is an impersonation.
    """
    account, doer = checked_text(user_id, "user_id"), checked_actor(actor)
    approver = None if by is None else await _approver(op, account, by)
    while True:
        found = await _find(op, account, code)
        if found is None or not found.held.state.is_open:
            return False
        if await stands(op, found):
            return True
        if approver is not None and approver.device.id == found.held.device_id:
            raise LoginDeniedError(
                "a sign-in is approved from another device", reason="same-device"
            )
        by_id = None if approver is None else approver.id
        approved = evolve(found.held, state=State.APPROVED, approved_by=by_id)
        if await put(op, found, approved) is not None:
            event = _event(op, account, approved, EventType.SIGN_IN_APPROVED)
            await record(op, evolve(event, session_id=by_id, actor=doer))
            return True


async def _approver(op: Operation, user_id: str, by: str | Session) -> SessionRow:
    row = await own_row(op, by, user_id)
    view = session_view(require_live(op, row))
    requirement.check_is_user(view)
    requirement.check(requirement.Requirement(), view, op.now, op.policy)
    await require_settled(op, row)
    return row


async def refuse(op: Operation, user_id: str, code: str, *, actor: str | None) -> bool:
    """
    Refuse the held sign-in that shows *code*; whether there was one.

    It counts whenever it comes: of one that was collected, the session ends.
    """
    account, doer = checked_text(user_id, "user_id"), checked_actor(actor)
    while True:
        found = await _find(op, account, code)
        if found is None:
            return False
        if found.held.state is State.COLLECTED:
            return await revoke(op, found.id, user_id=account, reason="refused", actor=actor)
        if found.held.state is State.REFUSED:
            return True
        refused = evolve(found.held, state=State.REFUSED)
        if await put(op, found, refused) is not None:
            if found.held.state is State.APPROVED:  # its session may be there already
                await revoke(op, found.id, user_id=account, reason="refused", actor=actor)
            event = _event(op, account, refused, EventType.SIGN_IN_REFUSED)
            await record(op, evolve(event, actor=doer))
            return True


async def stands(op: Operation, kept: Kept) -> bool:
    """Whether it is approved, and the session that approved it still lives."""
    if kept.held.state is not State.APPROVED:
        return False
    if kept.held.approved_by is None:
        return True
    row = await find_row(op, kept.held.approved_by, kept.item.owner)
    return row is not None and lifecycle.standing(row, op.now, op.policy).is_live


async def put(op: Operation, kept: Kept, held: Held) -> Kept | None:
    """Write *held* in the place of *kept*; None if another call was faster."""
    version = kept.item.version + 1
    item = evolve(kept.item, body=holding.dump(held), version=version, at=op.now)
    return Kept(item, held) if await op.store.put_item(item, most=MOST) else None


async def is_collected(op: Operation, kept: Kept) -> bool:
    """Note that its session is written; False if it was refused meanwhile."""
    return await put(op, kept, evolve(kept.held, state=State.COLLECTED)) is not None


async def of_id(op: Operation, user_id: str, held_id: str) -> Kept | None:
    """The held sign-in of that id, whatever its state."""
    return next((it for it in await _kept(op, user_id) if it.id == held_id), None)


async def is_cut_off(op: Operation, user_id: str, kept: Kept) -> bool:
    """Whether all sessions of the account were ended since it was held."""
    digests = op.account_digests(user_id)
    return kept.held.number < await op.store.ending_number(user_id, digests=digests)


def cut_off() -> LoginDeniedError:
    """The refusal of one that began before an ending."""
    message = "all sessions of this account were ended after this sign-in: sign in again"
    return LoginDeniedError(message, reason="cut-off")


def expired(op: Operation, kept: Kept) -> EventRow:
    """The event of one that nobody approved in time; for the application alone."""
    return _event(op, kept.item.owner, kept.held, EventType.SIGN_IN_EXPIRED)


async def _find(op: Operation, user_id: str, code: str) -> Kept | None:
    """The one with that code which is not over."""
    wanted = holding.read_code(checked_text(code, "code"))
    for it in await _kept(op, user_id):
        if it.held.code == wanted and not it.is_over(op.now):
            return None if await is_cut_off(op, user_id, it) else it
    return None


async def _open(op: Operation, user_id: str) -> builtins.list[Kept]:
    found = await _kept(op, user_id)
    return [
        it
        for it in found
        if it.held.state.is_open
        and not it.is_over(op.now)
        and not await is_cut_off(op, user_id, it)
    ]


async def _kept(op: Operation, user_id: str) -> builtins.list[Kept]:
    """Those of an account, as stored; one that cannot be read is not there."""
    found = []
    for item in await op.store.items(HELD, user_id, limit=MOST):
        try:
            found.append(Kept(item, holding.load(item.body)))
        except ValueError:  # a newer devsess wrote it, or it is damaged
            continue
    return found


def _view(kept: Kept, *, is_approved: bool) -> HeldSignIn:
    return HeldSignIn(
        code=holding.shown(kept.held.code),
        user_id=kept.item.owner,
        at=lifecycle.instant(kept.held.at),
        expires_at=lifecycle.instant(kept.item.until),
        device=kept.held.label,
        network=kept.held.network,
        location=kept.held.place,
        is_approved=is_approved,
    )


def _event(op: Operation, user_id: str, held: Held, kind: EventType) -> EventRow:
    """Of no session: it has none, and so an account's history keeps a bounded number of them."""
    return EventRow(
        type=kind,
        at=op.now,
        user_id=user_id,
        device_id=held.device_id,
        ip=held.network,
        network=held.network,
    )
