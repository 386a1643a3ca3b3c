"""One manager's memory of the sessions that it has set back."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from devsess._runtime.fork import after_fork

# Seconds within which a session is set back once at most.
ONCE_WITHIN = 3600.0
# Sessions remembered at most. The earliest are forgotten first, and may be set back again.
REMEMBERED = 4096

AHEAD_AGAIN = (
    "a session is dated {by:.0f} seconds ahead of this clock, though it was set back less than an"
    " hour ago: the clock of another process is ahead of this one, or this one is behind."
    " Synchronise the clocks of all processes that share the store (NTP)."
)
DISPUTED = (
    "most of the newest events are dated ahead of this clock, by about {by:.0f} seconds: it is"
    " behind, so the purge sets no session back, and dates no ending. Synchronise it with the"
    " clocks of the other processes (NTP)."
)


class Corrections:
    """
    Keeps two processes whose clocks differ from setting each other's sessions back all the time.

    Without a lock: each step is one call of a dictionary, so threads, signal handlers
    and forks find it whole.

    Args:
        elapsed: Seconds that only ever pass.
        warn: Logs a warning.
    """

    def __init__(self, elapsed: Callable[[], float], warn: Callable[[str], None]) -> None:
        self._elapsed = elapsed
        self._warn = warn
        self._start_over()
        after_fork(self, Corrections._start_over)

    def _start_over(self) -> None:
        """A child is a process of its own: it has set nothing back, and has warned of nothing."""
        self._set_back: OrderedDict[str, float] = OrderedDict()
        self._has_warned = False

    def allow(self, session_id: str, by: float) -> bool:
        """
        Whether a session dated *by* seconds ahead may be set back.

        If it was set back within the hour, another clock has set it ahead again: that is
        logged the first time.
        """
        if self.is_due(session_id):
            return True
        if not self._has_warned:
            self._has_warned = True
            self._warn(AHEAD_AGAIN.format(by=by))
        return False

    def is_due(self, session_id: str) -> bool:
        """Whether the session was not set back within the hour."""
        last = self._set_back.get(session_id)
        return last is None or self._elapsed() - last >= ONCE_WITHIN

    def note(self, session_id: str) -> None:
        """Remember that the session was set back now."""
        self._set_back.pop(session_id, None)
        self._set_back[session_id] = self._elapsed()
        if len(self._set_back) > REMEMBERED:
            self._set_back.popitem(last=False)

    def dispute(self, by: float) -> None:
        """Log that the history lies *by* seconds ahead of the clock of a purge."""
        self._warn(DISPUTED.format(by=by))
