"""Whole accounts out, and merged in, each page within one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve
from sqlalchemy import delete, select, union, update

from devsess.stores import items, merging
from devsess.stores.accounts import Account, Batch, ErasedAccount, Mark
from devsess.stores.sqlalchemy import endings, rows
from devsess.stores.sqlalchemy.schema import DRAWN
from devsess.stores.sqlalchemy.unit import chunks
from devsess.stores.sqlalchemy.writes import this_item

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Column, Row

    from devsess.stores.merging import Difference
    from devsess.stores.rows import SessionRow
    from devsess.stores.sqlalchemy.unit import Unit


async def export(db: Unit, limit: int, cursor: str | None) -> Batch:
    """See SupportsCopy.export. The cursor is the last account of the page before."""
    users = await _users(db, limit + 1, cursor)
    page = await accounts(db, users[:limit])
    following = users[limit - 1] if len(users) > limit else None
    return evolve(page, next=following, erased=() if cursor is not None else await _erased(db))


async def accounts(db: Unit, user_ids: Sequence[str]) -> Batch:
    """See SupportsCopy.accounts."""
    pending = await db.pending()
    found = [merging.settled(await _stored(db, it), pending) for it in user_ids]
    return Batch(tuple(found), await db.store_mark(), await db.counter(DRAWN))


async def merge(db: Unit, batch: Batch) -> None:
    """See SupportsCopy.merge."""
    await db.lock_all()
    await _merge_numbers(db, batch)
    ours, pending = await db.store_mark(), await db.pending()
    for theirs in batch.accounts:
        stored = await _stored(db, theirs.user_id)
        mine = merging.as_read(stored, pending)
        change = merging.difference(mine, theirs, ours, batch.mark)
        await _write(db, stored, change)


async def _users(db: Unit, limit: int, cursor: str | None) -> list[str]:
    """The accounts behind *cursor*, in the order of their ids."""
    tables = db.tables
    columns: tuple[Column[Any], ...] = (
        tables.sessions.c.user_id,
        tables.devices.c.user_id,
        tables.events.c.user_id,
        tables.accounts.c.user_id,
        tables.items.c.owner,
    )
    parts = []
    for column in columns:
        part = select(column.label("user_id")).distinct().order_by(column).limit(limit)
        if cursor is not None:
            part = part.where(column > cursor)
        parts.append(select(part.subquery().c.user_id))
    every = union(*parts).subquery()
    query = select(every.c.user_id).order_by(every.c.user_id).limit(limit)
    return [it[0] for it in await db.all(query)]


async def _erased(db: Unit) -> tuple[ErasedAccount, ...]:
    found = await db.all(select(db.tables.erased))
    return tuple(_erased_account(it) for it in found)


def _erased_account(found: Row[Any]) -> ErasedAccount:
    return ErasedAccount(bytes.fromhex(found.digest), found.ending_number, found.until)


async def _stored(db: Unit, user_id: str) -> Account:
    """The account as it is written."""
    tables = db.tables
    events = select(tables.events).where(tables.events.c.user_id == user_id)
    owned = select(tables.items).where(tables.items.c.owner == user_id)
    sessions = db.select_sessions(tables.sessions.c.user_id == user_id)
    devices = await db.devices(tables.devices.c.user_id == user_id)
    return Account(
        user_id,
        await db.mark(user_id),
        tuple(sorted(devices, key=lambda row: row.id)),
        tuple(sorted(await db.stored(sessions), key=lambda row: row.id)),
        tuple(map(rows.event_row, await db.all(events.order_by(tables.events.c.seq)))),
        items.by_key(map(rows.item_row, await db.all(owned))),
    )


async def _merge_numbers(db: Unit, batch: Batch) -> None:
    behind = batch.last_number - await db.counter(DRAWN)
    if behind > 0:
        await db.raise_counter(DRAWN, behind)
    await _merge_erased(db, batch)
    mark = await db.store_mark()
    if merging.is_unknown(batch.mark, mark):
        await endings.end(db, merging.ending_of_everyone(batch.mark))
        mark = await db.store_mark()
    if batch.mark != Mark():
        await db.put_mark(None, merging.later_mark(mark, batch.mark))


async def _merge_erased(db: Unit, batch: Batch) -> None:
    table = db.tables.erased
    for each in batch.erased:
        own = table.c.digest == each.digest.hex()
        found = await db.one(select(table).where(own))
        kept = merging.later_erasure(None if found is None else _erased_account(found), each)
        values = {"ending_number": kept.number, "until": rows.finite(kept.until)}
        if found is None:
            await db.insert(table, {"digest": each.digest.hex(), **values})
        else:
            await db.run(update(table).where(own).values(values))


async def _write(db: Unit, stored: Account, change: Difference) -> None:
    """Write what a merge comes to, into the account as it is *stored*."""
    known = {it.id: it for it in stored.devices}
    for device in change.devices:
        await db.put_device(known.get(device.id), device)
    if change.mark is not None:
        await db.put_mark(stored.user_id, change.mark)
    there = {it.id: it for it in stored.sessions}
    await _check_owner(db, [it for it in change.sessions if it.id not in there])
    for row in change.sessions:
        if row.id in there:
            await db.change_session(there[row.id], row)
        else:
            await db.insert(db.tables.sessions, rows.session_values(row))
    await db.reduce_events(change.reduced)
    await db.insert_events(change.events)
    table = db.tables.items
    for item in change.items:
        await db.run(delete(table).where(*this_item(table, item)))
        await db.insert(table, rows.item_values(item))
    db.logged += change.logged


async def _check_owner(db: Unit, new: Sequence[SessionRow]) -> None:
    table = db.tables.sessions
    for part in chunks([it.id for it in new]):
        if await db.one(select(table.c.id).where(table.c.id.in_(part))) is not None:
            raise ValueError(merging.FOREIGN)
