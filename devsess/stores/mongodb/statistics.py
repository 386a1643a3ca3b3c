"""Statistics: what was counted, added up; and the counting of an older collection."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from pymongo import ASCENDING, UpdateMany

from devsess.stores.counting import LOOKED, Numbers
from devsess.stores.mongodb import counts
from devsess.stores.mongodb import documents as docs
from devsess.stores.mongodb import marks as marking
from devsess.stores.mongodb.unit import Places, Unit

if TYPE_CHECKING:
    from devsess.stores.counting import Period
    from devsess.stores.mongodb.ports import Document, Port

# Documents that are counted in one transaction.
_AT_ONCE = 500


async def numbers(unit: Unit, period: Period) -> Numbers:
    """See SupportsStatistics.statistics."""
    gates = await unit.find({"_id": {"$in": [*docs.ALL_GATES, f"gate/{counts.MANY}"]}})
    found = await unit.find(counts.of_period(period))
    return counts.numbers(period, found, gates, await _lagging(unit, period.now))


async def _lagging(unit: Unit, now: float) -> int:
    lapsed = await unit.count({"open": True, "idle_expires_at": {"$lte": now}})
    pending = marking.pending_from(await unit.find(docs.PENDING))
    if not pending:
        return lapsed
    rest: Document = {"open": True, "idle_expires_at": {"$gt": now}}
    return lapsed + await unit.count(rest | {"$or": marking.covered(pending)}, LOOKED)


async def adopt(port: Port) -> None:
    """Count the sessions and events that an older devsess wrote, as if they were written now."""
    for table in ("session", "event"):
        last: str | None = f"{table}/"
        while last is not None:
            last = await port.transaction(partial(_adopt_some, port, table, last))


async def _adopt_some(port: Port, table: str, last: str, session: Any) -> str | None:
    """Count those behind *last*, and mark them in the same transaction; the key of the last one."""
    unit = Unit(port, session, Places())
    unit.count_apart()
    uncounted = {"_id": {"$gt": last, "$lt": f"{table}0"}, "counted": {"$exists": False}}
    found = await unit.find(uncounted, sort=[("_id", ASCENDING)], limit=_AT_ONCE)
    if not found:
        return None
    if table == "event":
        unit.counts_of("").happened(*map(docs.event_from, found))
    else:
        await _count(unit, found)
    keys = [it["_id"] for it in found]
    unit.add(UpdateMany({"_id": {"$in": keys}}, {"$set": {"counted": True, "sized": True}}))
    await unit.flush()
    return str(keys[-1])


async def adopt_open(port: Port) -> None:
    """Count the open sessions of each account, which an older devsess counted in all else."""
    last: str | None = "session/"
    while last is not None:
        last = await port.transaction(partial(_adopt_open, port, last))


async def _adopt_open(port: Port, last: str, session: Any) -> str | None:
    """Count those behind *last*, and mark them in the same transaction; the key of the last one."""
    unit = Unit(port, session, Places())
    unit.count_apart()
    uncounted = {"_id": {"$gt": last, "$lt": "session0"}, "sized": {"$exists": False}}
    fields = {"user_id": 1, "open": 1}
    found = await unit.find(uncounted, sort=[("_id", ASCENDING)], limit=_AT_ONCE, fields=fields)
    if not found:
        return None
    for it in found:
        if it.get("open"):
            unit.counts_of(it["user_id"]).users[it["user_id"]] += 1
    keys = [it["_id"] for it in found]
    unit.add(UpdateMany({"_id": {"$in": keys}}, {"$set": {"sized": True}}))
    await unit.flush()
    return str(keys[-1])


async def _count(unit: Unit, found: list[Document]) -> None:
    keys = sorted({str(it["device_key"]) for it in found})
    devices = {it["_id"]: docs.device_from(it) for it in await unit.find({"_id": {"$in": keys}})}
    for it in found:
        row = docs.session_from(it, devices.get(it["device_key"]))
        unit.count_merged(row, None)
