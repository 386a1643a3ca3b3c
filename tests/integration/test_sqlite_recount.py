"""An SQLite file from before the statistics is counted exactly, and by groups of rows."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from devsess.models import Assessment, Decision, EventType, Location
from devsess.stores.counting import MOST_KEYS, OTHER, Counts
from devsess.stores.sqlite import SQLiteStore
from devsess.stores.sqlite import rows as columns
from devsess.stores.sqlite.recount import recount
from devsess.testing import _rows as rows
from devsess.testing._rows import DAY, HOUR, T0, device_row, session_row

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from devsess.stores.rows import EventRow, SessionRow

PLACES = (None, Location("Lagos", "Nigeria", 6.5, 3.4), Location(None, "Chile", country_code="CL"))
KINDS = (EventType.SESSION_CREATED, EventType.TOKEN_REUSED, EventType.SESSION_REVOKED)
VERDICTS = (None, *(Assessment(40, it) for it in Decision))


class _Counted(sqlite3.Cursor):
    """Notes how many rows are read."""

    read = 0

    def __next__(self) -> Any:
        found = super().__next__()
        _Counted.read += 1
        return found


class _Connection(sqlite3.Connection):
    def cursor(self, factory: Any = _Counted) -> Any:
        return super().cursor(factory)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of this version, without rows."""
    path = tmp_path / "sessions.db"
    SQLiteStore(path).close()
    return path


def _sessions(count: int) -> Iterable[SessionRow]:
    """All sorts of sessions: live, ended, lapsed, of three weeks and five kinds of device."""
    chance = random.Random(7)
    for number in range(count):
        kind = chance.choice(("desktop", "phone", "toaster"))
        device = device_row(id=f"d{number}", kind=kind, browser=chance.choice(("A", "B\tC")))
        created, lived = T0 + chance.random() * 21 * DAY, chance.random() * 40 * DAY
        row = session_row(f"s{number}", device=device, created_at=created)
        row = evolve(row, idle_expires_at=created + 14 * DAY, location=chance.choice(PLACES))
        if chance.random() < 0.6:
            reason = chance.choice(("logout", "late", "our own", "x" * 99))
            row = evolve(row, revoked_at=created + lived, reason=reason)
        yield evolve(row, impersonator=("ops", "s0")) if chance.random() < 0.1 else row


def _events(count: int) -> Iterable[EventRow]:
    chance = random.Random(8)
    for _ in range(count):
        kind, verdict = chance.choice(KINDS), chance.choice(VERDICTS)
        event = rows.event_row(kind, assessment=verdict)
        yield evolve(event, at=T0 + chance.random() * 9 * HOUR)


def _fill(path: Path, sessions: Iterable[SessionRow], events: Iterable[EventRow] = ()) -> Counts:
    """Write them as they are; what they count."""
    counts = Counts()
    with closing(sqlite3.connect(path)) as db:
        for row in sessions:
            db.execute(
                columns.insert_into("devices", columns.DEVICE), columns.device_values(row.device)
            )
            db.execute(columns.INSERT_SESSION, columns.session_values(row, None))
            counts.began(row)
            if row.revoked_at is not None:
                counts.over(row)
        for event in events:
            statement = columns.insert_into("events", columns.EVENT)
            db.execute(statement, columns.event_values(event, None))
            counts.happened(event)
        db.commit()
    return counts


def _recounted(path: Path) -> Counts:
    """What `recount` writes."""
    with closing(sqlite3.connect(path, factory=_Connection)) as db:
        recount(db)
        db.row_factory = sqlite3.Row
        counts = Counts(db.execute("SELECT open FROM meta").fetchone()[0])
        for row in map(dict, db.execute("SELECT * FROM quarters").fetchall()):
            quarter = row.pop("quarter")
            counts.quarters.update({(quarter, name): it for name, it in row.items() if it})
        for day, dimension, key, count in db.execute("SELECT * FROM tallies"):
            counts.tallies[day, dimension, key] = count
        for *span, count in db.execute("SELECT * FROM spans"):
            counts.spans[tuple(span)] = count
        return counts


def test_the_groups_are_what_the_rows_are_one_by_one(path: Path) -> None:
    """The law of counting holds for a file from before, to the last number."""
    expected = _fill(path, _sessions(600), _events(400))
    expected.users.clear()  # of which another step counts the sizes

    assert expected == _recounted(path)


def test_as_many_rows_are_read_as_there_are_groups(path: Path) -> None:
    """Of a million alike sessions Python sees no more than of one."""
    alike = (session_row(f"s{it}", device=device_row(id=f"d{it}")) for it in range(500))
    same = rows.event_row(EventType.TOKEN_REUSED)
    _fill(path, alike, [same] * 500)
    _Counted.read = 0
    assert 500 == _recounted(path).open

    # A group of each statement; the rest is this test's own reading, of as many rows.
    assert 20 > _Counted.read


def test_the_most_frequent_have_a_place_of_their_own(path: Path) -> None:
    """Of more kinds of browser in a day than it keeps apart, the rest are counted together."""
    most = MOST_KEYS["device"]
    browsers = [*(f"B{it}" for it in range(most + 5)), *("Usual" for _ in range(3))]
    _fill(
        path,
        (
            session_row(f"s{it}", device=device_row(id=f"d{it}", browser=name))
            for it, name in enumerate(browsers)
        ),
    )
    found = {
        key: count
        for (_, dimension, key), count in _recounted(path).tallies.items()
        if dimension == "device"
    }

    assert (most + 1, 3, 6) == (len(found), _of(found, "Usual"), found[OTHER])


def _of(found: dict[str, int], browser: str) -> int:
    [count] = [it for key, it in found.items() if key.startswith(browser)]
    return count


@pytest.mark.parametrize("decision", ['"\\ud800"', "[]", "{}", "1", "null"])
def test_a_verdict_that_is_none_stops_nothing(path: Path, decision: str) -> None:
    """What stands where a verdict should is no verdict, and the file is counted all the same."""
    _fill(path, (), [rows.event_row(assessment=Assessment(40, Decision.DENY))])
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("UPDATE events SET assessment = ?", [f'{{"decision": {decision}}}'])

    assert Counts() == _recounted(path)
