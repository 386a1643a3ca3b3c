"""Whether an operation costs the same among ten million sessions as among ten thousand."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import cycle
from pathlib import Path

from attrs import evolve, frozen

from benchmarks import _workload as workload
from benchmarks._line import Line
from benchmarks._rounds import typical_on_each
from benchmarks._setting import Setting
from devsess import Grant, SessionManager
from devsess.stores.sqlite import rows
from devsess.tuning.timing import each

DESCRIPTION = (
    "The same operation among more and more sessions; between the reads others commit, which "
    "empties the page caches of all other connections."
)

SMALL = 10_000
# How many times its cost among those an operation may cost among more.
BOUND = 1.4
SIZES = (100_000, 1_000_000, 10_000_000)
QUICK_SIZES = (100_000,)
# Real sessions among them, which can be validated, refreshed and revoked.
REAL = 1_000
EACH = 20
_PAGE = 4096

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
# A made-up session's values in place of its model's; two are of one user, on one device.
# Ids are as random as real ones, which must find themselves spread among them.
_SCATTERED = "(n * 2654435761 % 4294967296)"
_MADE_UP = {
    "id": " || ".join(
        f"substr('{_ALPHABET}', 1 + ({_SCATTERED} >> {shift}) % 64, 1)" for shift in (26, 20, 14)
    )
    + f" || printf('%019x', {_SCATTERED})",
    "user_id": "printf('user-%07d', n / 2)",
}
_DEVICE = "printf('d%021x', n / 2)"


def lines(setting: Setting) -> list[Line]:
    """The cost of each point operation, beside that among the fewest, and bytes a session."""
    found: list[Line] = []
    for size in QUICK_SIZES if setting.quick else SIZES:
        small, costs = _measured(setting, (SMALL, size))
        found += [] if found else [_pages(SMALL, small)]
        found += [_beside(name, size, took, small) for name, took in costs.seconds.items()]
        found += [_pages(size, costs), _weight(size, costs)]
    return found


def _beside(name: str, size: int, took: float, small: _Costs) -> Line:
    title = f"{name}, among {size:,} sessions, beside {SMALL:,}"
    ratio = took / small.seconds[name]
    line = Line(title, ratio, BOUND, microseconds=took * 1e6, drifts=False)
    return evolve(line, series=name, at=size)


def _pages(size: int, costs: _Costs) -> Line:
    return Line(f"pages that a get reads, among {size:,}", costs.pages, unit="", drifts=False)


def _weight(size: int, costs: _Costs) -> Line:
    return Line(f"bytes on disk a session, of {size:,}", costs.weight, 500, unit="B")


@frozen
class _Costs:
    """
    The costs at one size.

    Attributes:
        seconds: Of each operation.
        weight: Bytes of a session with its indexes.
        pages: Read by a get, of those that follow a commit; 0 where the system does not count.
    """

    seconds: dict[str, float]
    weight: float
    pages: float


def _measured(setting: Setting, sizes: Sequence[int]) -> list[_Costs]:
    """The costs in databases of these *sizes*, side by side; they are deleted afterwards."""
    with ExitStack() as filled:
        opened = [filled.enter_context(_filled(setting.folder, size)) for size in sizes]
        costs = typical_on_each([it.operations for it in opened], setting.rounds(25))
        return [
            _Costs(seconds, database.weight, _pages_read(database.operations))
            for seconds, database in zip(costs, opened, strict=True)
        ]


def _pages_read(operations: dict[str, Callable[[], float]]) -> float:
    operations["login"]()
    before = _bytes_read()
    operations["get"]()
    return (_bytes_read() - before) / _PAGE / EACH


@frozen
class _Filled:
    operations: dict[str, Callable[[], float]]
    weight: float


@contextmanager
def _filled(folder: Path, size: int) -> Iterator[_Filled]:
    """A database with *size* sessions, and what is measured in it."""
    path = folder / f"growth-{size}.db"
    with workload.opened(path) as sessions:
        grants = [_signed_in(sessions, size // 2 * number // REAL) for number in range(REAL)]
    weight = fill(path, size - REAL)
    with workload.opened(path) as sessions:
        yield _Filled(_operations(sessions, path, size, grants), weight)
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def _bytes_read() -> int:
    counters = Path("/proc/self/io")
    return int(counters.read_text("ascii").split()[1]) if counters.exists() else 0


def fill(path: Path, count: int, user: str = _MADE_UP["user_id"]) -> float:
    """
    Add made-up sessions, no two alike, all live; bytes that each takes with its indexes.

    Args:
        path: A database with a session to model them on.
        count: How many.
        user: SQL for the user of the session with the number n.
    """
    devices = {"user_id": user, "id": _DEVICE}
    key = f"(SELECT key FROM devices WHERE id = {_DEVICE})"
    sessions = _MADE_UP | {"user_id": user, "device_id": _DEVICE, "device_key": key}
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for pragma in ("synchronous = OFF", "cache_size = -2000000", "journal_mode = OFF"):
            db.execute(f"PRAGMA {pragma}").fetchall()
        db.execute("BEGIN")
        _insert(db, "devices", rows.DEVICE, devices, count // 2 + 1)
        before = _size(db)
        _insert(db, "sessions", (*rows.SESSION, "device_key"), sessions, count)
        db.execute("COMMIT")
        weight = (_size(db) - before) / count
        db.execute("PRAGMA journal_mode = WAL").fetchall()
    # Or the disk would still be writing gigabytes while reads are timed.
    with path.open("rb") as written:
        os.fsync(written.fileno())
    return weight


def _insert(
    db: sqlite3.Connection,
    table: str,
    columns: Sequence[str],
    made_up: dict[str, str],
    count: int,
) -> None:
    # A device is that of two numbers: every second one will do.
    step = 2 if table == "devices" else 1
    chosen = ", ".join(made_up.get(name, f"model.{name}") for name in columns)
    db.execute(
        f"INSERT INTO {table} ({', '.join(columns)})"
        " WITH RECURSIVE numbers (n) AS"
        f" (SELECT {2 - step} UNION ALL SELECT n + {step} FROM numbers WHERE n < ?)"
        f" SELECT {chosen} FROM numbers, (SELECT * FROM {table} LIMIT 1) AS model",
        [count * step],
    )


def _size(db: sqlite3.Connection) -> int:
    [[pages], [size]] = (
        db.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size")
    )
    return int(pages) * int(size)


def _signed_in(sessions: SessionManager, number: int) -> Grant:
    return workload.signed_in(sessions, 1, start=number)[0]


def _id(n: int) -> str:
    """The id of a made-up session."""
    scattered = n * 2654435761 % 4294967296
    return "".join(_ALPHABET[(scattered >> shift) % 64] for shift in (26, 20, 14)) + (
        f"{scattered:019x}"
    )


def _operations(
    sessions: SessionManager, path: Path, size: int, grants: list[Grant]
) -> dict[str, Callable[[], float]]:
    numbers = iter(range(10**9))
    latest = {grant.session.id: grant.refresh_token for grant in grants[:EACH]}
    to_end = iter(grants[EACH : REAL // 2 + EACH])
    to_see = cycle(grants[REAL // 2 + EACH :])

    def spread() -> list[int]:
        return [next(numbers) * 7919 % size + 1 for _ in range(EACH)]

    def refresh(session_id: str) -> None:
        latest[session_id] = sessions.refresh(latest[session_id]).refresh_token

    def first_sight() -> float:
        with workload.opened(path) as newcomer:
            newcomer.validate(next(to_see).access_token)  # opens a reader, hears of the log
            return each(newcomer.validate, [next(to_see).access_token for _ in range(EACH)])

    return {
        "first sight": first_sight,
        "get": lambda: each(lambda n: sessions.get(_id(n)), spread()),
        "list": lambda: each(lambda n: sessions.list(f"user-{n // 2:07d}"), spread()),
        "login": lambda: each(
            lambda n: sessions.login(f"user-{n // 2:07d}", workload.client(n)), spread()
        ),
        "refresh": lambda: each(refresh, list(latest)),
        "revoke": lambda: each(
            lambda grant: sessions.revoke(grant.session.id), [next(to_end) for _ in range(EACH)]
        ),
    }
