"""The SQLite store when its file is locked, unreadable, full or interrupted."""

# The expected value stands first.

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _sqlite_helpers import in_child, is_revoked, needs_fork, revoke

from devsess.errors import ConfigurationError, StoreUnavailableError
from devsess.stores.base import ALL, Inserted, OfUser
from devsess.stores.calls import Settled, StoreBusyError
from devsess.stores.sqlite import SQLiteStore
from devsess.testing import _rows as rows
from devsess.testing._rows import T0

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.synchronize import Barrier

NOBODY = 65534


class TestOpening:
    @pytest.mark.parametrize("path", ["", ":memory:"])
    def test_no_file(self, path: str) -> None:
        """A path that names no file is a mistake, and the message names the memory store."""
        with pytest.raises(ConfigurationError, match="memory://"):
            SQLiteStore(path)

    def test_an_error_names_its_code(self, path: Path) -> None:
        """SQLite's own text does not tell one failure of a disk from another."""
        path.write_bytes(b"no database at all" * 999)
        with pytest.raises(StoreUnavailableError, match="SQLITE_NOTADB"):
            SQLiteStore(path)

    def test_old_sqlite(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """An SQLite that is too old is a mistake that names the version needed."""
        monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
        with pytest.raises(ConfigurationError, match=r"3\.35"):
            SQLiteStore(path)

    def test_missing_folder(self, tmp_path: Path) -> None:
        """Without the folder there is no store, and the message says so."""
        with pytest.raises(StoreUnavailableError, match="folder is missing"):
            SQLiteStore(tmp_path / "nowhere" / "sessions.db")

    def test_a_folder_is_no_file(self, tmp_path: Path) -> None:
        """A path that is a folder cannot be opened."""
        with pytest.raises(StoreUnavailableError, match="cannot be opened"):
            SQLiteStore(tmp_path)

    def test_another_kind_of_file(self, path: Path) -> None:
        """A file that is no database is not touched."""
        path.write_bytes(b"something else altogether" * 100)
        with pytest.raises(StoreUnavailableError, match="no SQLite database"):
            SQLiteStore(path)

        assert b"something else altogether" * 100 == path.read_bytes()

    def test_newer_schema(self, store: SQLiteStore, path: Path) -> None:
        """A database with steps this version does not know says: upgrade."""
        store.close()
        with sqlite3.connect(path) as other:
            other.execute(
                "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
                " VALUES ('devsess', '9999_future', '')"
            )
        other.close()
        with pytest.raises(StoreUnavailableError, match=r"9999_future.*upgrade devsess"):
            SQLiteStore(path)

    def test_other_tables_are_left_alone(self, path: Path) -> None:
        """A file that holds the application's own tables and steps can be shared."""
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE mine (a)")
        other.close()
        store = SQLiteStore(path)

        assert Inserted() == store.insert(rows.login(rows.session_row()))
        store.close()

    def test_opening_waits_on_every_connection(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """While another process opens the file too; two wait for nobody once they are open."""
        timeouts: list[object] = []
        connect: Callable[..., sqlite3.Connection] = sqlite3.connect

        def recorded(*args: Any, **options: Any) -> sqlite3.Connection:
            timeouts.append(options["timeout"])
            return connect(*args, **options)

        monkeypatch.setattr("devsess.stores.sqlite.connections.sqlite3.connect", recorded)
        store = SQLiteStore(path, timeout=2.5)
        opened = store._opened
        assert opened is not None
        assert {2.5} == set(timeouts)
        waits = [it.execute("PRAGMA busy_timeout") for it in (opened.watch.cursor, opened.toucher)]
        assert [(0,), (0,)] == [it.fetchone() for it in waits]
        store.close()

    def test_four_processes_open_a_new_file(self, path: Path) -> None:
        """The first of four processes makes the tables, and all four can write."""
        context = get_context("spawn")
        barrier = context.Barrier(4)
        workers = [
            context.Process(target=_open_and_write, args=(path, barrier, f"s{number}"))
            for number in range(4)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        store = SQLiteStore(path)

        assert [0] * 4 == [worker.exitcode for worker in workers]
        assert ["s0", "s1", "s2", "s3"] == [row.id for row in store.list("user-1")]
        store.close()

    def test_an_up_to_date_file_opens_lightly(self, store: SQLiteStore, path: Path) -> None:
        """The schema tool is not imported where there is no step to take."""
        script = (
            "import sys; from devsess.stores.sqlite import SQLiteStore;"
            f"SQLiteStore({str(path)!r}).close(); print('sqlite_utils' in sys.modules)"
        )
        answer = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        )

        assert "False" == answer.stdout.strip()

    def test_writes_survive_a_power_loss(self, store: SQLiteStore) -> None:
        """Writes wait for the disk, touches do not; both use the write-ahead log."""
        opened = store._opened
        assert opened is not None
        found = {
            name: [
                getattr(opened, name).execute(f"PRAGMA {pragma}").fetchone()[0]
                for pragma in ("synchronous", "journal_mode")
            ]
            for name in ("writer", "toucher")
        }

        assert {"writer": [2, "wal"], "toucher": [1, "wal"]} == found


def _open_and_read(path: Path) -> None:
    with closing(SQLiteStore(path)) as store:
        store.get("s1")


def _open_and_write(path: Path, barrier: Barrier, session_id: str) -> None:
    barrier.wait()
    store = SQLiteStore(path)
    store.insert(rows.login(rows.session_row(session_id)))
    store.close()


class TestFailing:
    def test_closed(self, store: SQLiteStore) -> None:
        """A closed store says so in every call; closing again is fine."""
        store.close()
        store.close()
        writes: list[Callable[[], object]] = [
            store.mark,
            store.migrate,
            lambda: store.get("s1"),
            lambda: store.get("s1", wait=False),
            lambda: store.changes(None),
            lambda: store.list("user-1"),
            lambda: revoke(store, "s1"),
            lambda: store.touch("s1", rows.activity(T0), bound=False),
        ]
        for write in writes:
            with pytest.raises(StoreUnavailableError, match="closed"):
                write()

    def test_locked(self, store: SQLiteStore, path: Path) -> None:
        """While another process writes, writes fail after the timeout and reads go on."""
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError, match="locked by another process"):
            revoke(store, "s1")
        with pytest.raises(StoreUnavailableError, match="locked by another process"):
            store.touch("s1", rows.activity(T0 + 1), bound=False)

        assert rows.session_row("s1") == store.get("s1")
        assert rows.session_row("s1") == store.get("s1", wait=False)
        assert ALL is store.changes(None, wait=False).ids
        other.execute("ROLLBACK")
        assert 1 == revoke(store, "s1")
        other.close()

    def test_busy(self, store: SQLiteStore) -> None:
        """A read that may not wait says busy, which is a kind of unavailable."""

        class Busy:
            connection = store._opened.watch.cursor.connection  # type: ignore[union-attr]

            def execute(self, *_: object) -> None:
                error = sqlite3.OperationalError("database is locked")
                error.sqlite_errorcode = sqlite3.SQLITE_BUSY
                raise error

            def close(self) -> None:
                """As a cursor is closed that an error has left."""

        assert store._opened is not None
        store._opened.index = None  # it is not asked where the index can be looked at
        for ask in (
            store.mark,
            lambda: store.get("s1", wait=False),
            lambda: store.changes(None, wait=False),
        ):
            store._opened.watch.cursor = Busy()  # type: ignore[assignment]
            with pytest.raises(StoreBusyError):
                ask()

        assert store.get("s1") is not None

    def test_full(self, store: SQLiteStore) -> None:
        """A write that finds no room leaves nothing behind, and the store works once there is."""
        assert store._opened is not None
        writer = store._opened.writer
        (pages,) = writer.execute("PRAGMA page_count").fetchone()
        writer.execute(f"PRAGMA max_page_count = {pages}").fetchall()
        claims = '{"a":"' + "x" * 20_000 + '"}'
        row = rows.session_row("big", claims=claims)
        with pytest.raises(StoreUnavailableError, match="full; make room"):
            store.insert(rows.login(row, limit=1))

        assert None is store.get("big")
        assert rows.session_row("s1") == store.get("s1")
        assert 1 == len(store.events("user-1", limit=9))
        writer.execute("PRAGMA max_page_count = 100000").fetchall()
        assert isinstance(store.insert(rows.login(row)), Inserted)

    def test_an_interrupted_write_leaves_nothing(
        self, store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An exception or an interrupt in the middle of a write rolls all of it back."""

        def stop(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr("devsess.stores.sqlite.endings.insert_events", stop)
            with pytest.raises(KeyboardInterrupt):
                revoke(store, "s1")

        assert not is_revoked(store, "s1")
        assert 1 == revoke(store, "s1")

    @pytest.mark.parametrize("at_once", [0, 1_000])
    def test_a_lost_device_stops_no_ending(
        self, store: SQLiteStore, path: Path, at_once: int
    ) -> None:
        """Ending needs no label: a session whose device is gone from the file ends as any other."""
        store.insert(rows.login(rows.session_row("s2", device="device-2")))
        with closing(sqlite3.connect(path)) as other, other:
            other.execute("DELETE FROM devices WHERE id = 'device-2'")
        ended = store.end(rows.ending(OfUser("user-1"), at_once=at_once))
        settled = store.settle(limit=9)

        ids = {event.session_id for event in (*ended.events, *settled.events)}
        assert {"s1", "s2"} == ids
        assert is_revoked(store, "s1")
        assert Settled() == store.settle(limit=9)

    def test_corrupt(self, store: SQLiteStore, path: Path) -> None:
        """A damaged file is unavailable, never an empty answer."""
        for number in range(100):
            store.insert(rows.login(rows.session_row(f"more-{number}")))
        store.close()
        with sqlite3.connect(path) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        other.close()
        size = path.stat().st_size
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xde\xad" * ((size - 4096) // 2))
        with pytest.raises(StoreUnavailableError, match="corrupt"):
            _open_and_read(path)

    def test_missing_table(self, store: SQLiteStore, path: Path) -> None:
        """A table that somebody dropped is unavailable, never an empty answer."""
        with sqlite3.connect(path) as other:
            other.execute("DROP TABLE sessions")
        other.close()
        with pytest.raises(StoreUnavailableError, match="restore a backup"):
            store.get("s1")

    @needs_fork
    def test_read_only(self) -> None:
        """Where this user may only read, reads are answered and writes say why they fail."""
        folder = Path(tempfile.mkdtemp())
        path = folder / "sessions.db"
        writer = SQLiteStore(path)
        writer.insert(rows.login(rows.session_row("s1")))
        for file in folder.iterdir():
            file.chmod(0o444)
        folder.chmod(0o555)

        def look() -> Any:
            if os.geteuid() == 0:
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            reader = SQLiteStore(path, timeout=0.05)
            found = reader.get("s1"), [row.id for row in reader.list("user-1")]
            position, mark = reader.changes(None).position, reader.mark()
            same = reader.changes(position).position == position and mark == reader.mark()
            try:
                revoke(reader, "s1")
            except StoreUnavailableError as error:
                return (*found, same, str(error))

        try:
            found, listed, same, message = in_child(look)

            assert (rows.session_row("s1"), ["s1"], True) == (found, listed, same)
            assert "read-only" in message
            assert not is_revoked(writer, "s1")
        finally:
            folder.chmod(0o755)
            writer.close()
            shutil.rmtree(folder)

    @needs_fork
    def test_no_descriptor_left(self, path: Path) -> None:
        """Where no reader more can be opened, a read waits for one that is there."""

        def exhausted() -> Any:
            import resource

            with closing(SQLiteStore(path, timeout=20.0)) as store:
                store.insert(rows.login(rows.session_row("s1")))
                store.get("s1")
                store.mark()
                used = max(int(entry.name) for entry in Path("/dev/fd").iterdir())
                _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
                resource.setrlimit(resource.RLIMIT_NOFILE, (used + 1, hard))
                taken = []
                with suppress(OSError):
                    while True:
                        taken.append(os.dup(0))
                with ThreadPoolExecutor(8) as pool:
                    found = list(pool.map(lambda _: store.get("s1") is not None, range(400)))
                for descriptor in taken:
                    os.close(descriptor)
                return all(found), len(found)

        assert (True, 400) == in_child(exhausted)
