"""The writes of the protocol that end nobody but to make room, each inside a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from devsess.lifecycle import counts_as_live
from devsess.stores import counting, semantics
from devsess.stores.base import Erasure, Inserted, Refused
from devsess.stores.calls import Full
from devsess.stores.mongodb import documents as docs
from devsess.stores.mongodb import items, reading
from devsess.stores.mongodb import marks as marking
from devsess.stores.mongodb.unit import asked_with
from devsess.stores.rows import EVICTED, REPLACED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from devsess.stores.base import Insertion
    from devsess.stores.calls import Columns, InsertAnswer
    from devsess.stores.mongodb.marks import Marks
    from devsess.stores.mongodb.ports import Document
    from devsess.stores.mongodb.unit import Unit
    from devsess.stores.rows import DeviceRow, EventRow, SessionRow


async def insert(unit: Unit, insertion: Insertion) -> InsertAnswer:
    """Write a session; everything that may refuse it is asked before anything is written."""
    row = insertion.row
    found = await unit.find({"$or": _asked(insertion, unit.asked_for(insertion.row))})
    marks = marking.marks_from(found)
    known = _device(found, row.device.id)
    if _is_refused(marks, insertion):
        return Refused.CUT_OFF
    if known is not None and known.blocked:
        return Refused.BLOCKED
    if any(it["_id"] == docs.session_key(row.id) for it in found):
        raise ValueError("there is a session with this id already")
    to_end = semantics.sessions_to_end(_live(found, marks, insertion), insertion)
    if isinstance(to_end, Full):
        return await _whole(unit, to_end)
    events = await _make_room(unit, to_end, insertion)
    unit.put_device(semantics.seen_again(known, row.device))
    unit.put_session(row, insertion.cutoffs.now)
    unit.counts_of(row.user_id).began(row)
    unit.insert_first_events(*insertion.events)
    unit.pass_gates(row.user_id)
    return Inserted(events, items.put_all(unit, insertion.items, found))


def _asked(insertion: Insertion, counts: Sequence[str]) -> list[Document]:
    row = insertion.row
    device, session = docs.device_key(row.user_id, row.device.id), docs.session_key(row.id)
    keys = asked_with(device, session, docs.gate_key(row.user_id), *counts)
    asked = [docs.bound_by(row.user_id, insertion.digests), keys]
    if insertion.limit is not None or insertion.replaces:
        own = {"owner": docs.account_key(row.user_id), "table": "session", "open": True}
        # Without a limit those of one device alone: an account may have sessions by the thousand.
        asked.append(own if insertion.limit is not None else own | {"device": row.device.id})
    return asked + items.asked(insertion.items)


def _device(found: Sequence[Document], device_id: str) -> DeviceRow | None:
    devices = [it for it in found if it.get("table") == "device" and it["id"] == device_id]
    return docs.device_from(devices[0]) if devices else None


def _is_refused(marks: Marks, insertion: Insertion) -> bool:
    if not marks.is_latest(insertion.row.ending_number):
        return True
    signed_in_at = insertion.auth_instant
    return signed_in_at is not None and any(
        semantics.is_cut_off(signed_in_at, mark.get("cut_off"), insertion.cutoffs)
        for mark in (marks.store, marks.account)
    )


def _live(found: Sequence[Document], marks: Marks, insertion: Insertion) -> list[SessionRow]:
    """The account's live sessions, if they were asked for; with stand-ins for devices."""
    open_ones = [it for it in found if it.get("table") == "session" and it.get("open")]
    rows = [marks.as_read(docs.session_from(it)) for it in open_ones]
    return [row for row in rows if counts_as_live(row, insertion.cutoffs)]


async def _whole(unit: Unit, full: Full) -> Full:
    keys = [docs.device_key(row.user_id, row.device.id) for row in full.rows]
    devices = [docs.device_from(it) for it in await unit.find({"_id": {"$in": keys}})]
    return Full(
        tuple(
            evolve(row, device=reading.with_device({"device": row.device.id}, devices))
            for row in full.rows
        )
    )


async def _make_room(
    unit: Unit, to_end: semantics.SessionsToEnd, insertion: Insertion
) -> tuple[EventRow, ...]:
    now = insertion.cutoffs.now
    events: list[EventRow] = []
    for rows, reason in ((to_end.replaced, REPLACED), (to_end.evicted, EVICTED)):
        await unit.end_sessions(rows, now, reason, None)
        unit.append_changes([row.id for row in rows])
        events += [semantics.end_event_of(row, now, reason, None) for row in rows]
    unit.insert_first_events(*events)
    if to_end.evicted and insertion.limit_event is not None:
        await unit.insert_events(insertion.limit_event)
    return tuple(events)


async def rotate(
    unit: Unit, session_id: str, expected: Columns, changes: Columns, event: EventRow | None
) -> SessionRow | None:
    """Swap, and insert the event; with the last one of its kind, the agent stays."""
    if event is not None and await unit.is_full(event):
        changes = semantics.without_agent(changes)
    row = await _swap(unit, session_id, expected, changes)
    if row is None:
        return None
    if semantics.is_heard(changes):
        unit.append_changes([row.id])
    events = [] if event is None else [event]
    await unit.insert_events(*events)
    unit.pass_gates(row.user_id, *(it.user_id for it in events))
    return row


async def update(
    unit: Unit, session_id: str, expected: Columns, changes: Columns, event: EventRow
) -> SessionRow | None:
    """Swap, append it to the log, and insert its event."""
    row = await _swap(unit, session_id, expected, changes)
    if row is not None:
        unit.append_changes([row.id])
        await unit.insert_events(event)
        unit.pass_gates(row.user_id, event.user_id)
    return row


async def _swap(
    unit: Unit, session_id: str, expected: Columns, changes: Columns
) -> SessionRow | None:
    row = await unit.unrevoked(session_id)
    if row is None or not semantics.holds(row, expected):
        return None
    row = semantics.changed(row, changes)
    unit.change_session(row, changes)
    return row


async def set_back(unit: Unit, session_id: str, expected: Columns, changes: Columns) -> bool:
    """See Store.set_back."""
    row = await unit.unrevoked(session_id)
    if row is None or not semantics.holds(row, expected):
        return False
    unit.change_session(semantics.corrected(row, changes), changes)
    unit.append_changes([row.id])
    return True


async def put_device(
    unit: Unit,
    user_id: str,
    device_id: str,
    changes: Columns,
    event: EventRow,
    number: int | None,
) -> DeviceRow | Refused | None:
    """Change a device that is not forgotten, and append its unrevoked sessions to the log."""
    sessions = {"owner": docs.account_key(user_id), "table": "session", "open": True}
    keys = asked_with(docs.device_key(user_id, device_id), docs.gate_key(user_id))
    found = await unit.find(
        {"$or": [docs.bound_by(user_id), keys, sessions | {"device": device_id}]}
    )
    marks, device = marking.marks_from(found), _device(found, device_id)
    if device is None or device.forgotten:
        return None
    if number is not None and not marks.is_latest(number):
        return Refused.CUT_OFF
    device = semantics.changed_device(device, changes)
    rows = [docs.session_from(it) for it in found if it.get("table") == "session"]
    unit.append_changes([it.id for it in map(marks.as_read, rows) if it.revoked_at is None])
    unit.put_device(device)
    await unit.insert_events(event)
    unit.pass_gates(user_id)
    return device


async def add_event(unit: Unit, event: EventRow) -> None:
    """See Store.add_event."""
    await unit.insert_events(event)
    unit.pass_gates(event.user_id)


async def erase(unit: Unit, erasure: Erasure) -> int:
    """See Store.erase."""
    user_id, owner = erasure.user_id, docs.account_key(erasure.user_id)
    marks = await unit.marks(user_id)
    sessions = await unit.find({"owner": owner, "table": "session"})
    await unit.count_ends(_erased(map(docs.session_from, sessions), marks, erasure))
    deleted = await unit.delete({"owner": owner})
    deleted += await unit.delete({"user_id": user_id, "table": "event"})
    deleted += await unit.delete({"binds": owner, "table": "mark"})
    await unit.forget_account(user_id)
    number = marks.last + 1
    for digest in erasure.digests:
        unit.put(docs.erased_document(digest, number, erasure.until))
    unit.put({**marks.store, "_id": docs.MARK, "last_number": number})
    unit.append_changes(sorted(str(it["id"]) for it in sessions))
    unit.pass_gates(user_id)
    return deleted


def _erased(rows: Iterable[SessionRow], marks: Marks, erasure: Erasure) -> list[SessionRow]:
    """Those that are not written as ended, as their erasure ends them; or what covers them did."""
    found = []
    for row in rows:
        by = semantics.first_covering(row, marks.pending)
        if by is not None:
            found.append(semantics.as_covered(row, by))
        elif row.revoked_at is None:
            found.append(counting.erased(row, erasure.at))
    return found
