"""A process that validates: threads with one manager, or tasks with one, as in a server."""

from __future__ import annotations

import asyncio
import os
import signal
import time
import traceback
import warnings
from collections import Counter
from threading import Thread
from typing import TYPE_CHECKING

from benchmarks.checker.managers import Awaiting
from benchmarks.checker.plan import Plan
from devsess import InvalidSessionError, SessionRevokedError, StoreUnavailableError
from devsess._runtime.drive import drive

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.checker.board import Board
    from benchmarks.checker.managers import Face
    from benchmarks.checker.settings import Settings
    from devsess import Session

# Slots that each thread keeps validating.
WINDOW = 48
# After so many rounds a process counts as one that validates.
ROUNDS = 5
# Seconds between two looks at the board, and after a validation that had no answer.
LOOK_EVERY, AFTER_FAILURE = 0.01, 0.005
# Spans that a forked child lives.
CHILD_SPANS = 3


def validate_in_process(plan: Plan, process: int) -> None:
    """Validate until the board says that it is enough, or until asked to end."""
    is_asked, parent = [], os.getppid()
    signal.signal(signal.SIGTERM, lambda *_: is_asked.append(True))
    with plan.board() as board:
        worker = Worker(plan, board, process)
        worker.run(lambda: board.stopped or bool(is_asked) or os.getppid() != parent)


class Worker:
    """The threads or tasks of one process, and its forks."""

    def __init__(self, plan: Plan, board: Board, process: int) -> None:
        self._settings = plan.settings
        self._board = board
        self._process = process
        self._face = plan.validating(process)
        self._first = 2 * self._settings.threads * process
        self._forks = 0
        self._children: list[int] = []

    def run(self, is_over: Callable[[], bool]) -> None:
        """Validate until then, and fork whenever the board says so."""
        self._forks = self._board.forks(self._process)
        while not self._validate(is_over):
            self._forks = self._board.forks(self._process)
            self._fork()
        for child in self._children:
            if os.waitpid(child, 0)[1]:
                raise RuntimeError("a forked child failed")

    def _validate(self, is_over: Callable[[], bool]) -> bool:
        """Validate until it is over, and close the manager; or until there is to be a fork."""
        if isinstance(self._face, Awaiting):
            return asyncio.run(self._in_tasks(self._face, is_over))
        return self._in_threads(is_over)

    def _validators(self, is_over: Callable[[], bool]) -> list[Validator]:
        threads = range(self._first, self._first + self._settings.threads)

        def must_end() -> bool:
            return is_over() or self._board.forks(self._process) != self._forks

        return [Validator(self._settings, self._board, self._face, it, must_end) for it in threads]

    def _in_threads(self, is_over: Callable[[], bool]) -> bool:
        validators = self._validators(is_over)
        threads = [Thread(target=validator.run_in_thread) for validator in validators]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        errors = [validator.error for validator in validators if validator.error]
        if errors:
            raise errors[0]
        if ends := is_over():
            self._face.manager.close()
        return ends

    async def _in_tasks(self, face: Awaiting, is_over: Callable[[], bool]) -> bool:
        async with asyncio.TaskGroup() as tasks:
            for validator in self._validators(is_over):
                tasks.create_task(validator.run())
        if ends := is_over():
            await face.manager.close()
        return ends

    def _fork(self) -> None:
        """Go on in a child too, with the manager of before."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside a thread
            child = os.fork()
        if child:
            self._children.append(child)
            return
        status = 1
        try:
            self._first += self._settings.threads
            until = time.monotonic() + CHILD_SPANS * self._settings.span
            while not self._validate(lambda: self._board.stopped or time.monotonic() > until):
                self._forks = self._board.forks(self._process)  # that was for the parent alone
            status = 0
        except BaseException:  # noqa: BLE001 - the process ends here
            traceback.print_exc()
        finally:
            os._exit(status)


class Validator:
    """One thread or task: it validates the latest sessions, one after another, again and again."""

    def __init__(
        self, settings: Settings, board: Board, face: Face, thread: int, is_over: Callable[[], bool]
    ) -> None:
        self.error: Exception | None = None
        self._settings = settings
        self._board = board
        self._face = face
        self._thread = thread
        self._is_over = is_over
        self._counts = Counter(board.counts(thread))
        self._tokens: dict[int, str] = {}
        self._latest: dict[int, Session] = {}
        self._refused: Counter[int] = Counter()
        self._next = 0
        self._restarts = board.restarts

    def run_in_thread(self) -> None:
        """See `run`; the thread that waits for this one raises its error."""
        try:
            drive(self.run())
        except Exception as error:  # noqa: BLE001 - it is raised there
            self.error = error
            self._board.stop()

    async def run(self) -> None:
        """Validate until it is over."""
        rounds = 0
        while not self._is_over():
            rounds += 1
            if rounds == ROUNDS:
                self._say_so()
            self._look_for_tokens()
            for slot in [*self._tokens]:
                await self._validate(slot)
            self._board.count(self._thread, self._counts)
            pause = self._settings.pauses[rounds % len(self._settings.pauses)]
            await self._face.pause(pause or (0 if self._tokens else LOOK_EVERY))

    def _say_so(self) -> None:
        process, thread = divmod(self._thread, 2 * self._settings.threads)
        if thread < self._settings.threads:  # no forked child
            self._board.has_begun(process, os.getpid())

    def _look_for_tokens(self) -> None:
        issued = self._board.issued
        if self._restarts != self._board.restarts:  # what was refused must be refused again
            self._restarts, self._next = self._board.restarts, 0
            self._refused.clear()
        for slot in range(max(self._next, issued - WINDOW), issued):
            self._tokens[slot] = self._board.token(slot)
        self._next = issued
        for slot in [*self._tokens]:
            if slot < issued - WINDOW and slot not in self._latest:  # those it must see end
                self._leave(slot)

    async def _validate(self, slot: int) -> None:
        started_at = time.monotonic_ns()
        try:
            session = await self._face.validate(self._tokens[slot])
        except InvalidSessionError as error:
            self._refusal(slot, error)
        except StoreUnavailableError:
            self._counts["unavailable"] += 1
            await self._face.pause(AFTER_FAILURE)
        else:
            self._board.succeeded(slot, self._thread, started_at)
            # From memory comes the very object that came before.
            is_known = session is self._latest.get(slot)
            self._counts["from_memory"] += is_known
            self._counts["leased"] += is_known and self._face.manager.core.cache.holds_lease
            self._latest[slot] = session
        self._counts["validations"] += 1
        if isinstance(self._face, Awaiting):
            await asyncio.sleep(0)  # as between two requests

    def _refusal(self, slot: int, error: InvalidSessionError) -> None:
        expected = isinstance(error, SessionRevokedError) and self._board.begun_at(slot)
        self._counts["refusals" if expected else "wrong_refusals"] += 1
        self._refused[slot] += 1
        if self._refused[slot] >= (1 if self._board.is_slow else self._settings.refusals):
            self._leave(slot)

    def _leave(self, slot: int) -> None:
        del self._tokens[slot]
        self._latest.pop(slot, None)
