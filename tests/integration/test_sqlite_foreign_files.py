"""Files that are not devsess's, or not yet: the changes that the store may make in them."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from devsess.errors import StoreUnavailableError
from devsess.stores.sqlite import SQLiteStore, owner, schema
from devsess.testing import _rows as rows

if TYPE_CHECKING:
    from pathlib import Path

NOTES = "CREATE TABLE notes (text); INSERT INTO notes VALUES ('buy milk')"
# Names that other programs give their tables, and an index that they might have.
TAKEN = (
    "CREATE TABLE sessions (sid PRIMARY KEY, expired, sess)",
    "CREATE TABLE Sessions (id PRIMARY KEY)",
    "CREATE TABLE devices (id)",
    "CREATE VIEW events AS SELECT 1",
    "CREATE TABLE other (at); CREATE INDEX events_at ON other (at)",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app.db"


def make(path: Path, script: str, mode: str = "delete") -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA journal_mode = {mode}").fetchall()
        db.executescript(script)


def without_the_last_step(path: Path) -> None:
    """As an older version, which knew a step less, has left it."""
    SQLiteStore(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("DELETE FROM _sqlite_migrations WHERE name = ?", [[*schema.STEPS][-1]])
        db.commit()


def everything(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


@pytest.mark.parametrize("mode", ["delete", "wal"])
@pytest.mark.parametrize("script", TAKEN)
def test_a_name_that_is_taken(path: Path, script: str, mode: str) -> None:
    """Another program's table with a name of ours is called that; its file stays as it was."""
    make(path, script, mode)
    before = everything(path.parent)
    with pytest.raises(StoreUnavailableError, match="another program has a table or index named"):
        SQLiteStore(path)

    if mode == "delete":
        assert before == everything(path.parent)
    assert [(mode,)] == ask(path, "PRAGMA journal_mode")


def modes_in(folder: Path) -> dict[str, int]:
    return {each.name: stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()}


def ask(path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(statement).fetchall()


def test_tables_beside_those_of_an_application(path: Path) -> None:
    """A store may be kept in an application's own file, which keeps what it has."""
    make(path, NOTES)
    with closing(SQLiteStore(path)) as store:
        store.insert(rows.login(rows.session_row("s1")))
        assert ["s1"] == [row.id for row in store.list("user-1")]
    assert [("buy milk",)] == ask(path, "SELECT text FROM notes")


class TestLooking:
    def test_a_store_is_ready(self, path: Path) -> None:
        """A file that a store has made is ready, while the store is open and once it is closed."""
        with closing(SQLiteStore(path)):
            owner.check_ready(str(path))
        owner.check_ready(str(path))

    @pytest.mark.parametrize("mode", ["delete", "wal"])
    def test_another_program(self, path: Path, mode: str) -> None:
        """The error names the file's other program and a remedy, and the file stays as it was."""
        make(path, NOTES, mode)
        before = everything(path.parent)
        with pytest.raises(StoreUnavailableError, match=r"a table named notes.*devsess migrate"):
            owner.check_ready(str(path))

        assert before == everything(path.parent)

    def test_many_tables(self, path: Path) -> None:
        """Three of many tables are named: enough to recognise the program."""
        make(path, ";".join(f"CREATE TABLE {name} (x)" for name in "edcba"))
        with pytest.raises(StoreUnavailableError, match="tables named a, b, c and others"):
            owner.check_ready(str(path))

    def test_the_steps_of_another_program(self, path: Path) -> None:
        """The record of steps that sqlite-utils keeps for others makes no store."""
        script = (
            "CREATE TABLE _sqlite_migrations (migration_set, name, applied_at);"
            "INSERT INTO _sqlite_migrations VALUES ('theirs', '0001_tables', '2026')"
        )
        make(path, f"{script};{NOTES}")
        with pytest.raises(StoreUnavailableError, match=r"program \(it has a table named notes\)"):
            owner.check_ready(str(path))

    def test_an_empty_file(self, path: Path) -> None:
        """An empty file is no store yet, and stays empty."""
        path.touch()
        with pytest.raises(StoreUnavailableError, match=r"it is empty.*devsess migrate"):
            owner.check_ready(str(path))

        assert {"app.db": b""} == everything(path.parent)

    def test_an_older_version(self, path: Path) -> None:
        """A store of an older version is not brought up to date by looking at it."""
        without_the_last_step(path)
        with pytest.raises(StoreUnavailableError, match=r"older devsess.*then run devsess migrate"):
            owner.check_ready(str(path))

        assert [[*schema.STEPS][-1]] == owner.look(str(path)).lacking

    def test_the_log_of_a_crash_is_read(self, path: Path) -> None:
        """The log of another program's crash is read, and neither moved nor removed."""
        script = (
            "import os, sqlite3, sys; db = sqlite3.connect(sys.argv[1]);"
            "db.execute('PRAGMA journal_mode = WAL'); db.execute('CREATE TABLE late (x)');"
            "db.commit(); os._exit(0)"
        )
        subprocess.run([sys.executable, "-c", script, str(path)], check=True)
        before = {name: path.with_name(name).read_bytes() for name in ("app.db", "app.db-wal")}
        with pytest.raises(StoreUnavailableError, match="a table named late"):
            owner.check_ready(str(path))

        assert before == {name: path.with_name(name).read_bytes() for name in before}


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
class TestModes:
    @pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
    def test_files_are_their_users_own(self, path: Path, umask: int) -> None:
        """A database, its log and its index are made for this user alone."""
        before = os.umask(umask)
        try:
            with closing(SQLiteStore(path)):
                modes = {
                    each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()
                }
        finally:
            os.umask(before)

        assert {"app.db": 0o600, "app.db-wal": 0o600, "app.db-shm": 0o600} == modes

    def test_a_file_that_is_there_keeps_its_mode(self, path: Path) -> None:
        """A file that is there keeps its mode, so that a group may share it."""
        path.touch()
        path.chmod(0o660)
        with closing(SQLiteStore(path)):
            modes = modes_in(path.parent)

        assert {0o660} == {*modes.values()}

    def test_a_link_to_where_nothing_is_yet(self, path: Path, tmp_path: Path) -> None:
        """A link leads to the file that is made."""
        path.symlink_to(tmp_path / "real.db")
        with closing(SQLiteStore(path)):
            assert 0o600 == stat.S_IMODE((tmp_path / "real.db").stat().st_mode)
