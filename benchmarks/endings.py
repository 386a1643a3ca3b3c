"""The cost of ending very many sessions for everybody else: the lock, the waiting, the memory."""

from __future__ import annotations

import random
import resource
import sqlite3
import statistics
import time
from collections.abc import Callable
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

from attrs import frozen

from benchmarks import _waits as waits
from benchmarks import _workload as workload
from benchmarks._line import Line
from benchmarks._setting import Setting
from benchmarks.growth import fill
from devsess import (
    InvalidSessionError,
    LoginDeniedError,
    Policy,
    SessionManager,
    StoreUnavailableError,
)
from devsess.lifecycle import cutoffs
from devsess.stores.base import ById, Ending, Everyone, OfUser
from devsess.stores.sqlite import SQLiteStore

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from devsess.stores.calls import Target

P = ParamSpec("P")

DESCRIPTION = (
    "All sessions of an account, and all there are, are ended while another process signs "
    "people in and validates. The first write is in force at once; the rows follow in "
    "batches. The time for which it holds the lock is the median of 150, each kind in turn "
    "with single revokes, less its waits for a CPU that other programs used: it does not "
    "depend on the number of sessions."
)

OF_ONE, OF_ALL = 73_000, 200_000
QUICK_OF_ONE, QUICK_OF_ALL = 5_000, 20_000
# An account just too large for its rows to be written at once, in the same file as the large one.
FEW = 2_000


def lines(setting: Setting) -> list[Line]:
    """The first write beside a revoke, and the cost of the rest for others and this process."""
    one, everyone = (QUICK_OF_ONE, QUICK_OF_ALL) if setting.quick else (OF_ONE, OF_ALL)
    return [
        *_first_write(setting, everyone),
        *_felt(setting, f"revoke_all of {one:,}", one, "'many'", _all_of_one),
        *_felt(setting, f"revoke_everyone of {everyone:,}", everyone, None, _all),
    ]


def _all_of_one(sessions: SessionManager) -> int:
    return len(sessions.revoke_all("many", reason="stolen"))


def _all(sessions: SessionManager) -> int:
    return sessions.revoke_everyone(reason="breach")


def _filled(setting: Setting, name: str, count: int, user: str | None) -> Path:
    path = setting.folder / f"{name}.db"
    with workload.opened(path) as sessions:
        sessions.login("user-0000000", workload.client(0))
    fill(path, count - 1, user) if user else fill(path, count - 1)
    return path


def _first_write(setting: Setting, count: int) -> list[Line]:
    """
    How long the write holds the lock, beside that of one revoke; both durable.

    The kinds take turns, so that each meets the same moods of the disk. The commit
    waits for it: the statements are shown apart. When it wakes up, it may have to
    wait for a CPU, the longer the more the thread did before: that is left out.
    """
    path = _filled(setting, "first", count + FEW, f"iif(n <= {FEW}, 'few', 'many')")
    at, rounds = cutoffs(time.time(), Policy()), setting.rounds(150)
    with workload.opened(path) as sessions:
        ids = [sessions.login(f"one-{number}").session.id for number in range(rounds)]
    many: dict[str, Target] = {
        f"an account of {FEW:,}": OfUser("few"),
        f"an account of {count:,}": OfUser("many"),
        "everyone": Everyone(),
    }
    found: dict[str, list[_Held]] = {name: [] for name in ("one", *many)}
    store, chance = SQLiteStore(path), random.Random(1)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = OFF")
        for session_id in ids:
            targets = {"one": ById(session_id), **many}
            for name, target in chance.sample([*targets.items()], len(targets)):
                found[name].append(_held(store, Ending(target, "test", None, at)))
                # Or those that pile up would make the next revoke dearer.
                db.execute("DELETE FROM endings")
    store.close()
    one = _median(found["one"])
    return [line for name in many for line in _beside(name, _median(found[name]), one)]


@frozen
class _Held:
    """For how long a write held the lock, in seconds: to do its work, and to commit it."""

    statements: float
    commit: float

    @property
    def seconds(self) -> float:
        return self.statements + self.commit


def _median(found: list[_Held]) -> tuple[float, float, float]:
    """Of all, of the statements, and of the commit."""
    return (
        statistics.median(held.seconds for held in found),
        statistics.median(held.statements for held in found),
        statistics.median(held.commit for held in found),
    )


def _beside(name: str, many: tuple[float, ...], one: tuple[float, ...]) -> list[Line]:
    what = f"ending {name}, beside one revoke"
    parts = ("the lock is held", "of this, by statements", "of this, by the commit")
    return [
        Line(
            f"{what}: {part}",
            took / by_one,
            None if place else 2.0,
            microseconds=took * 1e6,
            drifts=False,
        )
        for place, (part, took, by_one) in enumerate(zip(parts, many, one, strict=True))
    ]


def _held(store: SQLiteStore, ending: Ending) -> _Held:
    """By one write; the reads before it are no part of it."""
    opened = store._opened
    if opened is None:
        raise RuntimeError("the store is closed")
    writer = opened.writer
    with waits.clock() as clock:
        timed = _TimedCursor(writer, clock)
        opened.writer = timed  # type: ignore[assignment]
        try:
            ended = store.end(ending)
        finally:
            opened.writer = writer
    is_one = isinstance(ending.target, ById)
    if (len(ended.events) == 1, ended.following is not None) != (is_one, not is_one):
        raise RuntimeError(f"what should end {ending.target} did not")
    return _Held(timed.committing - timed.begun, timed.committed - timed.committing)


class _TimedCursor:
    """Notes when a transaction has the lock, and when it begins and ends to commit."""

    def __init__(self, cursor: sqlite3.Cursor, clock: Callable[[], float]) -> None:
        self._cursor = cursor
        self._clock = clock
        self.begun = self.committing = self.committed = 0.0

    def execute(self, statement: str, *values: Any) -> Any:
        if statement == "COMMIT":
            self.committing = self._clock()
        found = self._cursor.execute(statement, *values)
        if statement == "COMMIT":
            self.committed = self._clock()
        if statement == "BEGIN IMMEDIATE":
            self.begun = self._clock()
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


def _timed(work: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> float:
    start = time.perf_counter()
    work(*args, **kwargs)
    return time.perf_counter() - start


@frozen
class _Felt:
    """
    Times that another process measured, in seconds.

    Attributes:
        logins, validations: The duration of each.
        refused: How often the store did not answer.
    """

    logins: list[float]
    validations: list[float]
    refused: int


def _felt(
    setting: Setting,
    name: str,
    count: int,
    user: str | None,
    end: Callable[[SessionManager], int],
) -> list[Line]:
    path = _filled(setting, f"felt-{count}", count, user)
    context = get_context("spawn")
    here, there = context.Pipe()
    other = context.Process(target=_use, args=(path, workload.SECRET, there))
    other.start()
    there.close()  # or nobody would notice here that it died
    here.recv()
    batches = _Batches(path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    took = _timed(batches.expect, count, end)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    here.send("enough")
    felt: _Felt = here.recv()
    other.join()
    longest = _percentile(batches.seconds, 0.99)
    return [
        Line(f"{name}: 99 of 100 batches hold the lock for", longest * 1e3, 50, "ms", drifts=False),
        Line(f"{name}: the longest batch", max(batches.seconds) * 1e3, None, "ms", drifts=False),
        Line(
            f"{name}: 99 of 100 logins elsewhere take",
            _percentile(felt.logins, 0.99) * 1e3,
            250,
            "ms",
            drifts=False,
        ),
        Line(
            f"{name}: 99 of 100 first sights elsewhere take",
            _percentile(felt.validations, 0.99) * 1e3,
            50,
            "ms",
            drifts=False,
        ),
        Line(f"{name}: answers of 503 elsewhere", felt.refused, 0, "", drifts=False),
        Line(f"{name}: more memory", grown, 100, "MB", drifts=False),
        Line(f"{name}: all rows have followed after", took, None, "s", drifts=False),
    ]


class _Batches:
    """A manager that times its store's batches."""

    def __init__(self, path: Path) -> None:
        self.seconds: list[float] = [0.0]
        store = SQLiteStore(path)
        self._settle = store.settle
        store.settle = self._timed  # type: ignore[method-assign]
        self._sessions = SessionManager(store, keys=workload.SECRET)

    def _timed(self, **how: Any) -> Any:
        start = time.perf_counter()
        try:
            return self._settle(**how)
        finally:
            self.seconds.append(time.perf_counter() - start)

    def expect(self, count: int, end: Callable[[SessionManager], int]) -> None:
        """End, and check that as many ended as there were, but for those signed in meanwhile."""
        with self._sessions as sessions:
            ended = end(sessions)
        if not count - 1 <= ended <= count + 10_000:
            raise RuntimeError(f"{ended:,} of {count:,} sessions ended")


def _percentile(seconds: list[float], share: float) -> float:
    return sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * share))]


def _use(path: Path, secret: str, there: Connection) -> None:
    """In another process: sign in, validate by a manager that has not seen it, again and again."""
    felt = _Felt([], [], 0)
    refused, number = 0, 0
    with SessionManager(path, keys=secret) as sessions:
        sessions.login("the first loads what the others use", workload.client(0))
        there.send("ready")
        while not there.poll():
            try:
                start = time.perf_counter()
                grant = sessions.login(f"newcomer-{number}", workload.client(number))
                between = time.perf_counter()
                sessions.validate(grant.access_token, fresh=True)
                felt.logins.append(between - start)
                felt.validations.append(time.perf_counter() - between)
            except StoreUnavailableError:
                refused += 1
            except (InvalidSessionError, LoginDeniedError):
                pass  # the end of everybody came in between, as it should
            number += 1
            time.sleep(0.01)
        there.recv()
        there.send(_Felt(felt.logins, felt.validations, refused))
