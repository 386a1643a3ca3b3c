"""
The change log.

A position is the database's id and the number of the latest entry. Why no entry is missed that is
committed out of order: its number is drawn under a lock that is held until the commit, so entries
become visible in the order of their numbers. The lock is the last that a transaction takes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from sqlalchemy import select

from devsess.stores import semantics
from devsess.stores.base import ALL, Changes
from devsess.stores.sqlalchemy.schema import FLOOR, LOG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Select

    from devsess.stores.sqlalchemy.schema import Tables
    from devsess.stores.sqlalchemy.unit import Unit


async def append(db: Unit, session_ids: Sequence[str | None]) -> None:
    """Append to the log, at the end of a write; None stands for all sessions."""
    ids = list(dict.fromkeys(session_ids))
    if not ids:
        return
    last = await db.raise_counter(LOG, len(ids))
    first = last - len(ids) + 1
    entries = [{"seq": first + at, "session_id": it} for at, it in enumerate(ids)]
    await db.insert(db.tables.log, *entries)


async def changes(db: Unit, position: object) -> Changes:
    """See Store.changes; one question where nothing has changed, two where something has."""
    database, last, floor = await ends(db)
    here = (database, last)
    if position == here:
        return Changes(here, ())
    behind = _behind(position, database)
    if behind is None or not floor <= behind <= last or last - behind > semantics.LOG_READ:
        return Changes(here, ALL)
    table = db.tables.log
    query = select(table.c.session_id).where(table.c.seq > behind, table.c.seq <= last)
    ids = [it[0] for it in await db.all(query.order_by(table.c.seq))]
    # Fewer were there if a purge came between.
    if None in ids or len(ids) < last - behind:
        return Changes(here, ALL)
    return Changes(here, tuple(dict.fromkeys(ids)))


async def ends(db: Unit) -> tuple[str, int, int]:
    """The database's id, the number of the latest entry, and the number before the oldest."""
    found = await db.one(_ends(db.tables))
    return ("", 0, 0) if found is None else (found[0], int(found[1]), int(found[2]))


# To make a statement costs more than to run it: the one that each validation asks is made once.
@lru_cache(maxsize=128)
def _ends(tables: Tables) -> Select[tuple[str, int, int]]:
    counters = tables.counters
    latest, oldest = (
        select(counters.c.value).where(counters.c.name == it).scalar_subquery()
        for it in (LOG, FLOOR)
    )
    return select(tables.meta.c.database, latest, oldest)


def _behind(position: object, database: str) -> int | None:
    if isinstance(position, tuple) and len(position) == 2 and position[0] == database:
        return position[1] if isinstance(position[1], int) else None
    return None
