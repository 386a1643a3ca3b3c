"""The wal-index as a mark: it is used only while it can be proven, and harms nobody's locks."""

from __future__ import annotations

import gc
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from _sqlite_helpers import has_index, in_child, is_revoked, look_now, revoke

from devsess.errors import StoreUnavailableError
from devsess.stores.base import ALL
from devsess.stores.calls import SharedMark
from devsess.stores.sqlite import SQLiteStore, walindex
from devsess.testing import _rows as rows

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = has_index


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore(path)
    store.insert(rows.login(rows.session_row("s1")))
    yield store
    store.close()


def leave_wal(path: Path) -> str:
    """SQLite's answer to another process that tries to end the WAL mode of the database."""
    code = (
        "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], timeout=0)\n"
        "try: print(db.execute('PRAGMA journal_mode = DELETE').fetchone()[0])\n"
        "except sqlite3.OperationalError as error: print(error)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True
    )
    return answer.stdout.strip()


def descriptors() -> set[str]:
    """The files that this process has open."""
    found = set()
    for each in Path("/proc/self/fd").iterdir():
        try:
            found.add(str(each.readlink()))
        except OSError:
            continue
    return found


def test_it_is_used_where_it_can_be(store: SQLiteStore) -> None:
    """A database that is opened shows its header; every commit of anybody changes it."""
    assert "wal-index" == store.mark_in_use
    marks = [store.mark(), store.mark()]
    assert marks[0] == marks[1]
    with closing(sqlite3.connect(store._path)) as other:
        for _ in range(100):
            other.execute("UPDATE meta SET cut_off = coalesce(cut_off, 0) + 1")
            other.commit()
            marks.append(store.mark())
    assert 101 == len(set(marks))


def test_a_retired_header_is_no_mark(store: SQLiteStore) -> None:
    """One that will never change again is not compared, were it handed out a moment before."""
    before = store.mark()
    assert isinstance(before, SharedMark)
    assert store._opened is not None
    assert store._opened.index is not None
    store._opened.index.retire()
    assert before.raw != before.memory.raw
    assert not isinstance(store.mark(), SharedMark)


def test_the_proof_changes_nothing(path: Path) -> None:
    """The commit that proves it leaves the database as it was."""
    SQLiteStore(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 7")
        before = list(db.iterdump())
    SQLiteStore(path).close()
    with closing(sqlite3.connect(path)) as db:
        assert before == list(db.iterdump())
        assert (7,) == db.execute("PRAGMA user_version").fetchone()


def test_without_a_proof_it_is_not_used(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that a commit does not change are no mark: SQLite is asked."""
    monkeypatch.setattr(walindex, "_commit", lambda _: None)
    with closing(SQLiteStore(path)) as store:
        assert "data_version" == store.mark_in_use
        mark = store.mark()
        store.insert(rows.login(rows.session_row("s1")))
        assert mark != store.mark()


def test_where_the_system_has_no_such_call(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite is asked."""
    monkeypatch.setattr(walindex, "_remap", lambda: None)
    with closing(SQLiteStore(path)) as store:
        assert "data_version" == store.mark_in_use


def test_a_database_that_cannot_be_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a proof by a write of its own the index is not used, and opening goes on."""

    def refused(_: object) -> None:
        raise sqlite3.OperationalError("attempt to write a readonly database")

    monkeypatch.setattr(walindex, "_commit", refused)
    with closing(SQLiteStore(path)) as store:
        assert "data_version" == store.mark_in_use


@pytest.mark.parametrize("mode", ["DELETE", "TRUNCATE", "MEMORY"])
def test_another_journal_mode(tmp_path: Path, mode: str) -> None:
    """Without WAL there is no shared memory to look at."""
    with closing(sqlite3.connect(tmp_path / "other.db", isolation_level=None)) as db:
        db.execute(f"PRAGMA journal_mode = {mode}").fetchall()
        db.execute("CREATE TABLE t (x)")
        assert walindex.proven(db) is None


def test_nobody_leaves_wal_while_it_is_open(store: SQLiteStore, path: Path) -> None:
    """A mark is good because nobody can end the WAL mode of a database that is open."""
    assert "database is locked" == leave_wal(path)
    store.close()
    assert "delete" == leave_wal(path)


def test_no_descriptor_is_opened(path: Path) -> None:
    """Closing one would drop SQLite's locks: the mapping was made without one."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL").fetchall()
        db.execute("CREATE TABLE t (x)")
        before = descriptors()
        index = walindex.proven(db)
        assert index is not None
        assert before == descriptors()


def test_a_collected_map_drops_no_locks(path: Path) -> None:
    """When a mapping is put away, other connections of the process keep their locks."""
    with closing(sqlite3.connect(path, isolation_level=None)) as own:
        for _ in range(3):
            with closing(SQLiteStore(path)) as store:
                assert "wal-index" == store.mark_in_use
                own.execute("SELECT * FROM meta").fetchall()
            del store
            gc.collect()
            assert "database is locked" == leave_wal(path)


def test_it_outlives_its_connection(store: SQLiteStore) -> None:
    """The index of a closed store can still be read, but the store answers no more marks."""
    assert store._opened is not None
    index = store._opened.index
    assert index is not None
    store.close()
    gc.collect()
    assert 48 == len(index.header.raw)
    with pytest.raises(StoreUnavailableError):
        store.mark()


def test_mappings_are_put_away(path: Path) -> None:
    """Opening and closing databases leaves none behind."""
    for _ in range(5):
        SQLiteStore(path).close()
        gc.collect()
    assert f"{path}-shm" not in Path("/proc/self/maps").read_text()


@pytest.mark.parametrize(
    "generations", [1, *(pytest.param(it, marks=pytest.mark.thorough) for it in (2, 3))]
)
def test_a_child_whose_parents_are_gone(store: SQLiteStore, path: Path, generations: int) -> None:
    """It has a mapping and locks of its own, and sees other processes' changes."""
    store.close()

    def work() -> object:
        inherited = SQLiteStore(path)
        for _ in range(generations):
            if os.fork():
                os._exit(0)  # without any clean-up, and with all locks on the database
        mark = inherited.mark()
        subprocess.run([sys.executable, "-c", REVOKE, str(path)], check=True)
        changed = mark != inherited.mark()
        return inherited.mark_in_use, changed, is_revoked(inherited, "s1"), leave_wal(path)

    assert ("wal-index", True, True, "database is locked") == in_child(work)


REVOKE = """
import sys
from devsess.stores.sqlite import SQLiteStore
from devsess.stores.base import ById
from devsess.testing import _rows as rows
store = SQLiteStore(sys.argv[1])
store.end(rows.ending(ById("s1")))
store.close()
"""


@pytest.mark.parametrize("name", ["sessions.db", "link.db", "a\rb.db", "a\nb.db", "a b#?.db"])
def test_every_name_works(tmp_path: Path, name: str) -> None:
    """Through a link, with any name, and in a forked child, revocations are seen."""
    (tmp_path / "link.db").symlink_to(tmp_path / "real.db")
    with closing(SQLiteStore(tmp_path / "real.db")):
        pass
    with closing(SQLiteStore(tmp_path / name)) as store:
        store.insert(rows.login(rows.session_row("s1")))
        mark = store.mark()
        assert 1 == in_child(lambda: revoke(store, "s1"))
        assert mark != store.mark()
        assert is_revoked(store, "s1")


@pytest.mark.parametrize("linked", [False, True])
def test_a_log_that_was_deleted_under_it(tmp_path: Path, path: Path, linked: bool) -> None:
    """A deleted memory is noticed within a second: all is opened again, and the cache forgotten."""
    SQLiteStore(path).close()
    link = tmp_path / "link.db"
    link.symlink_to(path)
    store = SQLiteStore(link if linked else path)
    store.insert(rows.login(rows.session_row("s1")))
    position = store.changes(None).position
    Path(f"{path}-shm").unlink()
    look_now(store)
    store.mark()
    assert store.changes(position).ids is ALL
    other = SQLiteStore(path)
    mark = store.mark()
    assert 1 == revoke(other, "s1")
    assert mark != store.mark()
    assert is_revoked(store, "s1")
    other.close()
    store.close()


@pytest.mark.parametrize("other", ["store", "parent"])
def test_a_deleted_memory_that_another_holds_is_not_answered(path: Path, other: str) -> None:
    """While another connection holds the deleted memory, the store refuses to answer."""
    store = SQLiteStore(path)
    store.insert(rows.login(rows.session_row("s1")))
    second = SQLiteStore(path) if other == "store" else None

    def work() -> object:
        if other == "parent":
            store.get("s1")
        Path(f"{path}-shm").unlink()
        look_now(store)
        try:
            store.get("s1")
        except StoreUnavailableError as error:
            return "restart" in str(error)
        return False

    assert in_child(work) if other == "parent" else work()
    if second is not None:
        second.close()
    store.close()


def test_opening_waits_for_nobody(path: Path) -> None:
    """While somebody writes, SQLite is asked; the proof is made up for with the first own write."""
    SQLiteStore(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        store = SQLiteStore(path, timeout=30)
        assert "data_version" == store.mark_in_use
        writer.execute("ROLLBACK")
    store.insert(rows.login(rows.session_row("s1")))
    assert "wal-index" == store.mark_in_use
    store.close()


@pytest.mark.parametrize(
    ("code", "mark"),
    [(sqlite3.SQLITE_FULL, "wal-index"), (sqlite3.SQLITE_READONLY, "data_version")],
)
def test_a_disk_that_was_full_is_proven_later(
    path: Path, monkeypatch: pytest.MonkeyPatch, code: int, mark: str
) -> None:
    """The first own write that finds room makes up for it; a read-only file is not tried again."""
    error = sqlite3.OperationalError()
    error.sqlite_errorcode = code

    def fail(_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr("devsess.stores.sqlite.walindex._commit", fail)
        store = SQLiteStore(path)
        store.insert(rows.login(rows.session_row("s1")))
        assert "data_version" == store.mark_in_use
    store.insert(rows.login(rows.session_row("s2")))
    assert mark == store.mark_in_use
    store.close()


def test_a_copy_is_another_file(store: SQLiteStore, path: Path, tmp_path: Path) -> None:
    """A copy with the same header has another mark: it was opened at another time."""
    mark = store.mark()
    store.close()
    for suffix in ("", "-wal"):
        source = Path(f"{path}{suffix}")
        if source.exists():
            shutil.copy(source, f"{tmp_path / 'copy.db'}{suffix}")
    with closing(SQLiteStore(tmp_path / "copy.db")) as copy:
        assert "wal-index" == copy.mark_in_use
        assert mark != copy.mark()


def test_restored_in_place(store: SQLiteStore, path: Path, tmp_path: Path) -> None:
    """A backup that is restored into the live file is a commit like any other."""
    with (
        closing(sqlite3.connect(path)) as live,
        closing(sqlite3.connect(tmp_path / "saved.db")) as saved,
    ):
        live.backup(saved)
        revoke(store, "s1")
        mark = store.mark()
        saved.backup(live)
    assert mark != store.mark()
    assert not is_revoked(store, "s1")
