"""
Touches that came while another connection wrote, written a little later.

Nobody waits for a touch. Beside writers at full speed, half of all writes that never
wait fail, and a session that is used once every few minutes could expire by bad luck.
So a touch that could not be written is tried again, by a thread that lives as long as
there are touches to try.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import RLock, Thread
from typing import TypeAlias

from devsess._runtime.fork import after_fork
from devsess.errors import StoreUnavailableError
from devsess.stores.calls import StoreBusyError

Values: TypeAlias = tuple[float | str | None, ...]

# Seconds between two attempts.
_EVERY = 0.01
# Sessions remembered; those beyond are dropped, and are due again in a second.
_MOST = 10_000


class LateTouches:
    """
    At most one touch a session, each tried for *patience* seconds and then dropped.

    Args:
        write: Writes all in one transaction, or raises at once.
        patience: Seconds.
    """

    def __init__(self, write: Callable[[Sequence[Values]], object], patience: float) -> None:
        self._write = write
        self._patience = patience
        self._lock = RLock()  # a signal's handler may come with a touch in the midst of another
        self._thread: Thread | None = None
        self._waiting: dict[str, tuple[Values, float]] = {}
        after_fork(self, LateTouches._start_over)

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, session_id: str, values: Values) -> None:
        """Write *values* as soon as it can be done, merged with those that wait already."""
        with self._lock:
            self._merge(session_id, values, time.monotonic() + self._patience)
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(target=self._work, name="devsess-touch", daemon=True)
                # Where no thread can be started, the touch is dropped.
                with suppress(RuntimeError):
                    self._thread.start()

    def _merge(self, session_id: str, values: Values, until: float) -> None:
        waiting = self._waiting.get(session_id)
        if waiting is not None:
            self._waiting[session_id] = _later(waiting[0], values), max(waiting[1], until)
        elif len(self._waiting) < _MOST:
            self._waiting[session_id] = values, until

    def _work(self) -> None:
        while True:
            time.sleep(_EVERY)
            with self._lock:
                taken, self._waiting = self._waiting, {}
                if not taken:
                    self._thread = None
                    return
            self._try(taken)

    def _try(self, taken: dict[str, tuple[Values, float]]) -> None:
        try:
            self._write([values for values, _ in taken.values()])
        except StoreBusyError:
            now = time.monotonic()
            with self._lock:
                for session_id, (values, until) in taken.items():
                    if now < until:
                        self._merge(session_id, values, until)
        except StoreUnavailableError:
            return  # closed, full or broken: others will say so

    def _start_over(self) -> None:
        self._lock = RLock()
        self._thread = None
        self._waiting = {}


def _later(one: Values, other: Values) -> Values:
    """Column by column: all that a touch writes moves only forward."""
    return tuple(_greater(a, b) for a, b in zip(one, other, strict=True))


def _greater(one: float | str | None, other: float | str | None) -> float | str | None:
    if one is None or isinstance(one, str):
        return other
    if other is None or isinstance(other, str):
        return one
    return max(one, other)
