"""
Touches that came while another connection wrote, written a little later.

Nobody waits for a touch. Beside writers at full speed, half of all writes that never
wait fail, and a session that is used once every few minutes could expire by bad luck.
So a touch that could not be written is tried again, by a thread that lives as long as
there are touches to try.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Thread
from typing import TypeAlias

from devsess._runtime.fork import after_fork
from devsess._runtime.mutex import is_mine, new_lock
from devsess.errors import StoreUnavailableError
from devsess.stores.calls import StoreBusyError

Values: TypeAlias = tuple[float | str | None, ...]
# A session's id, what to write, and until when to try.
Touch: TypeAlias = tuple[str, Values, float]

# Seconds between two attempts.
_EVERY = 0.01
# Touches remembered; those beyond are dropped, and are due again in a second.
_MOST = 10_000


class LateTouches:
    """
    Touches that wait; those of one session are written as one.

    Each is tried for *patience* seconds and then dropped.

    Args:
        write: Writes all in one transaction, or raises at once.
        patience: Seconds.
    """

    def __init__(self, write: Callable[[Sequence[Values]], object], patience: float) -> None:
        self._write = write
        self._patience = patience
        self._start_over()
        after_fork(self, LateTouches._start_over)

    def _start_over(self) -> None:
        # Only the thread merges them: a signal's handler may add one in the midst of another `add`.
        self._waiting: deque[Touch] = deque()
        self._starting = new_lock()
        self._thread: Thread | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, session_id: str, values: Values) -> None:
        """Write *values* as soon as it can be done, merged with those that wait already."""
        if len(self._waiting) >= _MOST:
            return
        self._waiting.append((session_id, values, time.monotonic() + self._patience))
        if is_mine(self._starting):  # a signal's handler adds while its thread starts one
            return
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._start()

    def _start(self) -> None:
        self._thread = Thread(target=self._work, name="devsess-touch", daemon=True)
        # Where no thread can be started, it waits for the next touch.
        with suppress(RuntimeError):
            self._thread.start()

    def _work(self) -> None:
        while True:
            time.sleep(_EVERY)
            taken = self._taken()
            if taken:
                self._try(taken)
                continue
            with self._starting:
                if not self._waiting:
                    self._thread = None
                    return

    def _taken(self) -> list[Touch]:
        """Those that wait, one a session."""
        merged: dict[str, tuple[Values, float]] = {}
        with suppress(IndexError):  # there are no more
            while len(merged) < _MOST:
                session_id, values, until = self._waiting.popleft()
                known = merged.get(session_id)
                if known is not None:
                    values, until = _later(known[0], values), max(known[1], until)
                merged[session_id] = values, until
        return [(session_id, *touch) for session_id, touch in merged.items()]

    def _try(self, taken: list[Touch]) -> None:
        try:
            self._write([values for _, values, _ in taken])
        except StoreBusyError:
            now = time.monotonic()
            again = [touch for touch in taken if now < touch[2]]
            self._waiting.extend(again[: _MOST - len(self._waiting)])
        except StoreUnavailableError:
            return  # closed, full or broken: others will say so


def _later(one: Values, other: Values) -> Values:
    """Column by column: all that a touch writes moves only forward."""
    return tuple(_greater(a, b) for a, b in zip(one, other, strict=True))


def _greater(one: float | str | None, other: float | str | None) -> float | str | None:
    if one is None or isinstance(one, str):
        return other
    if other is None or isinstance(other, str):
        return one
    return max(one, other)
