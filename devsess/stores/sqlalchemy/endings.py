"""Endings: of one session, of a device, of an account, of everyone; and the rows that follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve
from sqlalchemy import and_, delete, func, not_, or_, select, update

from devsess.lifecycle import counts_as_live
from devsess.models import Page
from devsess.stores import semantics
from devsess.stores.accounts import Mark
from devsess.stores.base import ById, Ended, Everyone, OfDevice, OfUser
from devsess.stores.calls import Settled
from devsess.stores.sqlalchemy import rows
from devsess.stores.sqlalchemy.unit import chunks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement

    from devsess.stores.base import Ending
    from devsess.stores.calls import Target
    from devsess.stores.rows import EventRow, SessionRow
    from devsess.stores.semantics import Covering
    from devsess.stores.sqlalchemy.unit import Unit


async def end_rows(
    db: Unit,
    ended: Sequence[SessionRow],
    at: float,
    reason: str,
    actor: str | None,
    *,
    is_logged: bool = True,
) -> list[EventRow]:
    """Write sessions as ended; their events are still to be inserted."""
    table, ids = db.tables.sessions, [row.id for row in ended]
    values = {"revoked_at": at, "reason": reason, "actor": actor, "ip": table.c.network}
    for part in chunks(ids):
        await db.run(update(table).where(table.c.id.in_(part)).values(values))
    await db.reduce_events(ids)
    if is_logged:
        db.logged += ids
    return [semantics.end_event_of(row, at, reason, actor) for row in ended]


async def end(db: Unit, ending: Ending) -> Ended:
    """See Store.end."""
    target = ending.target
    if not all(rows.is_storable(it) for it in _required(target)):
        return Ended()
    await _lock(db, target)
    marked = isinstance(target, OfDevice) and await _mark_device(db, target)
    ended = await _ended(db, ending)
    whole = semantics.with_own_event(ended, ending, marked=marked)
    await db.insert_events(whole.events)
    return whole


def _required(target: Target) -> tuple[str, ...]:
    """The ids without which *target* names nothing."""
    if isinstance(target, ById):
        return (target.session_id,)
    if isinstance(target, OfDevice):
        return (target.user_id, target.device_id)
    return (target.user_id,) if isinstance(target, OfUser) else ()


async def _lock(db: Unit, target: Target) -> None:
    if isinstance(target, Everyone):
        await db.lock_all()
    elif isinstance(target, ById):
        await db.begin()
    else:
        await db.lock(target.user_id)


async def _mark_device(db: Unit, target: OfDevice) -> bool:
    device = await db.device(target.user_id, target.device_id)
    if device is not None:
        await db.put_device(device, semantics.marked_device(device, target))
    return device is not None


async def _ended(db: Unit, ending: Ending) -> Ended:
    target = ending.target
    if not isinstance(target, (OfUser, Everyone)):
        return Ended(await _end_now(db, ending))
    is_many = await _unwritten(db, target, ending.at_once + 1) > ending.at_once
    number = await _raise_number(db, ending)
    if not is_many:
        return Ended(await _end_now(db, ending))
    covering = semantics.covering_of(number, ending)
    await db.insert(db.tables.endings, rows.covering_values(covering))
    db.logged.append(None)
    return Ended(following=number)


async def _unwritten(db: Unit, target: OfUser | Everyone, most: int) -> int:
    """How many of the target's rows are not written as ended, as far as *most*."""
    table = db.tables.sessions
    found = select(table.c.id).where(table.c.revoked_at.is_(None)).limit(most)
    if isinstance(target, OfUser):
        found = found.where(table.c.user_id == target.user_id)
    counted = await db.one(select(func.count()).select_from(found.subquery()))
    return 0 if counted is None else int(counted[0])


def targeted(db: Unit, target: Target) -> list[ColumnElement[bool]]:
    """The conditions for the target's sessions."""
    table = db.tables.sessions
    if isinstance(target, ById):
        own = [table.c.id == target.session_id]
        return own if target.user_id is None else [*own, table.c.user_id == target.user_id]
    if isinstance(target, OfUser):
        return [table.c.user_id == target.user_id]
    if isinstance(target, OfDevice):
        return [table.c.user_id == target.user_id, table.c.device_id == target.device_id]
    return []


async def _end_now(db: Unit, ending: Ending) -> tuple[EventRow, ...]:
    target, at = ending.target, ending.cutoffs
    if isinstance(target, ById) and not rows.is_storable(target.user_id or ""):
        return ()
    unwritten = db.tables.sessions.c.revoked_at.is_(None)
    found = await db.sessions(db.select_sessions(*targeted(db, target), unwritten))
    # One by one, and not by the query: the one that is kept may have any id.
    found = [it for it in found if it.revoked_at is None and semantics.is_targeted(it, target)]
    found.sort(key=lambda row: (row.last_seen_at, row.id))
    if isinstance(target, Everyone):
        db.logged.append(None)
    events = await end_rows(db, found, at.now, ending.reason, ending.actor)
    return tuple(event for row, event in zip(found, events, strict=True) if counts_as_live(row, at))


async def _raise_number(db: Unit, ending: Ending) -> int:
    target, at = ending.target, ending.cutoffs
    number = await db.draw()
    if not isinstance(target, OfUser):
        cut_off = semantics.next_cut_off((await db.store_mark()).cut_off, at)
        await db.put_mark(None, Mark(number, cut_off))
        return number
    cut_off = semantics.next_cut_off((await db.mark(target.user_id)).cut_off, at)
    await db.put_mark(target.user_id, Mark(number, cut_off))
    kept = await db.unrevoked(target.keep or "")
    if kept is not None and kept.user_id == target.user_id:
        await db.change_session(kept, evolve(kept, ending_number=number))
        if target.compromised:  # its device changes
            db.logged.append(kept.id)
    if target.compromised:
        table = db.tables.devices
        own = update(table).where(table.c.user_id == target.user_id)
        await db.run(own.values(trusted_until=None))
    return number


# The rows that follow.


def covers(db: Unit, by: Covering) -> ColumnElement[bool]:
    """The condition for rows that *by* covers, if they are not written as ended."""
    table = db.tables.sessions
    earlier = table.c.ending_number < by.number
    return earlier if by.user_id is None else and_(earlier, table.c.user_id == by.user_id)


def first_covered(db: Unit, by: Covering, pending: Sequence[Covering]) -> ColumnElement[bool]:
    """The condition for rows whose end is *by*: no earlier one of *pending* covers them."""
    unwritten = db.tables.sessions.c.revoked_at.is_(None)
    others = [not_(covers(db, it)) for it in pending if it.number < by.number]
    return and_(unwritten, covers(db, by), *others)


def uncovered(db: Unit, pending: Sequence[Covering]) -> ColumnElement[bool]:
    """The condition for rows that none of *pending* covers."""
    return not_(or_(*(covers(db, it) for it in pending))) if pending else and_(True)


async def covered(db: Unit, number: int, limit: int, cursor: str | None) -> Page[str]:
    """See Store.covered."""
    pending = await db.pending()
    by = next((it for it in pending if it.number == number), None)
    if by is None:
        return Page((), None)
    table = db.tables.sessions
    where = [first_covered(db, by, pending)]
    if cursor is not None and rows.is_storable(cursor):
        where.append(table.c.id > cursor)
    query = db.select_sessions(*where).order_by(table.c.id).limit(limit + 1)
    found = await db.stored(query)
    ids = tuple(it.id for it in found[:limit] if counts_as_live(it, by.cutoffs))
    return Page(ids, found[limit - 1].id if len(found) > limit else None)


async def settle(db: Unit, limit: int, own: int | None, before: float) -> Settled:
    """See Store.settle."""
    await db.begin()
    pending = await db.pending()
    left, events = limit, []
    for by in [it for it in pending if it.number == own or it.at <= before]:
        batch = db.select_sessions(first_covered(db, by, pending)).limit(left + 1)
        found = await db.stored(batch)
        settled = found[:left]
        ends = await end_rows(db, settled, by.at, by.reason, by.actor, is_logged=False)
        live = zip(settled, ends, strict=True)
        events += [event for row, event in live if counts_as_live(row, by.cutoffs)]
        left -= len(settled)
        if len(found) > len(settled):
            await db.insert_events(events)
            return Settled(tuple(events), True)
        await _forget(db, by)
    await db.insert_events(events)
    return Settled(tuple(events), False)


async def _forget(db: Unit, by: Covering) -> None:
    """Delete an ending that covers no row any more."""
    sessions, endings = db.tables.sessions, db.tables.endings
    left = select(sessions.c.id).where(sessions.c.revoked_at.is_(None), covers(db, by)).limit(1)
    if await db.one(left) is None:
        await db.run(delete(endings).where(endings.c.number == by.number))
