"""
The time that a call has waited for a thread, behind a lock that did not move.

It counts as waiting for the lock: else the calls that an event loop hands to a few threads would
each have the whole timeout in turn, a hundred of them, behind a lock that another program holds,
a minute. As long as the calls before it get the lock, it has waited for them alone, and has the
whole timeout.

For files alone. The calls of a network store are awaited: no thread is between the event loop and
their deadline.
"""

from __future__ import annotations

from contextvars import ContextVar
from time import monotonic

# Of a timeout that is over, for those that would get in each other's way.
_LEAST = 0.01


class Moves:
    """The last time that a call of some threads had the lock."""

    def __init__(self) -> None:
        self.at = monotonic()


_moves: ContextVar[Moves | None] = ContextVar("devsess.moves", default=None)
_seconds: ContextVar[float] = ContextVar("devsess.waited", default=0.0)


def note_waited(since: float, moves: Moves) -> None:
    """For the rest of this context, which waited *since* then for a thread."""
    _seconds.set(max(0.0, monotonic() - max(since, moves.at)))
    _moves.set(moves)


def note_moved() -> None:
    """This call had the lock: whoever waits for its thread waited for a lock that moves."""
    if (moves := _moves.get()) is not None:
        moves.at = monotonic()


def left_of(timeout: float) -> float:
    """The rest of *timeout* seconds, of which the call has waited some already."""
    return max(timeout * _LEAST, timeout - _seconds.get())
