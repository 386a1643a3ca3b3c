"""The connections that read: each is used by one thread at a time, and none is ever lost."""

from __future__ import annotations

import itertools
import sqlite3
import time
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from devsess._runtime.mutex import Lock, if_free, is_mine, new_lock, with_lock
from devsess.errors import StoreUnavailableError
from devsess.stores.sqlite.one_row import Fetch, fetch_all

T = TypeVar("T")

Rows: TypeAlias = list[tuple[Any, ...]]
Reading: TypeAlias = Callable[[sqlite3.Cursor], T]

# Seconds to wait for one busy reader before another one is asked.
_TURN = 0.005


class Reader:
    """
    One connection that reads.

    Attributes:
        cursor: Its cursor.
        lock: Held by the thread that uses it.
        is_closed: Whether it was closed.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.cursor = connection.cursor()
        self.lock = new_lock()
        self.is_closed = False
        self._was_struck = False

    def ask(self, work: Reading[T], wait: float = 0.0) -> T | None:
        """The answer of *work*; None if another thread uses this reader for *wait*."""
        if is_mine(self.lock):  # a signal's handler asks while this thread reads
            return None
        if not wait:
            return if_free(self.lock, self.do, work)
        return with_lock(self.lock, wait, lambda: self.do(work), lambda: None)

    def do(self, work: Reading[T]) -> T:
        """The answer of *work*; the caller has this reader to itself."""
        if self._was_struck:  # an interrupt kept the last one from mending it
            self._mend()
        try:
            return work(self.cursor)
        except BaseException:
            self._was_struck = True
            self._mend()
            raise

    def rows(self, fetch: Fetch, statement: str, values: tuple[object, ...]) -> Rows:
        """As `do`, of one statement: for speed alone, as it needs no function made for it."""
        if self._was_struck:
            self._mend()
        try:
            return fetch(self.cursor, statement, values)
        except BaseException:
            self._was_struck = True
            self._mend()
            raise

    def _mend(self) -> None:
        """
        End what an interrupt left.

        An unfinished read would keep the log from being emptied until the next one, and a
        transaction that was left open would show the next one old rows.
        """
        self.cursor.close()
        self._connection.rollback()
        self.cursor = self._connection.cursor()
        self._was_struck = False

    def close(self, wait: float = 0.0) -> None:
        """Close it, unless somebody uses it for longer than *wait*."""
        if not is_mine(self.lock):
            with_lock(self.lock, wait, self._close, lambda: None)

    def _close(self) -> None:
        self._connection.close()
        self.is_closed = True


class Readers:
    """
    As many as are needed at the same time, up to *most*.

    Args:
        path: The file, for messages.
        open_one: Opens one more.
        most: How many there may be.
        timeout: Seconds to wait for one.
    """

    def __init__(
        self, path: str, open_one: Callable[[], sqlite3.Connection], most: int, timeout: float
    ) -> None:
        self._path = path
        self._open_one = open_one
        self._most = most
        self._timeout = timeout
        self._growing = new_lock()
        self._opening = 0
        self._turns = itertools.count()
        self._retired = False
        self.all: list[Reader] = []

    def read(self, statement: str, values: tuple[object, ...], fetch: Fetch = fetch_all) -> Rows:
        """
        The rows of *statement*, as *fetch* reads them.

        Raises:
            StoreUnavailableError: If all readers are busy for longer than the timeout.
        """
        return self.do(lambda cursor: fetch(cursor, statement, values))

    def do(self, work: Reading[T]) -> T:
        """
        The answer of *work*, which reads, and answers with anything but None.

        Raises:
            StoreUnavailableError: As `read`.
        """
        try:
            found = self._at_once(work)
            if found is None and self.grow():
                found = self._at_once(work)
            return self._in_time(work) if found is None else found
        except sqlite3.ProgrammingError:
            if not self._retired:
                raise
            raise StoreUnavailableError(f"database {self._path}: it was closed meanwhile") from None
        finally:
            # A retirement that found a reader at work left it to us.
            if self._retired:
                self.retire()

    def _at_once(self, work: Reading[T]) -> T | None:
        for reader in self.all:
            found = reader.ask(work)
            if found is not None:
                return found
        return None

    def _in_time(self, work: Reading[T]) -> T:
        # A signal's handler would wait for what it has interrupted.
        if self.all and all(is_mine(reader.lock) for reader in self.all):
            raise StoreUnavailableError(f"database {self._path}: this thread is using it already")
        deadline = time.monotonic() + self._timeout
        while self.all and (left := deadline - time.monotonic()) > 0:
            reader = self.all[next(self._turns) % len(self.all)]
            found = reader.ask(work, min(left, _TURN))
            if found is not None:
                return found
        raise StoreUnavailableError(f"database {self._path}: all readers are busy; try again")

    def grow(self) -> bool:
        """Open one more; false if there are enough, or if the system has no descriptor left."""
        if is_mine(self._growing) and not self._opening:  # paused, by this thread
            return False
        with self._growing:
            # A signal's handler may ask while its thread opens one.
            if len(self.all) + self._opening >= self._most or self._retired:
                return False
            self._opening += 1
            try:
                self.all.append(Reader(self._open_one()))
            except sqlite3.Error:
                if not self.all:
                    raise
                return False
            finally:
                self._opening -= 1
            return True

    def pause(self, hold: Callable[[Lock], None]) -> None:
        """*hold* all that a thread reads with, or adds a reader with."""
        hold(self._growing)  # first: the one that a thread is adding is among them then
        for reader in self.all:
            hold(reader.lock)

    def retire(self) -> None:
        """Close all; a reader at work closes when it is done."""
        self._retired = True
        for reader in self.all:
            reader.close()

    @property
    def are_closed(self) -> bool:
        """Whether none is at work any more, of those that were retired."""
        return not self._opening and all(reader.is_closed for reader in self.all)

    def finish(self, left: Callable[[], float]) -> None:
        """Wait for those that are at work though they were retired, and close them."""
        # The one that a thread is adding is among them then.
        with_lock(self._growing, left(), lambda: None, lambda: None)
        for reader in self.all:
            reader.close(left())

    def abandon(self) -> None:
        """None reads, grows or closes any more: they are another process's."""
        self._retired, self.all = True, []
