"""
The tables of the SQLite store, and the steps that made them.

A step, once released, is never changed: a new one follows it. The only file
that uses sqlite-utils, and only while there is a step to take: it costs more
to import than everything else together.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from devsess.errors import StoreUnavailableError
from devsess.stores.sqlite.indexes import SEARCH
from devsess.stores.sqlite.keys import give_keys
from devsess.stores.sqlite.recount import OPEN_TO_ACCOUNTS, STATISTICS, recount
from devsess.stores.sqlite.steps import execute_each

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

SET = "devsess"

_TABLES = """
CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    cut_off REAL
);
CREATE TABLE accounts (
    user_id TEXT PRIMARY KEY,
    cut_off REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE agents (
    id INTEGER PRIMARY KEY,
    user_agent TEXT NOT NULL UNIQUE,
    seen_at REAL NOT NULL
);
CREATE TABLE devices (
    user_id TEXT NOT NULL,
    id TEXT NOT NULL,
    label TEXT NOT NULL,
    kind TEXT NOT NULL,
    os TEXT NOT NULL,
    browser TEXT NOT NULL,
    first_seen_at REAL NOT NULL,
    last_seen_at REAL NOT NULL,
    trusted_until REAL,
    blocked INTEGER NOT NULL,
    name TEXT,
    fingerprint BLOB,
    network TEXT,
    resembles TEXT,
    likeness REAL NOT NULL,
    forgotten INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) WITHOUT ROWID;
CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    ip TEXT,
    network TEXT,
    agent_id INTEGER,
    location TEXT,
    created_at REAL NOT NULL,
    last_seen_at REAL NOT NULL,
    idle_from REAL NOT NULL,
    idle_expires_at REAL NOT NULL,
    absolute_expires_at REAL NOT NULL,
    auth_time INTEGER NOT NULL,
    amr TEXT NOT NULL,
    acr TEXT,
    persistent INTEGER NOT NULL,
    claims TEXT NOT NULL,
    salt BLOB NOT NULL,
    generation INTEGER NOT NULL,
    rotated_at REAL,
    rotated_by TEXT,
    bound INTEGER NOT NULL,
    revoked_at REAL,
    reason TEXT,
    actor TEXT
) WITHOUT ROWID;
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_unrevoked ON sessions (user_id, device_id) WHERE revoked_at IS NULL;
CREATE INDEX sessions_lapse ON sessions (idle_expires_at) WHERE revoked_at IS NULL;
CREATE INDEX sessions_end ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    type TEXT NOT NULL,
    at REAL NOT NULL,
    user_id TEXT NOT NULL,
    session_id TEXT,
    device_id TEXT,
    ip TEXT,
    network TEXT,
    agent_id INTEGER,
    reason TEXT,
    actor TEXT,
    assessment TEXT
);
CREATE INDEX events_user ON events (user_id, seq);
CREATE INDEX events_session ON events (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX events_at ON events (at);
CREATE INDEX devices_seen ON devices (last_seen_at);
CREATE INDEX devices_latest ON devices (user_id, last_seen_at DESC, id) WHERE forgotten = 0;
CREATE INDEX devices_fingerprint ON devices (user_id, fingerprint) WHERE fingerprint IS NOT NULL;
CREATE INDEX devices_forgotten ON devices (forgotten) WHERE forgotten = 1;
CREATE TABLE changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    session_id TEXT,
    tag INTEGER NOT NULL
);
"""


def new_tag() -> int:
    """
    A random number that distinguishes one history of the log from another.

    From the operating system: SQLite's own generator goes on alike on both
    sides of a fork.
    """
    return int.from_bytes(os.urandom(8), "big") >> 1


def _tables(db: Any) -> None:
    execute_each(db, _TABLES)
    db.conn.execute("INSERT INTO meta (one) VALUES (1)")
    # The log is never empty: every position is that of an entry, with its tag.
    db.conn.execute("INSERT INTO changes (tag) VALUES (?)", [new_tag()])


_ADDED = (
    "previous_generation INTEGER",
    "presented INTEGER NOT NULL DEFAULT 0",
    "levels TEXT NOT NULL DEFAULT '[]'",
)
# Rows rotated before this step are judged as then: as if the successor had been presented.
_ROTATED = (
    "UPDATE sessions SET previous_generation = generation - 1, presented = 1 WHERE generation > 0"
)
# A row gave the union of all its authentications as the latest one, and no instant
# of the stronger. So that level counts as reached long ago, never later than it was.
_STEPPED_UP = (
    "SELECT s.acr, s.id FROM sessions s WHERE s.auth_time > s.created_at OR EXISTS"
    " (SELECT 1 FROM events e WHERE e.session_id = s.id AND e.type = 'session_stepped_up')"
)


def _succession_and_levels(db: Any) -> None:
    for column in _ADDED:
        db.conn.execute(f"ALTER TABLE sessions ADD COLUMN {column}")
    db.conn.execute(_ROTATED)
    db.conn.executemany(
        "UPDATE sessions SET levels = ?, acr = NULL, amr = '[]' WHERE id = ?",
        [
            (json.dumps([[acr, 0]] if acr is not None else [], ensure_ascii=False), session_id)
            for acr, session_id in db.conn.execute(_STEPPED_UP).fetchall()
        ],
    )


_ENDINGS = """
ALTER TABLE sessions ADD COLUMN ending_number INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN ending_number INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN ending_number INTEGER NOT NULL DEFAULT 0;
ALTER TABLE meta ADD COLUMN last_number INTEGER NOT NULL DEFAULT 0;
CREATE TABLE endings (
    number INTEGER PRIMARY KEY,
    user_id TEXT,
    at REAL NOT NULL,
    idle_after REAL NOT NULL,
    created_after REAL NOT NULL,
    reason TEXT NOT NULL,
    actor TEXT,
    reached TEXT
);
CREATE TABLE erased (
    digest BLOB PRIMARY KEY,
    ending_number INTEGER NOT NULL,
    until REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX erased_until ON erased (until);
"""


def _endings(db: Any) -> None:
    execute_each(db, _ENDINGS)


def _new_devices(db: Any) -> None:
    # Older events cannot say: 0 stands for unknown too.
    db.conn.execute("ALTER TABLE events ADD COLUMN new_device INTEGER NOT NULL DEFAULT 0")


def _live_index(db: Any) -> None:
    db.conn.execute(
        "CREATE INDEX sessions_live ON sessions (user_id, created_at, id) WHERE revoked_at IS NULL"
    )


def _sessionless_events(db: Any) -> None:
    db.conn.execute(
        "CREATE INDEX events_sessionless ON events (user_id, type) WHERE session_id IS NULL"
    )


def _no_likeness(db: Any) -> None:
    # How much a device resembles another was written, and never shown.
    db.conn.execute("ALTER TABLE devices DROP COLUMN likeness")


_ITEMS = """
CREATE TABLE items (
    owner TEXT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    body TEXT NOT NULL,
    version INTEGER NOT NULL,
    at REAL NOT NULL,
    until REAL NOT NULL,
    PRIMARY KEY (owner, kind, key)
) WITHOUT ROWID;
CREATE INDEX items_until ON items (until);
"""


def _items_and_demands(db: Any) -> None:
    execute_each(db, _ITEMS)
    for column in ("step_up_after INTEGER", "score INTEGER", "impersonator TEXT"):
        db.conn.execute(f"ALTER TABLE sessions ADD COLUMN {column}")


def _event_floor(db: Any) -> None:
    # SQLite gives the number of the newest row again once it is deleted: those who poll for
    # events would take the next ones for old.
    db.conn.execute("ALTER TABLE meta ADD COLUMN last_event INTEGER NOT NULL DEFAULT 0")


def _statistics(db: Any) -> None:
    execute_each(db, STATISTICS)
    recount(db.conn)


def _search(db: Any) -> None:
    execute_each(db, SEARCH)


def _open_to_accounts(db: Any) -> None:
    execute_each(db, OPEN_TO_ACCOUNTS)


STEPS: dict[str, Callable[[Any], None]] = {
    "0001_tables": _tables,
    "0002_succession_and_levels": _succession_and_levels,
    "0003_endings": _endings,
    "0004_new_devices": _new_devices,
    "0005_live_index": _live_index,
    "0006_sessionless_events": _sessionless_events,
    "0007_no_likeness": _no_likeness,
    "0008_items_and_demands": _items_and_demands,
    "0009_event_floor": _event_floor,
    "0010_statistics": _statistics,
    "0011_search": _search,
    "0012_open_to_accounts": _open_to_accounts,
    "0013_keys": give_keys,
}


def pending(connection: sqlite3.Connection) -> list[str]:
    """
    The steps that the database still needs.

    Raises:
        StoreUnavailableError: If it has taken steps that this version does not know.
    """
    known = taken(connection)
    unknown = sorted(known - STEPS.keys())
    if unknown:
        raise StoreUnavailableError(
            f"the database was made by a newer devsess (it has {', '.join(unknown)}): "
            "upgrade devsess"
        )
    return [name for name in STEPS if name not in known]


def taken(connection: sqlite3.Connection) -> set[str]:
    """The steps that the database has taken."""
    table = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = '_sqlite_migrations'"
    if connection.execute(table).fetchone() is None:
        return set()
    names = "SELECT name FROM _sqlite_migrations WHERE migration_set = ?"
    return {name for (name,) in connection.execute(names, [SET]).fetchall()}


def names(connection: sqlite3.Connection) -> set[str]:
    """The names of its tables and indexes, in small letters: SQLite ignores case."""
    found = connection.execute("SELECT lower(name) FROM sqlite_master").fetchall()
    return {name for (name,) in found}


def names_made_by(steps: list[str]) -> set[str]:
    """The tables and indexes that *steps* will make, found out on a database in memory."""
    from sqlite_utils import Database

    db = Database(memory=True, recursive_triggers=False, execute_plugins=False)
    try:
        before: set[str] = set()
        for name, step in STEPS.items():
            if name == steps[0]:
                before = names(db.conn)
            step(db)
        return names(db.conn) - before
    finally:
        db.conn.close()


def bring_up_to_date(connection: sqlite3.Connection) -> list[str]:
    """
    Take the steps that are pending, in one transaction; their names.

    Raises:
        StoreUnavailableError: If the database is newer than this version.
    """
    if not pending(connection):
        return []
    try:
        # Looked at again inside: four processes may open a new file at once.
        connection.execute("BEGIN IMMEDIATE")
        steps = _migrate(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return steps


def _migrate(connection: sqlite3.Connection) -> list[str]:
    names = pending(connection)
    if names:
        from sqlite_utils import Database, Migrations

        steps = Migrations(SET)
        for name, step in STEPS.items():
            steps(name=name)(step)
        steps.apply(Database(connection, recursive_triggers=False, execute_plugins=False))
    return names
