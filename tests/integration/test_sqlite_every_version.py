"""A file of every earlier version is brought up to date, whole or not at all."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from _sqlite_helpers import insert_known

from devsess.stores.searching import Filter
from devsess.stores.sqlite import SQLiteStore, rows, schema
from devsess.testing import _rows
from devsess.testing._rows import T0, session_row

if TYPE_CHECKING:
    from pathlib import Path

STEPS = [*schema.STEPS]
ROW = session_row()


def _make(path: Path, last: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file as it was after the step *last*, with a session, its device and an event."""
    taken = {it: schema.STEPS[it] for it in STEPS[: STEPS.index(last) + 1]}
    event = _rows.event_row(at=T0, session_id=ROW.id)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        with monkeypatch.context() as patched:
            patched.setattr(schema, "STEPS", taken)
            schema.bring_up_to_date(db)
        db.execute("INSERT INTO agents VALUES (1, ?, ?)", [ROW.user_agent, T0])
        insert_known(db, "sessions", rows.SESSION, rows.session_values(ROW, 1))
        insert_known(db, "devices", rows.DEVICE, rows.device_values(ROW.device))
        insert_known(db, "events", rows.EVENT, rows.event_values(event, 1))


def _schema(path: Path) -> set[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as db:
        assert [("ok",)] == db.execute("PRAGMA integrity_check").fetchall()
        found = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
        return set(found)


def _check(path: Path) -> None:
    """It has all rows, each in its indexes, and is as a new file."""
    with closing(SQLiteStore(path)) as store:
        assert ROW == store.get(ROW.id)
        assert [ROW] == store.list(ROW.user_id)
        assert [ROW.device] == store.devices(ROW.user_id)
        assert 1 == len(store.events(ROW.user_id, limit=9))
        assert 1 == len((store.poll(None, limit=9)).items)
        for wanted in (Filter(), Filter(user_id=ROW.user_id), Filter(device_id=ROW.device.id)):
            assert (ROW,) == store.search(wanted, cutoffs=_rows.cutoffs(T0), limit=9).items
        assert [] == store.pending()
    new = path.with_name("new.db")
    SQLiteStore(new).close()
    assert _schema(new) == _schema(path)


@pytest.mark.parametrize("last", STEPS)
def test_no_row_is_lost(tmp_path: Path, last: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever step was its last one."""
    _make(tmp_path / "old.db", last, monkeypatch)
    _check(tmp_path / "old.db")


# The last step before a commit, and one in the middle.
_DYING = """
import os, signal, sys
from devsess.stores.sqlite import SQLiteStore, schema
path, name = sys.argv[1:]
step = schema.STEPS[name]
def die(db):
    step(db)
    os.kill(os.getpid(), signal.SIGKILL)
schema.STEPS[name] = die
SQLiteStore(path)
"""


@pytest.mark.parametrize("name", [STEPS[1], "0010_statistics", STEPS[-1]])
def test_a_process_that_is_killed_leaves_the_file_as_it_was(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All steps are one transaction: the next process takes them, and nothing is lost."""
    path = tmp_path / "old.db"
    _make(path, STEPS[0], monkeypatch)
    died = subprocess.run([sys.executable, "-c", _DYING, str(path), name], check=False)
    assert -signal.SIGKILL == died.returncode
    with closing(sqlite3.connect(path)) as db:
        assert {STEPS[0]} == schema.taken(db)
    _check(path)
