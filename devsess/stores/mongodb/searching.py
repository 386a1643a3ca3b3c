"""
Search over all accounts: through one index, the newest first, a bounded number of rows a call.

The endings whose rows follow are read before the rows: one that is settled in between has written
them by then.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from devsess.models import Page
from devsess.stores import searching, semantics
from devsess.stores.mongodb import documents as docs
from devsess.stores.mongodb import marks as marking
from devsess.stores.mongodb import queries
from devsess.stores.rows import EventRow, SessionRow
from devsess.stores.searching import Filter

if TYPE_CHECKING:
    from devsess.lifecycle import LivenessCutoffs
    from devsess.stores.mongodb.ports import Document, Port
    from devsess.stores.searching import Place, QueuePlace
    from devsess.stores.semantics import Covering

_NEWEST: Document = {"created_at": -1, "id": -1}
_FOREMOST: Document = {"queued": -1, "created_at": -1, "id": -1}


async def search(
    port: Port,
    wanted: Filter,
    cutoffs: LivenessCutoffs,
    limit: int,
    cursor: Place | None,
    looked: int,
) -> Page[SessionRow]:
    """See SupportsSearch.search."""
    pending = await _pending(port)
    where = _indexed(wanted, cutoffs, wanted.before(cursor))
    rest = _rest(wanted, cutoffs, pending)
    rows, last = await _looked_at(port, where, _NEWEST, rest, limit, looked)
    return await _page(port, pending, rows, last, limit, _cursor)


async def count(
    port: Port, wanted: Filter, cutoffs: LivenessCutoffs, most: int, looked: int
) -> int:
    """See SupportsSearch.count."""
    where = _indexed(wanted, cutoffs, wanted.before(None))
    if await _counted(port, where, {}, looked + 1) > looked:
        return most + 1
    return await _counted(port, where, _rest(wanted, cutoffs, await _pending(port)), most + 1)


async def queue(
    port: Port,
    at_least: int,
    cutoffs: LivenessCutoffs,
    limit: int,
    cursor: QueuePlace | None,
    looked: int,
) -> Page[SessionRow]:
    """See SupportsSearch.queue."""
    pending = await _pending(port)
    where: Document = {"queued": {"$gte": at_least}}
    if cursor is not None:
        score, created_at, session_id = cursor
        behind = {"$or": [{"queued": {"$lt": score}}, _behind((created_at, session_id))]}
        where = {"$and": [{"queued": {"$gte": at_least, "$lte": score}}, behind]}
    rest = {"open": True, **marking.was_live(cutoffs), **marking.uncovered(pending)}
    rows, last = await _looked_at(port, where, _FOREMOST, rest, limit, looked)
    return await _page(port, pending, rows, last, limit, _queue_cursor)


async def acts(port: Port, limit: int, before: int | None) -> Page[EventRow]:
    """See SupportsSearch.acts."""
    pending = await _pending(port)
    where: Document = {"act": True, "place": {"$gte": 0}}
    if before is not None:
        where["place"]["$lt"] = before
    found = await port.find(where, sort=[("place", -1)], limit=limit + 1)
    events = [docs.event_from(it) for it in found[:limit]]
    following = str(found[limit - 1]["place"]) if len(found) > limit else None
    if pending:
        events = await queries.as_covered(port, pending, events)
    return Page(tuple(events), following)


async def _pending(port: Port) -> list[Covering]:
    return marking.pending_from(await port.find(docs.PENDING))


def _behind(place: Place) -> Document:
    created_at, session_id = place
    older = {"$or": [{"created_at": {"$lt": created_at}}, {"id": {"$lt": session_id}}]}
    return {"$and": [{"created_at": {"$lte": created_at}}, older]}


def _indexed(wanted: Filter, at: LivenessCutoffs, before: Place) -> Document:
    """The part of *wanted* that its index finds: whose they are, and when they began."""
    named: Document = {"table": "session"}
    if wanted.user_id is not None:
        named["owner"] = docs.account_key(wanted.user_id)
    elif wanted.device_id is not None:
        named["device"] = wanted.device_id
    elif wanted.network is not None:
        named["network"] = wanted.network
    # No condition names an infinity: of the servers that only speak the protocol one knows none.
    since, (until, session_id) = wanted.after(at)[0], before
    if since != -math.inf:
        named["created_at"] = {"$gte": since}
    if session_id:
        return {"$and": [named, _behind(before)]}
    if until != math.inf:
        named.setdefault("created_at", {})["$lt"] = until
    return named


def _rest(wanted: Filter, at: LivenessCutoffs, pending: Sequence[Covering]) -> Document:
    """The conditions on each row that is looked at."""
    rest: list[Document] = []
    if wanted.device_id is not None:
        rest.append({"device": wanted.device_id})
    if wanted.network is not None:
        rest.append({"network": wanted.network})
    is_open: Document = {"open": True, **marking.uncovered(pending)}
    has_ended = [{"open": {"$exists": False}}, *marking.covered(pending)]
    if wanted.ip is not None:
        hidden = {"$and": [{"network": wanted.ip}, {"$or": has_ended}]}
        rest.append({"$or": [is_open | {"ip": wanted.ip}, hidden]})
    if wanted.is_ended:
        rest.append({"$or": [*has_ended, *marking.was_over(at)]})
    if wanted.is_ended is False:
        rest.append(is_open | marking.was_live(at))
    return {"$and": rest} if rest else {}


async def _looked_at(
    port: Port, where: Document, order: Document, rest: Document, limit: int, looked: int
) -> tuple[list[Document], Document | None]:
    """
    The foremost rows that fit *rest* too, one more than a page, of so many that are looked at.

    And the last of those, if there may be more behind it and the page is short.
    """
    index: list[Document] = [{"$match": where}, {"$sort": order}]
    found = await port.aggregate(
        [*index, {"$limit": looked}, {"$match": rest}, {"$limit": limit + 1}]
    )
    if len(found) > limit:
        return found, None
    last = await port.aggregate(
        [*index, {"$skip": looked - 1}, {"$limit": 1}, {"$project": dict.fromkeys(_PLACE, 1)}]
    )
    return found, last[0] if last else None


_PLACE = ("created_at", "id", "queued")


async def _page(
    port: Port,
    pending: Sequence[Covering],
    found: Sequence[Document],
    last: Document | None,
    limit: int,
    cursor_of: Callable[[Document], str],
) -> Page[SessionRow]:
    keys = sorted({str(it["device_key"]) for it in found})
    devices = {it["_id"]: docs.device_from(it) for it in await port.find({"_id": {"$in": keys}})}
    rows = [
        _as_read(docs.session_from(it, devices[it["device_key"]]), pending)
        for it in found[:limit]
        if it["device_key"] in devices
    ]
    if len(found) > limit:
        last = found[limit - 1]
    return Page(tuple(rows), None if last is None else cursor_of(last))


def _cursor(last: Document) -> str:
    return searching.cursor_of((float(last["created_at"]), str(last["id"])))


def _queue_cursor(last: Document) -> str:
    return searching.cursor_of((int(last["queued"]), float(last["created_at"]), str(last["id"])))


def _as_read(row: SessionRow, pending: Sequence[Covering]) -> SessionRow:
    by = semantics.first_covering(row, pending)
    return row if by is None else semantics.as_covered(row, by)


async def _counted(port: Port, where: Document, rest: Document, most: int) -> int:
    """How many there are, at most *most*."""
    one = {"$group": {"_id": None, "count": {"$sum": 1}}}
    found = await port.aggregate([{"$match": where}, {"$match": rest}, {"$limit": most}, one])
    return int(found[0]["count"]) if found else 0
