"""The time of day, and a clock that never goes back."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Protocol


class Clock(Protocol):
    """The clock that a manager takes as `clock=`."""

    def now(self) -> datetime:
        """The instant, aware."""
        ...

    def elapsed(self) -> float:
        """Seconds since some moment; never fewer than before, and counting while suspended."""
        ...


_BOOT: int | None = getattr(time, "CLOCK_BOOTTIME", None)
# Asked on every validation that may be stale: without a call of Python's in between.
elapsed: Callable[[], float] = (
    time.monotonic if _BOOT is None else partial(time.clock_gettime, _BOOT)
)
