"""A purge of a damaged file goes on, and ends."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from devsess import Client, SessionManager, StoreUnavailableError
from devsess.stores.base import ById
from devsess.stores.sqlite import SQLiteStore
from devsess.testing import FakeClock
from devsess.testing import _rows as rows

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
CLIENT = Client(ip="198.51.100.7", user_agent="curl/8.9", fingerprint="print")
AHEAD = 400 * 86_400
# As SQL: values that a flipped bit or a careless hand may leave in any column.
LARGEST = "9223372036854775807"
ODD = ("NULL", "'odd'", "CAST(x'ff41' AS TEXT)", "x'ff00'", LARGEST, "-1e300")
OWNERS = {
    "sessions": "id = :session",
    "devices": "id = (SELECT device_id FROM sessions WHERE id = :session)",
    "agents": "id = (SELECT agent_id FROM sessions WHERE id = :session)",
}


@pytest.mark.parametrize(
    "value",
    [it if it == LARGEST else pytest.param(it, marks=pytest.mark.thorough) for it in ODD],
)
def test_a_damaged_row_dated_ahead_stops_no_purge(tmp_path: Path, value: str) -> None:
    """It is passed over, and the others that a clock dated ahead are set back."""
    made, path, clock = tmp_path / "made.db", tmp_path / "s.db", FakeClock()
    with SessionManager(made, keys=SECRET, clock=clock) as sessions:
        clock.advance(AHEAD)
        damaged = sessions.login("ada", CLIENT).session.id
        clock.advance(60)
        sound = sessions.login("grace").session.id
    clock.advance(-AHEAD - 60)
    with closing(sqlite3.connect(made)) as database:
        tables = {
            table: [column for _, column, *_ in database.execute(f"PRAGMA table_info({table})")]
            for table in OWNERS
        }
    for table, columns in tables.items():
        for column in columns:
            path.write_bytes(made.read_bytes())
            if not put(path, table, column, value, damaged):
                continue
            with SessionManager(path, keys=SECRET, clock=clock) as sessions:
                sessions.purge()
                found = sessions.get(sound)
            path.unlink()
            assert found is not None
            assert clock.now() >= found.created_at, f"{table}.{column}"


def test_a_damaged_instant_hides_no_other(tmp_path: Path) -> None:
    """SQLite takes a text for later than any number, and such a row would come first."""
    path = tmp_path / "s.db"
    with closing(SQLiteStore(path)) as store:
        for session_id in ("damaged", "sound"):
            store.insert(rows.login(rows.session_row(session_id)))
        put(path, "sessions", "idle_expires_at", "'odd'", "damaged")

        assert ["sound"] == [row.id for row in store.ahead(after=rows.T0, limit=1)]


def test_damaged_rows_take_no_place_of_others(tmp_path: Path) -> None:
    """A batch is of rows that can be read: else it would be empty, and the purge would stop."""
    path = tmp_path / "s.db"
    with closing(SQLiteStore(path)) as store:
        for number in range(5):
            device = f"device-{number}"
            row = rows.session_row(
                f"s{number}", device=device, idle_expires_at=rows.T0 + 9 - number
            )
            store.insert(rows.login(row))
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("DELETE FROM devices WHERE id IN ('device-0', 'device-1', 'device-3')")
        for limit, expected in ((1, ["s2"]), (2, ["s2", "s4"]), (3, ["s2", "s4"])):
            found = store.ahead(after=rows.T0, limit=limit)

            assert expected == [row.id for row in found]


def test_only_damage_is_passed_over(tmp_path: Path) -> None:
    """Where rows cannot be read at all, the purge fails: others would never be set back."""
    path = tmp_path / "s.db"
    with closing(SQLiteStore(path)) as store:
        store.insert(rows.login(rows.session_row()))
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("ALTER TABLE devices RENAME TO lost")
        with pytest.raises(StoreUnavailableError):
            store.ahead(after=rows.T0, limit=9)


def put(path: Path, table: str, column: str, value: str, session_id: str) -> bool:
    """Put *value* into a column of the session's row there; whether SQLite takes it."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA ignore_check_constraints = 1")
        try:
            database.execute(
                f"UPDATE {table} SET {column} = {value} WHERE {OWNERS[table]}",
                {"session": session_id},
            )
        except sqlite3.IntegrityError:
            return False
        return True


@pytest.mark.parametrize(
    ("write", "ended"),
    [("UPDATE OF revoked_at", False), ("DELETE", True)],
    ids=["marked as ended", "deleted"],
)
def test_a_purge_counts_the_rows_that_it_changed(tmp_path: Path, write: str, ended: bool) -> None:
    """Not those that it found: one that cannot be changed would keep it going for ever."""
    path = tmp_path / "s.db"
    with closing(SQLiteStore(path)) as store:
        store.insert(rows.login(rows.session_row()))
        if ended:
            store.end(rows.ending(ById("s1")))
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("DELETE FROM events")
            database.execute(
                f"CREATE TRIGGER stuck BEFORE {write} ON sessions BEGIN SELECT RAISE(IGNORE); END"
            )
        later = rows.T0 + 40 * rows.DAY
        store.purge(rows.retention(later, later), limit=9)

        assert 0 == store.purge(rows.retention(later, later), limit=9)
