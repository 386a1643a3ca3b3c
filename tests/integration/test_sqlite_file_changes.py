"""Changes of the SQLite store's file, and other files at its path, are noticed."""

# The expected value stands first.

from __future__ import annotations

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest
from _sqlite_helpers import is_revoked, look_now, revoke, without_log

from devsess.errors import StoreUnavailableError
from devsess.stores.base import ALL
from devsess.stores.calls import StoreBusyError
from devsess.stores.sqlite import SQLiteStore
from devsess.testing import _rows as rows
from devsess.testing._rows import T0

pytestmark = pytest.mark.usefixtures("mark")


class TestFileChanges:
    def test_the_mark_hears_of_every_commit(self, store: SQLiteStore, path: Path) -> None:
        """The mark moves with a commit of this store and of another, and stands still else."""
        other = SQLiteStore(path)
        marks = [store.mark()]

        assert marks[0] == store.mark()
        revoke(store, "s1")
        marks.append(store.mark())
        other.insert(rows.login(rows.session_row("s2")))
        revoke(other, "s2")
        marks.append(store.mark())
        assert 3 == len(set(marks))
        other.close()

    def test_replaced(self, store: SQLiteStore, path: Path, tmp_path: Path) -> None:
        """Another file at the path is opened, and every cache forgets everything."""
        another = SQLiteStore(tmp_path / "another.db")
        another.insert(rows.login(rows.session_row("s2")))
        another.close()
        mark, position = store.mark(), store.changes(None).position
        without_log(path)
        (tmp_path / "another.db").replace(path)
        without_log(tmp_path / "another.db")
        look_now(store)

        assert mark != store.mark()
        assert ALL is store.changes(position).ids
        assert [None, rows.session_row("s2")] == [store.get("s1"), store.get("s2")]
        assert 1 == revoke(store, "s2")

    def test_replaced_before_a_write(self, store: SQLiteStore, path: Path, tmp_path: Path) -> None:
        """A write goes to the file that is at the path now, however short ago it came."""
        another = SQLiteStore(tmp_path / "another.db")
        another.insert(rows.login(rows.session_row("s2")))
        another.close()
        without_log(path)
        (tmp_path / "another.db").replace(path)
        without_log(tmp_path / "another.db")

        assert 0 == revoke(store, "s1")
        assert 1 == revoke(store, "s2")

    def test_replaced_by_its_own_copy(self, store: SQLiteStore, path: Path) -> None:
        """Also a copy that holds the same log is another file: rows may differ."""
        copy = path.with_name("copy.db")
        target = sqlite3.connect(copy)
        source = sqlite3.connect(path)
        source.backup(target)
        for connection in (source, target):
            connection.close()
        position = store.changes(None).position
        store.insert(rows.login(rows.session_row("after-the-copy")))
        without_log(path)
        copy.replace(path)
        look_now(store)
        store.mark()

        assert ALL is store.changes(position).ids
        assert None is store.get("after-the-copy")

    def test_gone(self, store: SQLiteStore, path: Path) -> None:
        """A file that was deleted is unavailable; no empty one takes its place."""
        path.unlink()
        without_log(path)
        with pytest.raises(StoreUnavailableError, match="missing"):
            revoke(store, "s1")
        look_now(store)
        with pytest.raises(StoreUnavailableError, match="missing"):
            store.mark()

        assert not path.exists()

    def test_a_deleted_log(self, store: SQLiteStore, path: Path) -> None:
        """
        To open the file fails, and says that others still write to the log that was deleted.

        They lose nothing: the last of them moves its log into the file when it closes.
        """
        Path(f"{path}-wal").unlink()
        with pytest.raises(StoreUnavailableError, match="-wal was deleted while others used it"):
            SQLiteStore(path)
        assert 1 == revoke(store, "s1")
        store.close()
        with closing(SQLiteStore(path)) as again:
            assert is_revoked(again, "s1")

    def test_copied_over_while_closed(self, store: SQLiteStore, path: Path, tmp_path: Path) -> None:
        """A file that was copied over while nobody used it opens like any other."""
        saved = tmp_path / "saved.db"
        store.close()
        shutil.copyfile(path, saved)
        again = SQLiteStore(path)
        revoke(again, "s1")
        again.close()
        without_log(path)
        shutil.copyfile(saved, path)
        restored = SQLiteStore(path)

        assert not is_revoked(restored, "s1")
        assert 1 == revoke(restored, "s1")
        restored.close()

    def test_vacuum(self, store: SQLiteStore, path: Path) -> None:
        """A database that was rebuilt answers as before, and its log goes on."""
        position = store.changes(None).position
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("VACUUM")
        other.close()

        assert () == store.changes(position).ids
        assert 1 == revoke(store, "s1")
        assert ("s1",) == store.changes(position).ids

    def test_restored_in_place(self, store: SQLiteStore, path: Path) -> None:
        """
        A backup restored into the live file is noticed by its log.

        At once, where the log is shorter than it was; and also after it has
        grown again to the number that a reader remembers.
        """
        saved = sqlite3.connect(":memory:")
        live = sqlite3.connect(path)
        live.backup(saved)
        store.insert(rows.login(rows.session_row("s2")))
        revoke(store, "s1")
        position, mark = store.changes(None).position, store.mark()
        saved.backup(live)

        assert mark != store.mark()
        assert ALL is store.changes(position).ids
        assert not is_revoked(store, "s1")
        assert None is store.get("s2")
        revoke(store, "s1")
        revoke(store, "s1")
        assert ALL is store.changes(position).ids
        for connection in (saved, live):
            connection.close()

    def test_many_threads(self, store: SQLiteStore) -> None:
        """More threads than readers read and write side by side, and a revocation reaches all."""
        patient = SQLiteStore(store._path)

        def work(number: int) -> int:
            name = f"t{number}"
            patient.insert(rows.login(rows.session_row(name, device=name)))
            for _ in range(20):
                assert patient.get(name) is not None
                assert patient.get(name, wait=False) is not None
                with suppress(StoreBusyError):  # it never waits for writers
                    patient.touch(name, rows.activity(T0 + number), bound=True)
            return revoke(patient, name)

        with ThreadPoolExecutor(16) as pool:
            ended = list(pool.map(work, range(32)))

        assert [1] * 32 == ended
        assert 32 == sum(row.revoked_at is not None for row in store.list("user-1"))
        patient.close()

    def test_a_reader_at_work_outlives_the_store(self, store: SQLiteStore) -> None:
        """A read under way while the store is closed ends well, and then its connection closes."""
        opened = store._opened
        assert opened is not None
        store.get("s1")
        [reader] = opened.readers.all
        reader.cursor.connection.create_function("close_all", 0, store.close)

        assert [(None,)] == opened.readers.read("SELECT close_all()", ())
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            reader.cursor.execute("SELECT 1")

    def test_replaced_under_readers(self, store: SQLiteStore, path: Path, tmp_path: Path) -> None:
        """
        Readers at work while the file is replaced find the session, or say that they cannot.

        Never that it is unknown; and all is well when the dust has settled.
        """
        patient = SQLiteStore(path)

        def replace() -> None:
            copy = tmp_path / "copy.db"
            with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
                source.backup(target)
            without_log(path)
            copy.replace(path)

        def work(number: int) -> bool:
            if number == 50:
                replace()
            look_now(patient)
            try:
                patient.mark()
                return patient.get("s1") is not None
            except StoreUnavailableError:
                return True

        with ThreadPoolExecutor(12) as pool:
            found = list(pool.map(work, range(200)))
        look_now(patient)
        patient.mark()

        assert all(found)
        assert rows.session_row("s1") == patient.get("s1")
        assert 1 == revoke(patient, "s1")
        patient.close()
