"""One bounded batch of cleaning, but for its devices: see `needless`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import and_, case, delete, select, update

from devsess.stores import semantics
from devsess.stores.rows import EXPIRED
from devsess.stores.sqlalchemy.endings import end_rows, uncovered
from devsess.stores.sqlalchemy.rows import finite
from devsess.stores.sqlalchemy.schema import FLOOR, LOG
from devsess.stores.sqlalchemy.unit import chunks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Column, ColumnElement, Row

    from devsess.stores.calls import Retention
    from devsess.stores.sqlalchemy.unit import Unit

    Columns: TypeAlias = Sequence[Column[Any]]


async def purge(db: Unit, retention: Retention, limit: int) -> int:
    """See Store.purge: all of it but the devices, which are deleted last."""
    await db.begin()
    erased = db.tables.erased
    await db.run(delete(erased).where(erased.c.until <= retention.now))
    done = 0
    for step in (_date, _lapse, _delete_sessions, _delete_events, _delete_items):
        if done < limit:
            done += await step(db, retention, limit - done)
    return done + await _trim(db, limit - done)


async def _keys(
    db: Unit,
    key: Columns,
    by: Columns,
    where: ColumnElement[bool],
    limit: int,
) -> Sequence[Row[Any]]:
    """
    The keys of the first rows *by* an index, locked.

    In another order a database may read the whole table, and lock all that could be meant.
    """
    if limit <= 0:
        return ()
    query = select(*key).where(where).order_by(*by, *key).limit(limit)
    return await db.all(query.with_for_update())


async def _date(db: Unit, at: Retention, limit: int) -> int:
    """Put *now* in the place of instants that a clock wrote which was ahead."""
    latest, done = finite(at.latest), 0
    sessions, events, endings = db.tables.sessions, db.tables.events, db.tables.endings
    for key, by in (
        (sessions.c.id, (sessions.c.revoked_at, sessions.c.ending_number)),
        (events.c.seq, (events.c.at,)),
        (endings.c.number, (endings.c.at,)),
    ):
        instant = by[0]
        keys = await _keys(db, (key,), by, instant > latest, limit - done)
        for part in chunks([it[0] for it in keys]):
            await db.run(update(key.table).where(key.in_(part)).values({instant.name: at.now}))
        done += len(keys)
    return done + await _date_devices(db, at, limit - done)


async def _date_devices(db: Unit, at: Retention, limit: int) -> int:
    table = db.tables.devices
    first, last = table.c.first_seen_at, table.c.last_seen_at
    is_ahead = last > finite(at.latest)
    # Its two instants alone: its owner may change the rest meanwhile.
    dated = {"first_seen_at": case((first > at.now, at.now), else_=first), "last_seen_at": at.now}
    keys = await _keys(db, (table.c.user_id, table.c.id), (last,), is_ahead, limit)
    for user_id, device_id in keys:
        own = db.this_device(user_id, device_id)
        await db.run(update(table).where(own, is_ahead).values(dated))
    return len(keys)


async def _lapse(db: Unit, at: Retention, limit: int) -> int:
    """Write what is past its deadline as ended then."""
    table = db.tables.sessions
    passed = and_(table.c.revoked_at.is_(None), table.c.idle_expires_at <= at.now)
    free = uncovered(db, await db.pending())
    first = [table.c.idle_expires_at]
    if db.dialect == "postgresql":  # which does not see that the first column of the index is given
        first.insert(0, table.c.revoked_at)
    found = await db.stored(db.select_sessions(passed, free).order_by(*first).limit(limit))
    for row in found:
        await end_rows(db, [row], row.idle_expires_at, EXPIRED, None, is_logged=False)
    return len(found)


async def _delete_sessions(db: Unit, at: Retention, limit: int) -> int:
    table, devices = db.tables.sessions, db.tables.devices
    first = (table.c.revoked_at, table.c.ending_number)
    query = db.select_sessions(table.c.revoked_at < at.before).order_by(*first)
    old = await db.stored(query.limit(limit))
    for part in chunks([row.id for row in old]):
        await db.run(delete(table).where(table.c.id.in_(part)))
    for user_id, device_id in sorted({(row.user_id, row.device.id) for row in old}):
        own = db.this_device(user_id, device_id)
        bare = update(devices).where(own, devices.c.last_seen_at < at.before)
        await db.run(bare.values(network=None))
    return len(old)


async def _delete_events(db: Unit, at: Retention, limit: int) -> int:
    table = db.tables.events
    keys = await _keys(db, (table.c.seq,), (table.c.at,), table.c.at < at.before, limit)
    for part in chunks([it[0] for it in keys]):
        await db.run(delete(table).where(table.c.seq.in_(part)))
    return len(keys)


async def _delete_items(db: Unit, at: Retention, limit: int) -> int:
    table, done = db.tables.items, 0
    key = (table.c.owner, table.c.kind, table.c.key)
    is_over = table.c.until <= at.now
    for found in await _keys(db, key, (table.c.until,), is_over, limit):
        own = (column == it for column, it in zip(key, found, strict=True))
        done += (await db.run(delete(table).where(*own, is_over))).rowcount
    return done


async def _trim(db: Unit, limit: int) -> int:
    """Cut the log to its newest entries; a position before them means ALL."""
    first, last = await db.counter(FLOOR), await db.counter(LOG)
    done = max(0, min(last - first - semantics.LOG_KEPT, limit))
    if done:
        table = db.tables.log
        floor = await db.raise_counter(FLOOR, done)
        await db.run(delete(table).where(table.c.seq <= floor))
    return done
