"""The clock of a replay: it stands where the traffic stands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import perf_counter_ns, time

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
_CALLS = 2_000


class TrafficClock:
    """
    A clock that shows the time of the traffic: given to a manager as `clock=`.

    Attributes:
        at: Seconds since the traffic began; sign-ins before it are at negative ones.
    """

    def __init__(self) -> None:
        self.at = 0.0
        self._now = BEGIN

    def move_to(self, at: float) -> None:
        """Let it be *at* seconds of the traffic."""
        self.at = at
        # Made here, so that no measured validation pays for it.
        self._now = BEGIN + timedelta(seconds=at)

    def now(self) -> datetime:
        """The instant, aware."""
        return self._now

    def elapsed(self) -> float:
        """Seconds since the traffic began."""
        return self.at


def overhead() -> int:
    """Nanoseconds that a measured validation takes longer because it is measured, on this clock."""
    clock = TrafficClock()
    ours = min(_duration(lambda: clock.now().timestamp()) for _ in range(_CALLS))
    systems = min(_duration(time) for _ in range(_CALLS))
    nothing = min(_reading() for _ in range(_CALLS))
    return max(0, ours - systems) + nothing


def _duration(call: Callable[[], object]) -> int:
    begun = perf_counter_ns()
    call()
    return perf_counter_ns() - begun


def _reading() -> int:
    begun = perf_counter_ns()
    return perf_counter_ns() - begun
