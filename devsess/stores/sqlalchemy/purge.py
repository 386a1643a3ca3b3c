"""One bounded batch of cleaning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve
from sqlalchemy import and_, delete, exists, or_, select, update

from devsess.stores import semantics
from devsess.stores.rows import EXPIRED
from devsess.stores.sqlalchemy.endings import end_rows, uncovered
from devsess.stores.sqlalchemy.rows import finite
from devsess.stores.sqlalchemy.schema import FLOOR, LOG
from devsess.stores.sqlalchemy.unit import chunks

if TYPE_CHECKING:
    from sqlalchemy import Column, ColumnElement

    from devsess.stores.calls import Retention
    from devsess.stores.sqlalchemy.unit import Unit


async def purge(db: Unit, retention: Retention, limit: int) -> int:
    """See Store.purge."""
    await db.begin()
    erased = db.tables.erased
    await db.run(delete(erased).where(erased.c.until <= retention.now))
    done = 0
    for step in (_date, _lapse, _delete_sessions, _delete_events, _delete_devices, _delete_items):
        if done < limit:
            done += await step(db, retention, limit - done)
    return done + await _trim(db, limit - done)


async def _keys(db: Unit, key: Column[Any], where: ColumnElement[bool], limit: int) -> list[Any]:
    """The keys of the first rows, locked."""
    query = select(key).where(where).order_by(key).limit(limit).with_for_update()
    return [it[0] for it in await db.all(query)] if limit > 0 else []


async def _deleted(db: Unit, key: Column[Any], where: ColumnElement[bool], limit: int) -> int:
    """Delete the first rows; how many."""
    keys = await _keys(db, key, where, limit)
    for part in chunks(keys):
        await db.run(delete(key.table).where(key.in_(part)))
    return len(keys)


async def _date(db: Unit, at: Retention, limit: int) -> int:
    """Put *now* in the place of instants that a clock wrote which was ahead."""
    latest, done = finite(at.latest), 0
    sessions, events, endings = db.tables.sessions, db.tables.events, db.tables.endings
    for key, instant in (
        (sessions.c.id, sessions.c.revoked_at),
        (events.c.seq, events.c.at),
        (endings.c.number, endings.c.at),
    ):
        keys = await _keys(db, key, instant > latest, limit - done)
        for part in chunks(keys):
            await db.run(update(key.table).where(key.in_(part)).values({instant.name: at.now}))
        done += len(keys)
    table = db.tables.devices
    if done < limit:
        for device in await _devices(db, table.c.last_seen_at > latest, limit - done):
            first = min(device.first_seen_at, at.now)
            after = evolve(device, first_seen_at=first, last_seen_at=at.now)
            await db.put_device(device, after)
            done += 1
    return done


async def _lapse(db: Unit, at: Retention, limit: int) -> int:
    """Write what is past its deadline as ended then."""
    table = db.tables.sessions
    passed = and_(table.c.revoked_at.is_(None), table.c.idle_expires_at <= at.now)
    free = uncovered(db, await db.pending())
    found = await db.stored(db.select_sessions(passed, free).limit(limit))
    for row in found:
        await end_rows(db, [row], row.idle_expires_at, EXPIRED, None, is_logged=False)
    return len(found)


async def _delete_sessions(db: Unit, at: Retention, limit: int) -> int:
    table, devices = db.tables.sessions, db.tables.devices
    old = await db.stored(db.select_sessions(table.c.revoked_at < at.before).limit(limit))
    for part in chunks([row.id for row in old]):
        await db.run(delete(table).where(table.c.id.in_(part)))
    for user_id, device_id in sorted({(row.user_id, row.device.id) for row in old}):
        own = db.this_device(user_id, device_id)
        bare = update(devices).where(own, devices.c.last_seen_at < at.before)
        await db.run(bare.values(network=None))
    return len(old)


async def _delete_events(db: Unit, at: Retention, limit: int) -> int:
    table = db.tables.events
    return await _deleted(db, table.c.seq, table.c.at < at.before, limit)


async def _devices(db: Unit, where: ColumnElement[bool], limit: int) -> list[Any]:
    table = db.tables.devices
    query = select(table.c.user_id, table.c.id).where(where)
    found = await db.all(query.order_by(table.c.user_id, table.c.id).limit(limit))
    devices = [await db.device(*it) for it in found]
    return [it for it in devices if it is not None]


async def _delete_devices(db: Unit, at: Retention, limit: int) -> int:
    table, sessions = db.tables.devices, db.tables.sessions
    used = exists().where(sessions.c.user_id == table.c.user_id, sessions.c.device_id == table.c.id)
    # As semantics.is_stale says.
    stale = and_(
        table.c.last_seen_at < at.devices_before,
        table.c.blocked.is_(False),
        table.c.name.is_(None),
        or_(table.c.trusted_until.is_(None), table.c.trusted_until <= at.now),
    )
    found = await _devices(db, and_(~used, or_(table.c.forgotten.is_(True), stale)), limit)
    done = 0
    for device in found:
        # Its account may sign in meanwhile: asked again as it is deleted.
        own = db.this_device(device.user_id, device.id)
        done += (await db.run(delete(table).where(own, ~used))).rowcount
    return done


async def _delete_items(db: Unit, at: Retention, limit: int) -> int:
    table = db.tables.items
    done = 0
    query = select(table).where(table.c.until <= at.now).limit(limit)
    for it in await db.all(query) if limit > 0 else ():
        own = (table.c.owner == it.owner, table.c.kind == it.kind, table.c.key == it.key)
        done += (await db.run(delete(table).where(*own, table.c.until <= at.now))).rowcount
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
