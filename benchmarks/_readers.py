"""Other processes that answer from memory while one ends sessions."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from benchmarks import _workload as workload
from devsess import Policy, SessionManager
from devsess._runtime.drive import drive

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

PATIENCE = 60.0
# Between two validations of an active process, and two looks of an idle one.
PAUSE, LOOK = 0.02, 0.0005

_context = get_context("spawn")


def until_memory_answers(sessions: SessionManager, tokens: Sequence[str]) -> None:
    """
    Validate until one round of *tokens* is answered from memory alone.

    Raises:
        RuntimeError: If it is not within a minute.
    """
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        for token in tokens:
            sessions.validate(token)
        before = sessions.core.metrics()
        for token in tokens:
            sessions.validate(token)
        after = sessions.core.metrics()
        is_memory = before.misses == after.misses and before.lease != "over" != after.lease
        if is_memory and after.feed_lag < 1:
            return
        time.sleep(0.01)
    raise RuntimeError("memory does not answer")


class Group:
    """
    Processes that validate all the time, and one here that ends sessions.

    Args:
        location: Of the store.
        size: How many processes.
        policy: Of all; acknowledged.
    """

    def __init__(self, location: str, size: int, policy: Policy) -> None:
        self._sessions = SessionManager(location, keys=workload.SECRET, policy=policy)
        self._numbers = iter(range(10**9))
        self._processes: list[tuple[BaseProcess, Connection]] = []
        for _ in range(size):
            here, there = _context.Pipe()
            args = (location, workload.SECRET, policy, there)
            process = _context.Process(target=_validate, args=args, daemon=True)
            process.start()
            self._processes.append((process, here))

    def __enter__(self) -> Group:
        self._make_active()
        # As after a lease's time: the log's history is known to be older than any lease.
        store: Any = self._sessions._store
        drive(store.season(drive(store.readers_behind(None)).history))
        for _ in range(3):
            self._end()
        return self

    def __exit__(self, *_: object) -> None:
        for process, here in self._processes:
            here.send(None)
            process.join(PATIENCE)
        self._sessions.close()

    def _make_active(self) -> None:
        """Each validates a session of its own, under a lease."""
        for _, here in self._processes:
            here.send(self._signed_in().access_token)
        for _, here in self._processes:
            assert here.poll(PATIENCE)
            assert here.recv() == "active"

    def _signed_in(self) -> Any:
        return self._sessions.login(f"group-{next(self._numbers)}")

    def _end(self) -> float:
        grant = self._signed_in()
        time.sleep(PAUSE)
        start = time.perf_counter()
        assert self._sessions.revoke(grant.session.id)
        return time.perf_counter() - start

    def revoke(self, *, stopped: bool = False) -> float:
        """The seconds that it takes to end a session; with one process *stopped* meanwhile."""
        if not stopped:
            return self._end()
        pid = self._processes[0][0].pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            return self._end()
        finally:
            os.kill(pid, signal.SIGCONT)
            self._make_active()


def _validate(location: str, secret: str, policy: Policy, there: Connection) -> None:
    """In another process: validate the latest token, in pauses, until there is none."""
    with SessionManager(location, keys=secret, policy=policy) as sessions:
        while (token := there.recv()) is not None:
            until_memory_answers(sessions, [token])
            there.send("active")
            while not there.poll(PAUSE):
                sessions.validate(token)


def heard(location: str, times: int) -> list[float]:
    """Seconds from the call of `revoke` until memory drops the session in an idle process."""
    here, there = _context.Pipe()
    args = (location, workload.SECRET, Policy(max_staleness=1), there)
    process = _context.Process(target=_listen, args=args, daemon=True)
    process.start()
    found = []
    with SessionManager(location, keys=workload.SECRET) as sessions:
        for number in range(times):
            grant = sessions.login(f"listener-{number}")
            here.send(grant.access_token)
            assert here.poll(PATIENCE)
            assert here.recv() == "idle"
            time.sleep(0.05 + 0.013 * (number % 7))
            start = time.monotonic()
            sessions.revoke(grant.session.id)
            assert here.poll(PATIENCE)
            found.append(here.recv() - start)
        here.send(None)
        process.join(PATIENCE)
    return found


def _listen(location: str, secret: str, policy: Policy, there: Connection) -> None:
    """In another process: say when each session is no longer in memory, without asking for it."""
    with SessionManager(location, keys=secret, policy=policy) as sessions:
        while (token := there.recv()) is not None:
            until_memory_answers(sessions, [token])
            entries = sessions.core.metrics().entries
            there.send("idle")
            while sessions.core.metrics().entries >= entries:
                time.sleep(LOOK)
            there.send(time.monotonic())
