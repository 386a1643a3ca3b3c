"""No thread inside SQLite, for as long as a fork takes."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import RLock

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
    """

    def __init__(
        self,
        write_lock: RLock,
        watch_lock: RLock,
        opened: Callable[[], Connections | None],
        timeout: float,
    ) -> None:
        deadline = time.monotonic() + timeout

        def left() -> float:
            return max(0.0, deadline - time.monotonic())

        with ExitStack() as held:
            for lock in (write_lock, watch_lock):
                if lock.acquire(timeout=left()):
                    held.callback(lock.release)
            connections = opened()
            if connections is not None:
                held.callback(connections.readers.pause(left))
            self._held = held.pop_all()

    def end(self) -> None:
        """Let them go on."""
        self._held.close()
