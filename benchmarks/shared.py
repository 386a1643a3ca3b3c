"""Many threads, two processes, and one that writes: all on one file."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from benchmarks import _processes as other_processes
from benchmarks import _workload as workload
from benchmarks._line import Line
from benchmarks._setting import Setting
from devsess import Grant, SessionManager
from devsess.tuning.timing import each_fresh, fresh_copy

DESCRIPTION = (
    "One file, several threads and processes. At 900 requests a second every other request "
    "meets a commit, and reads the change log first: a rough figure, which moves with the "
    "machine's load. For two processes together, waits for a CPU that other programs use are "
    "left out; waits for each other are not. A validation right after a commit reads the change "
    "log too, and the processor's cache holds little of what it needs; it is also shown beside a "
    "bare decode right after a commit, for which that cache is as cold."
)

SESSIONS = 250
THREADS = 4
ROUNDS = 7
# Long enough for threads to take turns.
TIMES = 60


def lines(setting: Setting) -> list[Line]:
    """The cost of sharing, beside having the file to oneself."""
    path, grants = setting.signed_in("shared", SESSIONS)
    tokens = [grant.access_token for grant in grants]

    def beside_one() -> float:
        alone, two = (
            statistics.median(
                other_processes.validated_together(path, workload.SECRET, tokens, processes)
                for _ in range(1 if setting.quick else 3)
            )
            for processes in (1, 2)
        )
        return two / alone

    name = "two processes, validations together, beside one"
    found = [Line(name, beside_one(), 1.8, at_least=True)]
    if not setting.quick:
        with other_processes.writer(path, workload.SECRET):
            found.append(Line(f"{name}, while a third writes", beside_one(), at_least=True))
    return [
        *found,
        *_threads(setting, grants),
        *_after_a_commit(setting, grants),
        *_under_a_writer(setting, grants),
    ]


def _threads(setting: Setting, grants: Sequence[Grant]) -> list[Line]:
    """Making the tokens counts, for one thread as for many."""
    tokens = [grant.access_token for grant in grants] * TIMES
    with workload.opened(setting.folder / "shared.db") as sessions, ThreadPoolExecutor(4) as pool:

        def work(_: object) -> None:
            for token in tokens:
                sessions.validate(fresh_copy(token))

        def took(threads: int) -> float:
            start = time.perf_counter()
            list(pool.map(work, range(threads)))
            return (time.perf_counter() - start) / (threads * len(tokens))

        took(THREADS)
        alone, together = (
            statistics.median(took(threads) for _ in range(ROUNDS)) for threads in (1, THREADS)
        )
    name = f"a validation, {THREADS} threads at once, beside one"
    return [Line(name, together / alone, microseconds=together * 1e6, drifts=False)]


def _after_a_commit(setting: Setting, grants: Sequence[Grant]) -> list[Line]:
    """A repeated validation that reads the change log first; beside a decode as late, too."""
    path, tokens = setting.folder / "shared.db", _tokens(grants)
    with workload.opened(path) as sessions, workload.opened(path) as other:
        session = other.login("another").session

        def commit() -> None:
            other.extend(session.id, timedelta(hours=1))

        workload.keep(sessions, tokens)
        ways = (sessions.validate, workload.bare_decode)
        took, as_late = _medians(ways, tokens * setting.rounds(8), commit)
    decode = workload.decoding(grants)
    unit = min(decode() for _ in range(ROUNDS))
    name = "repeated, right after a commit by another connection"
    return [
        Line(name, took / unit, 0.3, microseconds=took * 1e6),
        Line(f"{name}, beside a bare decode right after one", took / as_late, drifts=False),
    ]


def _medians(
    ways: Sequence[Callable[[str], object]], tokens: Sequence[str], prepare: Callable[[], None]
) -> list[float]:
    """The median seconds of each way, one token after another; *prepare* is called before each."""
    spent: list[list[float]] = [[] for _ in ways]
    for token in tokens:
        for do, found in zip(ways, spent, strict=True):
            fresh = fresh_copy(token)
            prepare()
            start = time.perf_counter()
            do(fresh)
            found.append(time.perf_counter() - start)
    return [statistics.median(found) for found in spent]


def _under_a_writer(setting: Setting, grants: Sequence[Grant]) -> list[Line]:
    """The mean of all requests, since only some of them pay for a commit."""
    with workload.opened(setting.folder / "shared.db") as sessions:
        decode = workload.decoding(grants)
        with other_processes.writer(setting.folder / "shared.db", workload.SECRET) as commits:
            before, begun = commits(), time.perf_counter()
            unit = min(decode() for _ in range(ROUNDS))
            busy = statistics.median(
                each_fresh(sessions.validate, _tokens([*grants] * 40), fresh_copy)
                for _ in range(ROUNDS)
            )
            calm = statistics.median(_at_a_pace(sessions, grants) for _ in range(ROUNDS))
            made = (commits() - before) / (time.perf_counter() - begun)
    name = f"while another process commits {other_processes.COMMITS_A_SECOND} times a second"
    return [
        Line("commits a second that the writer made", made, unit="", drifts=False),
        Line(f"repeated, {name}", busy / unit, 0.3, microseconds=busy * 1e6),
        Line(
            f"repeated 900 times a second, {name}",
            calm / unit,
            microseconds=calm * 1e6,
            drifts=False,
        ),
    ]


def _at_a_pace(sessions: SessionManager, grants: Sequence[Grant]) -> float:
    """As in a server with little to do, where there was a commit before every other request."""
    tokens, spent = _tokens(grants), 0.0
    for token in map(fresh_copy, tokens):
        start = time.perf_counter()
        sessions.validate(token)
        spent += time.perf_counter() - start
        time.sleep(0.001)
    return spent / len(tokens)


def _tokens(grants: Sequence[Grant]) -> list[str]:
    return [grant.access_token for grant in grants]
