"""No thread inside SQLite, for as long as a fork takes."""

from __future__ import annotations

import time
from threading import get_ident
from typing import TYPE_CHECKING

from devsess._runtime.mutex import Lock, is_mine

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess.stores.sqlite.connections import Connections


class Pause:
    """
    Holds all that a thread needs to call SQLite, once those that are at it are done.

    SQLite's own locks are of this process: a child that was forked while another
    thread held one would wait for ever for it (https://sqlite.org/howtocorrupt.html §2.6).

    Args:
        write_lock, watch_lock: The store's.
        opened: Gives its connections, or None; asked once nobody can open others.
        timeout: Seconds to wait, together; then the fork goes on all the same.
        finish: Waits, for as long as is left, until nobody reads by connections of before.
    """

    def __init__(
        self,
        write_lock: Lock,
        watch_lock: Lock,
        opened: Callable[[], Connections | None],
        timeout: float,
        finish: Callable[[Callable[[], float]], object] = id,
    ) -> None:
        self._locks = write_lock, watch_lock
        self._opened = opened
        self._finish = finish
        self._deadline = time.monotonic() + timeout
        self._held: list[Lock] = []

    def begin(self) -> None:
        """Wait; whatever strikes meanwhile, `end` lets all go."""
        for lock in self._locks:
            self.hold(lock)
        connections = self._opened()
        if connections is not None:
            connections.readers.pause(self.hold)
        self._finish(self._left)

    def hold(self, lock: Lock) -> None:
        """Hold *lock* too, unless this thread does; noted first, as a handler may raise."""
        if not is_mine(lock):
            self._held.append(lock)
            lock.acquire(timeout=self._left())

    def _left(self) -> float:
        return max(0.0, self._deadline - time.monotonic())

    def end(self) -> None:
        """Let them go on; called again, it does what is left."""
        while self._held:
            if is_mine(self._held[-1]):  # it was free in time
                self._held[-1].release()
            self._held.pop()


class Pauses:
    """
    Those of one store, by the thread that forks; a signal's handler may fork within a fork.

    Args:
        make: Makes one that has not begun.
    """

    def __init__(self, make: Callable[[], Pause]) -> None:
        self._make = make
        self._begun: dict[int, list[Pause]] = {}

    def __len__(self) -> int:
        return len(self._begun)

    def begin(self) -> None:
        """One more of this thread's."""
        pause = self._make()
        self._begun.setdefault(get_ident(), []).append(pause)
        pause.begin()

    def end(self) -> None:
        """End the last one that this thread has begun, if there is one."""
        mine = self._begun.get(get_ident())
        if mine:
            mine[-1].end()
            mine.pop()
        if not mine:
            self._begun.pop(get_ident(), None)
