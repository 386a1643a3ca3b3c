"""The purge: one bounded batch, in one transaction, which folds statistics too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pymongo import ASCENDING, DeleteMany, UpdateMany, UpdateOne

from devsess.stores import semantics
from devsess.stores.mongodb import documents as docs
from devsess.stores.mongodb import folding, log
from devsess.stores.mongodb import marks as marking
from devsess.stores.rows import EXPIRED

if TYPE_CHECKING:
    from devsess.stores.calls import Retention
    from devsess.stores.mongodb.ports import Document, Filter
    from devsess.stores.mongodb.unit import Unit


async def purge(unit: Unit, retention: Retention, limit: int) -> int:
    """
    One batch of at most *limit* rows; see Store.purge. But for devices, which `needless` deletes.

    Each step sees what the earlier ones wrote. A row that another transaction changes
    meanwhile makes the batch begin again.
    """
    unit.count_apart()
    now, before = retention.now, retention.before
    await unit.delete({"table": "erased", "until": {"$lte": now}})
    done = await _date(unit, now, retention.latest, limit)
    done += await _lapse(unit, now, limit - done)
    done += await _delete_sessions(unit, before, limit - done)
    old = {"table": "event", "at": {"$lt": before}}
    done += await _delete(unit, old, limit - done)
    over = {"table": "item", "item.until": {"$lte": now}}
    done += await _delete(unit, over, limit - done)
    await folding.fold(unit, now)
    return done + await _trim(unit, limit - done)


async def _keys(unit: Unit, where: Filter, limit: int) -> list[str]:
    found = await unit.find(where, limit=limit, fields={"_id": 1}) if limit > 0 else []
    return [str(it["_id"]) for it in found]


async def _delete(unit: Unit, where: Filter, limit: int) -> int:
    keys = await _keys(unit, where, limit)
    return await unit.delete({"_id": {"$in": keys}}) if keys else 0


async def _date(unit: Unit, now: float, latest: float, limit: int) -> int:
    """Put *now* in the place of instants later than *latest*; each is found by its index."""
    done = 0
    for where, change in (
        ({"revoked_at": {"$gt": latest}}, {"$set": {"revoked_at": now}}),
        ({"table": "event", "at": {"$gt": latest}}, {"$set": {"at": now}}),
        ({**docs.PENDING, "at": {"$gt": latest}}, {"$set": {"at": now}}),
        (
            {"table": "device", "last_seen_at": {"$gt": latest}},
            {"$set": {"last_seen_at": now}, "$min": {"first_seen_at": now}},
        ),
    ):
        keys = await _keys(unit, where, limit - done)
        if keys:
            unit.add(UpdateMany({"_id": {"$in": keys}}, change))
        done += len(keys)
    await unit.flush()
    return done


async def _lapse(unit: Unit, now: float, limit: int) -> int:
    """Write sessions whose deadline has passed as ended then, unless an ending covers them."""
    if limit <= 0:
        return 0
    marks = await unit.everyones_marks()
    passed: Document = {"open": True, "idle_expires_at": {"$lte": now}}
    found = await unit.find({**passed, **marking.uncovered(marks.pending)}, limit=limit)
    rows = [docs.session_from(it) for it in found]
    await unit.read_kinds(rows)
    for row in rows:
        await unit.end_sessions([row], row.idle_expires_at, EXPIRED, None)
    await unit.flush()
    return len(found)


async def _delete_sessions(unit: Unit, before: float, limit: int) -> int:
    """Those that ended before the instant; a device keeps its network no longer than they."""
    if limit <= 0:
        return 0
    where = {"revoked_at": {"$lt": before}}
    found = await unit.find(where, limit=limit, fields={"device_key": 1})
    if not found:
        return 0
    devices = sorted({str(it["device_key"]) for it in found})
    unit.add(
        UpdateMany(
            {"_id": {"$in": devices}, "last_seen_at": {"$lt": before}},
            {"$set": {"network": None}},
        ),
        DeleteMany({"_id": {"$in": [it["_id"] for it in found]}}),
    )
    await unit.flush()
    return len(found)


async def _trim(unit: Unit, limit: int) -> int:
    """Take the oldest entries of the log, but for the newest: those are everybody's position."""
    if limit <= 0:
        return 0
    headers = await unit.find({"_id": log.HEADER})
    last = int(headers[0]["seq"]) if headers else 0
    oldest = await unit.find({"page": {"$gte": 0}}, sort=[("page", ASCENDING)], limit=1)
    if not oldest:
        return 0
    [page] = oldest
    entries = len(page["entries"])
    surplus = last - semantics.LOG_KEPT - int(page["first"]) + 1
    taken = min(limit, entries, surplus)
    if taken <= 0:
        return 0
    if taken == entries:
        return taken if await unit.delete({"_id": page["_id"]}) else 0
    kept = {"$push": {"entries": {"$each": [], "$slice": taken - entries}}}
    unit.add(UpdateOne({"_id": page["_id"]}, kept | {"$inc": {"first": taken}}))
    await unit.flush()
    return taken
