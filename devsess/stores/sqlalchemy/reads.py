"""Reads of sessions, devices and the history."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from attrs import evolve
from sqlalchemy import and_, or_, select

from devsess.models import Page
from devsess.stores import semantics
from devsess.stores.sqlalchemy import rows
from devsess.stores.sqlalchemy.endings import uncovered
from devsess.stores.sqlalchemy.ranges import below
from devsess.stores.sqlalchemy.unit import chunks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from sqlalchemy import ColumnElement, Select, Table

    from devsess.lifecycle import LivenessCutoffs
    from devsess.stores.rows import DeviceRow, EventRow, SessionRow
    from devsess.stores.semantics import Covering
    from devsess.stores.sqlalchemy.unit import Unit


def storable(texts: Iterable[str]) -> list[str]:
    """Those of *texts* by which a row can be found."""
    return [it for it in dict.fromkeys(texts) if rows.is_storable(it)]


async def many(db: Unit, session_ids: Sequence[str]) -> list[SessionRow]:
    """See SupportsMany.get_many."""
    found = []
    for part in chunks(storable(session_ids)):
        found += await db.sessions(db.select_sessions(db.tables.sessions.c.id.in_(part)))
    return found


async def of_user(db: Unit, user_id: str) -> list[SessionRow]:
    """All sessions of a user."""
    if not rows.is_storable(user_id):
        return []
    return await db.sessions(db.select_sessions(db.tables.sessions.c.user_id == user_id))


async def cut_off(db: Unit, user_id: str) -> float | None:
    """See Store.cut_off."""
    return (await db.mark(user_id)).cut_off if rows.is_storable(user_id) else None


def counts_live(db: Unit, at: LivenessCutoffs) -> ColumnElement[bool]:
    """As lifecycle.counts_as_live says of a row that no ending covers."""
    table = db.tables.sessions
    return and_(
        table.c.revoked_at.is_(None),
        table.c.idle_expires_at > at.now,
        table.c.absolute_expires_at > at.now,
        table.c.idle_from > rows.finite(at.idle_after),
        table.c.created_at > rows.finite(at.created_after),
    )


async def live(
    db: Unit,
    user_id: str,
    cutoffs: LivenessCutoffs,
    limit: int,
    before: tuple[float, str] | None,
) -> Page[SessionRow]:
    """See Store.live."""
    if not rows.is_storable(user_id) or (before is not None and not rows.is_storable(before[1])):
        return Page((), None)
    table, pending = db.tables.sessions, await db.pending()
    where = [table.c.user_id == user_id, counts_live(db, cutoffs), uncovered(db, pending)]
    if before is not None:
        where.append(below(db, (table.c.created_at, table.c.id), before))
    query = db.select_sessions(*where).order_by(table.c.created_at.desc(), table.c.id.desc())
    found = await db.stored(query.limit(limit + 1))
    following = semantics.live_cursor(found[limit - 1]) if len(found) > limit else None
    return Page(tuple(found[:limit]), following)


async def ahead(db: Unit, after: float, limit: int) -> list[SessionRow]:
    """See Store.ahead."""
    table, pending = db.tables.sessions, await db.pending()
    late = and_(table.c.revoked_at.is_(None), table.c.idle_expires_at > rows.finite(after))
    query = db.select_sessions(late, uncovered(db, pending))
    return await db.stored(query.order_by(table.c.idle_expires_at.desc(), table.c.id).limit(limit))


async def newest_instants(db: Unit, limit: int) -> list[float]:
    """See Store.newest_instants."""
    table = db.tables.events
    query = select(table.c.at).order_by(table.c.seq.desc()).limit(limit)
    return [it[0] for it in await db.all(query)]


async def devices(db: Unit, user_id: str) -> list[DeviceRow]:
    """See Store.devices."""
    if not rows.is_storable(user_id):
        return []
    return in_order(await db.devices(*_remembered(db.tables.devices, user_id)))


def in_order(found: Iterable[DeviceRow]) -> list[DeviceRow]:
    """Devices, the latest sign-in first, then by id."""
    return sorted(found, key=lambda row: (-row.last_seen_at, row.id))


def _remembered(table: Table, user_id: str) -> tuple[ColumnElement[bool], ...]:
    return (table.c.user_id == user_id, table.c.forgotten.is_(False))


async def worth_comparing(
    db: Unit, user_id: str, ids: Sequence[str], fingerprints: Sequence[bytes]
) -> list[DeviceRow]:
    """See Store.known_devices: those that are named, and the latest few."""
    if not rows.is_storable(user_id):
        return []
    table = db.tables.devices
    own = _remembered(table, user_id)
    latest = select(table).where(*own).order_by(table.c.last_seen_at.desc(), table.c.id)
    found = await db.all(latest.limit(semantics.DEVICES_COMPARED))
    known = {it.id: it for it in map(rows.device_row, found)}
    texts = [base64.b64encode(it).decode() for it in fingerprints]
    if len(known) == semantics.DEVICES_COMPARED and (ids or texts):
        named = or_(table.c.id.in_(storable(ids)), table.c.fingerprint.in_(texts))
        known |= {it.id: it for it in await db.devices(*own, named)}
    return in_order(known.values())


async def events(db: Unit, user_id: str, limit: int, before: int | None) -> Page[EventRow]:
    """See Store.events."""
    if not rows.is_storable(user_id):
        return Page((), None)
    table = db.tables.events
    query = select(table).where(table.c.user_id == user_id)
    if before:
        query = query.where(table.c.seq < before)
    return await page_of_events(db, query.order_by(table.c.seq.desc()), limit)


async def page_of_events(db: Unit, query: Select[Any], limit: int) -> Page[EventRow]:
    """A page of events as they read: of covered sessions without their addresses."""
    pending = await db.pending()
    found = await db.all(query.limit(limit + 1))
    read = [rows.event_row(it) for it in found[:limit]]
    bare = await covered_among(db, pending, read)
    shown = [evolve(it, ip=it.network) if it.session_id in bare else it for it in read]
    return Page(tuple(shown), str(found[limit - 1].seq) if len(found) > limit else None)


async def covered_among(
    db: Unit, pending: Sequence[Covering], events: Sequence[EventRow]
) -> set[str]:
    """The sessions of *events* that one of *pending* covers."""
    if not pending:
        return set()
    table, found = db.tables.sessions, set()
    ids = sorted({it.session_id for it in events if it.session_id is not None})
    for part in chunks(ids):
        # One that was settled meanwhile too: its events were read before.
        query = select(table.c.id).where(table.c.id.in_(part), ~uncovered(db, pending))
        found |= {it[0] for it in await db.all(query)}
    return found
