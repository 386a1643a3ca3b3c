"""
How long the searches of operators take among many sessions.

    python -m benchmarks.searching [--sessions 1000000] [--store sqlite] [--store postgres]

The sessions of four months, half of the last month's live; one in twenty is the same user's, one in
thirty on the same network. Printed for each search: the median and the slowest of its calls in
milliseconds, and how long a batch of 100 of a network's sessions takes to end.
"""

from __future__ import annotations

import argparse
import json
import random
import secrets
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from tabulate import tabulate

from benchmarks.servers.postgres import PostgresServer
from devsess import SessionManager
from devsess.stores.postgres import PostgresStore
from devsess.stores.postgres import rows as postgres_rows
from devsess.stores.rows import DeviceRow, SessionRow
from devsess.stores.sqlite import SQLiteStore
from devsess.stores.sqlite import rows as sqlite_rows

DAY = 86_400.0
HEAVY, BIG = "user-heavy", "102.89.77.0"
CALLS = 30


def made_up(count: int, now: float) -> Iterator[SessionRow]:
    """Sessions as an application may have them; the same ones each time."""
    chance = random.Random(15)
    for number in range(count):
        age = chance.random() * 120 * DAY
        heavy, big = chance.random() < 0.05, chance.random() < 0.03
        user = HEAVY if heavy else f"user-{chance.randrange(count // 4)}"
        place = int(chance.paretovariate(0.7)) % 50_000
        network = BIG if big else f"10.{place // 250}.{place % 250}.0"
        device = DeviceRow(
            f"d{number % 3 if not heavy else number % 40}-{user}",
            *(user, "Chrome on macOS", "desktop", "macOS", "Chrome", now - age, now - age),
        )
        is_live = age < 30 * DAY and chance.random() < 0.5
        created = now - age
        yield SessionRow(
            id=f"{chance.getrandbits(120):030x}",
            user_id=user,
            device=device,
            ip=f"{network[:-1]}{chance.randrange(1, 250)}" if is_live else network,
            network=network,
            user_agent=None,
            location=None,
            created_at=created,
            last_seen_at=created,
            idle_from=now - age / 30,
            idle_expires_at=created + 30 * DAY,
            absolute_expires_at=created + 30 * DAY,
            auth_time=int(created),
            amr=("pwd",),
            acr=None,
            persistent=False,
            claims="{}",
            salt=b"0123456789abcdef",
            revoked_at=None if is_live else min(now, created + chance.random() * 20 * DAY),
            reason=None if is_live else "logout",
            score=chance.randrange(-40, 60) if chance.random() < 0.04 else None,
        )


def searches(sessions: SessionManager, now: float) -> dict[str, Callable[[int], object]]:
    """By their names; the number of the call varies what is looked for."""
    some = [it.user_id for it in sessions.search(limit=200)]
    devices = [it.device.id for it in sessions.search(limit=200)]

    def instant(number: int) -> datetime:
        return datetime.fromtimestamp(now - number * 3 * DAY, UTC)

    def place(number: int) -> str:
        return f"{BIG[:-1]}{number + 1}"

    return {
        "newest": lambda _: sessions.search(),
        "newest live": lambda _: sessions.search(state="live"),
        "newest ended": lambda _: sessions.search(state="ended"),
        "a day": lambda n: sessions.search(until=instant(n)),
        "heavy user": lambda n: sessions.search(user_id=HEAVY, until=instant(n)),
        "heavy user, live": lambda _: sessions.search(user_id=HEAVY, state="live"),
        "heavy user, ended": lambda _: sessions.search(user_id=HEAVY, state="ended"),
        "any user": lambda n: sessions.search(user_id=some[n]),
        "big network": lambda n: sessions.search(ip=f"{BIG}/24", until=instant(n)),
        "big network, live": lambda _: sessions.search(ip=f"{BIG}/24", state="live"),
        "address in it": lambda n: sessions.search(ip=place(n)),
        "live before 100 days": lambda _: sessions.search(state="live", until=instant(33)),
        "heavy user in it": lambda _: sessions.search(user_id=HEAVY, ip=f"{BIG}/24"),
        "device": lambda n: sessions.search(device_id=devices[n]),
        "queue": lambda _: sessions.review_queue(),
        "acts": lambda _: sessions.acts(),
        "count: all": lambda _: sessions.count(),
        "count: live": lambda _: sessions.count(state="live"),
        "count: big network, live": lambda _: sessions.count(ip=f"{BIG}/24", state="live"),
        "count: address in it": lambda n: sessions.count(ip=place(n)),
        "count: heavy user, live": lambda _: sessions.count(user_id=HEAVY, state="live"),
        "count: any user": lambda n: sessions.count(user_id=some[n]),
    }


def measured(sessions: SessionManager, now: float) -> list[tuple[str, str, str, str]]:
    """A line a search."""
    found = []
    for name, search in searches(sessions, now).items():
        took, answer = [], None
        for number in range(CALLS):
            start = time.perf_counter()
            answer = search(number)
            took.append((time.perf_counter() - start) * 1e3)
        size = answer if isinstance(answer, int) else len(getattr(answer, "items", ()))
        found.append((name, f"{statistics.median(took):.2f}", f"{max(took):.2f}", str(size)))
    return found


def ended(sessions: SessionManager) -> str:
    """How fast a network's sessions end, by batches of 100."""
    before, took, done = datetime.now(UTC), [], 0
    for _ in range(10):
        start = time.perf_counter()
        done += sessions.revoke_found(ip=f"{BIG}/24", before=before, reason="x", actor="ops")
        took.append(time.perf_counter() - start)
    return f"{done} ended, a batch of 100 in {statistics.median(took) * 1e3:.0f} ms"


def fill_sqlite(path: Path, count: int, now: float) -> SQLiteStore:
    """A file with so many sessions."""
    SQLiteStore(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA synchronous = OFF").fetchall()
        db.execute("PRAGMA cache_size = -1000000").fetchall()
        devices = sqlite_rows.insert_into("devices", sqlite_rows.DEVICE)
        for row in made_up(count, now):
            db.execute(
                devices.replace("INSERT", "INSERT OR IGNORE", 1),
                sqlite_rows.device_values(row.device),
            )
            db.execute(sqlite_rows.INSERT_SESSION, sqlite_rows.session_values(row, None))
        db.commit()
    return SQLiteStore(path)


def fill_postgres(url: str, count: int, now: float) -> PostgresStore:
    """A schema with so many sessions."""
    with SessionManager(PostgresStore(url), keys=secrets.token_urlsafe(32)) as sessions:
        sessions.migrate()
    known: set[str] = set()
    with psycopg.connect(url, options="-c search_path=devsess") as db, db.cursor() as cursor:
        columns = ", ".join(postgres_rows.SESSION)
        with cursor.copy(f"COPY sessions ({columns}) FROM STDIN".encode()) as copy:
            for row in made_up(count, now):
                copy.write_row(postgres_rows.session_values(row))
        with cursor.copy(
            f"COPY devices ({', '.join(postgres_rows.DEVICE)}) FROM STDIN".encode()
        ) as copy:
            for row in made_up(count, now):
                if row.device.id not in known:
                    known.add(row.device.id)
                    copy.write_row(postgres_rows.device_values(row.device))
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("VACUUM ANALYZE")
    return PostgresStore(url)


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=1_000_000)
    parser.add_argument("--store", action="append", choices=["sqlite", "postgres"])
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    now, results = time.time(), {}
    for name in asked.store or ["sqlite", "postgres"]:
        with TemporaryDirectory() as folder:
            server = PostgresServer({"shared_buffers": "512MB"}) if name == "postgres" else None
            try:
                if server is None:
                    store: SQLiteStore | PostgresStore = fill_sqlite(
                        Path(folder) / "s.db", asked.sessions, now
                    )
                else:
                    server.start()
                    store = fill_postgres(server.url(), asked.sessions, now)
                with SessionManager(store, keys=secrets.token_urlsafe(32)) as sessions:
                    results[name] = measured(sessions, now)
                    print(f"\n{name}, {asked.sessions:,} sessions; {ended(sessions)}")
                    print(tabulate(results[name], ["ms", "median", "slowest", "rows"]))
            finally:
                if server is not None:
                    server.close()
    if asked.json:
        asked.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
