"""Helpers of the tests of the SQLite store."""

from __future__ import annotations

import os
import pickle
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from devsess.stores.base import ById
from devsess.stores.sqlite import walindex
from devsess.testing import _rows as rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from devsess.stores.sqlite import SQLiteStore

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")


# Where SQLite's shared memory can be looked at.
has_index = pytest.mark.skipif(sys.platform != "linux", reason="the wal-index is mapped on Linux")
MARKS = [pytest.param("wal-index", marks=has_index), "data_version"]


def use_mark(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have stores that are opened from now on compare that mark."""
    if name == "data_version":
        monkeypatch.setattr(walindex, "proven", lambda _: None)


# The content of columns that are not there any more, and of the one that names the only device.
_OTHERS: dict[str, Any] = {"likeness": 0.0, "device_key": 1}


def insert_known(db: sqlite3.Connection, table: str, columns: Any, values: Any) -> None:
    """Write those of the values that have a column in this version of the table."""
    known = {**_OTHERS, **dict(zip(columns, values, strict=True))}
    there = [it[1] for it in db.execute(f"PRAGMA table_info({table})") if it[1] in known]
    marks = ", ".join("?" * len(there))
    db.execute(
        f"INSERT OR REPLACE INTO {table} ({', '.join(there)}) VALUES ({marks})",
        [known[it] for it in there],
    )


def revoke(store: SQLiteStore, session_id: str) -> int:
    return len(store.end(rows.ending(ById(session_id))).events)


def is_revoked(store: SQLiteStore, session_id: str) -> bool:
    row = store.get(session_id)
    return row is not None and row.revoked_at is not None


def look_now(store: SQLiteStore) -> None:
    """As if a second had passed."""
    store._look_at = 0.0


def without_log(path: Path) -> None:
    """Delete the log and the shared memory of the old file, as a careful operator does."""
    for suffix in ("-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def in_child(work: Callable[[], Any]) -> Any:
    """The result of *work* in a forked child that ends without any clean-up."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        try:
            answer = work()
        except Exception as error:  # noqa: BLE001 - it is the answer
            answer = (type(error).__name__, str(error))
        os.write(write, pickle.dumps(answer))
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        answer = pipe.read()
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return pickle.loads(answer)
