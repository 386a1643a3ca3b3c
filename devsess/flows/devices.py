"""What a user does with the devices of an account. None: it is unknown, or another user's."""

from __future__ import annotations

import builtins
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import evolve

from devsess import lifecycle
from devsess.errors import BadTokenError
from devsess.flows import _ask as ask
from devsess.flows._checks import (
    checked_actor,
    checked_client,
    checked_datetime,
    checked_device,
    checked_reason,
    checked_user,
)
from devsess.flows.context import Context
from devsess.models import EventType
from devsess.rows import EventRow
from devsess.stores.base import Ending, OfDevice, Refused
from devsess.views import device_view

if TYPE_CHECKING:
    from devsess.flows._ask import Flow
    from devsess.models import Client, Device
    from devsess.rows import DeviceRow
    from devsess.stores.base import Columns

MAX_NAME = 64

# Why the sessions of a device ended.
_REASONS = {
    EventType.DEVICE_BLOCKED: "device-blocked",
    EventType.DEVICE_FORGOTTEN: "device-forgotten",
}


def devices(context: Context, now: float, user_id: str) -> Flow[builtins.list[Device]]:
    """The user's devices, latest sign-in first."""
    checked_user(user_id)
    rows = yield from ask.devices(user_id)
    return [device_view(row) for row in rows]


def rename_device(
    context: Context,
    now: float,
    user_id: str,
    device_id: str | Device,
    name: str | None,
    *,
    actor: str | None = None,
) -> Flow[Device | None]:
    """
    Call it *name* (at most 64 characters); None gives the label back.

    Raises:
        TypeError, ValueError: If *name* is no such text.
    """
    if name is not None:
        name = checked_reason(name, "name")
        if len(name) > MAX_NAME:
            raise ValueError(f"a device's name has at most {MAX_NAME} characters, not {len(name)}")
    return (
        yield from _put(now, user_id, device_id, {"name": name}, EventType.DEVICE_RENAMED, actor)
    )


def trust_device(
    context: Context,
    now: float,
    user_id: str,
    device_id: str | Device,
    until: datetime | None,
    *,
    actor: str | None = None,
) -> Flow[Device | None]:
    """
    Trust it until an instant; None ends the trust.

    An ending of all the account's sessions that comes meanwhile stands: the trust was given
    before, and somebody else may have been in. The device is as that ending left it.

    Raises:
        TypeError, ValueError: If *until* is no aware datetime.
    """
    instant = None if until is None else checked_datetime(until, "until")
    changes, kind = {"trusted_until": instant}, EventType.DEVICE_TRUSTED
    checked_user(user_id)
    number = None if instant is None else (yield from ask.ending_number(user_id, ()))
    return (yield from _put(now, user_id, device_id, changes, kind, actor, number))


def end_trust(
    context: Context,
    now: float,
    client: Client | None,
    *,
    access_token: str | None,
    refresh_token: str | None,
) -> Flow[builtins.list[Device]]:
    """
    End the trust in the devices that *client* presents, for the accounts the tokens speak for.

    They need not be good for anything else: a token may have expired, its session ended or
    be another device's. That it is genuine proves whose account is meant, and the device
    token which device; nothing else is touched.

    Raises:
        TypeError: If *client* is no Client.
    """
    client = checked_client(client)
    ring = context.tokens.read_device(client.device_token) if client else ()
    if not ring:
        return []
    ended = []
    for user_id in (yield from _spoken_for(context, now, access_token, refresh_token)):
        for row in (yield from ask.known_devices(user_id, ring, ())):
            if row.id in ring and row.trusted_until is not None:
                device = yield from trust_device(context, now, user_id, row.id, None)
                ended += [device] if device else []
    return ended


def _spoken_for(
    context: Context, now: float, access_token: str | None, refresh_token: str | None
) -> Flow[builtins.list[str]]:
    """The accounts whose tokens these are."""
    accounts = []
    if access_token is not None:
        with suppress(BadTokenError):
            accounts.append(context.tokens.identify(access_token, now).user_id)
    if refresh_token is not None:
        with suppress(BadTokenError):
            claims = context.tokens.parse_refresh(refresh_token)
            row = yield from ask.get(claims.session_id)
            if row is not None:
                context.tokens.verify_refresh(claims, row.salt)
                accounts.append(row.user_id)
    return [*dict.fromkeys(accounts)]


def unblock_device(
    context: Context, now: float, user_id: str, device_id: str | Device, *, actor: str | None = None
) -> Flow[Device | None]:
    """Let it sign in again; a trust that was given while it was blocked counts for nothing."""
    changes = {"blocked": False, "trusted_until": None}
    return (yield from _put(now, user_id, device_id, changes, EventType.DEVICE_UNBLOCKED, actor))


def block_device(
    context: Context, now: float, user_id: str, device_id: str | Device, *, actor: str | None = None
) -> Flow[Device | None]:
    """Refuse it at login, end its sessions and the trust in it."""
    by = checked_actor(actor)
    row = yield from _find(user_id, device_id)
    if row is None:
        return None
    yield from _end(context, now, row, EventType.DEVICE_BLOCKED, by)
    return device_view(evolve(row, blocked=True, trusted_until=None))


def forget_device(
    context: Context, now: float, user_id: str, device_id: str | Device, *, actor: str | None = None
) -> Flow[Device | None]:
    """End its sessions and remove it; it comes back as a new one."""
    by = checked_actor(actor)
    row = yield from _find(user_id, device_id)
    if row is None:
        return None
    yield from _end(context, now, row, EventType.DEVICE_FORGOTTEN, by)
    return device_view(row)


def _find(user_id: str, device_id: str | Device) -> Flow[DeviceRow | None]:
    checked_user(user_id)
    wanted = checked_device(device_id)
    rows = yield from ask.devices(user_id)
    return next((row for row in rows if row.id == wanted), None)


def _put(
    now: float,
    user_id: str,
    device_id: str | Device,
    changes: Columns,
    told_as: EventType,
    actor: str | None,
    number: int | None = None,
) -> Flow[Device | None]:
    checked_user(user_id)
    by = checked_actor(actor)
    device_id = checked_device(device_id)
    event = EventRow(type=told_as, at=now, user_id=user_id, device_id=device_id, actor=by)
    row = yield from ask.put_device(user_id, device_id, changes=changes, event=event, number=number)
    if isinstance(row, Refused):
        row = yield from _find(user_id, device_id)
        return None if row is None else device_view(row)
    if row is None:
        return None
    yield from ask.emit(event)
    return device_view(row)


def _end(
    context: Context, now: float, row: DeviceRow, told_as: EventType, by: str | None
) -> Flow[None]:
    target = OfDevice(row.user_id, row.id, forget=told_as is EventType.DEVICE_FORGOTTEN)
    horizon = lifecycle.horizon(now, context.policy)
    ended = yield from ask.end(Ending(target, _REASONS[told_as], by, horizon))
    event = EventRow(type=told_as, at=now, user_id=row.user_id, device_id=row.id, actor=by)
    yield from ask.add_event(event)
    yield from ask.emit(*ended.events, event)
