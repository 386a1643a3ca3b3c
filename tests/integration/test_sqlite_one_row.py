"""A row that an SQL function takes is the row that its columns would be, and nobody else's."""

from __future__ import annotations

import signal
import sqlite3
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any, cast

import pytest

from devsess.stores.calls import StoreBusyError
from devsess.stores.sqlite.damage import DamagedError
from devsess.stores.sqlite.errors import is_damage
from devsess.stores.sqlite.one_row import RowConnection, fetch_all, fetch_one, select_one
from devsess.testing import _rows as rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from devsess.stores.sqlite import SQLiteStore

VALUES = (
    *("NULL", "0", "1", "-1", "1 << 62", "0.0", "1.5", "-1e300", "9e999"),
    *("''", "'a'", "'ä' || char(0) || 'ß'", "x''", "x'00ff'", "zeroblob(3)"),
)


@pytest.fixture
def cursor() -> Iterator[sqlite3.Cursor]:
    with closing(sqlite3.connect(":memory:", factory=RowConnection)) as connection:
        yield connection.cursor()


@pytest.mark.parametrize("columns", [*VALUES, ", ".join(VALUES), ", ".join(VALUES * 6)])
def test_it_is_the_row_that_the_columns_would_be(cursor: sqlite3.Cursor, columns: str) -> None:
    """Each kind of value, alone and among others, is what sqlite3 makes of a column."""
    [kept] = fetch_one(cursor, select_one(columns, ""), ())
    [read] = fetch_all(cursor, f"SELECT {columns}", ())
    assert read == kept
    assert list(map(type, read)) == list(map(type, kept))


def test_where_there_is_no_row_there_is_none(cursor: sqlite3.Cursor) -> None:
    """Not the one that was read before."""
    assert [(1,)] == fetch_one(cursor, select_one("?", ""), (1,))
    assert [] == fetch_one(cursor, select_one("?", "WHERE 0"), (2,))


def test_nothing_of_a_row_is_left(cursor: sqlite3.Cursor) -> None:
    """What was read of an account is not kept for longer than it takes."""
    fetch_one(cursor, select_one("'ada'", ""), ())
    assert () == cast("RowConnection", cursor.connection).latest.args
    assert [()] == fetch_one(cursor, "SELECT 1", ())


def test_a_text_that_is_none_is_damage(cursor: sqlite3.Cursor) -> None:
    """Of the function alone: any other error is what it was."""
    with pytest.raises(DamagedError):
        fetch_one(cursor, select_one("CAST(x'ff41' AS TEXT)", ""), ())
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        fetch_one(cursor, select_one("1", "FROM nowhere"), ())
    assert not is_damage(sqlite3.OperationalError("user-defined function raised exception"))


def test_no_python_runs_while_sqlite_reads(cursor: sqlite3.Cursor) -> None:
    """A signal's handler runs between steps of Python: within a function, its error was lost."""
    frames: list[str] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            frames.append(frame.f_code.co_name)

    statement = select_one("1", "")
    sys.setprofile(note)
    try:
        cursor.execute(statement).fetchall()
    finally:
        sys.setprofile(None)
    assert [] == frames


class StruckError(Exception):
    """What a signal's handler raises."""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this platform has no such timer")
@pytest.mark.parametrize("wait", [True, False])
def test_no_interrupt_is_lost(store: SQLiteStore, wait: bool) -> None:
    """What a handler raises while a row is read comes to its caller; the next read is whole."""
    came = struck = 0
    row = store.get("s1", wait=wait)

    def strike(*_: object) -> None:
        nonlocal came
        came += 1
        raise StruckError

    def read() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0.0002)
        while came == struck:
            assert row == store.get("s1", wait=wait)

    old = signal.signal(signal.SIGALRM, strike)
    try:
        for _ in range(300):
            try:
                read()
            except StruckError:
                struck += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert (300, 300) == (came, struck)
    assert row == store.get("s1", wait=wait)


class _Interrupted:
    """A cursor that calls *handler* once: before its rows are taken, or after."""

    def __init__(
        self, cursor: sqlite3.Cursor, handler: Callable[[], object], *, before: bool
    ) -> None:
        self._cursor = cursor
        self._handlers = [handler]
        self._before = before
        self.connection = cursor.connection

    def execute(self, *args: Any) -> Any:
        self._cursor.execute(*args)
        return self

    def fetchall(self) -> list[Any]:
        if self._before:
            self._strike()
        found = self._cursor.fetchall()
        if not self._before:
            self._strike()
        return found

    def _strike(self) -> None:
        while self._handlers:
            self._handlers.pop()()

    def close(self) -> None:
        self._cursor.close()


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("wait", [True, False])
def test_a_handler_reads_while_its_thread_reads(
    store: SQLiteStore, wait: bool, before: bool
) -> None:
    """Each has its own row: the handler by another connection, or not at once."""
    store.insert(rows.login(rows.session_row("s2")))
    found: list[Any] = []

    def handler() -> None:
        found.append(store.get("s2"))
        try:
            found.append(store.get("s2", wait=False))
        except StoreBusyError:
            found.append("busy")

    first, second = store.get("s1"), store.get("s2")
    opened = store._opened
    assert opened is not None
    if wait:
        [reader] = opened.readers.all
        struck = _Interrupted(reader.cursor, handler, before=before)
        reader.cursor = cast("sqlite3.Cursor", struck)
    else:
        struck = _Interrupted(opened.watch.cursor, handler, before=before)
        opened.watch.cursor = cast("sqlite3.Cursor", struck)

    assert first == store.get("s1", wait=wait)
    assert [second, second if wait else "busy"] == found
