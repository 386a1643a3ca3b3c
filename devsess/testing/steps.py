"""Races, move by move: the test chooses which move makes the next store call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from devsess.stores.base import Store

# Longest that one move may compute between two calls; a deadlock raises then.
PATIENCE = 30.0


class Steps:
    """
    A store whose calls wait for their turn while `interleave` is at work.

    Give it to a manager in place of *store*; otherwise it passes every call on.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turns = threading.local()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if not callable(method):
            return method

        def stepped(*args: Any, **kwargs: Any) -> Any:
            move = getattr(self._turns, "move", None)
            if move is not None:
                move.pause()
            return method(*args, **kwargs)

        return stepped


class _Move:
    """One of the racing operations, in a thread that runs only during its turns."""

    def __init__(self, steps: Steps, work: Callable[[], object]) -> None:
        self._steps = steps
        self._work = work
        self._go = threading.Semaphore(0)
        self._paused = threading.Semaphore(0)
        self.is_over = False
        self.outcome: object = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def pause(self) -> None:
        """In the move's thread: wait for the next turn."""
        self._paused.release()
        self._wait(self._go)

    def step(self) -> None:
        """In the test's thread: let it run up to its next store call, or to its end."""
        if self._thread.ident is None:
            self._thread.start()
        else:
            self._go.release()
        self._wait(self._paused)

    def _run(self) -> None:
        self._steps._turns.move = self
        try:
            self.outcome = self._work()
        except Exception as error:  # noqa: BLE001 - it is the outcome
            self.outcome = error
        self.is_over = True
        self._paused.release()

    @staticmethod
    def _wait(semaphore: threading.Semaphore) -> None:
        if not semaphore.acquire(timeout=PATIENCE):
            raise TimeoutError("a move did not come to its next store call: is it deadlocked?")


def interleave(
    steps: Steps, *moves: Callable[[], object], order: Iterable[int] = ()
) -> list[object]:
    """
    Run *moves* against each other, one at a time, switching at their store calls.

    Args:
        steps: The store of the manager (or managers) that the moves use.
        moves: Each calls a blocking manager once or more.
        order: The moves in the order of their turns, as places in *moves*. The first turn of a
            move leads it up to its first store call, each other one through a
            call. Turns of a move that is over are passed; when there are no
            more, the moves are finished one after another.

    Returns:
        The result of each move, or the exception it raised.

    Raises:
        TimeoutError: If a move hangs.
    """
    running = [_Move(steps, work) for work in moves]
    for place in order:
        if not running[place].is_over:
            running[place].step()
    for move in running:
        while not move.is_over:
            move.step()
    return [move.outcome for move in running]


def orders(first: int, second: int) -> Iterator[Sequence[int]]:
    """Every order of two moves that take *first* and *second* turns."""
    for places in combinations(range(first + second), first):
        yield [0 if place in places else 1 for place in range(first + second)]
