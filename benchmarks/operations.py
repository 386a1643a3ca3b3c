"""What login and refresh cost beyond one bare commit on the same disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from itertools import count, islice
from typing import TYPE_CHECKING

from attrs import evolve

from benchmarks import _world as world
from benchmarks._line import Line
from benchmarks._timing import Batch, each, typical
from devsess import SessionManager

if TYPE_CHECKING:
    from pathlib import Path

    from devsess import Grant

WRITES = {"login with a known agent, beyond one commit": 15, "refresh, beyond one commit": 10}
WRITES_EACH = 10
ROUNDS = 50


def writes(path: Path, grants: Sequence[Grant]) -> list[Line]:
    """What login and refresh cost beyond one bare commit on the same disk."""
    bare = closing(_bare_database(path.with_name("bare.db")))
    with bare as db, world.opened(path) as sessions:
        batches: dict[str, Batch] = {
            "decode": world.decoding(grants),
            "commit": lambda: each(lambda _: _bare_commit(db), range(WRITES_EACH)),
        }
        batches |= zip(
            WRITES, (_logins(sessions, grants), _refreshes(sessions, grants)), strict=True
        )
        for batch in batches.values():
            batch()
        seconds = typical(batches, ROUNDS)
    return [
        Line(
            name,
            (seconds[name] - seconds["commit"]) / seconds["decode"],
            bound,
            microseconds=seconds[name] * 1e6,
        )
        for name, bound in WRITES.items()
    ]


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


def _logins(sessions: SessionManager, grants: Sequence[Grant]) -> Batch:
    numbers = count(len(grants))

    def login(number: int) -> object:
        return sessions.login(f"user-{number:07d}", world.visitor(number))

    return lambda: each(login, list(islice(numbers, WRITES_EACH)))


def _refreshes(sessions: SessionManager, grants: Sequence[Grant]) -> Batch:
    """Browsers that refresh one after another, each with its device token and its latest token."""
    latest = {number: grant.refresh_token for number, grant in enumerate(grants[:WRITES_EACH])}
    clients = {
        number: evolve(world.visitor(number), device_token=grants[number].device_token)
        for number in latest
    }

    def refresh(number: int) -> None:
        latest[number] = sessions.refresh(latest[number], clients[number]).refresh_token

    return lambda: each(refresh, list(latest))
