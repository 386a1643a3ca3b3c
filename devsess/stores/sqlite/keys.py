"""
Keys for sessions and devices; a step of `schema`, and never changed.

Before it, each was stored under its id, in every index too. Under keys a row and its entries take a
third less of the file.
"""

from __future__ import annotations

import logging
import sqlite3
from typing import Any

from devsess.stores.sqlite.recount import COUNT_ACCOUNTS
from devsess.stores.sqlite.steps import execute_each

log = logging.getLogger("devsess")

# The id comes first in the index: a search by a device knows no account.
_DEVICES = """
CREATE TABLE devsess_keyed (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    user_id TEXT NOT NULL,
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
    forgotten INTEGER NOT NULL
);
CREATE UNIQUE INDEX devices_id ON devsess_keyed (id, user_id);
INSERT OR IGNORE INTO devsess_keyed SELECT NULL, id, user_id, label, kind, os, browser,
    first_seen_at, last_seen_at, trusted_until, blocked, name, fingerprint, network, resembles,
    forgotten FROM devices;
"""
# No device has the key 0: a session whose device was lost names that one.
_SESSIONS = """
CREATE TABLE devsess_keyed (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
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
    actor TEXT,
    previous_generation INTEGER,
    presented INTEGER NOT NULL,
    levels TEXT NOT NULL,
    ending_number INTEGER NOT NULL,
    step_up_after INTEGER,
    score INTEGER,
    impersonator TEXT,
    device_key INTEGER NOT NULL
);
INSERT OR IGNORE INTO devsess_keyed SELECT NULL, s.id, s.user_id, s.device_id, s.ip,
    s.network, s.agent_id, s.location, s.created_at, s.last_seen_at, s.idle_from,
    s.idle_expires_at, s.absolute_expires_at, s.auth_time, s.amr, s.acr, s.persistent, s.claims,
    s.salt, s.generation, s.rotated_at, s.rotated_by, s.bound, s.revoked_at, s.reason, s.actor,
    s.previous_generation, s.presented, s.levels, s.ending_number, s.step_up_after, s.score,
    s.impersonator, coalesce(d.key, 0)
    FROM sessions s LEFT JOIN devices d ON d.id = s.device_id AND d.user_id = s.user_id;
"""
# Pages of sessions are read in the order of an index; those of one instant are then sorted by id.
# An account's devices, forgotten ones too, are found by `devices_latest`. An index in which
# unrevoked rows are counted has `revoked_at`: SQLite 3.40 would look it up in each row.
_INDEXES = """
CREATE INDEX sessions_created ON sessions (created_at);
CREATE INDEX sessions_user ON sessions (user_id, created_at);
CREATE INDEX sessions_network ON sessions (network, created_at);
CREATE INDEX sessions_device ON sessions (device_key, created_at);
CREATE INDEX sessions_score ON sessions (score, created_at, revoked_at)
    WHERE score IS NOT NULL AND revoked_at IS NULL;
CREATE INDEX sessions_live ON sessions (user_id, created_at, revoked_at) WHERE revoked_at IS NULL;
CREATE INDEX sessions_lapse ON sessions
    (idle_expires_at, absolute_expires_at, idle_from, created_at, revoked_at)
    WHERE revoked_at IS NULL;
CREATE INDEX sessions_unrevoked ON sessions (user_id, device_key) WHERE revoked_at IS NULL;
CREATE INDEX sessions_end ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX devices_latest ON devices (user_id, forgotten, last_seen_at DESC);
CREATE INDEX devices_seen ON devices (last_seen_at);
CREATE INDEX devices_fingerprint ON devices (user_id, fingerprint) WHERE fingerprint IS NOT NULL;
CREATE INDEX devices_forgotten ON devices (forgotten) WHERE forgotten = 1;
"""
_MADE = (
    "SELECT name, sql FROM sqlite_master WHERE tbl_name IN ('sessions', 'devices')"
    " AND type IN ('index', 'trigger') AND sql IS NOT NULL"
)
_COUNT_OPEN = "UPDATE meta SET open = (SELECT count(*) FROM sessions WHERE revoked_at IS NULL)"


def give_keys(db: Any) -> None:
    """Write both tables anew, and make their users' own indexes and triggers again."""
    made = db.conn.execute(_MADE).fetchall()
    try:
        # Views that somebody made of a table go on when its name is given to another.
        db.conn.execute("PRAGMA legacy_alter_table = ON")
        lost = [_write_anew(db, "devices", _DEVICES), _write_anew(db, "sessions", _SESSIONS)]
    finally:
        db.conn.execute("PRAGMA legacy_alter_table = OFF")
    execute_each(db, _INDEXES)
    _make_again(db, made)
    # A place among the sessions, up to which an ending is written, was of the old tables.
    db.conn.execute("UPDATE endings SET reached = NULL")
    if any(lost):
        execute_each(db, f"{_COUNT_OPEN};{COUNT_ACCOUNTS}")


def _make_again(db: Any, made: list[tuple[str, str]]) -> None:
    names = {name for (name,) in db.conn.execute("SELECT name FROM sqlite_master").fetchall()}
    for name, statement in made:
        if name not in names:
            try:
                db.conn.execute(statement)
            except sqlite3.OperationalError as error:
                log.warning(
                    "%s is gone, since it cannot be made on the new tables: %s", name, error
                )


def _write_anew(db: Any, table: str, statements: str) -> int:
    """How many rows were left out, for want of a value: nothing could have been read from them."""
    execute_each(db, statements)
    counts = f"SELECT (SELECT count(*) FROM {table}) - (SELECT count(*) FROM devsess_keyed)"  # noqa: S608
    [[lost]] = db.conn.execute(counts).fetchall()
    db.conn.execute(f"DROP TABLE {table}")
    db.conn.execute(f"ALTER TABLE devsess_keyed RENAME TO {table}")
    if lost:
        log.error(
            "damaged rows of %s were left out as the file was brought up to date: %d; "
            "restore a backup if more is damaged",
            table,
            lost,
        )
    return int(lost)
