"""
The connections of a store that was collected and never closed.

They are closed by whichever thread collects it, at any time. A child that is forked meanwhile
would have the locks that SQLite took for that, and nobody to release them.
"""

from __future__ import annotations

import ctypes
import sqlite3
import warnings
from contextlib import suppress

from attrs import field, frozen

from devsess._runtime.fork import around_fork
from devsess._runtime.mutex import if_free, is_mine, new_lock
from devsess.stores.sqlite.file_locks import take_inherited

# Seconds for which a fork waits for a thread that closes them.
_PATIENCE = 5.0


@frozen(eq=False)
class _Left:
    path: str
    connections: list[sqlite3.Connection] = field(repr=False)


class Collected:
    """
    Those of this process: none is closed while another thread forks, but after it.

    A collection may come in the midst of anything, so that it waits for nobody.
    """

    def __init__(self) -> None:
        self._lock = new_lock()
        self._left: list[_Left] = []
        around_fork(self, Collected._pause, Collected._go_on, Collected._in_child)

    def close(self, path: str, connections: list[sqlite3.Connection]) -> None:
        """Close them, or leave it to the thread that forks; then warn if any was open."""
        was_open = any(map(_is_open, connections))
        self._left.append(_Left(path, connections))
        self._close_left()
        if was_open:
            warnings.warn(f"database {path}: a store was not closed", ResourceWarning, stacklevel=2)

    def _close_left(self) -> None:
        # Once more: while one closes them, another one may leave it some.
        while self._left:
            is_done = if_free(self._lock, Collected._close_all, self)
            if not is_done:
                return

    def _close_all(self) -> bool:
        while self._left:
            last = self._left[-1]
            for connection in last.connections:
                with suppress(sqlite3.Error):
                    connection.close()
            with suppress(ValueError):  # another collection came in the midst of it
                self._left.remove(last)
        return True

    def _pause(self) -> None:
        self._lock.acquire(timeout=_PATIENCE)

    def _go_on(self) -> None:
        if is_mine(self._lock):
            self._lock.release()
        self._close_left()

    def _in_child(self) -> None:
        self._lock = new_lock()
        while self._left:
            left = self._left.pop()
            keep_open(left.connections)
            with suppress(OSError):  # the file is another one by now
                take_inherited(left.path)


def _is_open(connection: sqlite3.Connection) -> bool:
    try:
        _ = connection.in_transaction  # a closed one refuses every question
    except sqlite3.ProgrammingError:
        return False
    return True


def keep_open(connections: list[sqlite3.Connection]) -> None:
    """By a reference too many: they are not even closed when the interpreter ends."""
    for connection in connections:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


# What SQLite holds is this process's.
COLLECTED = Collected()
