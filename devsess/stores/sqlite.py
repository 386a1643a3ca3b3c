"""
The SQLite store: one file, many threads, many processes.

Every deed is one transaction of the writer connection. Reads take a pooled
reader, or, with `wait=False`, the watch connection, which never waits.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
import time
from contextlib import contextmanager, suppress
from threading import RLock, get_ident
from typing import TYPE_CHECKING, Any, TypeAlias

from devsess._fork import around_fork
from devsess.errors import StoreUnavailableError
from devsess.models import Page
from devsess.stores import _deeds as deeds
from devsess.stores import _sqlite_deeds as sql
from devsess.stores import _sqlite_rows as rows
from devsess.stores import _sqlite_schema as schema
from devsess.stores._sqlite_checks import checked_path, checked_readers, is_text
from devsess.stores._sqlite_connections import MAX_READERS, Connections
from devsess.stores._sqlite_ending_calls import EndingCalls
from devsess.stores._sqlite_errors import is_busy, unavailable
from devsess.stores._sqlite_locks import take_inherited
from devsess.stores._sqlite_log import keep, note
from devsess.stores._sqlite_pause import Pause
from devsess.stores.base import ALL, Changes, StoreBusyError

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterator, Sequence

    from devsess.lifecycle import Activity
    from devsess.rows import DeviceRow, EventRow, SessionRow
    from devsess.stores.base import Columns, Erasure, InsertAnswer, Insertion

# How often, at least, the path is looked at for another file.
_LOOK_EVERY = 0.5

_LOG = "SELECT seq, tag, session_id FROM changes WHERE seq >= ? ORDER BY seq LIMIT ?"
_LOG_END = "SELECT seq, tag FROM changes ORDER BY seq DESC LIMIT 1"
_NEWEST = 2**63 - 1

Values: TypeAlias = "tuple[object, ...]"
Answer: TypeAlias = "tuple[int, list[tuple[Any, ...]]]"

# Differs for every opening of a file by this process and those it forks.
_epochs = itertools.count(1)


class SQLiteStore(EndingCalls):
    """
    Sessions in one SQLite file, which is created if its folder is there.

    Args:
        path: The file.
        timeout: Seconds to wait for another process's write.
        readers: Connections that may read at the same time, 1 or more.

    Raises:
        ConfigurationError: If *path* names no file, SQLite is too old, or *readers* is no count.
        StoreUnavailableError: If the file cannot be used; the message says why.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        timeout: float = 5.0,
        readers: int = MAX_READERS,
    ) -> None:
        self._path = checked_path(path)
        self._timeout = timeout
        self._readers = checked_readers(readers)
        self._opened: Connections | None = None
        self._closed = False
        self._inherits = self._lacks_locks = False
        self._start_over()
        with self._writing(create=True):
            pass
        around_fork(self, SQLiteStore._pause, SQLiteStore._go_on, SQLiteStore._in_child)

    def mark(self) -> object:
        """
        See Store.mark: the bytes that every commit changes.

        Where they cannot be looked at, SQLite's own count of what others committed.
        """
        if time.monotonic() >= self._look_at:
            self._look()
        opened = self._opened
        shared = None if opened is None else opened.shared_mark()
        if shared is not None:
            return shared
        epoch, [found] = self._at_once("PRAGMA data_version", ())
        return epoch, found[0]

    @property
    def mark_in_use(self) -> str:
        """What `mark` compares: "wal-index" or "data_version"."""
        opened = self._opened
        return "data_version" if opened is None or opened.index is None else "wal-index"

    def changes(self, position: object, *, wait: bool = True) -> Changes:
        """See Store.changes. A position is an opening of the file, and an entry with its tag."""
        if isinstance(position, tuple):
            epoch, entries = self._ask(_LOG, (position[1], deeds.LOG_READ + 2), wait=wait)
            here = sql.changes_since(position, epoch, entries)
            if here is not None:
                return here
        epoch, entries = self._ask(_LOG_END, (), wait=wait)
        return Changes((epoch, *entries[0]), ALL)

    def get(self, session_id: str, *, wait: bool = True) -> SessionRow | None:
        """See Store.get."""
        found = self._session(rows.GET, session_id, wait=wait)
        return rows.session_row(found) if found else None

    def stamp(self, session_id: str, *, wait: bool = True) -> int | None:
        """See Store.stamp."""
        found = self._session(rows.SELECT_STAMP, session_id, wait=wait)
        return rows.stamp(found) if found else None

    def list(self, user_id: str) -> builtins.list[SessionRow]:
        """See Store.list."""
        return [rows.session_row(values) for values in self._of_user(rows.LIST, user_id)]

    def insert(self, insertion: Insertion) -> InsertAnswer:
        """See Store.insert."""
        with self._deed() as db:
            return sql.insert(db, insertion)

    def touch(
        self, session_id: str, activity: Activity, *, bound: bool, presented: int | None = None
    ) -> bool:
        """See Store.touch."""
        if not is_text(session_id):
            return False
        moved = (activity.last_seen_at, activity.idle_from, activity.idle_expires_at)
        values = (*moved, bound, presented, session_id)
        with self._writing() as opened:
            return opened.toucher.execute(sql.TOUCH, values).rowcount == 1

    def rotate(
        self, session_id: str, *, expected_generation: int, changes: Columns, event: EventRow | None
    ) -> SessionRow | None:
        """See Store.rotate."""
        expected = {"generation": expected_generation}
        changes = {**changes, "generation": expected_generation + 1}
        with self._swap(session_id, expected, changes) as (db, row):
            if row is not None and event is not None:
                keep(db, event)
            return row

    def update(
        self, session_id: str, *, expected: Columns, changes: Columns, event: EventRow
    ) -> SessionRow | None:
        """See Store.update."""
        with self._swap(session_id, expected, changes) as (db, row):
            if row is not None:
                note(db, [row.id])
                keep(db, event)
            return row

    def devices(self, user_id: str) -> builtins.list[DeviceRow]:
        """See Store.devices."""
        found = self._of_user(rows.SELECT_DEVICES, user_id)
        return [rows.device_row(values) for values in found]

    def known_devices(
        self, user_id: str, *, ids: Sequence[str], fingerprints: Sequence[bytes]
    ) -> builtins.list[DeviceRow]:
        """See Store.known_devices."""
        if not is_text(user_id):
            return []
        ids = [device_id for device_id in ids if is_text(device_id)]
        statement, values = rows.known_devices(user_id, deeds.DEVICES_COMPARED, ids, fingerprints)
        _, found = self._ask(statement, tuple(values))
        return [rows.device_row(values) for values in found]

    def put_device(
        self, user_id: str, device_id: str, *, changes: Columns, event: EventRow
    ) -> DeviceRow | None:
        """See Store.put_device."""
        if not is_text(user_id, device_id):
            return None
        with self._deed() as db:
            device = sql.put_device(db, user_id, device_id, changes)
            if device is not None:
                keep(db, event)
            return device

    def add_event(self, event: EventRow) -> None:
        """See Store.add_event."""
        with self._deed() as db:
            keep(db, event)

    def events(self, user_id: str, *, limit: int, cursor: str | None = None) -> Page[EventRow]:
        """See Store.events."""
        deeds.check_size(limit)
        before = deeds.read_cursor(cursor) or _NEWEST
        found = self._of_user(rows.EVENTS, user_id, before, limit + 1)
        following = str(found[limit - 1][0]) if len(found) > limit else None
        return Page(tuple(rows.event_row(values[1:]) for values in found[:limit]), following)

    def purge(self, *, now: float, before: float, devices_before: float, limit: int) -> int:
        """See Store.purge."""
        deeds.check_size(limit)
        with self._deed() as db:
            return sql.purge(db, now, before, devices_before, limit)

    def erase(self, erasure: Erasure) -> int:
        """See Store.erase."""
        if not is_text(erasure.user_id):
            return 0
        with self._deed() as db:
            return sql.erase(db, erasure)

    def migrate(self) -> builtins.list[str]:
        """See Store.migrate; opening the file has done it already."""
        with self._writing() as opened:
            return schema.bring_up_to_date(opened.writer.connection)

    def close(self) -> None:
        """See Store.close."""
        with self._write_lock, self._watch_lock:
            self._closed = True
            opened, self._opened = self._opened, None
        if opened is not None:
            opened.close(checkpoint=True)

    # Reading.

    def _ask(self, statement: str, values: Values, *, wait: bool = True) -> Answer:
        """Rows, with the epoch of the connections that gave them."""
        if time.monotonic() >= self._look_at:
            self._look()
        if not wait:
            return self._at_once(statement, values)
        opened = self._opened or self._open()
        try:
            return opened.epoch, opened.read(statement, values)
        except sqlite3.Error as error:
            raise unavailable(self._path, error) from error

    def _at_once(self, statement: str, values: Values) -> Answer:
        if self._opened is None:
            self._open()
        try:
            # Under it nobody waits for the write lock, whose holder may be waiting for this one.
            with self._watch_lock:
                opened = self._opened
                if opened is not None:
                    return opened.epoch, opened.watch.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            if is_busy(error):
                raise StoreBusyError(f"database {self._path}: busy right now") from error
            raise unavailable(self._path, error) from error
        state = "was closed" if self._closed else "is being opened anew; try again"
        raise StoreUnavailableError(f"this store {state}")

    def _session(self, statement: str, session_id: str, *, wait: bool) -> tuple[Any, ...] | None:
        try:
            _, found = self._ask(statement, (session_id,), wait=wait)
        except UnicodeEncodeError:
            return None
        return found[0] if found else None

    def _of_user(
        self, statement: str, user_id: str, *values: object
    ) -> builtins.list[tuple[Any, ...]]:
        if not is_text(user_id):
            return []
        return self._rows(statement, (user_id, *values))

    def _rows(self, statement: str, values: Values) -> builtins.list[tuple[Any, ...]]:
        return self._ask(statement, values)[1]

    # Writing.

    @contextmanager
    def _swap(
        self, session_id: str, expected: Columns, changes: Columns
    ) -> Iterator[tuple[sqlite3.Cursor, SessionRow | None]]:
        deeds.check_columns(expected, changes)
        with self._deed() as db:
            known = is_text(session_id)
            yield db, sql.swap(db, session_id, expected, changes) if known else None

    @contextmanager
    def _deed(self) -> Iterator[sqlite3.Cursor]:
        """One transaction: whole, or not at all."""
        with self._writing() as opened:
            db = opened.writer
            try:
                db.execute("BEGIN IMMEDIATE")
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.connection.in_transaction:
                    db.execute("ROLLBACK")
                raise

    @contextmanager
    def _writing(self, *, create: bool = False) -> Iterator[Connections]:
        """The connections to the file that is at the path now, for this thread to write."""
        if not self._write_lock.acquire(timeout=self._timeout):
            raise StoreUnavailableError(f"database {self._path}: other threads write; try again")
        try:
            self._look(create=create)
            opened = self._opened or self._open()
            if opened.is_proof_due:
                opened.prove()
            yield opened
        except (sqlite3.Error, OSError) as error:
            raise unavailable(self._path, error) from error
        finally:
            self._write_lock.release()

    # Opening.

    def _look(self, *, create: bool = False) -> None:
        """Open again if another file is at the path."""
        try:
            opened = self._opened
            if opened is None or opened.is_replaced():
                self._open(opened, create=create)
        except OSError as error:
            self._look_at = 0.0  # until it is back, every call looks
            raise unavailable(self._path, error) from error
        self._look_at = time.monotonic() + _LOOK_EVERY

    def _open(self, old: Connections | None = None, *, create: bool = False) -> Connections:
        """Put new connections in the place of *old*, unless another thread did."""
        try:
            with self._write_lock:
                if self._closed:
                    raise StoreUnavailableError("this store was closed")
                if self._opened is not None and self._opened is not old:
                    return self._opened
                self._take_locks()
                if old is not None and old.is_cut_off():
                    with self._watch_lock:  # nobody looks while it closes
                        self._opened = None
                    old.close()  # first: what it shares, new ones of this process would share too
                new = Connections(
                    self._path, self._timeout, next(_epochs), self._readers, create=create
                )
                try:
                    schema.bring_up_to_date(new.writer.connection)
                except BaseException:
                    new.close()
                    raise
                with self._watch_lock:
                    self._opened = new
        except (sqlite3.Error, OSError) as error:
            raise unavailable(self._path, error) from error
        if old is not None:
            old.close()
        return new

    def _start_over(self) -> None:
        # The write lock may be taken again by its holder, who opens the file.
        self._write_lock = RLock()
        self._watch_lock = RLock()
        self._look_at = 0.0
        self._paused: dict[int, Pause] = {}  # by the thread that forks

    # Around a fork: whoever is in the middle of SQLite has locks that nobody in a child gives back.

    def _pause(self) -> None:
        """Wait until no thread is inside SQLite, and let none in; not for ever."""
        paused = Pause(self._write_lock, self._watch_lock, self._opened, self._timeout)
        self._paused[get_ident()] = paused

    def _go_on(self) -> None:
        if paused := self._paused.pop(get_ident(), None):
            paused.end()

    def _in_child(self) -> None:
        self._start_over()
        if self._opened is not None:
            self._opened.abandon()
            self._opened, self._inherits = None, True
        # From now on, in every generation: what is abandoned stays.
        self._lacks_locks = self._inherits
        with suppress(OSError):  # told when it is opened again
            self._take_locks()

    def _take_locks(self) -> None:
        if self._lacks_locks:
            take_inherited(self._path)
        self._lacks_locks = False
