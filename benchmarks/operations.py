"""The cost of operations: those that commit, beyond one bare commit on the same disk."""

from __future__ import annotations

import sqlite3
import statistics
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from time import perf_counter
from typing import TYPE_CHECKING

from attrs import evolve

from benchmarks import _workload as workload
from benchmarks._line import Line
from benchmarks._rounds import typical
from devsess import Client, SessionManager
from devsess.testing import FakeClock
from devsess.tuning.clients import AGENTS
from devsess.tuning.timing import Batch, each

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks._setting import Setting
    from devsess import Grant

DESCRIPTION = (
    "Medians. Logins, refreshes and revocations wait for the disk: their figures are the time "
    "beyond one bare `synchronous=FULL` commit of a small row."
)

SESSIONS = 2_000
WRITES = {
    "login, known user agent": 12.0,
    "login, new user agent": None,
    "refresh": 8.0,
    "revoke": None,
}
WRITES_EACH = 10
SIZES = (1, 100, 10_000)


def lines(setting: Setting) -> list[Line]:
    """Every operation there is but validation."""
    path, grants = setting.signed_in("operations", SESSIONS)
    with (
        closing(_bare_database(path.with_name("bare.db"))) as db,
        workload.opened(path) as sessions,
    ):
        batches: dict[str, Batch] = {
            "decode": workload.decoding(grants),
            "commit": lambda: each(lambda _: _bare_commit(db), range(WRITES_EACH)),
            "list": lambda: each(lambda it: sessions.list(it.session.user_id), grants[:100]),
        }
        batches |= _writes(sessions, grants)
        for batch in batches.values():
            batch()
        seconds = typical(batches, setting.rounds(50))
        sizes = SIZES[:2] if setting.quick else SIZES
        many = [line for size in sizes for line in _many(setting, size, seconds["decode"])]
    return [*_lines(seconds), *many]


def _lines(seconds: dict[str, float]) -> list[Line]:
    unit, commit = seconds["decode"], seconds["commit"]
    found = [
        Line(
            f"{name}, beyond one commit",
            (seconds[name] - commit) / unit,
            bound,
            microseconds=(seconds[name] - commit) * 1e6,
            drifts=False,  # the difference of two waits for a disk
        )
        for name, bound in WRITES.items()
    ]
    committed = Line("a bare commit", commit / unit, microseconds=commit * 1e6, drifts=False)
    listed = Line("list, one session", seconds["list"] / unit, microseconds=seconds["list"] * 1e6)
    return [committed, *found, listed]


def _many(setting: Setting, size: int, unit: float) -> list[Line]:
    """All of one user's *size* sessions at once: ended, purged in time, or erased."""
    path = setting.folder / f"account-{size}.db"
    later = FakeClock(datetime.now(UTC) + timedelta(days=365))
    taken: dict[str, list[float]] = {"revoke_all": [], "purge": [], "erase_user": []}
    with workload.opened(path) as sessions:
        in_a_year = SessionManager(sessions._store, keys=workload.SECRET, clock=later)
        for _ in range(5 if size < SIZES[-1] else 1):
            _sign_in(sessions, size)
            taken["revoke_all"].append(_timed(lambda: sessions.revoke_all("many")))
            taken["purge"].append(_timed(in_a_year.purge))
            _sign_in(sessions, size)
            taken["erase_user"].append(_timed(lambda: sessions.erase_user("many")))
    return [_of_size(name, size, statistics.median(spent), unit) for name, spent in taken.items()]


def _sign_in(sessions: SessionManager, size: int) -> None:
    for _ in range(size):
        sessions.login("many")


def _of_size(name: str, size: int, took: float, unit: float) -> Line:
    return Line(f"{name} of {size:,}", took / unit, microseconds=took * 1e6, drifts=False)


def _timed(do: Callable[[], object]) -> float:
    start = perf_counter()
    do()
    return perf_counter() - start


def _bare_database(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL").fetchall()
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE visits (id INTEGER PRIMARY KEY, name TEXT)")
    return db


def _bare_commit(db: sqlite3.Connection) -> None:
    db.execute("BEGIN IMMEDIATE")
    db.execute("INSERT INTO visits (name) VALUES (?)", ("user-0000001",))
    db.execute("COMMIT")


def _writes(sessions: SessionManager, grants: Sequence[Grant]) -> dict[str, Batch]:
    """The timed operations, by the names in WRITES."""
    numbers = count(len(grants))
    to_end = iter(grants[-1_000:])

    def login(number: int) -> object:
        return sessions.login(f"user-{number:07d}", workload.client(number))

    def with_new_agent(number: int) -> object:
        agent = f"{AGENTS[0]} Build/{number}"
        return sessions.login(f"user-{number:07d}", Client(workload.address(number), agent))

    def revoke(grant: Grant) -> object:
        return sessions.revoke(grant.session.id)

    return {
        "login, known user agent": lambda: each(login, list(islice(numbers, WRITES_EACH))),
        "login, new user agent": lambda: each(with_new_agent, list(islice(numbers, WRITES_EACH))),
        "refresh": _refreshes(sessions, grants),
        "revoke": lambda: each(revoke, list(islice(to_end, WRITES_EACH))),
    }


def _refreshes(sessions: SessionManager, grants: Sequence[Grant]) -> Batch:
    """Browsers that refresh one after another, each with its device token and its latest token."""
    latest = {number: grant.refresh_token for number, grant in enumerate(grants[:WRITES_EACH])}
    clients = {
        number: evolve(workload.client(number), device_token=grants[number].device_token)
        for number in latest
    }

    def refresh(number: int) -> None:
        latest[number] = sessions.refresh(latest[number], clients[number]).refresh_token

    return lambda: each(refresh, list(latest))
