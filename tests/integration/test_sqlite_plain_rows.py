"""A session's row as validations look at it: as `get` has it, with less to read."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from devsess import Location, StoreUnavailableError
from devsess.stores.base import ById, Everyone, OfDevice, OfUser
from devsess.stores.calls import StoreBusyError
from devsess.stores.plain_rows import SHOWN, PlainRow, plain_row_of
from devsess.stores.sqlite import SQLiteStore
from devsess.stores.sqlite.plain_rows import _SESSION
from devsess.testing import _rows as rows
from devsess.testing._rows import T0, device_row, session_row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from devsess.stores.rows import SessionRow


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    with closing(SQLiteStore(tmp_path / "sessions.db")) as store:
        yield store


DEVICE = evolve(
    device_row(),
    name="mine",
    trusted_until=T0 + 9,
    blocked=True,
    resembles="r" * 16,
    first_seen_at=T0 - 9,
    last_seen_at=T0 - 1,
)
# Each column of the row has another value than the standard one's, in one of them.
ROWS: dict[str, SessionRow] = {
    "standard": session_row(),
    "moved": session_row(
        ip="198.18.0.1", user_agent="curl/8.9", location=Location(country="NG", city="Lagos")
    ),
    "unknown": session_row(ip=None, user_agent=None, location=None),
    "dated": session_row(
        created_at=T0 + 1,
        last_seen_at=T0 + 2,
        idle_from=T0 + 3,
        idle_expires_at=T0 + 4,
        absolute_expires_at=T0 + 5,
        auth_time=int(T0) + 6,
    ),
    "proven": session_row(amr=("otp",), acr="aal2", levels=(("aal1", 5),), claims='{"a":[1]}'),
    "renewed": session_row(generation=2, previous_generation=1, presented=True, bound=True),
    "kept": session_row(persistent=True, score=7, step_up_after=int(T0)),
    "acted in": session_row(impersonator=("s" * 22, "eve")),
    "on another device": session_row(device=DEVICE),
}


@pytest.mark.parametrize("name", ROWS)
def test_it_is_as_in_the_row(store: SQLiteStore, name: str) -> None:
    """Every column, whatever its value."""
    store.insert(rows.login(ROWS[name]))
    whole = store.get("s1")
    assert whole is not None
    found = store.plain_row("s1")
    assert plain_row_of(whole) == found
    assert repr(plain_row_of(whole)) == repr(found)
    assert hash(plain_row_of(whole)) == hash(found)


def test_the_rows_differ_in_every_column() -> None:
    """Or a column that is taken for another one would go unseen."""
    plain = [plain_row_of(row) for row in ROWS.values()]
    names = [it.name for it in PlainRow.__attrs_attrs__]
    same = {name for name in names if len({repr(getattr(it, name)) for it in plain}) == 1}
    assert {"id", "user_id", "revoked_at"} == same - {"whole"}


@pytest.mark.parametrize("name", ["device", "user_id", "bound"])
def test_it_is_frozen(store: SQLiteStore, name: str) -> None:
    """As any record, though it was set up field by field."""
    store.insert(rows.login(session_row()))
    with pytest.raises(AttributeError):
        setattr(store.plain_row("s1"), name, None)


@pytest.mark.parametrize("at_once", [0, 9])
@pytest.mark.parametrize(
    "target", [ById("s1"), OfDevice("user-1", "device-1"), OfUser("user-1"), Everyone()]
)
def test_an_ended_session_has_none(store: SQLiteStore, target: Any, at_once: int) -> None:
    """Whether its row is written as ended or covered: `get` says how it ended."""
    store.insert(rows.login(session_row()))
    store.end(rows.ending(target, at_once=at_once))
    assert store.plain_row("s1") is None


@pytest.mark.parametrize("session_id", ["", "nobody", "\ud800"])
def test_an_unknown_session_has_none(store: SQLiteStore, session_id: str) -> None:
    """Unknown and malformed ids."""
    assert store.plain_row(session_id) is None


def damaged(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(statement)


OF_SESSION = [it for it in _SESSION if it not in ("id", "agent_id")]


@pytest.mark.parametrize("column", OF_SESSION)
def test_a_damaged_column_is_no_answer(store: SQLiteStore, tmp_path: Path, column: str) -> None:
    """Bytes where no column that is looked at has any."""
    store.insert(rows.login(session_row()))
    damaged(tmp_path / "sessions.db", f"UPDATE sessions SET {column} = x'ff'")
    with pytest.raises(StoreUnavailableError):
        store.plain_row("s1")


@pytest.mark.parametrize("column", [it for it in SHOWN if it != "id"])
def test_a_damaged_device_is_no_answer(store: SQLiteStore, tmp_path: Path, column: str) -> None:
    """As that of the session itself."""
    store.insert(rows.login(session_row()))
    damaged(tmp_path / "sessions.db", f"UPDATE devices SET {column} = x'ff'")
    with pytest.raises(StoreUnavailableError):
        store.plain_row("s1")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE sessions SET claims = '[]'",
        "UPDATE sessions SET claims = '{'",
        "UPDATE sessions SET levels = '[1]'",
        "UPDATE sessions SET amr = '{}'",
        "UPDATE sessions SET location = '['",
        "UPDATE sessions SET idle_from = 1e300",
        "DELETE FROM devices",
        "UPDATE sessions SET levels = '[[\"a\",99999999999999]]'",
        f"UPDATE sessions SET levels = '{'[' * 100_000}'",
        f"UPDATE sessions SET location = '{'[' * 100_000}'",
        f"UPDATE sessions SET amr = '{'[' * 100_000}'",
    ],
)
def test_a_damaged_value_is_no_answer(store: SQLiteStore, tmp_path: Path, statement: str) -> None:
    """Texts that are not what they should be, absurd instants, and a device that is gone."""
    store.insert(rows.login(session_row()))
    damaged(tmp_path / "sessions.db", statement)
    with pytest.raises(StoreUnavailableError):
        store.plain_row("s1")


@pytest.mark.parametrize("number", ["'x'", "x'ff'", "NULL"])
def test_a_damaged_number_hides_no_ending(store: SQLiteStore, tmp_path: Path, number: str) -> None:
    """A text is above every number, so that no ending would cover the session."""
    store.insert(rows.login(session_row()))
    store.end(rows.ending(OfUser("user-1"), at_once=0))
    with suppress(sqlite3.IntegrityError):  # a column that takes no NULL has none
        damaged(tmp_path / "sessions.db", f"UPDATE sessions SET ending_number = {number}")
    for read in (store.plain_row, store.activity):
        with suppress(StoreUnavailableError):
            assert read("s1") is None


def test_it_waits_for_nobody_who_reads(store: SQLiteStore) -> None:
    """Another connection reads it, if it may wait, and none if it may not."""
    store.insert(rows.login(session_row()))
    store._watch_lock.acquire()
    try:
        with ThreadPoolExecutor(1) as other:
            assert other.submit(store.plain_row, "s1").result(30) == store.plain_row("s1")
            with pytest.raises(StoreBusyError):
                other.submit(store.plain_row, "s1", wait=False).result(30)
    finally:
        store._watch_lock.release()


def test_a_handler_reads_it_by_another_connection(store: SQLiteStore) -> None:
    """Below its own thread's read, for which it cannot wait."""
    store.insert(rows.login(session_row()))
    with store._watch_lock:
        assert store.plain_row("s1") is not None
        with pytest.raises(StoreBusyError):
            store.plain_row("s1", wait=False)
