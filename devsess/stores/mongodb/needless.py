"""
Devices that a purge deletes: found outside of its transactions, and each looked at once.

Those that are kept may be very many: named, trusted or blocked ones, and old ones whose sessions
are kept. Batch after batch goes on behind the last device that was looked at. A session that a
purge deletes is deleted before that: in no later batch is a device needless that was needed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

from attrs import evolve, frozen
from pymongo import ASCENDING

from devsess.stores.ways import Ways

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
class _Way:
    """
    How far a purge has looked: through those forgotten, and then through those not seen lately.

    Attributes:
        part: Which of the two; 2 at the end.
        last: What the order of this part has of the last device; None at its beginning.
        found: The keys of those that were found, and are still to be deleted.
    """

    part: int = 0
    last: tuple[Any, ...] | None = None
    found: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether there are devices to look at."""
        return self.part < len(_ORDERS)

    async def look(self, find: Find, retention: Retention) -> _Way:
        """The way on, with those found among the next devices."""
        order = _ORDERS[self.part]
        where = _parts(retention)[self.part]
        if self.last is not None:
            where = {"$and": [where, *_behind(order, self.last)]}
        sort = [(it, ASCENDING) for it in order]
        page = await find(where, sort=sort, limit=LOOKED, fields=_READ)
        keys = await _free(find, page, retention)
        found = (*self.found, *keys)
        if len(page) < LOOKED:
            return _Way(self.part + 1, found=found)
        return _Way(self.part, tuple(page[-1][it] for it in order), found)


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


class NeedlessDevices:
    """
    The devices of one store that purges delete.

    Args:
        find: Finds documents, outside of a transaction.
        transact: Does work in one.
    """

    def __init__(self, find: Find, transact: Transact) -> None:
        self._find = find
        self._transact = transact
        self._ways = Ways[_Way]()

    async def delete(self, retention: Retention, limit: int, done: int) -> int:
        """Rows of a batch that has *done* some of at most *limit*: with devices, the rest."""
        way = self._ways.take(retention) or _Way()
        deleted = 0
        while done < limit and not deleted and (way.is_open or way.found):
            while len(way.found) < limit - done and way.is_open:
                way = await way.look(self._find, retention)
            keys = way.found[: limit - done]
            deleted = await self._deleted(retention, keys) if keys else 0
            way = evolve(way, found=way.found[len(keys) :])
        # A purge ends with an empty batch, and the next one looks at all again.
        if done + deleted:
            self._ways.keep(retention, way)
        return done + deleted

    async def _deleted(self, retention: Retention, keys: Sequence[str]) -> int:
        """Delete those that nobody has used since they were looked at."""

        async def work(unit: Unit) -> int:
            found = await unit.find({"_id": {"$in": [*keys]}}, fields=_READ)
            free = await _free(unit.find, found, retention)
            return await unit.delete({"_id": {"$in": free}}) if free else 0

        return await self._transact(work)
