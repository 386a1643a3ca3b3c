"""The keys under which SQLite keeps sessions and devices, and the step that gave them."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _sqlite_helpers import insert_known

from devsess.errors import StoreUnavailableError
from devsess.stores.base import OfDevice, OfUser
from devsess.stores.searching import Filter, read_cursor
from devsess.stores.sqlite import SQLiteStore, schema, searching
from devsess.stores.sqlite import rows as columns
from devsess.testing import _rows as rows
from devsess.testing._rows import T0, session_row

if TYPE_CHECKING:
    from collections.abc import Iterable

    from devsess.stores.rows import SessionRow

_STEP = "0013_keys"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.db"


@pytest.fixture
def old(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file as it was before the step, without rows."""
    before = {name: step for name, step in schema.STEPS.items() if name < _STEP}
    with monkeypatch.context() as patched:
        patched.setattr(schema, "STEPS", before)
        SQLiteStore(path).close()
    return path


def _execute(path: Path, *statements: str) -> list[Any]:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        return [db.execute(statement).fetchall() for statement in statements][-1]


def _fill(path: Path, sessions: Iterable[SessionRow]) -> None:
    """Write them as the version before did."""
    with closing(sqlite3.connect(path)) as db, db:
        for row in sessions:
            insert_known(db, "devices", columns.DEVICE, columns.device_values(row.device))
            insert_known(db, "sessions", columns.SESSION, columns.session_values(row, None))


def test_an_older_backup_restored_beneath_an_open_store_is_brought_up_to_date(
    old: Path, tmp_path: Path
) -> None:
    """The store knows the tables by their new form alone: it says what to do, and does it."""
    _fill(old, [session_row("saved")])
    with closing(SQLiteStore(tmp_path / "live.db")) as store:
        with (
            closing(sqlite3.connect(old)) as saved,
            closing(sqlite3.connect(tmp_path / "live.db")) as live,
        ):
            saved.backup(live)
        with pytest.raises(StoreUnavailableError, match="devsess migrate"):
            store.get("saved")
        assert [_STEP] == store.migrate()
        assert store.get("saved") is not None


@pytest.mark.parametrize(
    ("user_id", "device"), [("user-1", "device-2"), ("user-2", "device-2"), ("user-2", "device-1")]
)
def test_a_key_given_again_shows_no_other_device(path: Path, user_id: str, device: str) -> None:
    """A device was deleted by hand, and the next one has its key: the session is damaged."""
    with closing(SQLiteStore(path)) as store:
        store.insert(rows.login(session_row("lost")))
        stamp = store.stamp("lost")
        _execute(path, "DELETE FROM devices")
        store.insert(rows.login(session_row("other", user_id=user_id, device=device)))
        assert [(1,)] == _execute(path, "SELECT key FROM devices")
        assert [(1,), (1,)] == _execute(path, "SELECT device_key FROM sessions")
        for read in (store.get, store.plain_row, lambda _: store.list("user-1")):
            with pytest.raises(StoreUnavailableError):
                read("lost")
        assert stamp != store.stamp("lost")
        assert store.get("other") is not None


def test_the_statement_of_the_page_gives_a_replaced_device_its_sessions_again(path: Path) -> None:
    """A process of the version before wrote the device, and so it has another key."""
    page = (Path(__file__).parents[2] / "docs" / "sqlite.md").read_text("utf-8")
    [statement] = re.findall(r"```sql\n(.+?)```", page, re.DOTALL)
    with closing(SQLiteStore(path)) as store:
        store.insert(rows.login(session_row("hers")))
        store.insert(rows.login(session_row("other", device="device-2")))
        given = ", ".join(columns.DEVICE)
        _execute(
            path,
            f"INSERT OR REPLACE INTO devices ({given}) SELECT {given} FROM devices"
            " WHERE id = 'device-1'",
        )
        with pytest.raises(StoreUnavailableError):
            store.get("hers")
        _execute(path, statement)
        for session_id, device in (("hers", "device-1"), ("other", "device-2")):
            found = store.get(session_id)
            assert found is not None
            assert device == found.device.id


def test_an_ending_of_a_lost_device_ends_nothing_else(path: Path) -> None:
    """It has no key any more; an ending of all the account's sessions ends its own too."""
    with closing(SQLiteStore(path)) as store:
        store.insert(rows.login(session_row("lost")))
        store.insert(rows.login(session_row("other", device="device-2")))
        _execute(path, "DELETE FROM devices WHERE id = 'device-1'")
        assert () == store.end(rows.ending(OfDevice("user-1", "device-1"))).events
        ended = store.end(rows.ending(OfUser("user-1"))).events

    named = {(event.session_id, event.device_id) for event in ended}
    assert {("lost", "device-1"), ("other", "device-2")} == named


@pytest.mark.parametrize("since", [None, T0])
@pytest.mark.parametrize("looked", [1, 2, 3, 4, 9])
@pytest.mark.parametrize("instants", [1, 2, 3, 9])
def test_a_page_looks_at_so_many_sessions_of_one_instant_too(
    path: Path, instants: int, looked: int, since: float | None
) -> None:
    """The place where it stops is one among them, in the order of their ids."""
    expected = sorted((T0 + number % instants, f"s{number * 7 % 9}") for number in range(9))
    with closing(SQLiteStore(path)) as store:
        for at, session_id in expected:
            store.insert(rows.login(session_row(session_id, created_at=at)))
        places: list[Any] = []
        cursor: str | None = None
        while True:
            wanted = Filter(ip="1.1.1.1", since=since)
            found = store.search(
                wanted, cutoffs=rows.cutoffs(T0), limit=9, cursor=cursor, looked=looked
            )
            assert () == found.items
            cursor = found.next
            if cursor is None:
                break
            places.append(read_cursor(cursor))

    expected.reverse()
    assert expected[looked - 1 :: looked] == places


def test_the_devices_of_several_accounts_may_have_one_id(path: Path) -> None:
    """A search by the id has the sessions of all of them, and by the account that one's."""
    owners = ("user-1", "user-2", "user-3")
    with closing(SQLiteStore(path)) as store:
        for number, user_id in enumerate(owners):
            store.insert(rows.login(session_row(f"s{number}", user_id=user_id)))
        found = {
            user_id: [
                row.id
                for row in store.search(
                    Filter(device_id="device-1", user_id=user_id), cutoffs=rows.cutoffs(T0), limit=9
                )
            ]
            for user_id in (*owners, None)
        }
        none = Filter(device_id="device-2")
        assert 0 == store.count(none, cutoffs=rows.cutoffs(T0))
        assert () == store.search(none, cutoffs=rows.cutoffs(T0), limit=9).items

    assert {"user-1": ["s0"], "user-2": ["s1"], "user-3": ["s2"], None: ["s2", "s1", "s0"]} == found


def test_a_batch_of_an_ending_is_no_larger_than_it_may_be(path: Path) -> None:
    """Where it begins with the rest of one device's sessions, and goes on with those of others."""
    with closing(SQLiteStore(path)) as store:
        for number in range(9):
            store.insert(rows.login(session_row(f"s{number}", device=f"device-{number // 3}")))
        store.end(rows.ending(OfUser("user-1"), at_once=0))
        batches = [2, 2, 2, 2, 1]
        assert batches == [
            len(store.settle(limit=2, before=T0 + 99).events) for _ in range(len(batches))
        ]


def test_a_session_without_a_key_hides_no_other(path: Path) -> None:
    """The key is gone by damage: wherever a batch ends, the others are written as ended."""
    with closing(SQLiteStore(path)) as store:
        for number in range(4):
            store.insert(rows.login(session_row(f"s{number}")))
        store.end(rows.ending(OfUser("user-1"), at_once=0))
    nullable = "replace(sql, 'device_key INTEGER NOT NULL', 'device_key INTEGER')"
    _execute(
        path,
        "PRAGMA writable_schema = ON",
        f"UPDATE sqlite_master SET sql = {nullable} WHERE name = 'sessions'",
        "PRAGMA writable_schema = RESET",
        "UPDATE sessions SET device_key = NULL WHERE id = 's2'",
    )
    with closing(SQLiteStore(path)) as store:
        while store.settle(limit=1, before=T0 + 99).is_more:
            pass
    assert [] == _execute(path, "SELECT id FROM sessions WHERE revoked_at IS NULL")


def test_an_ending_that_was_half_written_goes_on(old: Path) -> None:
    """Its place among the old tables is none among the new ones."""
    _fill(old, [session_row(f"s{number}") for number in range(5)])
    place = '["user-1", "device-1", "s1"]'
    _execute(
        old,
        "INSERT INTO endings (number, user_id, at, idle_after, created_after, reason, reached)"
        f" VALUES (1, 'user-1', {T0 + 9}, 0, 0, 'logout', '{place}')",
        "UPDATE meta SET last_number = 1",
        "UPDATE sessions SET revoked_at = 1, reason = 'logout' WHERE id IN ('s0', 's1')",
    )
    with closing(SQLiteStore(old)) as store:
        assert 3 == len(store.settle(limit=9, before=T0 + 99).events)
        assert 0 == sum(row.revoked_at is None for row in store.list("user-1"))


def test_a_session_whose_device_was_lost_stays_lost(old: Path) -> None:
    """It is damaged before and after, and no other."""
    _fill(old, [session_row("lost"), session_row("whole", device="device-2")])
    _execute(old, "DELETE FROM devices WHERE id = 'device-1'")
    with closing(SQLiteStore(old)) as store:
        assert session_row("whole", device="device-2", user_agent=None) == store.get("whole")
        with pytest.raises(StoreUnavailableError):
            store.get("lost")
        assert 2 == len(store.end(rows.ending(OfUser("user-1"))).events)


def test_a_damaged_row_stops_no_upgrade(old: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is left out, and the log says so: nobody could have read it. Nor is it counted."""
    _fill(old, [session_row("damaged"), session_row("whole")])
    _execute(
        old,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET sql = replace(sql, 'salt BLOB NOT NULL', 'salt BLOB')",
        "PRAGMA writable_schema = RESET",
        "UPDATE sessions SET salt = NULL WHERE id = 'damaged'",
        "UPDATE meta SET open = 2, users_2 = 1",
    )
    with closing(SQLiteStore(old)) as store:
        assert ["whole"] == [row.id for row in store.list("user-1")]
    assert "damaged rows of sessions were left out" in caplog.text
    assert "of devices" not in caplog.text
    assert [(1, 1, 0)] == _execute(old, "SELECT open, users_1, users_2 FROM meta")


def test_what_a_user_made_of_the_tables_stays(old: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Views, indexes and triggers of an application's own; what cannot be made again is named."""
    _fill(old, [session_row("s1")])
    _execute(
        old,
        "CREATE VIEW mine AS SELECT id FROM sessions JOIN accounts USING (user_id)",
        "CREATE VIEW theirs AS SELECT device_id FROM sessions",
        "CREATE TABLE seen (id)",
        "CREATE TRIGGER told AFTER DELETE ON sessions BEGIN INSERT INTO seen VALUES (old.id); END",
        "CREATE INDEX by_actor ON sessions (actor)",
        "ALTER TABLE sessions ADD COLUMN own",
        "CREATE INDEX by_own ON sessions (own)",
    )
    SQLiteStore(old).close()

    assert [("device-1",)] == _execute(old, "SELECT device_id FROM theirs")
    assert [] == _execute(old, "SELECT id FROM mine")
    assert [("s1",)] == _execute(old, "DELETE FROM sessions", "SELECT id FROM seen")
    kept = _execute(old, "SELECT name FROM sqlite_master WHERE name LIKE 'by_%'")
    assert [("by_actor",)] == kept
    assert ["by_own"] == [it.getMessage().partition(" is gone")[0] for it in caplog.records]


@pytest.mark.parametrize(
    "place",
    [
        *('["user-1", null, null]', '["user-1", 1, "x"]', '["user-1", NaN, 1]', "[null, 1, 1]"),
        *('["user-1", true, 1]', '["user-1", 1, 1.5]', '["user-1", {}, 1]', "[1, 1]", "{}", "1"),
        *('["user-1", "device-1", "s1"]', "no JSON", '[["zz", true], 1, 1]'),
    ],
)
def test_a_damaged_place_lifts_no_ending(path: Path, place: str) -> None:
    """The rows behind it would be live again, were it taken for the end of the way."""
    with closing(SQLiteStore(path)) as store:
        for number in range(3):
            store.insert(rows.login(session_row(f"s{number}")))
        store.end(rows.ending(OfUser("user-1"), at_once=0))
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("UPDATE endings SET reached = ?", [place])
        with pytest.raises(StoreUnavailableError):
            store.settle(limit=9, before=T0 + 99)
        assert all(row.revoked_at is not None for row in store.list("user-1"))


def test_a_search_by_device_answers_no_other_account(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The device may go, and its key be given again, while its sessions are searched for."""
    with closing(SQLiteStore(path)) as store:
        store.insert(rows.login(session_row("s1")))
        read = store._rows

        def raced(statement: str, values: tuple[object, ...]) -> Any:
            found = read(statement, values)
            if statement == searching._DEVICE_KEYS:
                store.erase(rows.erasure())
                store.insert(rows.login(session_row("s2", user_id="user-2", device="device-2")))
            return found

        monkeypatch.setattr(store, "_rows", raced)
        wanted = Filter(device_id="device-1")
        assert () == store.search(wanted, cutoffs=rows.cutoffs(T0), limit=9).items
        assert [(1, "user-2")] == _execute(path, "SELECT key, user_id FROM devices")
