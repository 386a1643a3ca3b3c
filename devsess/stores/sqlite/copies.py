"""
Copies of an SQLite file: whole accounts out, and merged in.

A page is read in one transaction of a reader, so that all of it is of one instant and no
writer waits for it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from attrs import evolve

from devsess.stores import merging, semantics
from devsess.stores.accounts import Account, Batch, ErasedAccount, Mark
from devsess.stores.counting import Counts
from devsess.stores.rows import SessionRow
from devsess.stores.semantics import Covering
from devsess.stores.sqlite import endings, items, rows, statistics
from devsess.stores.sqlite.checks import is_text
from devsess.stores.sqlite.errors import DAMAGED, unavailable
from devsess.stores.sqlite.file import DatabaseFile
from devsess.stores.sqlite.log import agent_number, append_changes, write_event

T = TypeVar("T")

# Each part has an index that begins with the user, and is read no further than the page.
_PART = (
    "SELECT * FROM (SELECT DISTINCT user_id FROM {} WHERE user_id > ? AND typeof(user_id) = 'text'"
    " ORDER BY user_id LIMIT ?)"
)
_TABLES = ("sessions", "devices", "accounts", "events")
_OWNERS = _PART.format("items").replace("user_id", "owner")
_USERS = " UNION ".join([*map(_PART.format, _TABLES), _OWNERS]) + " ORDER BY user_id LIMIT ?"
_META = "SELECT ending_number, cut_off, last_number FROM meta"
_ERASED = "SELECT digest, ending_number, until FROM erased ORDER BY digest"
_KNOWN_ERASED = "SELECT digest, ending_number, until FROM erased WHERE digest = ?"
_PENDING = (
    "SELECT number, user_id, at, idle_after, created_after, reason, actor FROM endings"
    " WHERE user_id IS NULL OR user_id = ? ORDER BY number"
)
_MARK = "SELECT ending_number, cut_off FROM accounts WHERE user_id = ?"
_DEVICES = f"{rows.SELECT_DEVICE} WHERE user_id = ? ORDER BY id"
_RAISE_LAST = "UPDATE meta SET last_number = ? WHERE last_number < ?"
_PUT_ERASED = "INSERT OR REPLACE INTO erased (digest, ending_number, until) VALUES (?, ?, ?)"
_PUT_STORE_MARK = "UPDATE meta SET ending_number = ?, cut_off = ?"
_PUT_MARK = "INSERT OR REPLACE INTO accounts (user_id, ending_number, cut_off) VALUES (?, ?, ?)"
_PUT_SESSION = rows.INSERT_SESSION.replace("INSERT", "INSERT OR REPLACE", 1)
_THERE = "SELECT user_id = ?, revoked_at IS NULL FROM sessions WHERE id = ?"
_REDUCE = "UPDATE events SET ip = network WHERE ip IS NOT network AND session_id = ?"


class Copying(DatabaseFile):
    """The part of SQLiteStore that gives and takes whole accounts; see SupportsCopy."""

    def export(self, *, limit: int, cursor: str | None = None) -> Batch:
        """See SupportsCopy.export. The cursor is the last account of the page before."""
        semantics.check_size(limit)
        if cursor is not None and not is_text(cursor):
            raise ValueError("this cursor was not given out by export")
        return self._at_one_instant(partial(_page, limit=limit, cursor=cursor))

    def accounts(self, user_ids: Sequence[str]) -> Batch:
        """See SupportsCopy.accounts."""
        return self._at_one_instant(partial(_batch, user_ids=user_ids))

    def merge(self, batch: Batch) -> None:
        """See SupportsCopy.merge."""
        self._transaction(_merge, batch)

    def _at_one_instant(self, work: Callable[[sqlite3.Cursor], T]) -> T:
        self._look()
        opened = self._opened or self._open()
        try:
            return opened.readers.do(partial(_within, work=work))
        except (sqlite3.Error, UnicodeDecodeError, *DAMAGED) as error:
            raise unavailable(self._path, error) from error


def _within(db: sqlite3.Cursor, work: Callable[[sqlite3.Cursor], T]) -> T:
    db.execute("BEGIN")
    try:
        return work(db)
    finally:
        db.connection.rollback()


def _page(db: sqlite3.Cursor, limit: int, cursor: str | None) -> Batch:
    # No user's id is before the empty text, which may be one itself.
    users = _USERS if cursor is not None else _USERS.replace(" > ?", " >= ?")
    values = [cursor or "", limit + 1] * (len(_TABLES) + 1)
    found = [user_id for (user_id,) in db.execute(users, [*values, limit + 1]).fetchall()]
    more = found[limit - 1] if len(found) > limit else None
    batch = _batch(db, found[:limit])
    if cursor is None:
        erased = tuple(ErasedAccount(*it) for it in db.execute(_ERASED).fetchall())
        batch = evolve(batch, erased=erased)
    return evolve(batch, next=more)


def _batch(db: sqlite3.Cursor, user_ids: Sequence[str]) -> Batch:
    found = tuple(merging.settled(_stored(db, it), _pending(db, it)) for it in user_ids)
    [(number, cut_off, last_number)] = db.execute(_META).fetchall()
    return Batch(found, Mark(number, cut_off), last_number)


def _stored(db: sqlite3.Cursor, user_id: str) -> Account:
    """The account as it is written."""
    if not is_text(user_id):
        return Account(user_id)
    known = [user_id]
    mark = db.execute(_MARK, known).fetchall()
    devices = db.execute(_DEVICES, known).fetchall()
    sessions = db.execute(rows.SELECT_STORED, known).fetchall()
    events = db.execute(rows.SELECT_STORED_EVENTS, known).fetchall()
    return Account(
        user_id,
        Mark(*mark[0]) if mark else Mark(),
        tuple(map(rows.device_row, devices)),
        tuple(map(rows.session_row, sessions)),
        tuple(map(rows.event_row, events)),
        tuple(map(items.item, db.execute(items.OF_OWNER, known).fetchall())),
    )


def _pending(db: sqlite3.Cursor, user_id: str) -> list[Covering]:
    return [Covering(*values) for values in db.execute(_PENDING, [user_id]).fetchall()]


def _store_mark(db: sqlite3.Cursor) -> Mark:
    [(number, cut_off, _)] = db.execute(_META).fetchall()
    return Mark(number, cut_off)


def _merge(db: sqlite3.Cursor, batch: Batch) -> None:
    _merge_numbers(db, batch)
    ours = _store_mark(db)
    for theirs in batch.accounts:
        mine = merging.as_read(_stored(db, theirs.user_id), _pending(db, theirs.user_id))
        _write(db, theirs.user_id, merging.difference(mine, theirs, ours, batch.mark))


def _merge_numbers(db: sqlite3.Cursor, batch: Batch) -> None:
    db.execute(_RAISE_LAST, [batch.last_number] * 2)
    for each in batch.erased:
        known = db.execute(_KNOWN_ERASED, [each.digest]).fetchall()
        kept = merging.later_erasure(ErasedAccount(*known[0]) if known else None, each)
        db.execute(_PUT_ERASED, [kept.digest, kept.number, kept.until])
    if merging.is_unknown(batch.mark, _store_mark(db)):
        endings.end(db, merging.ending_of_everyone(batch.mark), follow=True)
    ours = _store_mark(db)
    mark = merging.later_mark(ours, batch.mark)
    if mark != ours:
        db.execute(_PUT_STORE_MARK, [mark.number, mark.cut_off])


def _write(db: sqlite3.Cursor, user_id: str, change: merging.Difference) -> None:
    for device in change.devices:
        db.execute(rows.PUT_DEVICE, rows.device_values(device))
    if change.mark is not None:
        db.execute(_PUT_MARK, [user_id, change.mark.number, change.mark.cut_off])
    for row in change.sessions:
        _put(db, row)
    db.executemany(_REDUCE, [(session_id,) for session_id in change.reduced])
    counts = Counts()
    for event in change.events:
        write_event(db, counts, event)
    statistics.add(db, counts)
    items.write(db, change.items)
    append_changes(db, change.logged)


def _put(db: sqlite3.Cursor, row: SessionRow) -> None:
    """Write a session whatever is there, and count what that adds."""
    there = db.execute(_THERE, [row.user_id, row.id]).fetchall()
    counts = Counts()
    if not there:
        counts.began(row)
    for is_own, is_unended in there or [(True, True)]:
        if not is_own:
            raise ValueError(merging.FOREIGN)
        if is_unended and row.revoked_at is not None:
            counts.over(row)
    agent_id = agent_number(db, row.user_agent, row.last_seen_at)
    db.execute(_PUT_SESSION, rows.session_values(row, agent_id))
    statistics.add(db, counts)
