"""
Databases of the made-up population, in SQLite and PostgreSQL, kept in a folder for the next run.

The rows are written into tables of the schema before search and statistics; then the store itself
brings it up to date, as it does for a user who upgrades. Both are timed.
"""

from __future__ import annotations

import secrets
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeAlias
from unittest.mock import patch

import psycopg

from benchmarks._population import VARYING, device, made_up, model
from benchmarks.servers.postgres import PostgresServer
from devsess import SessionManager
from devsess.stores.postgres import PostgresStore
from devsess.stores.postgres import rows as postgres_rows
from devsess.stores.postgres import schema as postgres_schema
from devsess.stores.rows import DeviceRow
from devsess.stores.sqlite import SQLiteStore
from devsess.stores.sqlite import rows as sqlite_rows
from devsess.stores.sqlite import schema as sqlite_schema

# The last steps of the schema before search and statistics.
_BEFORE = {"sqlite": "0009", "postgres": "0003"}
_FILE = "sessions.db"
# Seconds that a step of the schema may take, which are as many as a call's.
_LONG = 3_000
_SETTINGS = {"shared_buffers": "512MB", "fsync": "on", "full_page_writes": "on"}
# A sign-in of each session, and an end of each that was ended; some sign-ins are unusual.
_JUDGED = (
    "CASE WHEN score >= 10 THEN"
    """ '{"score":' || score || ',"decision":"notify","signals":[],"notEvaluated":[]}' END"""
)
_COLUMNS = ", ".join(postgres_rows.EVENT)
_EVENTS = (
    f"INSERT INTO events ({_COLUMNS})"
    " SELECT 'session_created', created_at, user_id, id, device_id, ip, network, user_agent,"
    f" NULL, NULL, {_JUDGED}, :no FROM sessions UNION ALL"
    " SELECT 'authn_token_revoked', revoked_at, user_id, id, device_id, ip, network, user_agent,"
    " reason, actor, NULL, :no FROM sessions WHERE revoked_at IS NOT NULL AND reason <> 'expired'"
    " ORDER BY 2"
)


# By their ids, the account and the number of devices that sessions name.
Known: TypeAlias = dict[str, tuple[str, int]]


class Filled:
    """
    A database with the population.

    Attributes:
        location: The file, or the server's URL.
        took: Seconds that each step of its making took; empty where it was there already.
    """

    def __init__(self, location: str, took: dict[str, float]) -> None:
        self.location, self.took = location, took

    def store(self) -> SQLiteStore | PostgresStore:
        """A store of its own over it."""
        is_server = self.location.startswith("postgresql:")
        return PostgresStore(self.location) if is_server else SQLiteStore(self.location)


@contextmanager
def sqlite(folder: Path, count: int) -> Iterator[Filled]:
    """A file with so many sessions; the one that is there, if there is one."""
    path = folder / f"sqlite-{count}"
    took = {} if path.exists() else _made(path, lambda new: _fill_sqlite(new, count))
    yield Filled(str(path / _FILE), took)


@contextmanager
def postgres(folder: Path, count: int) -> Iterator[Filled]:
    """A server of its own with so many sessions; its folder is the one that is there."""
    path = folder / f"postgres-{count}"
    took = {} if path.exists() else _made(path, lambda new: _fill_postgres(new, count))
    server = PostgresServer(_SETTINGS, path)
    server.start()
    try:
        yield Filled(server.url(), took)
    finally:
        server.stop()


def _made(path: Path, fill: Callable[[Path], dict[str, float]]) -> dict[str, float]:
    """Made under another name first: one that is half done is not taken for a whole one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    took = fill(new)
    new.rename(path)
    return took


@contextmanager
def _timed(took: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    took[name] = time.perf_counter() - start


def _steps(schema: Any, store: str) -> dict[str, Any]:
    return {name: it for name, it in schema.STEPS.items() if name[:4] <= _BEFORE[store]}


def _fill_sqlite(folder: Path, count: int) -> dict[str, float]:
    took: dict[str, float] = {}
    folder.mkdir()
    path = folder / _FILE
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL").fetchall()
        db.execute("PRAGMA synchronous = OFF").fetchall()
        db.execute("PRAGMA cache_size = -500000").fetchall()
        with patch.object(sqlite_schema, "STEPS", _steps(sqlite_schema, "sqlite")):
            sqlite_schema.bring_up_to_date(db)
        with _timed(took, "rows"):
            _sqlite_rows(db, count)
    with _timed(took, "upgrade"):
        SQLiteStore(path).close()
    return took


def _sqlite_rows(db: sqlite3.Connection, count: int) -> None:
    """Without the indexes, which are made afterwards: so they are sorted, once."""
    kept = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql > ''")
    indexes = kept.fetchall()
    db.execute("BEGIN")
    for name, _ in indexes:
        db.execute(f"DROP INDEX {name}")
    insert_device = sqlite_rows.insert_into("devices", sqlite_rows.DEVICE)
    now = time.time()
    known: Known = {}
    values = sqlite_rows.session_values(model(now), None)
    rows = _whole(sqlite_rows.SESSION, values, known, count, now)
    insert_session = sqlite_rows.insert_into("sessions", sqlite_rows.SESSION)
    db.executemany(insert_session, rows)
    db.executemany(insert_device, map(sqlite_rows.device_values, _devices(known, now)))
    db.execute(_EVENTS.replace("user_agent", "agent_id").replace(":no", "0"))
    for _, statement in indexes:
        db.execute(statement)
    db.execute("COMMIT")


def _fill_postgres(path: Path, count: int) -> dict[str, float]:
    took: dict[str, float] = {}
    server = PostgresServer(_SETTINGS)
    server.start()
    try:
        with patch.object(postgres_schema, "STEPS", _steps(postgres_schema, "postgres")):
            _migrate(server.url(timeout=_LONG))
        with _timed(took, "rows"):
            _postgres_rows(server.url(), count)
        with _timed(took, "upgrade"):
            _migrate(server.url(timeout=_LONG))
        with psycopg.connect(server.url(), autocommit=True) as db:
            db.execute("VACUUM ANALYZE")
    finally:
        server.stop()
    shutil.move(server.folder, path)
    return took


def _migrate(url: str) -> None:
    with SessionManager(PostgresStore(url), keys=secrets.token_urlsafe(32)) as sessions:
        sessions.migrate()


def _postgres_rows(url: str, count: int) -> None:
    now = time.time()
    known: Known = {}
    values = postgres_rows.session_values(model(now))
    with psycopg.connect(url, options="-c search_path=devsess") as db, db.cursor() as cursor:
        _copy(
            cursor,
            "sessions",
            postgres_rows.SESSION,
            _whole(postgres_rows.SESSION, values, known, count, now),
        )
        _copy(
            cursor,
            "devices",
            postgres_rows.DEVICE,
            map(postgres_rows.device_values, _devices(known, now)),
        )
        cursor.execute(_EVENTS.replace(":no", "false").encode())
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("VACUUM ANALYZE")


def _copy(
    cursor: psycopg.Cursor[Any],
    table: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
) -> None:
    with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN".encode()) as copy:
        for row in rows:
            copy.write_row(row)


def _whole(
    columns: Sequence[str], values: Sequence[object], known: Known, count: int, now: float
) -> Iterator[list[object]]:
    """Rows of *columns*, the model's *values* but for VARYING; their devices become *known*."""
    places = [columns.index(name) for name in VARYING]
    row = [*values]
    for varying, at in made_up(count, now):
        for place, value in zip(places, varying, strict=True):
            row[place] = value
        known[str(varying[2])] = (str(varying[1]), at)
        yield [*row]


def _devices(known: Known, now: float) -> Iterator[DeviceRow]:
    return (device(user, at, now) for user, at in known.values())
