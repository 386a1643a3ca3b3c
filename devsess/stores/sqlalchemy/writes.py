"""The writes of sessions and devices, each within one transaction: see `unit` for its locks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import mysql, postgresql, sqlite

from devsess.lifecycle import counts_as_live
from devsess.stores import items, semantics
from devsess.stores.base import Inserted, OfDevice, Refused
from devsess.stores.calls import Full
from devsess.stores.rows import EVICTED, REPLACED
from devsess.stores.sqlalchemy import rows
from devsess.stores.sqlalchemy.endings import end_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Insert, Table

    from devsess.lifecycle import Activity
    from devsess.stores.base import Insertion
    from devsess.stores.calls import Columns, InsertAnswer
    from devsess.stores.items import Item
    from devsess.stores.rows import DeviceRow, EventRow, SessionRow
    from devsess.stores.sqlalchemy.unit import Unit


async def insert_session(db: Unit, insertion: Insertion) -> InsertAnswer:
    """See Store.insert."""
    row = insertion.row
    await db.lock(row.user_id)
    if await _is_cut_off(db, insertion):
        return Refused.CUT_OFF
    known = await db.device(row.user_id, row.device.id)
    if known is not None and known.blocked:
        return Refused.BLOCKED
    sessions = db.tables.sessions
    if await db.one(select(sessions.c.id).where(sessions.c.id == row.id)) is not None:
        raise ValueError("there is a session with this id already")
    to_end = await _to_end(db, insertion)
    if isinstance(to_end, Full):
        return to_end
    events = await _make_room(db, insertion, to_end)
    await db.put_device(known, semantics.seen_again(known, row.device))
    await db.insert(sessions, rows.session_values(row))
    await db.insert_events(insertion.events)
    missed = [it.kind for it in insertion.items if not await put_item(db, it)]
    return Inserted(tuple(events), tuple(missed))


async def _is_cut_off(db: Unit, insertion: Insertion) -> bool:
    row, at = insertion.row, insertion.auth_instant
    if not await db.is_current(row.user_id, row.ending_number, insertion.digests):
        return True
    if at is None:
        return False
    marks = (await db.store_mark(), await db.mark(row.user_id))
    return any(semantics.is_cut_off(at, it.cut_off, insertion.cutoffs) for it in marks)


async def _to_end(db: Unit, insertion: Insertion) -> semantics.SessionsToEnd | Full:
    if insertion.limit is None and not insertion.replaces:
        return semantics.SessionsToEnd()
    table = db.tables.sessions
    wanted = [table.c.user_id == insertion.row.user_id, table.c.revoked_at.is_(None)]
    if insertion.limit is None:  # an account may have sessions by the thousand
        wanted.append(table.c.device_id == insertion.row.device.id)
    found = await db.sessions(db.select_sessions(*wanted))
    live = [it for it in found if counts_as_live(it, insertion.cutoffs)]
    return semantics.sessions_to_end(live, insertion)


async def _make_room(
    db: Unit, insertion: Insertion, to_end: semantics.SessionsToEnd
) -> list[EventRow]:
    at = insertion.cutoffs.now
    events = await end_rows(db, to_end.replaced, at, REPLACED, None)
    events += await end_rows(db, to_end.evicted, at, EVICTED, None)
    await db.insert_events(events)
    if to_end.evicted and insertion.limit_event is not None:
        await db.insert_events([insertion.limit_event])
    return events


async def touch(
    db: Unit, session_id: str, activity: Activity, *, bound: bool, presented: int | None
) -> bool:
    """See Store.touch."""
    await db.begin()
    row = await db.unrevoked(session_id)
    if row is None:
        return False
    after = semantics.touched(row, activity, bound=bound, presented=presented)
    await db.change_session(row, after)
    return True


async def rotate(
    db: Unit, session_id: str, expected: int, changes: Columns, event: EventRow | None
) -> SessionRow | None:
    """See Store.rotate."""
    await db.begin()
    if event is not None and await db.is_full(event):
        changes = semantics.without_agent(changes)
    raised = {**changes, "generation": expected + 1}
    row = await _swap(db, session_id, {"generation": expected}, raised)
    if row is not None and semantics.is_heard(changes):
        db.logged.append(row.id)
    if row is not None and event is not None:
        await db.insert_events([event])
    return row


async def change(
    db: Unit, session_id: str, expected: Columns, changes: Columns, event: EventRow
) -> SessionRow | None:
    """See Store.update."""
    await db.begin()
    row = await _swap(db, session_id, expected, changes)
    if row is not None:
        db.logged.append(row.id)
        await db.insert_events([event])
    return row


async def _swap(
    db: Unit, session_id: str, expected: Columns, changes: Columns
) -> SessionRow | None:
    semantics.check_columns(expected, changes)
    row = await db.unrevoked(session_id)
    if row is None or not semantics.holds(row, expected):
        return None
    after = semantics.changed(row, changes)
    await db.change_session(row, after)
    return after


async def set_back(db: Unit, session_id: str, expected: Columns, changes: Columns) -> bool:
    """See Store.set_back."""
    await db.begin()
    row = await db.unrevoked(session_id)
    if row is None or not semantics.holds(row, expected):
        return False
    await db.change_session(row, semantics.corrected(row, changes))
    db.logged.append(row.id)
    return True


async def put_device(
    db: Unit,
    user_id: str,
    device_id: str,
    changes: Columns,
    event: EventRow,
    number: int | None,
) -> DeviceRow | Refused | None:
    """See Store.put_device."""
    if not rows.is_storable(user_id):
        return None
    await db.lock(user_id)
    device = await db.device(user_id, device_id)
    if device is None or device.forgotten:
        return None
    if number is not None and not await db.is_current(user_id, number):
        return Refused.CUT_OFF
    after = semantics.changed_device(device, changes)
    await db.put_device(device, after)
    db.logged += [it.id for it in await of_device(db, OfDevice(user_id, device_id))]
    await db.insert_events([event])
    return after


async def of_device(db: Unit, target: OfDevice) -> list[SessionRow]:
    """The sessions of a device that have not ended."""
    table = db.tables.sessions
    own = (table.c.user_id == target.user_id, table.c.device_id == target.device_id)
    found = await db.sessions(db.select_sessions(*own, table.c.revoked_at.is_(None)))
    return [it for it in found if it.revoked_at is None]


# Items.


def this_item(table: Table, item: Item) -> list[ColumnElement[bool]]:
    """The conditions for one item."""
    return [table.c[name] == getattr(item, name) for name in ("owner", "kind", "key")]


async def put_item(db: Unit, item: Item, most: int = 1) -> bool:
    """See Store.put_item. The versions are compared by the database, and no lock is taken."""
    items.check(item)
    await db.begin()
    table = db.tables.items
    values = rows.item_values(item)
    if item.version == 1:
        is_done = await _is_new(db, table, values)
    else:
        before = table.c.version == item.version - 1
        done = await db.run(update(table).where(*this_item(table, item), before).values(values))
        is_done = done.rowcount == 1
    if not is_done:
        return False
    for each in items.superfluous(await items_of(db, item.kind, item.owner), most):
        await db.run(delete(table).where(*this_item(table, each)))
    return True


async def _is_new(db: Unit, table: Table, values: dict[str, Any]) -> bool:
    """Insert an item, if there is none with its key; whether it was inserted."""
    statement = inserting_new(db.dialect, table).values(values)
    if db.dialect == "postgresql":  # psycopg counts no rows here
        return await db.one(statement.returning(table.c.key)) is not None
    return (await db.run(statement)).rowcount == 1


async def items_of(db: Unit, kind: str, owner: str, limit: int | None = None) -> list[Item]:
    """The items of a kind and owner, the one that lasts longest first."""
    if not (rows.is_storable(owner) and rows.is_storable(kind)):
        return []
    table = db.tables.items
    query = select(table).where(table.c.owner == owner, table.c.kind == kind)
    query = query.order_by(table.c.until.desc(), table.c.key).limit(limit)
    return [rows.item_row(it) for it in await db.all(query)]


async def account_items(db: Unit, user_id: str, kinds: Sequence[str]) -> list[Item]:
    """An account's items of these kinds that have no key."""
    if not (kinds and rows.is_storable(user_id)):
        return []
    table = db.tables.items
    own = (table.c.owner == user_id, table.c.kind.in_(kinds), table.c.key == "")
    return [rows.item_row(it) for it in await db.all(select(table).where(*own))]


def inserting_new(dialect: str, table: Table) -> Insert:
    """An insertion that leaves a row with the same key as it is."""
    if dialect == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    if dialect == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return mysql.insert(table).prefix_with("IGNORE")


async def add_event(db: Unit, event: EventRow) -> None:
    """See Store.add_event."""
    await db.begin()
    await db.insert_events([event])
