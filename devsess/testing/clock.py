"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2025, 7, 18, 9, 30, tzinfo=UTC)


class FakeClock:
    """
    A clock for tests: give it to a manager as `clock=`.

    Args:
        start: The first instant, aware; 2025-07-18 09:30 UTC if left out.

    Raises:
        ValueError: If *start* has no timezone.
    """

    def __init__(self, start: datetime | None = None) -> None:
        start = START if start is None else start
        if start.tzinfo is None:
            raise ValueError("start must be an aware datetime: give it a timezone")
        self._now = start.astimezone(UTC)
        self._elapsed = 0.0

    def now(self) -> datetime:
        """The instant."""
        return self._now

    def elapsed(self) -> float:
        """Seconds since the clock was made; never fewer than before."""
        return self._elapsed

    def advance(self, seconds: float | timedelta) -> None:
        """Let *seconds* pass; negative ones set the instant back, as clocks do at times."""
        span = seconds if isinstance(seconds, timedelta) else timedelta(seconds=seconds)
        self._now += span
        self._elapsed += max(0.0, span.total_seconds())
