"""Statistics in an SQLite file: one from before is counted, and damage takes nothing down."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from devsess.errors import StoreUnavailableError
from devsess.models import Assessment, Decision, EventType
from devsess.stores.base import ById, OfUser
from devsess.stores.counting import BEGAN, SIZES, WEEK, Period
from devsess.stores.items import Item
from devsess.stores.sqlite import SQLiteStore, statistics
from devsess.stores.sqlite.recount import OPEN_TO_ACCOUNTS, recount
from devsess.testing import _rows as rows
from devsess.testing._rows import DAY, HOUR, T0, device_row, full_row, session_row

if TYPE_CHECKING:
    from pathlib import Path

PERIOD = Period((T0 // WEEK * WEEK, T0 // WEEK * WEEK + 4 * WEEK), T0 + DAY)
REFUSE = "BEGIN SELECT RAISE(ABORT, 'no'); END"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with sessions of all states, devices and events."""
    path = tmp_path / "sessions.db"
    with closing(SQLiteStore(path)) as store:
        phone = device_row(id="phone", kind="phone")
        for row in (full_row("full"), session_row("live"), session_row("on phone", device=phone)):
            store.insert(rows.login(row))
        verdict = Assessment(40, Decision.STEP_UP)
        event = rows.event_row(session_id="judged", assessment=verdict)
        judged = session_row("judged", idle_expires_at=T0 + HOUR)
        store.insert(rows.login(judged, event=event))
        store.add_event(rows.event_row(EventType.TOKEN_REUSED))
        store.end(rows.ending(ById("on phone"), T0 + DAY, reason="late"))
        store.end(rows.ending(ById("judged"), T0 + DAY))
    return path


def _execute(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def _count_again(path: Path) -> None:
    """Forget all counts, and do as the step that made their tables."""
    tables = ("quarters", "tallies", "spans")
    _execute(path, *(f"DELETE FROM {name}" for name in tables), "UPDATE meta SET open = 0")
    columns = [f"users_{it}" for it in SIZES]
    _execute(path, *(f"ALTER TABLE meta DROP COLUMN {it}" for it in columns))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        recount(connection)
    _execute(path, *OPEN_TO_ACCOUNTS.split(";"))


def test_a_file_from_before_is_counted(path: Path) -> None:
    """Its numbers are those that it would have, had it counted from the beginning."""
    with closing(SQLiteStore(path)) as store:
        expected = store.statistics(PERIOD)
    _count_again(path)
    with closing(SQLiteStore(path)) as store:
        found = store.statistics(PERIOD)

    assert (2, 4, 2) == (found.open, found.ranges[0].signed_in, found.ranges[0].ended)
    assert (1, 1) == (found.ranges[0].risk_step_up, found.ranges[0].reused)
    assert expected == found


def test_damaged_rows_are_counted_too(path: Path) -> None:
    """Bringing a file up to date must not fail where one row of it cannot be read."""
    _execute(
        path,
        "UPDATE sessions SET created_at = CAST(x'ff' AS TEXT), location = '{' WHERE id = 'full'",
        "UPDATE sessions SET reason = CAST(x'ff' AS TEXT), revoked_at = 9e999 WHERE id = 'judged'",
        "UPDATE devices SET kind = CAST(x'ff' AS TEXT), browser = x'00ff'",
        "UPDATE events SET assessment = '[', at = CAST(x'ff' AS TEXT)",
    )
    _count_again(path)
    with closing(SQLiteStore(path)) as store:
        found = store.statistics(Period((0.0, PERIOD.bounds[1]), T0))

    assert (2, 4) == (found.open, found.ranges[0].signed_in)


def test_damaged_rows_that_end_count(path: Path) -> None:
    """Ending needs no instant or label that can be read, and the open ones stay right."""
    _execute(
        path,
        "UPDATE sessions SET created_at = CAST(x'ff' AS TEXT) WHERE id = 'full'",
        "UPDATE devices SET kind = CAST(x'ff' AS TEXT)",
        "DELETE FROM devices WHERE id = 'device-1'",
    )
    with closing(SQLiteStore(path)) as store:
        store.end(rows.ending(OfUser("user-1"), T0 + DAY))
        found = store.statistics(PERIOD)

    assert (0, 4) == (found.open, found.ranges[0].ended)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE quarters SET signed_in = 0.5",
        "UPDATE tallies SET count = 0.5",
        "UPDATE tallies SET key = CAST(x'ff' AS TEXT) WHERE dimension = 'place'",
        "UPDATE spans SET kind = CAST(kind AS BLOB)",
        "UPDATE meta SET open = 'many'",
    ],
)
def test_numbers_that_are_none_are_damage(path: Path, damage: str) -> None:
    """A damaged count or key is an error of the store, and no other."""
    _execute(path, damage)
    with closing(SQLiteStore(path)) as store, pytest.raises(StoreUnavailableError):
        store.statistics(PERIOD)


def test_what_fails_counts_nothing(path: Path) -> None:
    """Counts are of the write's own transaction: where it is taken back, so are they."""
    with closing(SQLiteStore(path)) as store:
        before = store.statistics(PERIOD)
        _execute(path, f"CREATE TRIGGER no BEFORE INSERT ON items {REFUSE}")
        item = Item("profile", "user-1", "", "{}", 1, T0, T0 + DAY)
        with pytest.raises(StoreUnavailableError):
            store.insert(evolve(rows.login(session_row("new")), items=[item]))

        assert before == store.statistics(PERIOD)


def test_statistics_walk_no_table_whole(path: Path) -> None:
    """Each statement has an index: none scans a table that grows."""
    ranges = statistics._RANGES.format(sums="sum(q.ended)", bounds="(?, ?, ?), (?, ?, ?)")
    statements: dict[str, Any] = {
        statistics._LAPSED: [T0],
        statistics._TALLIES: {"dimension": "place", "first": 0, "behind": 9},
        statistics._SPANS: [0, 9, BEGAN],
        statistics._COHORTS: [BEGAN, BEGAN, 0, 9],
        ranges: [0, 1, 0, 1, 2, 1],
    }
    tables = ("sessions", "tallies", "t", "spans", "q")
    with closing(sqlite3.connect(path)) as connection:
        scans = [
            step
            for statement, values in statements.items()
            for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
            if step.split()[:2] in [["SCAN", name] for name in tables] or "SORT" in step
        ]

    assert [] == scans
