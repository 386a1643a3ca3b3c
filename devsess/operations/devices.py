"""Operations on a user's devices. One on an unknown or foreign device returns None."""

from __future__ import annotations

import builtins
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import evolve

from devsess import lifecycle
from devsess.errors import BadTokenError
from devsess.models import EventType
from devsess.operations._checks import (
    checked_actor,
    checked_client,
    checked_count,
    checked_datetime,
    checked_device,
    checked_name,
    checked_user,
)
from devsess.stores.base import Ending, OfDevice, Refused
from devsess.stores.rows import EventRow
from devsess.views import device_view

if TYPE_CHECKING:
    from devsess.models import Client, Device
    from devsess.operations.operation import Operation
    from devsess.stores.calls import Columns
    from devsess.stores.rows import DeviceRow

# Why the sessions of a device ended.
_REASONS = {
    EventType.DEVICE_BLOCKED: "device-blocked",
    EventType.DEVICE_FORGOTTEN: "device-forgotten",
}
# The reason of a DEVICE_TRUSTED whose trust was ended.
TRUST_ENDED = "trust-ended"
# The latest devices, of which a store gives so many beside those that are asked for.
LATEST = 50


async def devices(op: Operation, user_id: str, *, limit: int | None) -> builtins.list[Device]:
    """
    The user's devices, latest sign-in first; at most *limit*, or all.

    Raises:
        TypeError, ValueError: If *limit* is not 1 to 50.
    """
    checked_user(user_id)
    if limit is None:
        return [device_view(row) for row in await op.store.devices(user_id)]
    checked_count(limit, "limit", LATEST)
    known = await op.store.known_devices(user_id, ids=(), fingerprints=())
    return [device_view(row) for row in known.devices[:limit]]


async def device(op: Operation, user_id: str, device_id: str | Device) -> Device | None:
    """The user's device of this id; None where there is none."""
    row = await _find(op, user_id, device_id)
    return None if row is None else device_view(row)


async def rename_device(
    op: Operation,
    user_id: str,
    device_id: str | Device,
    name: str | None,
    *,
    actor: str | None = None,
) -> Device | None:
    """
    Call it *name* (at most 64 characters); None gives the label back.

    Raises:
        TypeError, ValueError: If *name* is no such text.
    """
    if name is not None:
        name = checked_name(name)
    return await _put(op, user_id, device_id, {"name": name}, EventType.DEVICE_RENAMED, actor)


async def trust_device(
    op: Operation,
    user_id: str,
    device_id: str | Device,
    until: datetime | None,
    *,
    actor: str | None = None,
) -> Device | None:
    """
    Trust it until an instant; None ends the trust.

    If all the account's sessions are ended meanwhile, the device stays as that ending
    left it: perhaps somebody else inside the account gave this trust.

    Raises:
        TypeError, ValueError: If *until* is no aware datetime.
    """
    instant = None if until is None else checked_datetime(until, "until")
    changes, kind = {"trusted_until": instant}, EventType.DEVICE_TRUSTED
    reason = TRUST_ENDED if instant is None else None
    checked_user(user_id)
    number = None if instant is None else (await op.store.ending_number(user_id))
    return await _put(op, user_id, device_id, changes, kind, actor, number, reason=reason)


async def end_trust(
    op: Operation,
    client: Client | None,
    *,
    access_token: str | None,
    refresh_token: str | None,
) -> builtins.list[Device]:
    """
    End the trust in the devices that *client* presents, for the accounts that the tokens name.

    A genuine token is enough: it may have expired, and its session may have ended or be
    another device's. It proves the account, and the device token proves the device; nothing
    else is touched.

    Raises:
        TypeError: If *client* is no Client.
    """
    client = checked_client(client)
    ring = op.tokens.device.read(client.device_token) if client else ()
    if not ring:
        return []
    ended = []
    for user_id in await _spoken_for(op, access_token, refresh_token):
        known = await op.store.known_devices(user_id, ids=ring, fingerprints=())
        for row in known.devices:
            if row.id in ring and row.trusted_until is not None:
                device = await trust_device(op, user_id, row.id, None)
                ended += [device] if device else []
    return ended


async def _spoken_for(
    op: Operation, access_token: str | None, refresh_token: str | None
) -> builtins.list[str]:
    """The accounts whose tokens these are; an impersonation's speaks for none."""
    accounts = []
    if access_token is not None:
        with suppress(BadTokenError):
            access = op.tokens.access.identify(access_token, op.now)
            accounts += [] if access.is_acting else [access.user_id]
    if refresh_token is not None:
        with suppress(BadTokenError):
            claims = op.tokens.refresh.parse(refresh_token)
            row = await op.store.get(claims.session_id)
            if row is not None:
                op.tokens.refresh.verify(claims, row.salt)
                accounts.append(row.user_id)
    return [*dict.fromkeys(accounts)]


async def unblock_device(
    op: Operation, user_id: str, device_id: str | Device, *, actor: str | None = None
) -> Device | None:
    """Let it sign in again; trust given while it was blocked does not count."""
    changes = {"blocked": False, "trusted_until": None}
    return await _put(op, user_id, device_id, changes, EventType.DEVICE_UNBLOCKED, actor)


async def block_device(
    op: Operation, user_id: str, device_id: str | Device, *, actor: str | None = None
) -> Device | None:
    """Refuse it at login, end its sessions and the trust in it."""
    by = checked_actor(actor)
    row = await _find(op, user_id, device_id)
    if row is None:
        return None
    await _end(op, row, EventType.DEVICE_BLOCKED, by)
    return device_view(evolve(row, blocked=True, trusted_until=None))


async def forget_device(
    op: Operation, user_id: str, device_id: str | Device, *, actor: str | None = None
) -> Device | None:
    """End its sessions and remove it; it comes back as a new one."""
    by = checked_actor(actor)
    row = await _find(op, user_id, device_id)
    if row is None:
        return None
    await _end(op, row, EventType.DEVICE_FORGOTTEN, by)
    return device_view(row)


async def _find(op: Operation, user_id: str, device_id: str | Device) -> DeviceRow | None:
    checked_user(user_id)
    wanted = checked_device(device_id)
    # A few more of them are read, and not all: a program may have thousands.
    known = await op.store.known_devices(user_id, ids=(wanted,), fingerprints=())
    return next((row for row in known.devices if row.id == wanted), None)


async def _put(
    op: Operation,
    user_id: str,
    device_id: str | Device,
    changes: Columns,
    kind: EventType,
    actor: str | None,
    number: int | None = None,
    *,
    reason: str | None = None,
) -> Device | None:
    checked_user(user_id)
    by = checked_actor(actor)
    device_id = checked_device(device_id)
    event = EventRow(
        type=kind, at=op.now, user_id=user_id, device_id=device_id, reason=reason, actor=by
    )
    row = await op.store.put_device(user_id, device_id, changes=changes, event=event, number=number)
    if isinstance(row, Refused):
        row = await _find(op, user_id, device_id)
        return None if row is None else device_view(row)
    if row is None:
        return None
    op.emit(event)
    return device_view(row)


async def _end(op: Operation, row: DeviceRow, kind: EventType, by: str | None) -> None:
    target = OfDevice(row.user_id, row.id, forget=kind is EventType.DEVICE_FORGOTTEN)
    cutoffs = lifecycle.cutoffs(op.now, op.policy)
    event = EventRow(type=kind, at=op.now, user_id=row.user_id, device_id=row.id, actor=by)
    ended = await op.store.end(Ending(target, _REASONS[kind], by, cutoffs, event=event))
    op.emit(*ended.events)
