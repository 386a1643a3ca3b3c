"""Run tests on a mutant, in a process of its own, and see whether one fails."""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

import pytest
from _pytest.runner import runtestprotocol
from _pytest.warnings import catch_warnings_for_item
from mutants import Mutant
from swap import Swap

EVERYTHING = "the module itself"


class Trial:
    """The tests of a file, how long each takes, and what it calls there."""

    def __init__(self, items: Sequence[pytest.Item], path: Path) -> None:
        self._items = list(items)
        self._path = str(path)
        self._calling: dict[str, list[tuple[float, pytest.Item]]] = defaultdict(list)
        self._computing: dict[str, float] = {}

    def run_all(self) -> None:
        """
        Run every test once, on the file as it is.

        Raises:
            SystemExit: If one fails.
        """
        for item in self._items:
            called: set[str] = set()

            def note(frame: FrameType, event: str, _: object, called: set[str] = called) -> None:
                if event == "call" and frame.f_code.co_filename == self._path:
                    called.add(frame.f_code.co_qualname)

            threading.setprofile(note)
            sys.setprofile(note)
            begun, computed = time.monotonic(), time.process_time()
            why = _failure(item)
            took = time.monotonic() - begun
            self._computing[item.nodeid] = time.process_time() - computed
            sys.setprofile(None)
            threading.setprofile(None)
            if why is not None:
                raise SystemExit(f"{item.nodeid} fails without any change: {why}")
            for name in (*called, EVERYTHING):
                self._calling[name].append((took, item))

    def survives(self, mutant: Mutant, swap: Swap) -> bool:
        """Whether every test passes that calls the function *mutant* is in."""
        function = swap.function(mutant) if mutant.where else None
        name = function.__code__.co_qualname if function else EVERYTHING
        tests = sorted(self._calling[name], key=lambda each: each[0])
        patience = 10 + 10 * sum(took for took, _ in tests)
        # One that goes round and round is stopped by its own time, however busy the machine is.
        seconds = 10 + round(3 * sum(self._computing[item.nodeid] for _, item in tests))
        child = os.fork()
        if child == 0:
            os._exit(_child(mutant, swap, [item for _, item in tests], seconds))
        return _waited(child, patience)


def _failure(item: pytest.Item) -> str | None:
    """The error of a test that fails; None if it passes."""
    # As the test loop does: each test says which warnings it may give.
    with catch_warnings_for_item(item.config, item.ihook, "runtest", item):
        reports = runtestprotocol(item, log=False, nextitem=None)
    return next((_error(report) for report in reports if report.failed), None)


def _error(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash or report.longrepr)


def _child(mutant: Mutant, swap: Swap, tests: Sequence[pytest.Item], seconds: int) -> int:
    os.setsid()
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_DATA, (4 << 30, 4 << 30))
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    try:
        swap.do(mutant)
        return int(not all(_failure(item) is None for item in tests))
    except BaseException:  # noqa: BLE001 - whatever it is, it was noticed
        return 70


def _waited(child: int, patience: float) -> bool:
    """Whether it ends well, and in time: where one hangs, or is stopped, somebody would notice."""
    ends_at = time.monotonic() + patience
    while time.monotonic() < ends_at:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.005)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False
