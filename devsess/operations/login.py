"""Sign in: a session row, its device, three tokens."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from devsess import lifecycle
from devsess.devices.addresses import address
from devsess.devices.recognise import Sighting, recognise, resembling, ring_with, sight
from devsess.errors import LoginDeniedError, SessionLimitError
from devsess.models import EventType
from devsess.operations._checks import (
    checked_amr,
    checked_claims,
    checked_client,
    checked_instant,
    checked_text,
)
from devsess.operations.common import NOBODY, event_of, grant, record
from devsess.stores.base import Full, Inserted, Insertion, Refused
from devsess.stores.rows import EVICTED, DeviceRow, EventRow, SessionRow
from devsess.views import session_view

if TYPE_CHECKING:
    from devsess.models import Client, Grant, Location
    from devsess.operations.operation import Operation

_DENIALS = {
    Refused.CUT_OFF: "all sessions of this account were ended after this sign-in: sign in again",
    Refused.BLOCKED: "this device is blocked by its user",
}


@frozen
class SignIn:
    """The application's part of a login, checked."""

    user_id: str
    amr: tuple[str, ...]
    acr: str | None
    auth_instant: float
    is_dated: bool
    persistent: bool
    claims: str


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
) -> Grant:
    """
    Write a session for *user_id* on the device of *client*.

    Raises:
        LoginDeniedError: If all sessions were ended since this sign-in began or
            since its *auth_time*, or the device is blocked.
        SessionLimitError: If the limit is reached and the policy rejects.
        TypeError, ValueError: If an argument cannot be kept.
    """
    client = checked_client(client) or NOBODY
    instant = checked_instant(auth_time, op.now)
    text = checked_claims(claims)
    context_class = None if acr is None else checked_text(acr, "acr")
    who = checked_text(user_id, "user_id")
    dated = auth_time is not None
    sign_in = SignIn(who, checked_amr(amr), context_class, instant, dated, bool(persistent), text)
    limit = op.policy.limit_for(user_id, client)
    ring = op.tokens.device.read(client.device_token)
    sighting = sight(client, op.policy.privacy)
    digests, prints = op.account_digests(who), op.fingerprints(who, client.fingerprint)
    # Before anything else is read: an ending from here on refuses this sign-in.
    account = await op.store.known_devices(
        who, ids=tuple(ring), fingerprints=prints, digests=digests
    )
    device, is_known, is_owned = _device(op, who, account.devices, prints, ring, sighting)
    location = await op.locate(address(client.ip))
    device = _seen_now(device, sighting, op.now)
    row = _row(
        op, sign_in, device, sighting, location, bound=is_owned, number=account.ending_number
    )
    event = evolve(event_of(row, EventType.SESSION_CREATED, op.now), new_device=not is_known)
    insertion = _insertion(op, sign_in, row, event, digests, limit=limit, replaces=is_known)
    answer = await op.store.insert(insertion)
    if not isinstance(answer, Inserted):
        raise await _refused(op, insertion, answer)
    if insertion.limit_event and any(ended.reason == EVICTED for ended in answer.ended):
        op.emit(insertion.limit_event)
    op.emit(*answer.ended, event)
    return grant(
        op,
        lifecycle.standing(row, op.now, op.policy),
        device_token=op.tokens.device.mint(ring_with(row.device.id, ring)),
        evicted=tuple(ended.session_id for ended in answer.ended if ended.session_id),
        is_new_device=not is_known,
    )


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
    device = DeviceRow(
        id=op.new_id(),
        user_id=user_id,
        label=sighting.traits.label,
        kind=sighting.traits.kind,
        os=sighting.traits.os,
        browser=sighting.traits.browser,
        first_seen_at=op.now,
        last_seen_at=op.now,
        fingerprint=digests[0] if digests else None,
        resembles=alike.id if alike else None,
    )
    return device, False, False


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


def _row(
    op: Operation,
    sign_in: SignIn,
    device: DeviceRow,
    sighting: Sighting,
    location: Location | None,
    *,
    bound: bool,
    number: int,
) -> SessionRow:
    idle, absolute = lifecycle.first_deadlines(op.now, op.policy)
    return SessionRow(
        id=op.new_id(),
        user_id=sign_in.user_id,
        device=device,
        ip=sighting.ip,
        network=sighting.network,
        user_agent=sighting.user_agent,
        location=location,
        created_at=op.now,
        last_seen_at=op.now,
        idle_from=op.now,
        idle_expires_at=idle,
        absolute_expires_at=absolute,
        auth_time=math.floor(sign_in.auth_instant),
        amr=sign_in.amr,
        acr=sign_in.acr,
        persistent=sign_in.persistent,
        claims=sign_in.claims,
        salt=op.entropy(16),
        bound=bound,
        ending_number=number,
    )


def _insertion(
    op: Operation,
    sign_in: SignIn,
    row: SessionRow,
    event: EventRow,
    digests: Sequence[bytes],
    *,
    limit: int | None,
    replaces: bool,
) -> Insertion:
    return Insertion(
        row=row,
        event=event,
        auth_instant=sign_in.auth_instant if sign_in.is_dated else None,
        cutoffs=lifecycle.cutoffs(op.now, op.policy),
        limit=limit,
        evict=op.policy.on_limit == "evict",
        replaces=replaces,
        digests=digests,
        limit_event=None if limit is None else _exceeded(row, op.now),
    )


async def _refused(op: Operation, insertion: Insertion, answer: Refused | Full) -> LoginDeniedError:
    if isinstance(answer, Full):
        return await _full(op, insertion, answer)
    return await _denied(op, insertion.row, answer)


async def _denied(op: Operation, row: SessionRow, why: Refused) -> LoginDeniedError:
    event = EventRow(
        type=EventType.LOGIN_DENIED,
        at=op.now,
        user_id=row.user_id,
        device_id=row.device.id if why is Refused.BLOCKED else None,
        ip=row.network,
        network=row.network,
        user_agent=row.user_agent,
        reason=why.value,
    )
    await record(op, event)
    return LoginDeniedError(_DENIALS[why], reason=why.value)


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
