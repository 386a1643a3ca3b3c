"""Sign in: a session row, its device, three tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import evolve

from devsess import lifecycle
from devsess.devices.addresses import address
from devsess.devices.recognise import Sighting, recognise, resembling, ring_with, sight
from devsess.errors import LoginDeniedError, SessionLimitError
from devsess.models import EventType
from devsess.operations import assessing, holding, noticing, seeding, velocity
from devsess.operations._checks import (
    checked_claims,
    checked_client,
    checked_instant,
    checked_lifetime,
    checked_proof,
    checked_text,
)
from devsess.operations._rows import new_device, new_session
from devsess.operations._sign_in import Seen, SignIn
from devsess.operations.common import NOBODY, event_of, grant, record
from devsess.stores.base import ById, Ending, Inserted, Insertion, Refused
from devsess.stores.calls import Full
from devsess.stores.rows import EVICTED, DeviceRow, EventRow, SessionRow
from devsess.views import session_view

if TYPE_CHECKING:
    from devsess.models import Assessment, Client, Grant
    from devsess.operations.assessing import Weighed
    from devsess.operations.holding import Kept
    from devsess.operations.operation import Operation
    from devsess.policy import Span
    from devsess.stores.items import Item

_DENIALS = {
    Refused.CUT_OFF: "all sessions of this account were ended after this sign-in: sign in again",
    Refused.BLOCKED: "this device is blocked by its user",
}


async def login(
    op: Operation,
    user_id: str,
    client: Client | None,
    *,
    amr: Sequence[str],
    acr: str | None,
    auth_time: datetime | float | None,
    persistent: bool,
    claims: Mapping[str, object] | None,
    lifetime: Span | None,
    provider: str | None,
) -> Grant:
    """
    Write a session for *user_id* on the device of *client*.

    Raises:
        LoginDeniedError: If all sessions were ended since this sign-in began or
            since its *auth_time*, or the device is blocked.
        SessionLimitError: If the limit is reached and the policy rejects.
        SignInHeldError: If it is so unusual that it needs an approval first.
        StepUpRequiredError: If it is unusual for the account, and the policy enforces risk.
        ConfigurationError, TypeError, ValueError: If an argument cannot be kept.
    """
    client = checked_client(client) or NOBODY
    instant = checked_instant(auth_time, op.now)
    text = checked_claims(claims)
    context_class = None if acr is None else checked_text(acr, "acr")
    who = checked_text(user_id, "user_id")
    dated = auth_time is not None
    span = checked_lifetime(lifetime)
    proof = checked_proof(amr, provider)
    sign_in = SignIn(who, proof, context_class, instant, dated, bool(persistent), text, span)
    limit = op.policy.limit_for(user_id, client)
    seen = await look(op, who, client)
    weighed = assessing.weigh(op, who, seen.facts, seen.habits, context_class)
    if weighed.is_held:
        raise await holding.hold(op, sign_in, seen, weighed.assessment)
    return await enter(op, sign_in, seen, weighed, limit=limit)


async def enter(
    op: Operation,
    sign_in: SignIn,
    seen: Seen,
    weighed: Weighed,
    *,
    limit: int | None,
    held: Kept | None = None,
) -> Grant:
    """
    Write the session of a sign-in that may be, and give out its tokens.

    Args:
        op, sign_in, seen, weighed: The sign-in.
        limit: Live sessions that the account may have.
        held: The held sign-in that it was, approved.

    Raises:
        LoginDeniedError, SessionLimitError: As `login`; and if *held* was refused meanwhile.
        ValueError: If *held* was collected meanwhile.
    """
    row = _row(op, sign_in, seen, weighed)
    if held is not None:
        row = evolve(row, id=held.id, ending_number=held.held.number)
    event = event_of(
        row,
        EventType.SESSION_CREATED,
        op.now,
        reason="approved" if held else None,
        assessment=weighed.assessment,
        new_device=not seen.is_known,
    )
    insertion = _insertion(op, sign_in, row, event, seen, items=weighed.items, limit=limit)
    ended, is_noticed = await _inserted(op, insertion, weighed)
    if held is not None and not await holding.is_collected(op, held):
        raise await _withdrawn(op, row)
    notice = noticing.send(op, row, event) if is_noticed else None
    return grant(
        op,
        lifecycle.standing(row, op.now, op.policy),
        device_token=op.tokens.device.mint(ring_with(row.device.id, seen.ring)),
        assessment=weighed.assessment,
        evicted=tuple(event.session_id for event in ended if event.session_id),
        is_new_device=not seen.is_known,
        notice=notice,
    )


def _row(op: Operation, sign_in: SignIn, seen: Seen, weighed: Weighed) -> SessionRow:
    device = _seen_now(seen.device, seen.sighting, op.now) if seen.is_known else seen.device
    return new_session(
        *(op, device, seen.sighting, seen.location, sign_in),
        number=seen.account.ending_number,
        bound=seen.is_owned,
        score=weighed.score,
    )


async def look(op: Operation, user_id: str, client: Client) -> Seen:
    """Read all that a sign-in of *client* needs to know of its account."""
    ring = op.tokens.device.read(client.device_token)
    sighting = sight(client, op.policy.privacy)
    digests, prints = op.account_digests(user_id), op.fingerprints(user_id, client.fingerprint)
    # Before anything else is read: an ending from here on refuses this sign-in.
    account = await op.store.known_devices(
        user_id, ids=tuple(ring), fingerprints=prints, digests=digests, kinds=assessing.kinds(op)
    )
    device, is_known, is_owned = _device(op, user_id, account.devices, prints, ring, sighting)
    location = await op.locate(address(client.ip))
    failed = await velocity.failed_accounts(op, sighting.network)
    shown = assessing.facts(
        op, account, device, sighting, location, known=is_known, failed_accounts=failed
    )
    known = await seeding.known_habits(op, user_id, account, shown)
    return Seen(
        *(ring, sighting, digests, account), *(device, is_known, is_owned), location, shown, known
    )


async def _inserted(
    op: Operation, insertion: Insertion, weighed: Weighed
) -> tuple[tuple[EventRow, ...], bool]:
    """Write the sign-in; the events of the sessions that ended for it, and if it is noticed."""
    answer = await op.store.insert(insertion)
    if not isinstance(answer, Inserted):
        raise await _refused(op, insertion, answer)
    if insertion.limit_event and any(ended.reason == EVICTED for ended in answer.ended):
        op.emit(insertion.limit_event)
    op.emit(*answer.ended, *insertion.events)
    if answer.missed:
        return answer.ended, await assessing.learn_again(op, insertion.row.user_id, weighed)
    return answer.ended, weighed.is_noticed


async def _withdrawn(op: Operation, row: SessionRow) -> LoginDeniedError:
    """A refusal was faster: nobody has a token of the session, and it ends before it begins."""
    cutoffs = lifecycle.cutoffs(op.now, op.policy)
    ended = await op.store.end(Ending(ById(row.id), "refused", None, cutoffs))
    op.emit(*ended.events)
    return LoginDeniedError("the sign-in was refused from another device", reason="refused")


def _device(
    op: Operation,
    user_id: str,
    known: Sequence[DeviceRow],
    digests: Sequence[bytes],
    ring: Sequence[str],
    sighting: Sighting,
) -> tuple[DeviceRow, bool, bool]:
    """
    The device of this sign-in; whether it was known; whether its own token proves it.

    Never adopts an id: a ring without one of this user's devices leads to a new device. So
    does evidence alone; the new device remembers the one it resembles.
    """
    for digest in digests or (None,):
        match = recognise(known, ring, digest)
        if match:
            device = evolve(match.device, fingerprint=digests[0]) if digests else match.device
            return device, True, match.by == "token"
    alike = resembling(known, sighting)
    device = new_device(
        op,
        user_id,
        sighting,
        fingerprint=digests[0] if digests else None,
        resembles=alike.id if alike else None,
    )
    return device, False, False


def _device_event(seen: Seen, event: EventRow) -> EventRow | None:
    """The event of a new device; the first one of an account is no news to its owner."""
    if seen.is_known or not seen.account.devices:
        return None
    return evolve(event, type=EventType.NEW_DEVICE, reason=None, new_device=False)


def _seen_now(device: DeviceRow, sighting: Sighting, now: float) -> DeviceRow:
    """*device* as this sign-in saw it."""
    return evolve(
        device,
        label=sighting.traits.label,
        kind=sighting.traits.kind,
        os=sighting.traits.os,
        browser=sighting.traits.browser,
        network=sighting.network,
        last_seen_at=now,
    )


def _insertion(
    op: Operation,
    sign_in: SignIn,
    row: SessionRow,
    event: EventRow,
    seen: Seen,
    *,
    items: tuple[Item, ...],
    limit: int | None,
) -> Insertion:
    return Insertion(
        row=row,
        event=event,
        auth_instant=sign_in.auth_instant if sign_in.is_dated else None,
        cutoffs=lifecycle.cutoffs(op.now, op.policy),
        limit=limit,
        evict=op.policy.on_limit == "evict",
        replaces=seen.is_known,
        digests=seen.digests,
        items=items,
        limit_event=None if limit is None else _exceeded(row, op.now),
        device_event=_device_event(seen, event),
    )


async def _refused(op: Operation, insertion: Insertion, answer: Refused | Full) -> LoginDeniedError:
    if isinstance(answer, Full):
        return await _full(op, insertion, answer)
    return await _denied(op, insertion.row, answer, insertion.event.assessment)


async def _denied(
    op: Operation, row: SessionRow, why: Refused, assessment: Assessment | None
) -> LoginDeniedError:
    event = EventRow(
        type=EventType.LOGIN_DENIED,
        at=op.now,
        user_id=row.user_id,
        device_id=row.device.id if why is Refused.BLOCKED else None,
        ip=row.network,
        network=row.network,
        user_agent=row.user_agent,
        reason=why.value,
        assessment=assessment,
    )
    await record(op, event)
    return LoginDeniedError(_DENIALS[why], reason=why.value, assessment=assessment)


async def _full(op: Operation, insertion: Insertion, answer: Full) -> SessionLimitError:
    limit = insertion.limit or 0
    if insertion.limit_event is not None:
        await record(op, insertion.limit_event)
    return SessionLimitError(
        f"the account has {len(answer.rows)} live sessions and may have {limit}: end one first",
        sessions=[
            session_view(lifecycle.standing(full, op.now, op.policy)) for full in answer.rows
        ],
        limit=limit,
    )


def _exceeded(row: SessionRow, now: float) -> EventRow:
    event = event_of(row, EventType.LIMIT_EXCEEDED, now, reason="limit", reduced=True)
    return evolve(event, session_id=None)
