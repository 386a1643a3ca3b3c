"""
Devices that a purge deletes: found outside of its transactions, and each looked at once.

Those that are kept may be very many: named, trusted or blocked ones, and old ones whose sessions
are kept. Batch after batch goes on behind the last device that was looked at. A session that a
purge deletes is deleted before that: in no later batch is a device needless that was needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import and_, case, delete, exists, false, or_, select

from devsess.stores.sqlalchemy.ranges import above
from devsess.stores.sqlalchemy.unit import chunks
from devsess.stores.ways import DevicePurges

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import Any

    from sqlalchemy import ColumnElement, Row

    from devsess.stores.calls import Retention
    from devsess.stores.sqlalchemy.schema import Tables
    from devsess.stores.sqlalchemy.unit import Unit

    # A store's way to do work.
    Do: TypeAlias = Callable[[Callable[[Unit], Awaitable[Any]]], Awaitable[Any]]

# A user's id and a device's.
Key: TypeAlias = tuple[str, str]

# Devices that one statement looks at, and that one deletes.
LOOKED, DELETED = 1_000, 100


class NeedlessDevices(DevicePurges[Key, Key]):
    """
    The devices of one store that purges delete, in the order of their keys.

    Args:
        read: Does work that reads.
        write: Does work in a transaction.
    """

    def __init__(self, read: Do, write: Do) -> None:
        super().__init__(("", ""))
        self._read, self._write = read, write

    async def _look(self, retention: Retention, place: Key) -> tuple[Key | None, list[Key]]:
        seen = await self._read(lambda db: look(db, retention, place))
        found = [(user, device) for user, device, is_needless in seen if is_needless]
        return (None if len(seen) < LOOKED else (seen[-1][0], seen[-1][1])), found

    async def _deleted(self, retention: Retention, keys: Sequence[Key]) -> int:
        deleted: int = await self._write(lambda db: _delete(db, retention, keys))
        return deleted


async def look(db: Unit, retention: Retention, last: Key) -> Sequence[Row[Any]]:
    """The keys of the next devices, each with whether it is needless."""
    table = db.tables.devices
    user, device = table.c.user_id, table.c.id
    query = select(user, device, _is_needless(db.tables, retention))
    behind = above(db, (user, device), last)
    return await db.all(query.where(behind).order_by(user, device).limit(LOOKED))


async def _delete(db: Unit, retention: Retention, keys: Sequence[Key]) -> int:
    """Delete those that nobody has used since they were looked at, or is about to use."""
    free = await db.lock_free({user for user, _ in keys})
    table, done = db.tables.devices, 0
    stays_so = _is_needless(db.tables, retention)
    for part in chunks([it for it in keys if it[0] in free], DELETED):
        # Not by "in", for which SQLite would go along another index.
        named = or_(*(db.this_device(*it) for it in part))
        done += (await db.run(delete(table).where(named, stays_so))).rowcount
    return done


def _is_needless(tables: Tables, at: Retention) -> ColumnElement[bool]:
    """
    Whether nothing keeps a device: no reason of its own, as semantics.is_stale says, nor a session.

    What has a reason of its own is not looked up among the sessions. Asked by a "case" and without
    "=", PostgreSQL does not read all of those at once; and asked by the device's id alone, no
    database looks at all of the account's.
    """
    table, sessions = tables.devices, tables.sessions
    stale = and_(
        table.c.last_seen_at < at.devices_before,
        table.c.blocked.is_(False),
        table.c.name.is_(None),
        or_(table.c.trusted_until.is_(None), table.c.trusted_until <= at.now),
    )
    of_user = (sessions.c.user_id + "").is_not_distinct_from(table.c.user_id)
    used = exists().where(sessions.c.device_id == table.c.id, of_user)
    return case((or_(table.c.forgotten.is_(True), stale), ~used), else_=false())
