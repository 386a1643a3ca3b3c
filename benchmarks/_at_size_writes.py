"""What writes cost at a size: a bulk ending, beside a process that signs in; and the counting."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import cycle
from unittest.mock import patch

from benchmarks._at_size import LOCK_MS, Figure
from benchmarks._population import BIG
from devsess import Client, SessionManager
from devsess.operations import ending, searching
from devsess.stores.sqlite import statistics as sqlite_statistics

# Batches of 100 that are ended, and sign-ins of each kind.
BATCHES, SIGN_INS = 5, 60


def writes(sessions: SessionManager) -> Iterator[Figure]:
    """An ending in bulk by its transactions and batches, and sign-ins with and without counting."""
    transactions: list[float] = []
    batches: list[float] = []
    before, cursor = datetime.now(UTC), None
    with _timing(transactions):
        for _ in range(BATCHES):
            start = time.perf_counter()
            cursor = sessions.revoke_found(
                ip=f"{BIG}/24", before=before, reason="x", actor="ops", cursor=cursor
            ).next
            batches.append((time.perf_counter() - start) * 1e3)
    yield Figure("transaction of an ending", LOCK_MS, tuple(transactions), len(transactions))
    yield Figure("batch of 100", None, tuple(batches), 100)
    yield from _sign_ins(sessions)


@contextmanager
def _timing(took: list[float]) -> Iterator[None]:
    """The whole of each transaction is timed: no lock of it is held for longer."""
    end_one = ending.end_one

    async def timed(*args: object) -> bool:
        start = time.perf_counter()
        ended = await end_one(*args)  # type: ignore[arg-type]
        took.append((time.perf_counter() - start) * 1e3)
        return ended

    with patch.object(searching, "end_one", timed):
        yield


def _sign_ins(sessions: SessionManager) -> Iterator[Figure]:
    """In turns, so that a noisy machine is as unfair to both."""
    took: dict[bool, list[float]] = {True: [], False: []}
    for number, is_counted in zip(range(2 * SIGN_INS), cycle(took), strict=False):
        client = Client(ip=f"10.1.2.{number % 250}", user_agent="curl/8.5.0")
        with _counting(is_counted=is_counted):
            start = time.perf_counter()
            sessions.login(f"new-{number}-{time.time_ns()}", client)
            took[is_counted].append((time.perf_counter() - start) * 1e3)
    yield Figure("sign-in", None, tuple(took[True]), SIGN_INS)
    yield Figure("sign-in that counts nothing", None, tuple(took[False]), SIGN_INS)


@contextmanager
def _counting(*, is_counted: bool) -> Iterator[None]:
    """Without it, nothing is written to the tables of the statistics."""
    if is_counted:
        yield
        return
    with (
        patch.object(sqlite_statistics, "add", lambda *_: None),
        patch("devsess.stores.postgres.statistics.adding_with_session", _nothing),
        patch("devsess.stores.postgres.statistics.adding", lambda _: []),
    ):
        yield


def _nothing(*_: object) -> tuple[str, dict[str, object]]:
    return "SELECT 1", {}
