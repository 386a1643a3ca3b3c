"""
The events of all accounts, for programs that ask again and again.

Why no event is missed that is committed out of order: each is written by a transaction that also
writes its account's gate, so that at one gate the places are in the order of the commits. The gates
are read first, and then the events up to the places that they had given: these are all committed.
A position has the place of each gate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.models import Page
from devsess.stores.mongodb import documents as docs
from devsess.stores.mongodb import marks as marking
from devsess.stores.mongodb import queries
from devsess.stores.polled import check_given, read_places, readable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devsess.stores.mongodb.ports import Document, Port
    from devsess.stores.rows import EventRow

_IN_ORDER = [("place", 1)]


async def poll(port: Port, position: str | None, limit: int) -> Page[EventRow]:
    """See SupportsPolling.poll."""
    behind = read_places(position, docs.GATES)
    given = await _given(port)
    check_given(behind, given)
    grown = [gate for gate in range(docs.GATES) if given[gate] > behind[gate]]
    if not grown:
        return Page((), _text(behind))
    pending = marking.pending_from(await port.find(docs.PENDING))
    parts = [_between(gate, behind[gate], given[gate]) for gate in grown]
    found = await port.find({"$or": parts}, sort=_IN_ORDER, limit=limit)
    last = int(found[-1]["place"]) if len(found) == limit else None
    for gate in grown:
        reached = given[gate] if last is None else min(given[gate], last)
        behind[gate] = max(behind[gate], reached)
    events: Sequence[EventRow] = readable(((it["place"], it) for it in found), docs.event_from)
    if pending and events:
        events = await queries.as_covered(port, pending, events)
    return Page(tuple(events), _text(behind))


async def _given(port: Port) -> list[int]:
    """The highest place that each gate has given."""
    found = await port.find({"_id": {"$in": docs.ALL_GATES}})
    last = {it["_id"]: int(it["last"]) for it in found}
    return [docs.last_place(gate, last.get(key, 0)) for gate, key in enumerate(docs.ALL_GATES)]


def _between(gate: int, behind: int, given: int) -> Document:
    return {"table": "event", "gate": gate, "place": {"$gt": behind, "$lte": given}}


def _text(places: Sequence[int]) -> str:
    return ",".join(map(str, places))
