"""
The time that a call has waited for a thread: it counts as waiting for the store.

Else the calls that an event loop hands to a few threads would each have the whole timeout in turn:
a hundred of them, behind a lock that another program holds, a minute.
"""

from __future__ import annotations

from contextvars import ContextVar

# Of a timeout that is over already: whatever is free is still had.
_LEAST = 0.001

_seconds: ContextVar[float] = ContextVar("devsess.waited", default=0.0)


def note_waited(seconds: float) -> None:
    """For the rest of this context."""
    _seconds.set(seconds)


def left_of(timeout: float) -> float:
    """The rest of *timeout* seconds, of which the call has waited some already."""
    return max(min(timeout, _LEAST), timeout - _seconds.get())
