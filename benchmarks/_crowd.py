"""Other processes that use the same file at the same time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import _world as world
from devsess import SessionManager

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier, Event

COMMITS_A_SECOND = 500
# How long validators count.
SECONDS = 2.0

_context = get_context("spawn")


@contextmanager
def writer(path: Path, secret: str) -> Iterator[None]:
    """A process that logs in, touches and revokes, 500 commits a second."""
    done, ready = _context.Event(), _context.Event()
    process = _context.Process(target=_write, args=(path, secret, ready, done))
    process.start()
    try:
        ready.wait(30)
        yield
    finally:
        done.set()
        process.join()


def _write(path: Path, secret: str, ready: Event, done: Event) -> None:
    with SessionManager(path, keys=secret) as sessions:
        due, number = time.perf_counter(), 0
        while not done.is_set():
            user = f"writer-{number % 100}"
            grant = sessions.login(user, world.visitor(number))
            sessions.validate(grant.access_token, world.visitor(number))
            sessions.revoke(grant.session.id)
            number += 1
            ready.set()
            due += 2 / COMMITS_A_SECOND
            time.sleep(max(0.0, due - time.perf_counter()))


def validated_together(path: Path, secret: str, tokens: list[str], processes: int) -> float:
    """Validations a second of that many processes together, each with a thread of its own."""
    start = _context.Barrier(processes)
    answers: Any = _context.SimpleQueue()
    workers = [
        _context.Process(target=_validate, args=(path, secret, tokens, start, answers))
        for _ in range(processes)
    ]
    for worker in workers:
        worker.start()
    found = sum(answers.get() for _ in workers)
    for worker in workers:
        worker.join()
    return float(found)


def _validate(path: Path, secret: str, tokens: list[str], start: Barrier, answers: Any) -> None:
    with SessionManager(path, keys=secret) as sessions:
        for token in tokens:
            sessions.validate(token)
        start.wait()
        begun, count = time.perf_counter(), 0
        while time.perf_counter() - begun < SECONDS:
            for token in tokens:
                sessions.validate(token)
            count += len(tokens)
        answers.put(count / (time.perf_counter() - begun))
