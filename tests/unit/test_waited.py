"""What is left of a timeout for a call that has waited for a thread."""

from __future__ import annotations

from contextvars import copy_context
from time import monotonic

from devsess._runtime.waited import Moves, left_of, note_moved, note_waited

TIMEOUT, AGES = 10.0, 3600.0


def _still() -> Moves:
    moves = Moves()
    moves.at -= AGES
    return moves


def _left_after(seconds: float, moves: Moves) -> float:
    """What is left for a call that has waited for so long."""

    def call() -> float:
        note_waited(monotonic() - seconds, moves)
        return left_of(TIMEOUT)

    return copy_context().run(call)


def _one_has_the_lock(moves: Moves) -> None:
    def call() -> None:
        note_waited(monotonic(), moves)
        note_moved()

    copy_context().run(call)


def test_a_call_that_waits_for_no_thread_has_the_whole_timeout() -> None:
    """In a thread of the application's own, also where it gets the lock."""
    note_moved()
    assert TIMEOUT == left_of(TIMEOUT)


def test_the_wait_behind_a_lock_that_does_not_move_counts() -> None:
    """Half the timeout leaves the other half."""
    assert 0.4 * TIMEOUT < _left_after(TIMEOUT / 2, _still()) <= TIMEOUT / 2


def test_the_wait_before_the_lock_last_moved_does_not_count() -> None:
    """However long it was."""
    moves = _still()
    _one_has_the_lock(moves)
    assert 0.9 * TIMEOUT < _left_after(AGES, moves) <= TIMEOUT


def test_a_timeout_that_is_over_leaves_a_hundredth() -> None:
    """For those that would get in each other's way: a hundred of them take one more timeout."""
    assert TIMEOUT / 100 == _left_after(AGES, _still())
