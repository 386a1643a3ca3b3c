"""A reader that was struck twice, in the midst of a read and of what follows it, reads as ever."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from devsess.stores.sqlite import SQLiteStore
from devsess.testing import _rows as rows

if TYPE_CHECKING:
    from pathlib import Path

STEPS = ["close", "rollback", "cursor"]


class StruckError(Exception):
    """What a signal's handler raises."""


class Strikes:
    """A connection or cursor one of whose methods strikes, after its work or in its place."""

    def __init__(self, struck: Any, step: str, *, after: bool) -> None:
        self._struck, self._step, self._after = struck, step, after

    def __getattr__(self, name: str) -> Any:
        if name != self._step:
            return getattr(self._struck, name)

        def strike(*args: Any) -> None:
            if self._after:
                getattr(self._struck, name)(*args)
            raise StruckError

        return strike


def left_open(cursor: sqlite3.Cursor) -> Any:
    """A transaction, with a read in its midst, that an interrupt leaves."""
    cursor.execute("BEGIN")
    cursor.execute("SELECT id FROM sessions")
    raise StruckError


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_struck_twice(tmp_path: Path, step: str, after: bool) -> None:
    """Neither closed nor in an old transaction: the next read is of now."""
    with closing(SQLiteStore(tmp_path / "sessions.db", readers=1)) as store:
        store.insert(rows.login(rows.session_row("s1")))
        store.get("s1")
        assert store._opened is not None
        reader: Any
        [reader] = store._opened.readers.all
        connection, cursor = reader._connection, reader.cursor
        reader._connection = Strikes(connection, step, after=after)
        reader.cursor = Strikes(cursor, step, after=after)
        with pytest.raises(StruckError):
            reader.ask(left_open)
        reader._connection = connection
        if isinstance(reader.cursor, Strikes):
            reader.cursor = cursor
        store.insert(rows.login(rows.session_row("s2")))
        assert store.get("s2") is not None
        assert [reader] == store._opened.readers.all


def test_a_read_at_once_that_is_struck_leaves_nothing_open(tmp_path: Path) -> None:
    """Else the log could not be emptied until this process validates again."""
    path = tmp_path / "sessions.db"
    with closing(SQLiteStore(path)) as store, closing(sqlite3.connect(path)) as other:
        store.insert(rows.login(rows.session_row("s1")))
        assert store._opened is not None
        watch = store._opened.watch
        with pytest.raises(StruckError):
            watch.do(left_open)
        store.insert(rows.login(rows.session_row("s2")))
        busy, *_ = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert (0, False) == (busy, watch.cursor.connection.in_transaction)
        assert store.plain_row("s2") is not None
