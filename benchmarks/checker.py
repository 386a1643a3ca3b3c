"""
Check that a revocation holds at once: no validation that began after `revoke` returned succeeds.

    python -m benchmarks.checker [--validations N] [--max-staleness SECONDS] [--mark MARK] [--json]

Two processes of two threads each validate in a loop, and touch five times a
second, while a third process signs in and ends sessions: one, all of an account,
everybody's, the last two by rows written at once or by a number whose rows follow.
All use one SQLite file. Every validation's beginning and every
revocation's end are taken from the one monotonic clock that a machine's
processes share. The exit code is 1 if one was late, if a live session was
refused, or if too little was tried. With a staleness above zero, late ones are
to be expected: that shows that the checker would see them.
"""

from __future__ import annotations

import argparse
import json
import random
import secrets
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import wait
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import TYPE_CHECKING, Any

from attrs import asdict, frozen
from tabulate import tabulate

from benchmarks import _workload as workload
from benchmarks._board import THREADS, Board
from devsess import InvalidSessionError, Policy, SessionManager, SessionRevokedError, operations
from devsess.operations import ending
from devsess.stores.base import Ending
from devsess.stores.calls import AT_ONCE
from devsess.stores.sqlite import walindex

if TYPE_CHECKING:
    from multiprocessing.context import SpawnContext, SpawnProcess

    from devsess import Session

PROCESSES = 2
FEWEST_REVOCATIONS = 200

# Sessions alive at a time, slots that the others keep validating, and how
# often each of their threads must find a session ended.
ALIVE = 16
WINDOW = 48
USERS = 4
# Of a hundred ends, those of all of an account, and those of everybody.
OF_ONE, OF_ALL = 10, 1
# Seconds; each is a write of the validating processes.
TOUCH_EVERY = 0.2
REFUSALS_EACH = 3


@frozen
class Plan:
    """The facts that all processes know from the start."""

    folder: Path
    secret: str
    validations: int
    max_staleness: float
    mark: str

    def board(self) -> Board:
        """The memory that they share; one session for ten validations is more than they get to."""
        return Board(self.folder / "board", 2_000 + self.validations // 10)

    def sessions(self) -> SessionManager:
        """A manager of one's own, on the file of all."""
        if self.mark == "data_version":  # as where the wal-index cannot be looked at
            walindex._remap = lambda: None
        policy = Policy(max_staleness=self.max_staleness, touch_interval=TOUCH_EVERY)
        return SessionManager(self.folder / "sessions.db", keys=self.secret, policy=policy)


@frozen
class Findings:
    """
    The outcome of a run.

    Attributes:
        validations: Calls of `validate` that were answered, one way or the other.
        revocations: Sessions revoked while others validated them.
        covered: Those of them that a number ended, before their rows were written.
        late: Threads that had a session accepted after its `revoke` had returned.
        wrong_refusals: Sessions refused before anyone revoked them.
        refusals: Calls refused as they had to be.
        from_memory: Share of the accepted that came from memory.
        seconds: How long it took.
    """

    validations: int
    revocations: int
    covered: int
    late: int
    wrong_refusals: int
    refusals: int
    from_memory: float
    seconds: float

    @property
    def sound(self) -> bool:
        """Whether nothing was wrong, and enough was revoked for the result to count."""
        return not self.late and not self.wrong_refusals and self.revocations >= FEWEST_REVOCATIONS


def check(validations: int, max_staleness: float = 0.0, mark: str = "automatic") -> Findings:
    """
    Run the processes until they have done enough, and compare their records.

    Raises:
        RuntimeError: If one of them failed; its traceback is on standard error.
    """
    with TemporaryDirectory() as folder:
        secret = secrets.token_urlsafe(32)
        plan = Plan(Path(folder), secret, validations, max_staleness, mark)
        (plan.folder / "board").touch()
        plan.sessions().close()  # so that nobody has to make the file while others wait for it
        with plan.board() as board:
            start = time.monotonic()
            _run(plan, board)
            return _findings(board, time.monotonic() - start)


def _run(plan: Plan, board: Board) -> None:
    context: SpawnContext = get_context("spawn")
    processes: list[SpawnProcess] = [
        context.Process(target=validate_in_threads, args=(plan, number))
        for number in range(PROCESSES)
    ]
    processes.append(context.Process(target=sign_in_and_revoke, args=(plan,)))
    for process in processes:
        process.start()
    # The others go on until they are stopped: the first to end is done, or has failed.
    wait([process.sentinel for process in processes])
    board.stop()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise RuntimeError("one of the processes failed")


# The process that signs in and revokes.


def sign_in_and_revoke(plan: Plan) -> None:
    """Keep a few sessions alive: for each that begins one ends, or all of an account, or all."""
    with plan.board() as board, plan.sessions() as sessions:
        ender = Ender(board, sessions)
        while not _is_enough(plan, board):
            number = board.issued
            user = f"user-{number % USERS}"
            grant = sessions.login(user, workload.client(number))
            ender.alive.append((board.issue(grant.access_token), grant.session.id, user))
            if len(ender.alive) > ALIVE:
                ender.end_some()


class Ender:
    """
    Ends sessions, one or many at a time.

    Attributes:
        alive: Slot, id and user of each session that is not ended.
    """

    def __init__(self, board: Board, sessions: SessionManager) -> None:
        self.alive: list[tuple[int, str, str]] = []
        self._board = board
        self._sessions = sessions
        self._chance = random.Random(1)

    def end_some(self) -> None:
        """End one, all of an account, or all, as chance has it."""
        chosen = self._chance.choice(self.alive)
        kind = self._chance.randrange(100)
        if kind < OF_ALL:
            self._end_many(bool, operations.revoke_everyone)
        elif kind < OF_ALL + OF_ONE:
            self._end_many(lambda one: one[2] == chosen[2], operations.revoke_all, chosen[2])
        else:
            self.alive.remove(chosen)
            _revoke(self._board, self._sessions, *chosen[:2])

    def _end_many(
        self, which: Callable[[tuple[int, str, str]], bool], end: Any, *user: str
    ) -> None:
        ended = [one for one in self.alive if which(one)]
        self.alive = [one for one in self.alive if not which(one)]
        covers = bool(self._chance.randrange(2))
        arguments: dict[str, Any] = {"reason": "checked", "actor": None}
        if user:
            arguments |= {"keep": None, "compromised": False}
        for slot, _, _ in ended:
            self._board.begin(slot, time.monotonic_ns())
        # Step by step, as the manager does it: it must hold before the rows have followed.
        ending.Ending = partial(Ending, at_once=0 if covers else AT_ONCE)  # type: ignore
        follows = self._sessions._write(end, *user, **arguments)
        for slot, _, _ in ended:
            self._board.end(slot, time.monotonic_ns())
        self._board.count_covered(len(ended) if covers else 0)
        if follows.following is not None:
            self._sessions._settle_rest(follows.following)


def _is_enough(plan: Plan, board: Board) -> bool:
    revoked = board.issued - ALIVE
    done = board.total("validations") >= plan.validations and revoked >= FEWEST_REVOCATIONS
    return done or board.stopped or board.issued == board.slots


def _revoke(board: Board, sessions: SessionManager, slot: int, session_id: str) -> None:
    board.begin(slot, time.monotonic_ns())
    sessions.revoke(session_id)
    board.end(slot, time.monotonic_ns())


# The processes that validate.


def validate_in_threads(plan: Plan, process: int) -> None:
    """Two threads with one manager, as in a server."""
    each = THREADS // PROCESSES
    with plan.board() as board, plan.sessions() as sessions:
        validators = [
            Validator(board, sessions, thread)
            for thread in range(process * each, (process + 1) * each)
        ]
        threads = [Thread(target=validator.run) for validator in validators]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        errors = [validator.error for validator in validators if validator.error]
        if errors:
            raise errors[0]


class Validator:
    """One thread: it validates the latest sessions, one after another, again and again."""

    def __init__(self, board: Board, sessions: SessionManager, thread: int) -> None:
        self.error: Exception | None = None
        self._board = board
        self._sessions = sessions
        self._thread = thread
        self._counts: Counter[str] = Counter()
        self._tokens: dict[int, str] = {}
        self._latest: dict[int, Session] = {}
        self._refused: Counter[int] = Counter()
        self._next = 0

    def run(self) -> None:
        """Validate until the board says that it is enough."""
        try:
            while not self._board.stopped:
                self._look_for_tokens()
                for slot in list(self._tokens):
                    self._validate(slot)
                self._board.count(self._thread, self._counts)
        except Exception as error:  # noqa: BLE001 - the thread that waits for this one raises it
            self.error = error
            self._board.stop()

    def _look_for_tokens(self) -> None:
        issued = self._board.issued
        for slot in range(max(self._next, issued - WINDOW), issued):
            self._tokens[slot] = self._board.token(slot)
        self._next = issued
        for slot in [slot for slot in self._tokens if slot < issued - WINDOW]:
            self._leave(slot)

    def _validate(self, slot: int) -> None:
        started_at = time.monotonic_ns()
        try:
            session = self._sessions.validate(self._tokens[slot])
        except InvalidSessionError as error:
            self._refusal(slot, error)
        else:
            self._board.succeeded(slot, self._thread, started_at)
            # From memory comes the very object that came before.
            self._counts["from_memory"] += session is self._latest.get(slot)
            self._latest[slot] = session
        self._counts["validations"] += 1

    def _refusal(self, slot: int, error: InvalidSessionError) -> None:
        expected = isinstance(error, SessionRevokedError) and self._board.begun_at(slot)
        self._counts["refusals" if expected else "wrong_refusals"] += 1
        self._refused[slot] += 1
        if self._refused[slot] == REFUSALS_EACH:
            self._leave(slot)

    def _leave(self, slot: int) -> None:
        del self._tokens[slot]
        self._latest.pop(slot, None)


# The comparison.


def _findings(board: Board, seconds: float) -> Findings:
    revoked = [slot for slot in range(board.issued) if board.ended_at(slot)]
    late = sum(
        board.succeeded_at(slot, thread) > board.ended_at(slot)
        for slot in revoked
        for thread in range(THREADS)
    )
    validations, refusals = board.total("validations"), board.total("refusals")
    wrong = board.total("wrong_refusals")
    accepted = validations - refusals - wrong
    return Findings(
        validations=validations,
        revocations=len(revoked),
        covered=board.covered,
        late=late,
        wrong_refusals=wrong,
        refusals=refusals,
        from_memory=board.total("from_memory") / max(1, accepted),
        seconds=seconds,
    )


def report(findings: Findings) -> str:
    """The outcome, for people."""
    return tabulate(
        [
            ("validations", f"{findings.validations:,}"),
            ("of them refused, rightly", f"{findings.refusals:,}"),
            ("of the accepted, from memory", f"{findings.from_memory:.1%}"),
            ("revocations", f"{findings.revocations:,}"),
            ("of them by a number, before their rows", f"{findings.covered:,}"),
            ("late: accepted after revoke had returned", f"{findings.late:,}"),
            ("refused though nobody had revoked", f"{findings.wrong_refusals:,}"),
            ("seconds", f"{findings.seconds:.1f}"),
        ],
        disable_numparse=True,
        colalign=("left", "right"),
    )


def main() -> int:
    """Check, print, and say by the exit code whether the promise held."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.checker", description=main.__doc__)
    parser.add_argument("--validations", type=int, default=100_000, metavar="N")
    parser.add_argument("--max-staleness", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--mark", choices=("automatic", "data_version"), default="automatic")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    findings = check(options.validations, options.max_staleness, options.mark)
    print(json.dumps(asdict(findings)) if options.json else report(findings))
    return 0 if findings.sound and findings.validations >= options.validations else 1


if __name__ == "__main__":
    sys.exit(main())
