"""
Locks that no exception can lose, wherever it strikes.

A signal's handler (Celery's soft time limit, RQ, Ctrl-C) raises between any two
steps of the main thread. Between `acquire` and `try`, or inside a context
manager written in Python, that leaves a lock held for ever. So it is acquired
inside the `try`; and the first thing that the `finally` does is to release it:
CPython looks for signals after a call, hence after that one. A lock that knows
its owner refuses to be released by anybody else, so no harm comes of trying.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Any, TypeAlias, TypeVar

A = TypeVar("A")
T = TypeVar("T")

# RLock is a function in the type stubs of some versions.
Lock: TypeAlias = Any


def new_lock() -> Lock:
    """A lock that knows its owner."""
    return RLock()


def is_mine(lock: Lock) -> bool:
    """Whether this very thread holds *lock*: in its caller, or below a signal's handler."""
    found: bool = lock._is_owned()  # as threading.Condition does
    return found


def with_lock(lock: Lock, seconds: float, work: Callable[[], T], refuse: Callable[[], T]) -> T:
    """
    The result of *work*, done under *lock*; that of *refuse* if the lock is not free in time.

    Args:
        lock: Is not held by this thread.
        seconds: To wait for it; 0 asks once.
        work: Done under the lock.
        refuse: Done without it.
    """
    try:
        if lock.acquire(timeout=seconds):
            return work()
    finally:
        # No suppress(): to enter it is a call, and an exception right after it would be too early.
        try:  # noqa: SIM105
            lock.release()
        except RuntimeError:
            pass  # it was not acquired
    return refuse()


def if_free(lock: Lock, work: Callable[[A], T], subject: A) -> T | None:
    """
    As `with_lock`, of *work* with *subject*; None if the lock is not free at once.

    This thread does not hold it either.
    Apart from it because each read of a row passes here: it needs no function made for the call.
    """
    try:
        if lock.acquire(blocking=False):
            return work(subject)
    finally:
        try:  # noqa: SIM105 - as above
            lock.release()
        except RuntimeError:
            pass  # it was not acquired
    return None
