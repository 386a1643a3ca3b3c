"""
Endings: written with their rows, or as a number whose rows follow.

Those whose rows follow are documents of their own. The oldest is the end of each row that
it covers, so that a batch needs no place to go on from: it takes the first rows that are
not written and that no older ending covers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import evolve
from pymongo import ASCENDING, DeleteOne, UpdateMany, UpdateOne

from devsess.lifecycle import counts_as_live
from devsess.models import Page
from devsess.stores import semantics
from devsess.stores.base import ById, Ended, Everyone, OfDevice, OfUser
from devsess.stores.calls import Settled
from devsess.stores.mongodb import documents as docs
from devsess.stores.mongodb import marks as marking

if TYPE_CHECKING:
    from devsess.lifecycle import LivenessCutoffs
    from devsess.stores.base import Ending
    from devsess.stores.mongodb.marks import Marks
    from devsess.stores.mongodb.ports import Document, Port
    from devsess.stores.mongodb.unit import Unit
    from devsess.stores.rows import EventRow, SessionRow
    from devsess.stores.semantics import Covering

# The index of unrevoked rows has this order: a batch is read, and nothing is sorted.
_ORDER = tuple((it, ASCENDING) for it in ("ending_number", "user_id", "device", "id"))


async def end(unit: Unit, ending: Ending) -> Ended:
    """See Store.end."""
    if isinstance(ending.target, Everyone):
        unit.count_apart()
    marked = isinstance(ending.target, OfDevice) and await _mark_device(unit, ending.target)
    ended = await _ended(unit, ending)
    whole = semantics.with_own_event(ended, ending, marked=marked)
    unit.insert_first_events(*ended.events)
    own = whole.events[len(ended.events) :]
    await unit.insert_events(*own)
    users = [event.user_id for event in whole.events]
    if isinstance(ending.target, (OfUser, OfDevice)):
        users.append(ending.target.user_id)
    if isinstance(ending.target, Everyone):
        unit.pass_all_gates()
    else:
        unit.pass_gates(*users)
    return whole


async def _mark_device(unit: Unit, target: OfDevice) -> bool:
    """Block or forget the device; whether there is one."""
    found = await unit.find({"_id": docs.device_key(target.user_id, target.device_id)})
    for it in found:
        unit.put_device(semantics.marked_device(docs.device_from(it), target))
    return bool(found)


async def _ended(unit: Unit, ending: Ending) -> Ended:
    target = ending.target
    if isinstance(target, ById):
        ends = ending.cutoffs.now, ending.reason
        row = await unit.unrevoked(target.session_id, ends)
        rows = [row] if row is not None and semantics.is_targeted(row, target) else []
        return Ended(await _end_now(unit, ending, rows))
    if isinstance(target, OfDevice):
        marks = await unit.marks(target.user_id)
        found = await _open(unit, target)
        return Ended(await _end_now(unit, ending, _unended(found, marks, ending)))
    return await _end_many(unit, ending, target)


async def _end_many(unit: Unit, ending: Ending, target: OfUser | Everyone) -> Ended:
    user_id = target.user_id if isinstance(target, OfUser) else None
    marks = await (unit.everyones_marks() if user_id is None else unit.marks(user_id))
    found = await _open(unit, target, ending.at_once + 1)
    number = await _raise_number(unit, target, marks, ending.cutoffs)
    if len(found) <= ending.at_once:
        return Ended(await _end_now(unit, ending, _unended(found, marks, ending)))
    unit.put(docs.pending_document(semantics.covering_of(number, ending)))
    unit.append_changes([None])
    return Ended(following=number)


async def _open(unit: Unit, target: OfUser | OfDevice | Everyone, limit: int = 0) -> list[Document]:
    """The sessions of the target, and the one to keep, that are not written as ended."""
    # An index is used only for what a question names: the number, of everyone's rows.
    where: Document = {"open": True, "ending_number": {"$gte": 0}}
    if not isinstance(target, Everyone):
        owner = docs.account_key(target.user_id)
        where = {"open": True, "owner": owner, "table": "session"}
    if isinstance(target, OfDevice):
        where["device"] = target.device_id
    return await unit.find(where, limit=limit)


def _unended(found: Sequence[Document], marks: Marks, ending: Ending) -> list[SessionRow]:
    rows = [marks.as_read(docs.session_from(it)) for it in found]
    targeted = [row for row in rows if semantics.is_targeted(row, ending.target)]
    return [row for row in targeted if row.revoked_at is None]


async def _end_now(unit: Unit, ending: Ending, rows: Sequence[SessionRow]) -> tuple[EventRow, ...]:
    at, reason, actor = ending.cutoffs.now, ending.reason, ending.actor
    ids = [row.id for row in rows]
    unit.append_changes([None] if isinstance(ending.target, Everyone) else ids)
    await unit.end_sessions(rows, at, reason, actor)
    live = sorted(
        (row for row in rows if counts_as_live(row, ending.cutoffs)),
        key=lambda row: (row.last_seen_at, row.id),
    )
    return tuple(semantics.end_event_of(row, at, reason, actor) for row in live)


async def _raise_number(
    unit: Unit, target: OfUser | Everyone, marks: Marks, at: LivenessCutoffs
) -> int:
    number = marks.last + 1
    store = {**marks.store, "_id": docs.MARK, "last_number": number}
    if isinstance(target, Everyone):
        cut_off = semantics.next_cut_off(marks.store.get("cut_off"), at)
        unit.put({**store, "number": number, "cut_off": cut_off})
        return number
    unit.put(store)
    cut_off = semantics.next_cut_off(marks.account.get("cut_off"), at)
    unit.put(docs.mark_document(target.user_id, number, cut_off))
    await _spare(unit, target, number)
    return number


async def _spare(unit: Unit, target: OfUser, number: int) -> None:
    """The kept session takes the new number; of a compromised account the trust ends."""
    keep = target.keep or ""
    kept = await unit.unrevoked(keep) if docs.is_text(keep) and keep else None
    if kept is not None and kept.user_id == target.user_id:
        lifted = {"$set": {"ending_number": number}}
        unit.add(UpdateOne({"_id": docs.session_key(kept.id)}, lifted))
        if target.compromised:  # its device changes
            unit.append_changes([kept.id])
    if target.compromised:
        trusted = {"owner": docs.account_key(target.user_id), "table": "device"}
        unit.add(UpdateMany(trusted, {"$set": {"trusted_until": None}}))


# Rows that follow.


def _covered_by(by: Covering, pending: Sequence[Covering]) -> Document:
    """Finds the rows that *by* is the first of *pending* to cover."""
    whose: Document = {"open": True, "ending_number": {"$lt": by.number}}
    if by.user_id is not None:
        whose |= {"owner": docs.account_key(by.user_id), "table": "session"}
    older = marking.uncovered([it for it in pending if it.number < by.number])
    return {"$and": [whose, older]} if older else whose


async def covered(port: Port, number: int, limit: int, cursor: str | None) -> Page[str]:
    """See Store.covered."""
    pending = marking.pending_from(await port.find(docs.PENDING))
    by = next((it for it in pending if it.number == number), None)
    if by is None:
        return Page((), None)
    where: Document = {"$and": [_covered_by(by, pending), marking.was_live(by.cutoffs)]}
    if cursor is not None:
        where["$and"].append({"id": {"$gt": cursor}})
    found = await port.find(where, sort=[("id", ASCENDING)], limit=limit + 1, fields={"id": 1})
    ids = [str(it["id"]) for it in found]
    return Page(tuple(ids[:limit]), ids[limit - 1] if len(ids) > limit else None)


async def settle(unit: Unit, limit: int, own: int | None, before: float) -> Settled:
    """See Store.settle."""
    unit.count_apart()
    pending = marking.pending_from(await unit.find(docs.PENDING))
    chosen = [by for by in pending if by.number == own or by.at <= before]
    for place, by in enumerate(chosen):
        found = await unit.find(_covered_by(by, pending), sort=_ORDER, limit=limit + 1)
        rows = [docs.session_from(it) for it in found[:limit]]
        if len(found) <= limit:
            unit.add(DeleteOne({"_id": f"pending/{by.number}"}))
        if rows:
            events = await _write_covered(unit, by, rows)
            rest = chosen[place + 1 :]
            return Settled(events, len(found) > limit or await _any(unit, rest, pending))
    return Settled()


async def _any(unit: Unit, rest: Sequence[Covering], pending: Sequence[Covering]) -> bool:
    for by in rest:
        if await unit.find(_covered_by(by, pending), limit=1, fields={"id": 1}):
            return True
    return False


async def _write_covered(
    unit: Unit, by: Covering, rows: Sequence[SessionRow]
) -> tuple[EventRow, ...]:
    await unit.end_sessions(rows, by.at, by.reason, by.actor)
    live = [row for row in rows if counts_as_live(row, by.cutoffs)]
    ended = (evolve(row, ip=row.network) for row in live)
    events = tuple(semantics.end_event_of(row, by.at, by.reason, by.actor) for row in ended)
    unit.insert_first_events(*events)
    unit.pass_gates(*(row.user_id for row in live))
    return events
