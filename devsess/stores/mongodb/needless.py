"""
Devices that a purge deletes: found outside of its transactions, and each looked at once.

Those that are kept may be very many: named, trusted or blocked ones, and old ones whose sessions
are kept. Batch after batch goes on behind the last device that was looked at. A session that a
purge deletes is deleted before that: in no later batch is a device needless that was needed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen
from pymongo import ASCENDING

from devsess.stores.ways import DevicePurges

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import Any

    from devsess.stores.calls import Retention
    from devsess.stores.mongodb.ports import Document
    from devsess.stores.mongodb.unit import Unit

    # As of a port and of a transaction.
    Find: TypeAlias = Callable[..., Awaitable[list[Document]]]
    Transact: TypeAlias = Callable[[Callable[[Unit], Awaitable[int]]], Awaitable[int]]

# Devices that one request looks at.
LOOKED = 1_000


@frozen
class _Place:
    """
    A place among those forgotten, and then among those not seen lately.

    Attributes:
        part: Which of the two.
        last: What the order of this part has of the last device; None at its beginning.
    """

    part: int = 0
    last: tuple[Any, ...] | None = None


# What is read of a device.
_READ = dict.fromkeys(
    ("owner", "id", "last_seen_at", "forgotten", "blocked", "name", "trusted_until"), 1
)
# Each is the order of an index.
_ORDERS = (("owner", "id"), ("last_seen_at", "owner", "id"))


def _parts(retention: Retention) -> tuple[Document, Document]:
    stale = {"last_seen_at": {"$lt": retention.devices_before}}
    return {"table": "device", "forgotten": True}, {"table": "device", **stale}


def _behind(order: Sequence[str], last: Sequence[Any]) -> list[Document]:
    """Conditions on what comes behind a place; the first says where an index is to begin."""
    later: list[Document] = [
        {**dict(zip(order[:number], last, strict=False)), order[number]: {"$gt": last[number]}}
        for number in range(len(order))
    ]
    return [{order[0]: {"$gte": last[0]}}, {"$or": later}]


async def _free(find: Find, found: Sequence[Document], retention: Retention) -> list[str]:
    """The keys of those that are kept for no reason of their own and have no session."""
    keys = [str(it["_id"]) for it in found if _is_of_no_use(it, retention)]
    if not keys:
        return []
    sessions = await find({"device_key": {"$in": keys}}, fields={"device_key": 1})
    used = {it["device_key"] for it in sessions}
    return [key for key in keys if key not in used]


def _is_of_no_use(device: Document, retention: Retention) -> bool:
    """As the other stores ask; a damaged row must not stop a purge."""
    if device.get("forgotten"):
        return True
    is_kept = device.get("blocked") or device.get("name") is not None
    is_trusted = (device.get("trusted_until") or -math.inf) > retention.now
    return device["last_seen_at"] < retention.devices_before and not (is_kept or is_trusted)


class NeedlessDevices(DevicePurges[_Place, str]):
    """
    The devices of one store that purges delete.

    Args:
        find: Finds documents, outside of a transaction.
        transact: Does work in one.
    """

    def __init__(self, find: Find, transact: Transact) -> None:
        super().__init__(_Place())
        self._find = find
        self._transact = transact

    async def _look(self, retention: Retention, place: _Place) -> tuple[_Place | None, list[str]]:
        order, where = _ORDERS[place.part], _parts(retention)[place.part]
        if place.last is not None:
            where = {"$and": [where, *_behind(order, place.last)]}
        sort = [(it, ASCENDING) for it in order]
        page = await self._find(where, sort=sort, limit=LOOKED, fields=_READ)
        keys = await _free(self._find, page, retention)
        if len(page) < LOOKED:
            return (_Place(place.part + 1) if place.part + 1 < len(_ORDERS) else None), keys
        return _Place(place.part, tuple(page[-1][it] for it in order)), keys

    async def _deleted(self, retention: Retention, keys: Sequence[str]) -> int:
        async def work(unit: Unit) -> int:
            found = await unit.find({"_id": {"$in": [*keys]}}, fields=_READ)
            free = await _free(unit.find, found, retention)
            return await unit.delete({"_id": {"$in": free}}) if free else 0

        return await self._transact(work)
