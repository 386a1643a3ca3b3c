"""
Copies: whole accounts out, and merged in.

A page is of one snapshot. Accounts are merged a few at a time, under their locks, with their
rows locked too, so that no touch comes between reading and writing them. Numbers are raised
under the store's lock: none is drawn meanwhile.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve

from devsess.stores import merging, semantics
from devsess.stores.accounts import Account, Batch, ErasedAccount, Mark
from devsess.stores.postgres import endings, items, log, rows
from devsess.stores.postgres.logged import Logged
from devsess.stores.postgres.reads import is_id
from devsess.stores.postgres.writes import LOCK_ACCOUNT, LOCK_STORE, insert_events, reduce_events
from devsess.stores.semantics import Covering

if TYPE_CHECKING:
    from devsess.stores.postgres.transaction import Rows, Transaction

R = TypeVar("R")

# Of the accounts that are merged in one transaction.
ROWS = 500

# Each part has an index that begins with the user, and is read no further than the page.
_PART = (
    "(SELECT DISTINCT user_id FROM {{s}}.{} WHERE user_id > %(after)s"
    " ORDER BY user_id LIMIT %(limit)s)"
)
_USERS = (
    " UNION ".join(map(_PART.format, ("sessions", "devices", "accounts", "events")))
    + f" UNION {_PART.format('items').replace('user_id', 'owner')}"
    + " ORDER BY user_id LIMIT %(limit)s"
)
_META = "SELECT m.ending_number, m.cut_off, n.last_value FROM {s}.meta m, {s}.numbers n"
_ERASED = "SELECT digest, ending_number, until FROM {s}.erased ORDER BY digest"
_KNOWN_ERASED = (
    "SELECT digest, ending_number, until FROM {s}.erased WHERE digest = ANY(%s::bytea[])"
)
_PENDING = (
    "SELECT number, user_id, at, idle_after, created_after, reason, actor"
    " FROM {s}.endings ORDER BY number"
)
_OF_USERS = "user_id = ANY(%s::text[])"
_MARKS = f"SELECT user_id, ending_number, cut_off FROM {{s}}.accounts WHERE {_OF_USERS}"  # noqa: S608
_DEVICES = f"{rows.SELECT_DEVICE} WHERE {_OF_USERS} ORDER BY id"
_STORED = ", ".join(
    ["s.device_id", "s.user_id", *(f"d.{name}" for name in rows.DEVICE[2:]), "s.id"]
    + [f"s.{name}" for name in rows.SESSION[3:]]
)
# As they are written, whether an ending covers them or not.
_SESSIONS = (
    f"SELECT {_STORED} FROM {{s}}.sessions s"  # noqa: S608
    " LEFT JOIN {s}.devices d ON d.user_id = s.user_id AND d.id = s.device_id"
    f" WHERE s.{_OF_USERS} ORDER BY s.id"
)
_EVENTS = f"SELECT {', '.join(rows.EVENT)} FROM {{s}}.events WHERE {_OF_USERS} ORDER BY seq"  # noqa: S608
_RAISE_LAST = "SELECT setval('{s}.numbers', greatest(last_value, %s)) FROM {s}.numbers"
_PUT_STORE_MARK = "UPDATE {s}.meta SET ending_number = %s, cut_off = %s"
_PUT_ERASED = (
    "INSERT INTO {s}.erased (digest, ending_number, until) VALUES (%s, %s, %s)"
    " ON CONFLICT (digest) DO UPDATE SET"
    " ending_number = excluded.ending_number, until = excluded.until"
)
_PUT_MARK = (
    "INSERT INTO {s}.accounts (user_id, ending_number, cut_off) VALUES (%s, %s, %s)"
    " ON CONFLICT (user_id) DO UPDATE SET"
    " ending_number = excluded.ending_number, cut_off = excluded.cut_off"
)
_PUT_SESSION = f"{rows.INSERT_SESSION} ON CONFLICT (id) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in rows.SESSION[3:]
)
_FOREIGN = (
    "SELECT 1 FROM {s}.sessions s JOIN unnest(%s::text[], %s::text[]) AS t (id, user_id)"
    " ON t.id = s.id WHERE t.user_id <> s.user_id"
)


class Copying(Logged):
    """The part of PostgresStore that gives and takes whole accounts; see SupportsCopy."""

    async def export(self, *, limit: int, cursor: str | None = None) -> Batch:
        """See SupportsCopy.export. The cursor is the last account of the page before."""
        semantics.check_size(limit)
        if cursor is not None and not is_id(cursor):
            raise ValueError("this cursor was not given out by export")
        return await self.view(lambda db: _page(db, limit, cursor))

    async def accounts(self, user_ids: Sequence[str]) -> Batch:
        """See SupportsCopy.accounts."""
        return await self.view(lambda db: _batch(db, user_ids))

    async def merge(self, batch: Batch) -> None:
        """See SupportsCopy.merge."""
        if not all(is_id(it.user_id) for it in batch.accounts):
            raise ValueError("PostgreSQL cannot keep the id of an account: a character in it")
        if await self._is_behind(batch):
            await self.write(lambda db: _merge_numbers(db, batch), (LOCK_STORE, ()))
        for group in _groups(batch.accounts):
            await self._merge_accounts(group, batch.mark)

    async def _merge_accounts(self, group: Sequence[Account], others: Mark) -> None:
        async def work(db: Transaction) -> None:
            await _merge_accounts(db, group, others)

        # In the order of their ids: two copies do not wait for each other.
        locks = [(LOCK_ACCOUNT, (it.user_id,)) for it in group]
        await self.write(work, *locks)

    async def _is_behind(self, batch: Batch) -> bool:
        """Whether anything but accounts has to be merged."""
        [[number, cut_off, last_number]] = await self.ask(_META)
        ours = Mark(number, cut_off)
        is_raised = merging.later_mark(ours, batch.mark) != ours
        return bool(batch.erased) or is_raised or last_number < batch.last_number


async def _page(db: Transaction, limit: int, cursor: str | None) -> Batch:
    # No user's id is before the empty text, which may be one itself.
    users = _USERS if cursor is not None else _USERS.replace(" > ", " >= ")
    found = [it for (it,) in await db.ask(users, {"after": cursor or "", "limit": limit + 1})]
    more = found[limit - 1] if len(found) > limit else None
    batch = evolve(await _batch(db, found[:limit]), next=more)
    if cursor is not None:
        return batch
    erased = await db.ask(_ERASED)
    return evolve(batch, erased=tuple(_erased(it) for it in erased))


async def _batch(db: Transaction, user_ids: Sequence[str]) -> Batch:
    stored, pending, (number, cut_off, last_number) = await _stored(db, user_ids)
    settled = tuple(merging.settled(it, pending) for it in stored)
    return Batch(settled, Mark(number, cut_off), last_number)


async def _stored(
    db: Transaction, user_ids: Sequence[str], lock: tuple[str, str] = ("", "")
) -> tuple[list[Account], list[Covering], tuple[Any, ...]]:
    """
    Accounts as they are written, the endings whose rows follow, and the store's numbers.

    Args:
        lock: Put behind the statements for devices and sessions.
    """
    known = [it for it in user_ids if is_id(it)]
    marks, devices, sessions, events, owned, pending, [meta] = await db.ask_all(
        (_MARKS, (known,)),
        (_DEVICES + lock[0], (known,)),
        (_SESSIONS + lock[1], (known,)),
        (_EVENTS, (known,)),
        (items.OF_OWNERS, (known,)),
        (_PENDING, ()),
        (_META, ()),
    )
    marked = {user_id: Mark(number, cut_off) for user_id, number, cut_off in marks}
    devices_of = _by_owner(devices, rows.device_row, 1)
    sessions_of = _by_owner(sessions, rows.session_row, 1)
    events_of = _by_owner(events, rows.event_row, 2)
    items_of = _by_owner(owned, items.item, 1)
    accounts = [
        Account(
            user_id,
            marked.get(user_id, Mark()),
            tuple(devices_of[user_id]),
            tuple(sessions_of[user_id]),
            tuple(events_of[user_id]),
            tuple(items_of[user_id]),
        )
        for user_id in user_ids
    ]
    return accounts, [Covering(*values) for values in pending], meta


def _by_owner(
    found: Rows, made: Callable[[Sequence[Any]], R], place: int
) -> defaultdict[str, list[R]]:
    """The rows of each user, whose id stands at *place*."""
    owned: defaultdict[str, list[R]] = defaultdict(list)
    for values in found:
        owned[values[place]].append(made(values))
    return owned


def _erased(values: Sequence[Any]) -> ErasedAccount:
    digest, number, until = values
    return ErasedAccount(bytes(digest), number, until)


async def _merge_numbers(db: Transaction, batch: Batch) -> None:
    """Raise the store's numbers; the store's lock is taken."""
    digests = [it.digest for it in batch.erased]
    erased, [(number, cut_off, _)], _ = await db.ask_all(
        (_KNOWN_ERASED, (digests,)), (_META, ()), (_RAISE_LAST, (batch.last_number,))
    )
    known = {it.digest: it for it in map(_erased, erased)}
    for each in batch.erased:
        kept = merging.later_erasure(known.get(each.digest), each)
        if kept != known.get(each.digest):
            db.put(_PUT_ERASED, (kept.digest, kept.number, kept.until))
    if merging.is_unknown(batch.mark, Mark(number, cut_off)):
        await endings.end(db, merging.ending_of_everyone(batch.mark))
    [(number, cut_off, _)] = await db.ask(_META)
    mark = merging.later_mark(Mark(number, cut_off), batch.mark)
    db.put(_PUT_STORE_MARK, (mark.number, mark.cut_off))


def _groups(accounts: Sequence[Account]) -> Iterator[list[Account]]:
    """*accounts* by their ids, as many at a time as have ROWS rows together, or one."""
    group: list[Account] = []
    rows = 0
    for each in sorted(accounts, key=lambda it: it.user_id):
        size = len(each.devices) + len(each.sessions) + len(each.events) + len(each.items)
        if group and rows + size > ROWS:
            yield group
            group, rows = [], 0
        group.append(each)
        rows += size
    if group:
        yield group


async def _merge_accounts(db: Transaction, group: Sequence[Account], others: Mark) -> None:
    """Merge accounts; their locks are taken."""
    locks = " FOR UPDATE", " FOR NO KEY UPDATE OF s"
    there, pending, (number, cut_off, _) = await _stored(db, [it.user_id for it in group], locks)
    changes = [
        merging.difference(merging.as_read(mine, pending), theirs, Mark(number, cut_off), others)
        for theirs, mine in zip(group, there, strict=True)
    ]
    owners = {row.id: row.user_id for change in changes for row in change.sessions}
    if owners and await db.ask(_FOREIGN, ([*owners], [*owners.values()])):
        raise ValueError(merging.FOREIGN)
    for theirs, mine, change in zip(group, there, changes, strict=True):
        _write(db, theirs, change)
        _count(db, mine, change)
    log.append(db, [it for change in changes for it in change.logged])


def _write(db: Transaction, theirs: Account, change: merging.Difference) -> None:
    for device in change.devices:
        db.put(rows.INSERT_DEVICE, rows.device_values(device))
    if change.mark is not None:
        db.put(_PUT_MARK, (theirs.user_id, change.mark.number, change.mark.cut_off))
    for row in change.sessions:
        db.put(_PUT_SESSION, rows.session_values(row))
    reduce_events(db, change.reduced)
    insert_events(db, change.events)
    for item in change.items:
        db.put(items.PUT, items.values_of(item))


def _count(db: Transaction, mine: Account, change: merging.Difference) -> None:
    """Count what a merge adds to the sessions of *mine*, as they are written."""
    there = {row.id: row for row in mine.sessions}
    for row in change.sessions:
        known = there.get(row.id)
        if known is None:
            db.counts.began(row)
        if row.revoked_at is not None and (known is None or known.revoked_at is None):
            db.counts.over(row)
