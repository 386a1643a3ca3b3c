"""Search over the sessions of all accounts: an index chooses the rows that are looked at."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sqlalchemy import and_, select

from devsess.models import Page
from devsess.stores import searching
from devsess.stores.sqlalchemy import reads, rows
from devsess.stores.sqlalchemy.ranges import below

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from sqlalchemy import ColumnElement, Select

    from devsess.lifecycle import LivenessCutoffs
    from devsess.stores.rows import EventRow, SessionRow
    from devsess.stores.searching import Filter, Place, QueuePlace
    from devsess.stores.sqlalchemy.unit import Unit

_ORDER = ("created_at", "id")
_QUEUE_ORDER = ("score", "created_at", "id")
# Rows that are read at once, of those that are looked at.
_PART = 200


async def search(
    db: Unit,
    wanted: Filter,
    cutoffs: LivenessCutoffs,
    limit: int,
    before: Place | None,
    looked: int,
) -> Page[SessionRow]:
    """See SupportsSearch.search."""
    if not all(map(rows.is_storable, wanted.texts)):
        return Page((), None)
    return await _page(
        db,
        db.select_sessions(*_chosen(db, wanted, cutoffs)),
        _ORDER,
        before,
        lambda row: searching.matches(row, wanted, cutoffs),
        searching.place_of,
        limit,
        looked,
    )


async def count(db: Unit, wanted: Filter, cutoffs: LivenessCutoffs, most: int, looked: int) -> int:
    """See SupportsSearch.count."""
    if not all(map(rows.is_storable, wanted.texts)):
        return 0
    found, cursor, left = 0, None, looked
    while found <= most:
        page = await search(db, wanted, cutoffs, _PART, cursor, min(left, _PART))
        found += len(page.items)
        if page.next is None:
            return min(found, most + 1)
        left -= _PART
        if left <= 0:
            return most + 1
        cursor = searching.read_cursor(page.next)
    return most + 1


async def queue(
    db: Unit,
    at_least: int,
    cutoffs: LivenessCutoffs,
    limit: int,
    before: QueuePlace | None,
    looked: int,
) -> Page[SessionRow]:
    """See SupportsSearch.queue."""
    table = db.tables.sessions
    scored = and_(table.c.score >= at_least, table.c.revoked_at.is_(None))
    return await _page(
        db,
        db.select_sessions(scored),
        _QUEUE_ORDER,
        before,
        lambda row: searching.is_queued(row, at_least, cutoffs),
        searching.queue_place_of,
        limit,
        looked,
    )


async def acts(db: Unit, limit: int, before: int | None) -> Page[EventRow]:
    """See SupportsSearch.acts."""
    table = db.tables.events
    query = select(table).where(table.c.actor.is_not(None), table.c.actor != table.c.user_id)
    if before is not None:
        query = query.where(table.c.seq < before)
    return await reads.page_of_events(db, query.order_by(table.c.seq.desc()), limit)


def _chosen(db: Unit, wanted: Filter, cutoffs: LivenessCutoffs) -> list[ColumnElement[bool]]:
    """The conditions that an index answers."""
    table = db.tables.sessions
    where: list[ColumnElement[bool]] = []
    for name in ("user_id", "device_id", "network"):
        value = getattr(wanted, name)
        if value is not None:
            where.append(table.c[name] == value)
    since = wanted.after(cutoffs)[0]
    if since > -math.inf:
        where.append(table.c.created_at >= rows.finite(since))
    if wanted.until is not None:
        where.append(table.c.created_at < rows.finite(wanted.until))
    return where


async def _page(
    db: Unit,
    query: Select[Any],
    order: tuple[str, ...],
    before: Place | QueuePlace | None,
    is_wanted: Callable[[SessionRow], bool],
    place_of: Callable[[SessionRow], Place | QueuePlace],
    limit: int,
    looked: int,
) -> Page[SessionRow]:
    columns = [db.tables.sessions.c[it] for it in order]
    ordered = query.order_by(*(it.desc() for it in columns))
    found: list[SessionRow] = []
    place, left = before, looked
    while left > 0:
        part = min(left, _PART)
        here = ordered if place is None else ordered.where(below(db, columns, place))
        read = await db.sessions(here.limit(part + 1))
        seen = read[:part]
        found += [row for row in seen if is_wanted(row)]
        if len(found) > limit:
            return Page(tuple(found[:limit]), searching.cursor_of(place_of(found[limit - 1])))
        if len(read) <= part:
            return Page(tuple(found), None)
        place, left = place_of(seen[-1]), left - part
    following = None if place is None else searching.cursor_of(place)
    return Page(tuple(found), following)
