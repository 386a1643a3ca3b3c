"""Sign-ins by many threads at once, which share commits."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TYPE_CHECKING

from attrs import frozen

from benchmarks import _workload as workload
from benchmarks._line import Line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks._setting import Setting
    from devsess import SessionManager

DESCRIPTION = (
    "Sign-ins in one process, each acknowledged after its commit; those that wait share one. "
    "Where a commit takes as long as the Python of a sign-in, or less, threads gain nothing by "
    "that: they take turns at the interpreter's lock."
)

THREADS = 16
ROUNDS = 3
SECONDS = 6.0


@frozen
class _Run:
    """Sign-ins a second, and the milliseconds in which 99 of 100 were done."""

    a_second: float
    slow: float


def lines(setting: Setting) -> list[Line]:
    """One thread, many beside it, and how long one of these waits."""
    path, _ = setting.signed_in("logins", 1)
    seconds, rounds = (1.0, 1) if setting.quick else (SECONDS, ROUNDS)
    with workload.opened(path) as sessions:
        users = count()
        alone, together = (
            [_signed_in(sessions, users, threads, seconds) for _ in range(rounds)]
            for threads in (1, THREADS)
        )
    one, many = (statistics.median(it.a_second for it in runs) for runs in (alone, together))
    slow = statistics.median(it.slow for it in together)
    by_many = f"sign-ins a second by {THREADS} threads"
    return [
        Line("sign-ins a second by one thread", one, unit="", drifts=False),
        Line(by_many, many, unit="", drifts=False),
        Line(f"{by_many}, beside one", many / one, 3, at_least=True, drifts=False),
        Line(f"99 of 100 sign-ins by {THREADS} threads take", slow, 50, unit="ms", drifts=False),
    ]


def _signed_in(
    sessions: SessionManager, users: Iterator[int], threads: int, seconds: float
) -> _Run:
    until = time.perf_counter() + seconds

    def work(_: int) -> list[float]:
        taken: list[float] = []
        while (start := time.perf_counter()) < until:
            number = next(users)
            sessions.login(f"many-{number}", workload.client(number))
            taken.append(time.perf_counter() - start)
        return taken

    start = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        taken = [each for found in pool.map(work, range(threads)) for each in found]
    slow = sorted(taken)[max(0, len(taken) * 99 // 100 - 1)] * 1000
    return _Run(len(taken) / (time.perf_counter() - start), slow)
