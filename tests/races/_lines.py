"""
Races, line by line: a rival runs whole before the n-th line of a move, for every n.

The move runs in the test's thread, the rival in one of its own; only one of them runs
at a time. A rival that finds a lock taken waits for the move to release it, and goes on
at once when it does: so each race plays the same way every time. Or it runs in the move's own
thread, as a signal's handler does, and cannot wait for the move; such a handler may raise, too.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import devsess
from devsess._runtime import cache as cache_module

if TYPE_CHECKING:
    from types import FrameType, TracebackType

    import pytest

Work: TypeAlias = Callable[[], object]

# Longest wait for the other thread, in seconds; only a deadlock lasts so long.
PATIENCE = 30.0

_PACKAGE = Path(devsess.__file__).parent
# A store's call is atomic, and the others share nothing: a rival between two of their lines has
# the same effect as one before the first. A name that is missing costs time only.
_PASSED_BY = frozenset(
    {
        "lifecycle",
        "metrics",
        "models",
        "policy",
        "rotation",
        "skew",
        "stores",
        "testing",
        "tokens",
        "views",
    }
)


def outcome_of(work: Work) -> object:
    """The result of *work*, or the exception it raises."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - it is the outcome
        return error


class Rival(threading.Thread):
    """The operation that comes in between."""

    def __init__(self, work: Work) -> None:
        super().__init__(daemon=True)
        self.work = work
        self.outcome: object = None
        self.rests = threading.Event()

    def run(self) -> None:
        self.outcome = outcome_of(self.work)
        self.rests.set()

    def rest(self) -> None:
        """In the move's thread: wait until the rival is done, or waits for a lock."""
        if not self.rests.wait(PATIENCE):
            raise TimeoutError("the rival neither ends nor waits for a lock that is watched")

    def finish(self) -> object:
        """In the move's thread, once the move is over: the rival's outcome."""
        if self.ident is None:
            self.start()
        self.join(PATIENCE)
        if self.is_alive():
            raise TimeoutError("the rival waits for a lock that nobody holds any more")
        return self.outcome


class Handler:
    """As Rival, in the move's own thread."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.ident: int | None = None
        self.outcome: object = None

    def start(self) -> None:
        """All of it."""
        self.ident = threading.get_ident()
        self.outcome = outcome_of(self.work)

    def rest(self) -> None:
        """It is done."""

    def finish(self) -> object:
        """As Rival.finish."""
        if self.ident is None:
            self.start()
        return self.outcome


class StruckError(Exception):
    """What a signal's handler raises."""


class Strike(Handler):
    """As Handler, and raises in the move; it does nothing behind the move."""

    def start(self) -> None:
        """All of it, and raise."""
        super().start()
        raise StruckError

    def finish(self) -> object:
        """As Rival.finish."""
        return self.outcome


class Watched:
    """A lock that says when a rival waits for it, and lets the rival go first when released."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._is_owned = self._lock._is_owned  # type: ignore[attr-defined]
        self._waiting: Rival | None = None

    def __enter__(self) -> None:
        if self._lock.acquire(blocking=False):
            return
        rival = threading.current_thread()
        if isinstance(rival, Rival):
            self._waiting = rival
            rival.rests.set()
        if not self._lock.acquire(timeout=PATIENCE):
            raise TimeoutError("the move and its rival are deadlocked")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        rival, self._waiting = self._waiting, None
        if rival is not None:
            rival.rests.clear()
        self._lock.release()
        if rival is not None:
            rival.rest()


def watch_locks(patch: pytest.MonkeyPatch) -> None:
    """From here on the locks that are made for caches are watched ones."""
    patch.setattr(cache_module, "new_lock", Watched)


class Race:
    """
    A race in which the rival comes in before one line.

    Args:
        number: Which one.
        rival: The kind of rival.
        passed_by: Names of modules and packages whose lines do not count.

    Attributes:
        place: The line, as file and number; None if the move was over before.
    """

    def __init__(
        self, number: int, rival: type[Rival | Handler], passed_by: frozenset[str]
    ) -> None:
        self._left = number
        self._kind = rival
        self._passed_by = passed_by
        self._rival: Rival | Handler | None = None
        self.place: str | None = None

    def __call__(self, move: Work, rival: Work) -> tuple[object, object]:
        """The outcomes of *move* and of *rival*, which follows if it has not come in."""
        self._rival = self._kind(rival)
        before = sys.gettrace()
        sys.settrace(self._enter)
        try:
            outcome = outcome_of(move)
        finally:
            sys.settrace(before)
        return outcome, self._rival.finish()

    def _enter(self, frame: FrameType, event: str, arg: object) -> Any:
        return self._line if _is_raced(frame.f_code.co_filename, self._passed_by) else None

    def _line(self, frame: FrameType, event: str, arg: object) -> Any:
        if event == "line":
            self._left -= 1
            if self._left == 0 and self._rival is not None:
                self.place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
                self._rival.start()
                self._rival.rest()
        return self._line


@cache
def _is_raced(file: str, passed_by: frozenset[str]) -> bool:
    path = Path(file)
    if not path.is_relative_to(_PACKAGE):
        return False
    return passed_by.isdisjoint(path.relative_to(_PACKAGE).with_suffix("").parts)


def at_each_line(
    play: Callable[[Race], object],
    step: int,
    rival: type[Rival | Handler] = Rival,
    passed_by: frozenset[str] = _PASSED_BY,
) -> None:
    """
    Play the race once for each *step*-th line of its move, and once with the rival behind it.

    *play* sets up what the race needs, runs it once, and asserts what must hold.
    """
    for number in count(1, step):
        race = Race(number, rival, passed_by)
        try:
            play(race)
        except BaseException as error:
            error.add_note(f"The rival came in before {race.place or 'nothing: it came last'}.")
            raise
        if race.place is None:
            assert number > 1, "the move runs no line of devsess"
            return
