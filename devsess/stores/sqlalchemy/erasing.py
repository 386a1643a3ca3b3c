"""The erasure of an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from devsess.stores.sqlalchemy import rows

if TYPE_CHECKING:
    from devsess.stores.base import Erasure
    from devsess.stores.sqlalchemy.unit import Unit


async def erase(db: Unit, erasure: Erasure) -> int:
    """See Store.erase."""
    user_id, tables = erasure.user_id, db.tables
    if not rows.is_storable(user_id):
        return 0
    await db.lock(user_id)
    sessions = tables.sessions
    own = select(sessions.c.id).where(sessions.c.user_id == user_id).order_by(sessions.c.id)
    db.logged += [it[0] for it in await db.all(own.with_for_update())]
    done = 0
    for column in (
        sessions.c.user_id,
        tables.devices.c.user_id,
        tables.events.c.user_id,
        tables.items.c.owner,
        tables.accounts.c.user_id,
    ):
        done += (await db.run(delete(column.table).where(column == user_id))).rowcount
    await db.run(delete(tables.endings).where(tables.endings.c.user_id == user_id))
    number = await db.draw()
    digests = sorted({it.hex() for it in erasure.digests})
    await db.run(delete(tables.erased).where(tables.erased.c.digest.in_(digests)))
    kept = {"ending_number": number, "until": rows.finite(erasure.until)}
    await db.insert(tables.erased, *({"digest": it, **kept} for it in digests))
    return done
