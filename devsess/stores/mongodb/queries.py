"""The reads of the protocol, and the writes of one document, each outside of a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pymongo import DESCENDING, UpdateOne

from devsess.models import Page
from devsess.stores import semantics
from devsess.stores.calls import Known
from devsess.stores.mongodb import documents as docs
from devsess.stores.mongodb import marks as marking
from devsess.stores.mongodb import reading
from devsess.stores.semantics import ACTIVITY, DEVICES_COMPARED

if TYPE_CHECKING:
    from devsess.lifecycle import Activity, LivenessCutoffs
    from devsess.stores.calls import Columns
    from devsess.stores.mongodb.marks import Marks
    from devsess.stores.mongodb.ports import Document, Port
    from devsess.stores.rows import DeviceRow, EventRow, SessionRow
    from devsess.stores.semantics import Covering

# The answers about an account that there cannot be.
EMPTY: Page[SessionRow] = Page((), None)
NO_EVENTS: Page[EventRow] = Page((), None)
UNKNOWN = Known((), 0)


async def get(port: Port, session_id: str) -> SessionRow | None:
    """
    See Store.get.

    Linearizable: a validation may ask for nothing else, and a primary that was deposed
    without knowing it must not answer it.
    """
    pipeline = reading.session_pipeline(port.place.collection, session_id)
    return reading.session_in(await port.aggregate(pipeline, is_sure=True))


async def marks(port: Port, user_id: str, digests: Sequence[bytes]) -> Marks:
    """The numbers and endings that bind an account."""
    return marking.marks_from(await port.find(docs.bound_by(user_id, digests)))


async def _of_account(
    port: Port, user_id: str, digests: Sequence[bytes], *others: Sequence[Document]
) -> list[Document]:
    pipeline = reading.account_pipeline(port.place.collection, user_id, digests, *others)
    return await port.aggregate(pipeline)


async def sessions(port: Port, user_id: str) -> list[SessionRow]:
    """See Store.list."""
    owned = {"owner": docs.account_key(user_id)}
    # The devices last: each session's is there by then, since it is written with it.
    kinds = [[{"$match": {**owned, "table": kind}}] for kind in ("session", "device")]
    found = await _of_account(port, user_id, (), *kinds)
    rows = reading.sessions_in(found, marking.marks_from(found))
    return sorted(rows, key=lambda row: (-row.last_seen_at, row.id))


async def live(
    port: Port,
    user_id: str,
    cutoffs: LivenessCutoffs,
    limit: int,
    before: tuple[float, str] | None,
) -> Page[SessionRow]:
    """
    See Store.live: the marks, the sessions and their devices in one request.

    It does not know yet what endings cover. Where that took places on a page that has more behind
    it, the page is read again without.
    """
    where = _live_where(user_id, cutoffs, before)
    number, found = await _newest(port, user_id, where, limit + 1)
    kept = [it for it in found if it["ending_number"] >= number]
    if len(kept) < len(found) and len(found) > limit:
        uncovered = where | {"ending_number": {"$gte": number}}
        _, kept = await _newest(port, user_id, uncovered, limit + 1)
    rows = [reading.joined(it) for it in kept]
    following = semantics.live_cursor(rows[limit - 1]) if len(rows) > limit else None
    return Page(tuple(rows[:limit]), following)


async def _newest(
    port: Port, user_id: str, where: Document, limit: int
) -> tuple[int, list[Document]]:
    """The number below which an account's rows have ended, and the newest that are found."""
    page = reading.newest_pipeline(port.place.collection, where, limit)
    found = await _of_account(port, user_id, (), page)
    return marking.marks_from(found).written, reading.newest_in(found)


def _live_where(user_id: str, at: LivenessCutoffs, before: tuple[float, str] | None) -> Document:
    where: Document = {
        "owner": docs.account_key(user_id),
        "table": "session",
        "open": True,
        **marking.was_live(at),
    }
    if before is None:
        return where
    created_at, session_id = before
    older = {"$or": [{"created_at": {"$lt": created_at}}, {"id": {"$lt": session_id}}]}
    return {"$and": [where, {"created_at": {"$lte": created_at}}, older]}


async def ahead(port: Port, after: float, limit: int) -> list[SessionRow]:
    """See Store.ahead."""
    bound = marking.pending_from(await port.find(docs.PENDING))
    where = {"open": True, "idle_expires_at": {"$gt": after}, **marking.uncovered(bound)}
    found = await port.find(where, sort=[("idle_expires_at", DESCENDING), ("id", 1)], limit=limit)
    keys = [it["device_key"] for it in found]
    devices = {it["_id"]: docs.device_from(it) for it in await port.find({"_id": {"$in": keys}})}
    return [
        docs.session_from(it, reading.with_device(it, [devices[it["device_key"]]]))
        for it in found
        if it["device_key"] in devices
    ]


async def devices(port: Port, user_id: str) -> list[DeviceRow]:
    """See Store.devices."""
    where = {"owner": docs.account_key(user_id), "table": "device", "forgotten": False}
    return reading.devices_in(await port.find(where))


async def known(
    port: Port,
    user_id: str,
    ids: Sequence[str],
    fingerprints: Sequence[bytes],
    digests: Sequence[bytes],
    kinds: Sequence[str],
) -> Known:
    """See Store.known_devices."""
    theirs = {"owner": docs.account_key(user_id), "table": "device", "forgotten": False}
    latest: list[Document] = [
        {"$match": theirs},
        {"$sort": {"last_seen_at": -1, "id": 1}},
        {"$limit": DEVICES_COMPARED},
    ]
    asked: list[Document] = []
    named = [it for it in ids if docs.is_text(it)]
    if named:
        asked.append({**theirs, "id": {"$in": named}})
    if fingerprints:
        texts = [docs.fingerprint(it) for it in fingerprints]
        asked.append({**theirs, "fingerprint": {"$in": texts}})
    if kinds:
        asked.append({"_id": {"$in": [docs.keyless_item(kind, user_id) for kind in kinds]}})
    others = [[{"$match": it}] for it in asked]
    found = await _of_account(port, user_id, digests, latest, *others)
    items = [docs.item_from(it) for it in found if it.get("table") == "item"]
    return Known(reading.devices_in(found), marking.marks_from(found).number, items)


async def events(port: Port, user_id: str, limit: int, before: int | None) -> Page[EventRow]:
    """See Store.events."""
    where: Document = {"user_id": user_id, "table": "event"}
    if before:
        where["place"] = {"$lt": before}
    newest: list[Document] = [{"$match": where}, {"$sort": {"place": -1}}, {"$limit": limit + 1}]
    found = await _of_account(port, user_id, (), newest)
    bound = marking.marks_from(found)
    kept = sorted(
        (it for it in found if it.get("table") == "event"), key=lambda it: -int(it["place"])
    )
    shown = [docs.event_from(it) for it in kept[:limit]]
    if bound.pending:
        shown = await as_covered(port, bound.pending, shown)
    following = str(kept[limit - 1]["place"]) if len(kept) > limit else None
    return Page(tuple(shown), following)


async def as_covered(
    port: Port, pending: Sequence[Covering], shown: Sequence[EventRow]
) -> list[EventRow]:
    """
    Events as they read: those of covered sessions without their addresses.

    *pending* was read before the events: the rows of an ending that was settled in between are
    written by now.
    """
    keys = sorted({docs.session_key(it.session_id) for it in shown if it.session_id})
    rows = [docs.session_from(it) for it in await port.find({"_id": {"$in": keys}})]
    ended = {
        row.id
        for row in rows
        if row.revoked_at is not None or semantics.first_covering(row, pending) is not None
    }
    return [reading.reduced(it) if it.session_id in ended else it for it in shown]


# Writes of one document.


async def _unrevoked(port: Port, session_id: str) -> SessionRow | None:
    """A session that has not ended; a deposed primary may answer, but not write."""
    pipeline = reading.session_pipeline(port.place.collection, session_id)
    row = reading.session_in(await port.aggregate(pipeline))
    return row if row is not None and row.revoked_at is None else None


async def touch(
    port: Port, session_id: str, activity: Activity, bound: bool, presented: int | None
) -> bool:
    """See Store.touch."""
    if await _unrevoked(port, session_id) is None:
        return False
    where = {"_id": docs.session_key(session_id), "open": True}
    change: Document = {"$max": {name: getattr(activity, name) for name in ACTIVITY}}
    if bound:
        change["$set"] = {"bound": True}
    writes = [UpdateOne(where, change)]
    if presented is not None:
        marked = {"$set": {"presented": True}}
        writes.append(UpdateOne({**where, "generation": presented}, marked))
    done = await port.write(writes, is_quick=True)
    return bool(done.matched_count)


async def rotate(
    port: Port, session_id: str, expected_generation: int, changes: Columns
) -> SessionRow | None:
    """
    See Store.rotate, without an event: compare and swap.

    An ending that writes the row is seen by the swap. One that covers it in between is as
    if it came afterwards: the row is not written again by anyone, and reads as ended.
    """
    row = await _unrevoked(port, session_id)
    if row is None or row.generation != expected_generation:
        return None
    values = docs.session_values(semantics.changed(row, changes), changes)
    forward = {name: values.pop(name) for name in ACTIVITY if name in values}
    change: dict[str, Any] = {"$set": values, **({"$max": forward} if forward else {})}
    where = {
        "_id": docs.session_key(session_id),
        "open": True,
        "generation": expected_generation,
    }
    written = await port.change_one(where, change)
    return None if written is None else docs.session_from(written, row.device)
