"""
LAW: a live session that is seen on another network is an event, once for each change.

The row keeps the network of its sign-in or latest refresh, with which a refresh is compared: a
validation never moves it. The network that the history knows of is an item beside it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from attrs import evolve

from devsess.devices.addresses import network
from devsess.devices.recognise import sight
from devsess.errors import StoreUnavailableError
from devsess.models import EventType
from devsess.operations._kinds import MOVED
from devsess.stores.items import Item
from devsess.stores.rows import EventRow

if TYPE_CHECKING:
    from devsess.models import Client
    from devsess.operations.operation import Operation
    from devsess.stores.rows import SessionRow

# Sessions of an account whose other network is remembered.
MOST = 16


async def note_move(op: Operation, row: SessionRow, client: Client | None) -> None:
    """
    Write and emit the event of a change of network that *client* shows, if it is new.

    Called with a touch that was due: between two touches nothing is looked at. Two requests
    at the same time write one event, and a store that fails here fails no validation.
    """
    if client is None or op.policy.privacy.ip == "none" or not isinstance(client.ip, str):
        return
    here = network(client.ip)
    if here is None or row.network in (None, here):
        return
    try:
        item = await _item(op, row, here)
        if item is None or not await op.store.put_item(item, most=MOST):
            return
        if not await _is_recorded(op, row, client):
            await _withdraw(op, item)
    except StoreUnavailableError:
        return


async def _item(op: Operation, row: SessionRow, here: str) -> Item | None:
    """The item by which the session is remembered *here*, or None if that is known."""
    found = await op.store.items(MOVED, row.user_id, limit=MOST)
    own = next((it for it in found if it.key == row.id), None)
    body = json.dumps(here)
    if own is not None and own.body == body:
        return None
    version = 1 if own is None else own.version + 1
    until = row.absolute_expires_at
    return Item(MOVED, row.user_id, row.id, body, version, op.now, until)


async def _withdraw(op: Operation, item: Item) -> None:
    """Leave no network of a session that ended, or was erased, meanwhile; purge the rest soon."""
    gone = evolve(item, body="null", version=item.version + 1, until=op.now)
    await op.store.put_item(gone, most=MOST)


async def _is_recorded(op: Operation, row: SessionRow, client: Client) -> bool:
    """Write the event, and emit it; False where the session is not as it was read."""
    seen = sight(client, op.policy.privacy)
    event = EventRow(
        type=EventType.SESSION_MOVED,
        at=op.now,
        user_id=row.user_id,
        session_id=row.id,
        device_id=row.device.id,
        ip=seen.ip,
        network=seen.network,
        user_agent=seen.user_agent,
        actor=row.impersonator[1] if row.impersonator else None,
    )
    # Written with the row as it is: none for a session that has ended, or was erased.
    same = {"generation": row.generation}
    if await op.store.update(row.id, expected=same, changes=same, event=event) is None:
        return False
    op.emit(event)
    return True
