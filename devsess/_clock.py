"""The time of day, and time that only ever passes."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What a manager takes as `clock=`."""

    def now(self) -> datetime:
        """The instant, aware."""
        ...

    def elapsed(self) -> float:
        """Seconds since some moment; never fewer than before, and counting while suspended."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        """The instant, aware."""
        return datetime.now(UTC)

    def elapsed(self) -> float:
        """Seconds since the machine was started, time asleep included where it can tell."""
        return _elapsed()


def _elapsed() -> float:
    return time.clock_gettime(_BOOT) if _BOOT is not None else time.monotonic()


_BOOT: int | None = getattr(time, "CLOCK_BOOTTIME", None)
