"""What is done to the processes, connections and servers of a check while it runs."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

from benchmarks.checker.ending import sign_in_and_end
from benchmarks.checker.settings import CLOCKS
from benchmarks.checker.validating import CHILD_SPANS, validate_in_process

if TYPE_CHECKING:
    from multiprocessing.context import SpawnContext, SpawnProcess

    from benchmarks.checker.board import Board
    from benchmarks.checker.places import Place
    from benchmarks.checker.plan import Plan
    from devsess.testing import Proxy

# Endings after a fault before the next one, and seconds that they may take.
BETWEEN, PATIENCE = 5, 120.0
# Spans that a process is stopped, and for which its connections are refused.
STOPPED, REFUSED = 4, 2
# Seconds without sign-ins and endings, before connections become slow: an answer about a token
# that was new is kept for a second only.
QUIET = 1.5
# The share of a span by which replies are delayed, and the spans for which they are: a lease
# that ran from the answer would go on while what the answer says grows old.
DELAY, DELAYED = 0.75, 4


class Run:
    """
    The processes of a check, and the faults that are injected.

    Args:
        plan: Their plan.
        board: Their board.
        place: Where the store is.

    Attributes:
        injected: How often each fault was.
    """

    def __init__(self, plan: Plan, board: Board, place: Place) -> None:
        self.injected: Counter[str] = Counter()
        self._plan, self._settings = plan, plan.settings
        self._board = board
        self._place = place
        self._context: SpawnContext = get_context("spawn")
        self._validating: list[SpawnProcess] = []
        self._ending: SpawnProcess

    def until_enough(self, faults: tuple[str, ...]) -> None:
        """
        Run the processes, and inject *faults* in turn, until enough was tried.

        Raises:
            RuntimeError: If one of them failed; its traceback is on standard error.
        """
        self._ending = self._context.Process(
            target=sign_in_and_end, args=(self._plan,), daemon=True
        )
        self._ending.start()
        self._validating = [self._started(it) for it in range(len(self._settings.kinds))]
        try:
            while self._is_going_on() and faults:
                self._inject_all(faults)
            while self._is_going_on():
                wait([it.sentinel for it in (self._ending, *self._validating)])
        finally:
            self._board.stop()
            self._end()

    def _is_going_on(self) -> bool:
        """Whether all run; that of the endings is the first to end, unless one has failed."""
        return all(it.exitcode is None for it in (self._ending, *self._validating))

    def _inject_all(self, faults: tuple[str, ...]) -> None:
        """Each fault, upon one of the validating processes or upon the server."""
        process = self._board.rounds % len(self._validating)
        for fault in faults:
            if self._has_gone_on():
                _INJECT[fault](self, process)
                self.injected[fault] += 1
        if self._has_gone_on():
            self._board.count_round()

    def _has_gone_on(self) -> bool:
        """Wait for some more endings; whether all still run."""
        until, enough = time.monotonic() + PATIENCE, self._board.issued + BETWEEN
        while self._is_going_on() and (self._board.issued < enough or not self._all_validate()):
            if time.monotonic() > until:
                raise RuntimeError("the check does not go on")
            time.sleep(0.01)
        return self._is_going_on()

    def _all_validate(self) -> bool:
        return all(it.pid == self._board.pid(i) for i, it in enumerate(self._validating))

    def _started(self, process: int) -> SpawnProcess:
        started = self._context.Process(
            target=validate_in_process, args=(self._plan, process), daemon=True
        )
        started.start()
        return started

    def _end(self) -> None:
        processes = [self._ending, *self._validating]
        for process in processes:
            process.join(PATIENCE)
            if process.exitcode is None:
                process.kill()
                process.join()
        if any(process.exitcode for process in processes):
            raise RuntimeError("one of the processes failed")

    # The faults.

    def stop(self, process: int) -> None:
        """Stop a process for so long that it is taken off the register, and let it go on."""
        pid = self._pid(process)
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(STOPPED * self._settings.span)
        finally:
            os.kill(pid, signal.SIGCONT)

    def kill(self, process: int) -> None:
        """Kill a process; another takes its place."""
        self._validating[process].kill()
        self._validating[process].join()
        self._validating[process] = self._started(process)

    def replace(self, process: int) -> None:
        """Let a process end as it should; another takes its place."""
        self._validating[process].terminate()
        self._validating[process].join()
        if self._validating[process].exitcode == 0:
            self._validating[process] = self._started(process)

    def fork(self, process: int) -> None:
        """Have a process fork: its child validates too, for a while."""
        self._board.have_fork(process)
        time.sleep(CHILD_SPANS * self._settings.span)

    def cut(self, process: int) -> None:  # noqa: ARG002 - they have one proxy
        """Cut all connections; then, behind a proxy, let there be none for two leases."""
        if self._place.cut is not None:
            self._place.cut()
        if self._place.proxy is not None:
            self._slow_down()
            self._place.proxy.refuse()
            time.sleep(REFUSED * self._settings.span)
            self._heal(self._place.proxy)

    def delay(self, process: int) -> None:  # noqa: ARG002 - they have one proxy
        """Let each reply come late: when most of a lease is over."""
        if self._place.proxy is not None:
            self._slow_down()
            self._place.proxy.delay_replies(DELAY * self._settings.span)
            time.sleep(DELAYED * self._settings.span)
            self._heal(self._place.proxy)

    def _slow_down(self) -> None:
        """Have all who validate know the sessions that are alive, before they hear little."""
        self._board.is_slow = True
        time.sleep(QUIET)

    def _heal(self, proxy: Proxy) -> None:
        proxy.heal()
        self._board.is_slow = False

    def restart(self, process: int) -> None:  # noqa: ARG002 - it is the server
        """Kill the server just after an ending was acknowledged, and start it again."""
        if self._place.restart is not None:
            self._place.restart()
            self._board.count_restart()

    def _pid(self, process: int) -> int:
        pid = self._validating[process].pid
        assert pid is not None
        return pid


_INJECT: dict[str, Callable[[Run, int], None]] = {
    "stopped": Run.stop,
    "killed": Run.kill,
    "replaced": Run.replace,
    "forked": Run.fork,
    "cut": Run.cut,
    "delayed": Run.delay,
    "restarted": Run.restart,
}
FAULTS = (*_INJECT, CLOCKS)


def possible(place: Place) -> tuple[str, ...]:
    """The faults that can be injected there."""
    missing = set()
    if place.cut is None:
        missing.add("cut")
    if place.proxy is None:
        missing.add("delayed")
    if place.restart is None:
        missing.add("restarted")
    if not hasattr(os, "fork"):
        missing.add("forked")
    return tuple(fault for fault in FAULTS if fault not in missing)
