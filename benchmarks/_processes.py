"""Other processes that use the same file at the same time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve

from benchmarks import _waits as waits
from benchmarks import _workload as workload
from devsess import SessionManager
from devsess.tuning.timing import fresh_copy

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess
    from multiprocessing.synchronize import Barrier, Event

COMMITS_A_SECOND = 500
# How long validators count.
SECONDS = 2.0

_context = get_context("spawn")


@contextmanager
def writer(path: Path, secret: str) -> Iterator[Callable[[], int]]:
    """A process that logs in, touches and revokes, 500 commits a second; yields their count."""
    done, ready = _context.Event(), _context.Event()
    commits = _context.Value("q", 0)
    process = _context.Process(target=_write, args=(path, secret, ready, done, commits))
    process.start()
    try:
        if not ready.wait(30):
            raise RuntimeError("the writer did not begin")
        yield lambda: commits.value
    finally:
        done.set()
        process.join()
    _check(process)


def _check(process: BaseProcess) -> None:
    if process.exitcode:
        raise RuntimeError(f"a process failed: exit code {process.exitcode}")


def _write(path: Path, secret: str, ready: Event, done: Event, commits: Any) -> None:
    with SessionManager(path, keys=secret) as sessions:
        due, number = time.perf_counter(), 0
        while not done.is_set():
            user, client = f"writer-{number % 100}", workload.client(number)
            grant = sessions.login(user, client)
            # The first look at its device token is written: a touch.
            known = evolve(client, device_token=grant.device_token)
            sessions.validate(grant.access_token, known)
            sessions.revoke(grant.session.id)
            number += 1
            commits.value += 3
            ready.set()
            due += 3 / COMMITS_A_SECOND
            time.sleep(max(0.0, due - time.perf_counter()))


def validated_together(path: Path, secret: str, tokens: list[str], processes: int) -> float:
    """
    Validations a second of that many processes together, each with a thread of its own.

    Waits for a CPU that other programs use are left out; waits for locks are not.
    """
    start = _context.Barrier(processes)
    answers: Any = _context.SimpleQueue()
    workers = [
        _context.Process(target=_validate, args=(path, secret, tokens, start, answers))
        for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        _check(worker)
    return float(sum(answers.get() for _ in workers))


def _validate(path: Path, secret: str, tokens: list[str], start: Barrier, answers: Any) -> None:
    with SessionManager(path, keys=secret) as sessions:
        for token in tokens:
            sessions.validate(token)
        start.wait()
        with waits.clock() as clock:
            until, begun, count = time.perf_counter() + SECONDS, clock(), 0
            while time.perf_counter() < until:
                for token in map(fresh_copy, tokens):
                    sessions.validate(token)
                count += len(tokens)
            answers.put(count / (clock() - begun))
