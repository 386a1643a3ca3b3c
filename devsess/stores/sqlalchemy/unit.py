"""
One call's reads and writes over one connection.

Why no two writes of an account outrun each other: each that depends on its numbers, limit or
devices takes the lock of the account's share, and an ending of everyone takes all of them. Sessions
that are read to be written are locked too. Most calls lock shares first, by their number, then draw
a number, then lock sessions, and the log at the very end. Some lock sessions in several passes:
where two calls meet in a circle, the database undoes one of them, and that one is tried again.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Select, and_, bindparam, func, insert, select, text, update

from devsess.stores import semantics
from devsess.stores.accounts import Mark
from devsess.stores.sqlalchemy import rows
from devsess.stores.sqlalchemy.errors import EmptiedError
from devsess.stores.sqlalchemy.schema import DRAWN, SLOTS, Tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement, CursorResult, Executable, Row, Table

    from devsess.stores.rows import DeviceRow, EventRow, SessionRow
    from devsess.stores.semantics import Covering
    from devsess.stores.sqlalchemy.ports import Execute, Values

T = TypeVar("T")

# Rows that one statement names.
CHUNK = 500


class Unit:
    """
    The statements of one call over one connection, its locks, and what it has to log.

    Attributes:
        tables: The store's.
        dialect: The database's.
        is_write: Whether sessions that are read are locked.
        waits: Whether it waits for sessions that others have locked.
        logged: Ids of the sessions to be logged; None stands for all.
    """

    def __init__(
        self,
        tables: Tables,
        execute: Execute,
        dialect: str,
        *,
        is_write: bool,
        waits: bool = True,
    ) -> None:
        self.tables, self.dialect = tables, dialect
        self.is_write, self.waits = is_write, waits
        self.logged: list[str | None] = []
        self._execute = execute

    async def run(self, statement: Executable, values: Values = None) -> CursorResult[Any]:
        """The result of a statement."""
        return await self._execute(statement, values)

    async def all(self, statement: Executable) -> Sequence[Row[Any]]:
        """The rows of a statement."""
        return (await self._execute(statement)).all()

    async def one(self, statement: Executable) -> Row[Any] | None:
        """The first row of a statement, or None."""
        return (await self._execute(statement)).first()

    async def insert(self, table: Table, *values: dict[str, Any]) -> None:
        """Insert rows."""
        if values:
            await self._execute(insert(table), [*values])

    # Locks.

    async def lock(self, user_id: str) -> None:
        """Take the lock of an account's share."""
        locks = self.tables.locks
        await self._lock(locks.c.slot == _slot(user_id))

    async def lock_all(self) -> None:
        """Take the locks of all accounts."""
        await self._lock(self.tables.locks.c.slot >= 0)

    async def lock_free(self, user_ids: Iterable[str]) -> set[str]:
        """Take the locks of the accounts' shares that nobody holds; those accounts."""
        slots = {user_id: _slot(user_id) for user_id in user_ids}
        if self.dialect == "sqlite":
            await self.begin()
            return {*slots}
        slot = self.tables.locks.c.slot
        query = select(slot).where(slot.in_(sorted({*slots.values()}))).order_by(slot)
        taken = {it[0] for it in await self.all(query.with_for_update(skip_locked=True))}
        return {user_id for user_id, own in slots.items() if own in taken}

    async def _lock(self, which: ColumnElement[bool]) -> None:
        slot = self.tables.locks.c.slot
        if self.dialect == "sqlite":  # any write takes the lock of the file
            taken = (await self.run(update(slot.table).where(which).values(slot=slot))).rowcount
        else:
            query = select(slot).where(which).order_by(slot).with_for_update()
            taken = len(await self.all(query))
        if not taken:
            raise EmptiedError

    async def begin(self) -> None:
        """Begin a write that takes no account's lock: on SQLite before it reads."""
        if self.dialect != "sqlite":
            return
        file = self.tables.locks.c.slot == 0
        if self.waits:
            await self._lock(file)
            return
        patience = await self.one(text("PRAGMA busy_timeout"))
        await self.run(text("PRAGMA busy_timeout = 0"))
        try:
            await self._lock(file)
        finally:
            await self.run(text(f"PRAGMA busy_timeout = {patience[0] if patience else 0:d}"))

    # Numbers and marks.

    async def store_mark(self) -> Mark:
        """The latest ending of everyone."""
        meta = self.tables.meta
        found = await self.one(select(meta.c.ending_number, meta.c.cut_off))
        return Mark() if found is None else Mark(*found)

    async def mark(self, user_id: str) -> Mark:
        """The latest ending of an account."""
        table = self.tables.accounts
        query = select(table.c.ending_number, table.c.cut_off).where(table.c.user_id == user_id)
        found = await self.one(query)
        return Mark() if found is None else Mark(*found)

    async def put_mark(self, user_id: str | None, mark: Mark) -> None:
        """Write the latest ending of an account, or of everyone; the lock is taken."""
        values: dict[str, Any] = {"ending_number": mark.number, "cut_off": mark.cut_off}
        if user_id is None:
            await self.run(update(self.tables.meta).values(values))
            return
        table = self.tables.accounts
        own = table.c.user_id == user_id
        if await self.one(select(table.c.user_id).where(own)) is None:
            await self.insert(table, {"user_id": user_id, **values})
        else:
            await self.run(update(table).where(own).values(values))

    async def ending_number(self, user_id: str, digests: Iterable[bytes] = ()) -> int:
        """See Store.ending_number."""
        erased = self.tables.erased
        keys = [it.hex() for it in digests]
        numbers = [(await self.store_mark()).number]
        if rows.is_storable(user_id):
            numbers.append((await self.mark(user_id)).number)
        if keys:
            query = select(erased.c.ending_number).where(erased.c.digest.in_(keys))
            numbers += [it[0] for it in await self.all(query)]
        return max(numbers)

    async def is_current(self, user_id: str, number: int, digests: Iterable[bytes] = ()) -> bool:
        """Whether *number* was drawn here, and no ending that binds the account came after it."""
        latest = await self.ending_number(user_id, digests)
        return latest <= number and number <= await self.counter(DRAWN)

    async def counter(self, name: str) -> int:
        """The value of a counter."""
        table = self.tables.counters
        found = await self.one(select(table.c.value).where(table.c.name == name))
        return 0 if found is None else int(found[0])

    async def raise_counter(self, name: str, by: int = 1) -> int:
        """Raise a counter, which is locked from here on; its value."""
        table = self.tables.counters
        at = table.c.name == name
        await self.run(update(table).where(at).values(value=table.c.value + by))
        return await self.counter(name)

    async def draw(self) -> int:
        """The next ending number."""
        return await self.raise_counter(DRAWN)

    # Sessions and devices.

    async def pending(self) -> list[Covering]:
        """Endings whose rows follow, oldest first."""
        found = await self.all(_endings(self.tables))
        return [rows.covering_row(it) for it in found]

    def select_sessions(self, *where: ColumnElement[bool]) -> Select[Any]:
        """The query for sessions, each with its device."""
        return _sessions(self.tables).where(*where)

    async def stored(
        self, query: Select[Any], values: dict[str, Any] | None = None
    ) -> list[SessionRow]:
        """Sessions as they are written; of a write, locked."""
        if self.is_write:  # SQLite ignores it: there the whole file is locked
            own = self.tables.sessions
            query = query.order_by(own.c.id).with_for_update(of=own, nowait=not self.waits)
        return [rows.session_row(it) for it in (await self.run(query, values)).all()]

    async def sessions(
        self, query: Select[Any], values: dict[str, Any] | None = None
    ) -> list[SessionRow]:
        """
        Sessions as they read.

        Of a read, the endings come first: were they read last, a row that is settled in between
        would look live. Of a write the rows are locked, and nobody settles them.
        """
        pending = [] if self.is_write else await self.pending()
        found = await self.stored(query, values)
        if self.is_write and any(it.revoked_at is None for it in found):
            pending = await self.pending()
        ends = [(row, semantics.first_covering(row, pending)) for row in found]
        return [row if by is None else semantics.as_covered(row, by) for row, by in ends]

    async def session(self, session_id: str) -> SessionRow | None:
        """A session as it reads, or None."""
        if not rows.is_storable(session_id):
            return None
        found = await self.sessions(_one_session(self.tables), {"session": session_id})
        return next(iter(found), None)

    async def unrevoked(self, session_id: str) -> SessionRow | None:
        """A session that has not ended, or None."""
        row = await self.session(session_id)
        return None if row is None or row.revoked_at is not None else row

    async def change_session(self, before: SessionRow, after: SessionRow) -> None:
        """Write what *after* has changed in a session."""
        table = self.tables.sessions
        old, new = rows.session_values(before), rows.session_values(after)
        changes = {name: it for name, it in new.items() if it != old[name]}
        if changes:
            await self.run(update(table).where(table.c.id == before.id).values(changes))

    def this_device(self, user_id: str, device_id: str) -> ColumnElement[bool]:
        """The condition for one device."""
        table = self.tables.devices
        return and_(table.c.user_id == user_id, table.c.id == device_id)

    async def devices(self, *where: ColumnElement[bool]) -> list[DeviceRow]:
        """Devices."""
        found = await self.all(select(self.tables.devices).where(*where))
        return [rows.device_row(it) for it in found]

    async def device(self, user_id: str, device_id: str) -> DeviceRow | None:
        """A device, or None."""
        if not (rows.is_storable(user_id) and rows.is_storable(device_id)):
            return None
        return next(iter(await self.devices(self.this_device(user_id, device_id))), None)

    async def put_device(self, before: DeviceRow | None, after: DeviceRow) -> None:
        """Write a device in the place of *before*."""
        table, new = self.tables.devices, rows.device_values(after)
        if before is None:
            await self.insert(table, new)
        elif before != after:
            at = self.this_device(after.user_id, after.id)
            await self.run(update(table).where(at).values(new))

    # The history.

    async def insert_events(self, events: Sequence[EventRow]) -> None:
        """Append to the history, as far as there is room for it."""
        if not events:
            return
        counts = await self._counts(events)
        kept = []
        for event in events:
            key = alike(event)
            counts[key] = counts.get(key, 0) + 1
            if counts[key] <= semantics.EVENTS_EACH:
                kept.append(rows.event_values(event))
        await self.insert(self.tables.events, *kept)

    async def is_full(self, event: EventRow) -> bool:
        """Whether the history has as many events of this kind as it may."""
        return (await self._counts([event])).get(alike(event), 0) >= semantics.EVENTS_EACH

    async def _counts(self, events: Sequence[EventRow]) -> dict[tuple[str, str, bool], int]:
        """How many there are of each kind among *events*."""
        table = self.tables.events
        of_sessions = {it.session_id for it in events if it.session_id is not None}
        of_accounts = {it.user_id for it in events if it.session_id is None}
        found: dict[tuple[str, str, bool], int] = {}
        for column, ids in ((table.c.session_id, of_sessions), (table.c.user_id, of_accounts)):
            is_session = column is table.c.session_id
            for part in chunks(sorted(ids)):
                query = select(table.c.type, column, func.count()).where(column.in_(part))
                if not is_session:
                    query = query.where(table.c.session_id.is_(None))
                for kind, key, count in await self.all(query.group_by(table.c.type, column)):
                    found[kind, key, is_session] = count
        return found

    async def reduce_events(self, session_ids: Sequence[str]) -> None:
        """Reduce the addresses in these sessions' events to their networks."""
        table = self.tables.events
        for part in chunks(session_ids):
            is_whole = table.c.ip.is_distinct_from(table.c.network)
            query = update(table).where(table.c.session_id.in_(part), is_whole)
            await self.run(query.values(ip=table.c.network))


# Made once: to make a statement of fifty columns costs more than to run it.
@lru_cache(maxsize=128)
def _sessions(tables: Tables) -> Select[Any]:
    sessions, devices = tables.sessions, tables.devices
    own = [devices.c[name].label(f"d_{name}") for name in rows.DEVICE]
    at = and_(devices.c.user_id == sessions.c.user_id, devices.c.id == sessions.c.device_id)
    query = select(*(sessions.c[it] for it in rows.SESSION), *own)
    return query.select_from(sessions.outerjoin(devices, at))


@lru_cache(maxsize=128)
def _one_session(tables: Tables) -> Select[Any]:
    return _sessions(tables).where(tables.sessions.c.id == bindparam("session"))


@lru_cache(maxsize=128)
def _endings(tables: Tables) -> Select[Any]:
    return select(tables.endings).order_by(tables.endings.c.number)


def _slot(user_id: str) -> int:
    """The share of an account."""
    return zlib.crc32(user_id.encode()) % SLOTS


def alike(event: EventRow) -> tuple[str, str, bool]:
    """The key of events of which the history keeps so many: of a session, or of an account."""
    own = event.session_id
    return (event.type.value, event.user_id if own is None else own, own is not None)


def chunks(ids: Sequence[T], size: int = CHUNK) -> list[Sequence[T]]:
    """*ids* in parts that a statement can name."""
    return [ids[at : at + size] for at in range(0, len(ids), size)]
