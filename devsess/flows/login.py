"""Sign in: a session row, its device, three tokens."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from devsess import devices, lifecycle
from devsess._addresses import address
from devsess.devices import Sighting
from devsess.errors import LoginDeniedError, SessionLimitError
from devsess.flows import _ask as ask
from devsess.flows._checks import (
    checked_amr,
    checked_claims,
    checked_client,
    checked_instant,
    checked_text,
)
from devsess.flows.context import NOBODY, Context, event_of, grant, record
from devsess.models import EventType
from devsess.rows import EVICTED, DeviceRow, EventRow, SessionRow
from devsess.stores.base import Full, Inserted, Insertion, Refused
from devsess.views import session_view

if TYPE_CHECKING:
    from devsess.flows._ask import Flow
    from devsess.models import Client, Grant, Location

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


def login(
    context: Context,
    now: float,
    user_id: str,
    client: Client | None,
    *,
    amr: Sequence[str],
    acr: str | None,
    auth_time: datetime | float | None,
    persistent: bool,
    claims: Mapping[str, object] | None,
) -> Flow[Grant]:
    """
    Write a session for *user_id* on the device of *client*.

    Raises:
        LoginDeniedError: If all sessions were ended since this sign-in began or
            since its *auth_time*, or the device is blocked.
        SessionLimitError: If the limit is reached and the policy rejects.
        TypeError, ValueError: If an argument cannot be kept.
    """
    client = checked_client(client) or NOBODY
    instant = checked_instant(auth_time, now)
    text = checked_claims(claims)
    context_class = None if acr is None else checked_text(acr, "acr")
    who = checked_text(user_id, "user_id")
    dated = auth_time is not None
    sign_in = SignIn(who, checked_amr(amr), context_class, instant, dated, bool(persistent), text)
    # Before anything else is read: an ending from here on refuses this sign-in.
    digests = context.account_digests(who)
    number = yield from ask.ending_number(who, digests)
    limit = context.policy.limit_for(user_id, client)
    ring = context.tokens.read_device(client.device_token)
    sighting = devices.sight(client, context.policy.privacy)
    device, known, owned = yield from _device(context, now, sign_in, client, ring, sighting)
    location = yield from ask.locate(address(client.ip))
    device = _seen_now(device, sighting, now)
    row = _row(context, now, sign_in, device, sighting, location, bound=owned, number=number)
    event = evolve(event_of(row, EventType.SESSION_CREATED, now), new_device=not known)
    insertion = _insertion(context, now, sign_in, row, event, digests, limit=limit, replaces=known)
    answer = yield from ask.insert(insertion)
    if not isinstance(answer, Inserted):
        raise (yield from _refused(context, row, now, answer, limit or 0))
    if any(ended.reason == EVICTED for ended in answer.ended):
        yield from ask.emit(_exceeded(row, now))
    yield from ask.emit(*answer.ended, event)
    return grant(
        context,
        now,
        row,
        device_token=context.tokens.mint_device(devices.ring_with(row.device.id, ring)),
        evicted=tuple(ended.session_id for ended in answer.ended if ended.session_id),
        is_new_device=not known,
    )


def _device(
    context: Context,
    now: float,
    sign_in: SignIn,
    client: Client,
    ring: Sequence[str],
    sighting: Sighting,
) -> Flow[tuple[DeviceRow, bool, bool]]:
    """
    The device of this sign-in; whether it was known; whether its own token says so.

    Never adopts an id: a ring without one of this user's devices leads to a new one.
    Evidence alone makes a new device too, which only remembers whom it resembles.
    """
    digests = context.fingerprints(sign_in.user_id, client.fingerprint)
    known = yield from ask.known_devices(sign_in.user_id, tuple(ring), digests)
    for digest in digests or (None,):
        match = devices.recognise(known, ring, digest)
        if match:
            device = evolve(match.device, fingerprint=digests[0]) if digests else match.device
            return device, True, match.by == "token"
    like = devices.resembling(known, sighting)
    device = DeviceRow(
        id=context.new_id(),
        user_id=sign_in.user_id,
        label=sighting.traits.label,
        kind=sighting.traits.kind,
        os=sighting.traits.os,
        browser=sighting.traits.browser,
        first_seen_at=now,
        last_seen_at=now,
        fingerprint=digests[0] if digests else None,
        resembles=like.device_id if like else None,
        likeness=like.score if like else 0.0,
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
    context: Context,
    now: float,
    sign_in: SignIn,
    device: DeviceRow,
    sighting: Sighting,
    location: Location | None,
    *,
    bound: bool,
    number: int,
) -> SessionRow:
    absolute = now + context.policy.absolute_lifetime
    return SessionRow(
        id=context.new_id(),
        user_id=sign_in.user_id,
        device=device,
        ip=sighting.ip,
        network=sighting.network,
        user_agent=sighting.user_agent,
        location=location,
        created_at=now,
        last_seen_at=now,
        idle_from=now,
        idle_expires_at=min(now + context.policy.idle_timeout, absolute),
        absolute_expires_at=absolute,
        auth_time=math.floor(sign_in.auth_instant),
        amr=sign_in.amr,
        acr=sign_in.acr,
        persistent=sign_in.persistent,
        claims=sign_in.claims,
        salt=context.entropy(16),
        bound=bound,
        ending_number=number,
    )


def _insertion(
    context: Context,
    now: float,
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
        horizon=lifecycle.horizon(now, context.policy),
        limit=limit,
        evict=context.policy.on_limit == "evict",
        replaces=replaces,
        digests=digests,
    )


def _refused(
    context: Context, row: SessionRow, now: float, answer: Refused | Full, limit: int
) -> Flow[LoginDeniedError]:
    if isinstance(answer, Full):
        return (yield from _full(context, row, now, answer, limit))
    return (yield from _denied(row, now, answer))


def _denied(row: SessionRow, now: float, why: Refused) -> Flow[LoginDeniedError]:
    event = EventRow(
        type=EventType.LOGIN_DENIED,
        at=now,
        user_id=row.user_id,
        device_id=row.device.id if why is Refused.BLOCKED else None,
        ip=row.network,
        network=row.network,
        user_agent=row.user_agent,
        reason=why.value,
    )
    yield from record(event)
    return LoginDeniedError(_DENIALS[why], reason=why.value)


def _full(
    context: Context, row: SessionRow, now: float, answer: Full, limit: int
) -> Flow[SessionLimitError]:
    event = _exceeded(row, now)
    yield from record(event)
    return SessionLimitError(
        f"the account has {len(answer.rows)} live sessions and may have {limit}: end one first",
        sessions=[session_view(full, now, context.policy) for full in answer.rows],
        limit=limit,
    )


def _exceeded(row: SessionRow, now: float) -> EventRow:
    event = event_of(row, EventType.LIMIT_EXCEEDED, now, reason="limit", reduced=True)
    return evolve(event, session_id=None)
