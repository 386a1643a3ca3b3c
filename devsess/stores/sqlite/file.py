"""
The database file as this process has it open, and the locks around reading and writing it.

A file that is replaced is opened again; a fork waits until no thread is inside
SQLite. No exception, not even one that a signal's handler raises, leaves a lock
held or a transaction open.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import get_ident, main_thread
from typing import Any, ClassVar, Concatenate, NoReturn, ParamSpec, TypeAlias, TypeVar

from devsess._runtime.fork import around_fork
from devsess._runtime.mutex import if_free, is_mine, new_lock, with_lock
from devsess._runtime.waited import left_of
from devsess.errors import StoreUnavailableError
from devsess.stores.calls import StoreBusyError
from devsess.stores.sqlite import schema
from devsess.stores.sqlite.checks import checked_path, checked_readers
from devsess.stores.sqlite.connections import MAX_READERS, Connections
from devsess.stores.sqlite.errors import DAMAGED, is_busy, unavailable
from devsess.stores.sqlite.file_locks import take_inherited
from devsess.stores.sqlite.group_commit import GroupCommit, NotInTimeError, TakenBackError
from devsess.stores.sqlite.one_row import Fetch, Values, fetch_all, fetch_one
from devsess.stores.sqlite.pause import Pause, Pauses
from devsess.stores.sqlite.retired import Retired

T = TypeVar("T")
P = ParamSpec("P")

# How often, at least, the path is looked at for another file.
_LOOK_EVERY = 0.5

Answer: TypeAlias = "tuple[int, list[tuple[Any, ...]]]"

# Differs for every opening of a file by this process and those it forks.
_epochs = itertools.count(1)


class DatabaseFile:
    """The part of SQLiteStore that opens, reads and writes; arguments and errors are its own."""

    # A commit is on the disk before it is answered.
    _SYNCHRONOUS: ClassVar[str] = "FULL"

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
        self._retired = Retired()
        self._closed = False
        self._inherits = self._lacks_locks = self._is_torn = False
        self._start_over()
        # First: a thread that opens a file is inside SQLite.
        around_fork(self, DatabaseFile._pause, DatabaseFile._go_on, DatabaseFile._in_child)
        self._locked(self._timeout, lambda: self._look(create=True))

    def close(self) -> None:
        """See Store.close."""
        with self._write_lock:
            with self._watch_lock:
                self._closed = True
                opened, self._opened = self._opened, None
            if opened is not None:  # a fork waits for it; who looks is refused meanwhile
                self._retired.close(opened, checkpoint=True)

    # Reading.

    def _query(
        self,
        statement: str,
        values: Values,
        *,
        wait: bool = True,
        fetch: Fetch = fetch_all,
        queues: bool = True,
    ) -> Answer:
        """Rows, with the epoch of the connections that gave them."""
        if time.monotonic() >= self._look_at:
            self._look(wait=wait)
        if not wait:
            return self._at_once(statement, values, fetch, queues=queues)
        opened = self._opened or self._open()
        try:
            return opened.epoch, opened.readers.read(statement, values, fetch)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise unavailable(self._path, error) from error

    def _made(self, make: Callable[[Sequence[Any]], T], found: Sequence[Sequence[Any]]) -> list[T]:
        """Each row as *make* reads it; a damaged one is a StoreUnavailableError."""
        try:
            return [make(values) for values in found]
        except DAMAGED as error:
            raise unavailable(self._path, error) from error

    def _row(self, make: Callable[[Sequence[Any]], T], values: Sequence[Any] | None) -> T | None:
        """One row as *make* reads it, if there is one."""
        if values is None:
            return None
        try:
            return make(values)
        except DAMAGED as error:
            raise unavailable(self._path, error) from error

    def _session(
        self, statement: str, session_id: str, *, wait: bool, queues: bool = True
    ) -> tuple[Any, ...] | None:
        """The columns of one session; None where there is none."""
        values = (session_id,)
        try:
            _, found = self._query(statement, values, wait=wait, fetch=fetch_one, queues=queues)
        except UnicodeEncodeError:
            return None
        return found[0] if found else None

    def _rows(self, statement: str, values: Values) -> list[tuple[Any, ...]]:
        return self._query(statement, values)[1]

    def _at_once(
        self, statement: str, values: Values, fetch: Fetch = fetch_all, *, queues: bool = True
    ) -> Answer:
        """By the watch connection; unless it *queues*, not behind others that read by it."""
        if self._opened is None:
            self._open(wait=False)
        if is_mine(self._watch_lock):  # a signal's handler asks
            raise StoreBusyError(f"database {self._path}: this thread is using it already")
        try:
            # Under it nobody waits for the write lock, whose holder may be waiting for this one.
            if not queues:
                return self._if_watch_is_free((fetch, statement, values))
            with self._watch_lock:  # as _by_watch, written out: each look at the mark passes here
                opened = self._opened
                if opened is not None:
                    return opened.epoch, opened.watch.rows(fetch, statement, values)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if is_busy(error):
                raise StoreBusyError(f"database {self._path}: busy right now") from error
            raise unavailable(self._path, error) from error
        raise self._is_not_open()

    def _if_watch_is_free(self, read: tuple[Fetch, str, Values]) -> Answer:
        found = if_free(self._watch_lock, self._by_watch, read)
        if found is None:
            raise StoreBusyError(f"database {self._path}: other threads are reading")
        return found

    def _by_watch(self, read: tuple[Fetch, str, Values]) -> Answer:
        opened = self._opened
        if opened is None:
            raise self._is_not_open()
        return opened.epoch, opened.watch.rows(*read)

    def _is_not_open(self) -> StoreUnavailableError:
        state = "was closed" if self._closed else "is being opened again; try again"
        return StoreUnavailableError(f"this store {state}")

    # Writing.

    def _transaction(
        self,
        work: Callable[Concatenate[sqlite3.Cursor, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """
        Do *work* in one transaction of the writer and return its result.

        Work of other threads may be in it, and *work* may be done again if that fails.
        """

        def bound(db: sqlite3.Cursor) -> T:
            return work(db, *args, **kwargs)

        seconds = left_of(self._timeout)
        if get_ident() != main_thread().ident:
            deadline = time.monotonic() + seconds
            try:
                return self._with_others(bound, deadline)
            except TakenBackError:
                seconds = max(0.001, deadline - time.monotonic())
        return self._write(seconds, lambda opened: atomically(opened.writer, bound))

    def _with_others(self, work: Callable[[sqlite3.Cursor], T], deadline: float) -> T:
        self._check_free()
        try:
            return self._group.do(work, deadline)
        except NotInTimeError:
            raise StoreUnavailableError(self._others_write()) from None
        except (sqlite3.Error, OSError, *DAMAGED) as error:
            raise unavailable(self._path, error) from error

    def _group_transaction(self, seconds: float, work: Callable[[sqlite3.Cursor], None]) -> None:
        opened = self._ready()
        opened.wait_at_most(_left(time.monotonic() + seconds, self._timeout))
        atomically(opened.writer, work)

    def _write(self, seconds: float, work: Callable[[Connections], T]) -> T:
        """
        Do *work* while no other thread of this process writes, and return its result.

        Args:
            seconds: To wait for all other writers, of this process and others; 0 asks once.
            work: Writes, by `writer`, or, if there is no time to wait, by `toucher`.

        Raises:
            StoreUnavailableError: If it could not be done; a StoreBusyError if it may be at once.
        """
        deadline = time.monotonic() + seconds

        def within() -> T:
            opened = self._ready()
            if seconds:
                opened.wait_at_most(_left(deadline, seconds))
            return work(opened)

        try:
            return self._locked(seconds, within)
        except (sqlite3.Error, OSError, *DAMAGED) as error:
            refusal = unavailable(self._path, error)
            if not seconds and is_busy(error):
                refusal = StoreBusyError(*refusal.args)
            raise refusal from error

    def _ready(self) -> Connections:
        """The connections to the file that is at the path now; under the write lock."""
        if self._is_torn:  # in this process SQLite believes for ever that it still writes
            raise StoreUnavailableError(
                f"database {self._path}: this process was forked in the middle of a write and"
                " can only read; write in another one"
            )
        self._look()
        opened = self._opened or self._open()
        if opened.is_proof_due:
            opened.prove()
        return opened

    def _locked(self, seconds: float, work: Callable[[], T]) -> T:
        """
        Do *work* under the write lock and return its result.

        Raises:
            StoreUnavailableError: If other threads keep it for longer; a StoreBusyError if
                *seconds* is 0.
        """

        def refuse() -> NoReturn:
            kind = StoreUnavailableError if seconds else StoreBusyError
            raise kind(self._others_write())

        self._check_free()
        try:
            return with_lock(self._write_lock, seconds, work, refuse)
        finally:
            self._group.wake_next()

    def _check_free(self) -> None:
        if is_mine(self._write_lock):
            raise StoreBusyError(
                f"database {self._path}: this thread was interrupted while it writes"
            )

    def _others_write(self) -> str:
        return f"database {self._path}: other threads write; try again"

    # Opening.

    def _look(self, *, create: bool = False, wait: bool = True) -> None:
        """Open again if another file is at the path."""
        try:
            opened = self._opened
            if opened is None or opened.is_replaced():
                self._open(opened, create=create, wait=wait)
        except OSError as error:
            self._look_at = 0.0  # until it is back, every call looks
            raise unavailable(self._path, error) from error
        self._look_at = time.monotonic() + _LOOK_EVERY

    def _open(
        self, old: Connections | None = None, *, create: bool = False, wait: bool = True
    ) -> Connections:
        """Put new connections in the place of *old*, unless another thread did."""

        def opened() -> Connections:
            new = self._reopened(old, create=create)
            if old is not None and old is not new:
                self._retired.close(old)
            return new

        self._check_open()  # without the lock: it may take a while to close
        if is_mine(self._write_lock):
            return opened()
        return self._locked(self._timeout if wait else 0.0, opened)

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailableError("this store was closed")

    def _reopened(self, old: Connections | None, *, create: bool) -> Connections:
        """As `_open`, under the write lock; *old* is closed by the caller, or before."""
        self._check_open()
        if self._opened is not None and self._opened is not old:
            return self._opened
        try:
            self._take_locks()
            if old is not None and old.is_cut_off():
                with self._watch_lock:  # nobody looks while it closes
                    self._opened = None
                # First: new ones of this process would share its locks and memory.
                self._retired.close(old)
            new = Connections(
                self._path,
                self._timeout,
                next(_epochs),
                self._readers,
                create=create,
                synchronous=self._SYNCHRONOUS,
            )
            try:
                schema.bring_up_to_date(new.writer.connection)
                new.hand_over()
            except BaseException:
                new.close()
                raise
        except (sqlite3.Error, OSError, *DAMAGED) as error:
            raise unavailable(self._path, error) from error
        with self._watch_lock:
            self._opened = new
        return new

    def _start_over(self) -> None:
        # The write lock may be taken again by its holder, who opens the file.
        self._write_lock = new_lock()
        self._group = GroupCommit(self._write_lock, self._group_transaction)
        self._watch_lock = new_lock()
        self._look_at = 0.0
        locks, finish = (self._write_lock, self._watch_lock), self._retired.finish
        self._pauses = Pauses(lambda: Pause(*locks, lambda: self._opened, self._timeout, finish))

    # Around a fork: a thread inside SQLite holds locks that nothing in a child releases.

    def _pause(self) -> None:
        """Wait until no thread is inside SQLite, and let none in; not for ever."""
        self._pauses.begin()

    def _go_on(self) -> None:
        self._pauses.end()
        self._group.wake_next()

    def _in_child(self) -> None:
        is_writer_ours = is_mine(self._write_lock)  # since the pause, if not before
        self._start_over()
        self._inherits |= self._retired.abandon()
        if self._opened is not None:
            self._is_torn |= self._opened.abandon(is_writer_ours=is_writer_ours)
            self._opened, self._inherits = None, True
        # From now on, in every generation: abandoned connections stay open.
        self._lacks_locks = self._inherits
        with suppress(OSError):  # opening it again raises it
            self._take_locks()

    def _take_locks(self) -> None:
        if self._lacks_locks:
            take_inherited(self._path)
        self._lacks_locks = False


def _left(deadline: float, seconds: float) -> float:
    """The rest of *seconds*; all, if hardly any passed: a change costs a statement."""
    left = max(0.0, deadline - time.monotonic())
    return seconds if seconds - left < 0.001 else left


def atomically(db: sqlite3.Cursor, work: Callable[[sqlite3.Cursor], T]) -> T:
    """Do *work* in one transaction and return its result; if it fails, nothing is written."""
    if db.connection.in_transaction:  # an interrupt kept the last one from being taken back
        db.execute("ROLLBACK")
    try:
        db.execute("BEGIN IMMEDIATE")
        answer = work(db)
        db.execute("COMMIT")
    except BaseException:
        if db.connection.in_transaction:
            db.execute("ROLLBACK")
        raise
    return answer
