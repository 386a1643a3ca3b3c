"""
What a thread shares with the handlers of signals that come between any two of its lines.

A handler that waits for its own thread waits for ever: the thread goes on once the handler is done.
The semaphores and events of `threading` hold a lock while they count, which a handler could meet;
a SimpleQueue can be used in the midst of a use of itself.
"""

from __future__ import annotations

from contextlib import contextmanager
from queue import Empty, SimpleQueue
from threading import get_ident
from typing import TYPE_CHECKING

from devsess.errors import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Permits:
    """
    A semaphore that lets no thread wait for itself.

    Args:
        most: How many may be taken at the same time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._free: SimpleQueue[None] = SimpleQueue()
        for _ in range(most):
            self._free.put(None)
        # Each is there once for every permit that it has or waits for.
        self._threads: list[int] = []

    def are_mine(self) -> bool:
        """Whether this thread has all of them: in its caller, or below a signal's handler."""
        return self._threads.count(get_ident()) >= self._most

    def take(self, seconds: float) -> bool:
        """Whether one was free within *seconds*; asks once, where this thread has all of them."""
        me, may_wait = get_ident(), not self.are_mine()
        self._threads.append(me)  # first: a handler must not wait for what comes next
        try:
            self._free.get(may_wait, seconds)
        except Empty:
            self._threads.remove(me)
            return False
        except BaseException:
            self._threads.remove(me)
            raise
        return True

    def give(self) -> None:
        """Give back one that this thread has taken."""
        try:
            self._free.put(None)
        finally:
            self._threads.remove(get_ident())


class OnceAThread:
    """Lets each thread in once: a signal's handler is refused where its own thread is inside."""

    def __init__(self) -> None:
        self._inside: set[int] = set()

    @contextmanager
    def entered(self) -> Iterator[None]:
        """
        Be inside.

        Raises:
            StoreUnavailableError: If this thread is so already.
        """
        me = get_ident()
        if me in self._inside:
            raise StoreUnavailableError("this thread is using the store already")
        try:
            self._inside.add(me)
            yield
        finally:  # a single call: what a handler raises comes before or after it, and not between
            self._inside.discard(me)


class Flag:
    """
    An event that happens once.

    Attributes:
        is_set: Whether it has happened.
    """

    def __init__(self) -> None:
        self.is_set = False
        self._news: SimpleQueue[None] = SimpleQueue()

    def set(self) -> None:
        """It has happened."""
        self.is_set = True
        self._news.put(None)

    def wait(self, seconds: float) -> None:
        """Return once it has happened, or after *seconds*."""
        if self.is_set:
            return
        try:
            self._news.get(timeout=max(0.0, seconds))
        except Empty:
            return
        self._news.put(None)  # for the next one that waits
