"""
What one process knows of the log's history and of the readers of other processes.

It outlasts each reader of its own: a program may run each request in an event loop of its own,
in which no reader lives long enough to see that another one is dead.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from attrs import define, frozen

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess.stores.capabilities import Behind, SupportsLeases

# Clocks run at different speeds, far less apart than this.
DRIFT = 0.005
# Seconds between an instant and the reading of it.
SLACK = 0.05


def over_after(lease: float) -> float:
    """Seconds after which a lease of that length is over by every clock."""
    return lease * (1 + DRIFT) + SLACK


@frozen
class _Seen:
    """The beat of another reader, and since when it has been seen."""

    beat: int
    since: float


@define
class Counts:
    """
    The numbers of a manager's leases, as Metrics has them.

    Attributes:
        waits: Endings that found a reader that had still to hear.
        waits_in_vain: Of those, the ones that waited until the leases were over.
        expelled: Dead readers that this process has taken off the register.
    """

    waits: int = 0
    waits_in_vain: int = 0
    expelled: int = 0


class Observed:
    """
    The observations of one manager, whose readers follow each other.

    Args:
        leases: The store's register.
        lease: The length of the manager's leases in seconds.
        elapsed: The cache's clock.
        counts: Where expelled readers are counted.
    """

    def __init__(
        self,
        leases: SupportsLeases,
        lease: float,
        elapsed: Callable[[], float],
        counts: Counts,
    ) -> None:
        self._leases = leases
        self._lease = lease
        self._elapsed = elapsed
        self._counts = counts
        self._history: str | None = None
        self._known_since = elapsed()
        self._at = -math.inf
        self._acknowledged: object = None
        self._is_wanted = True
        self._seen: dict[str, _Seen] = {}

    def is_other_history(self, history: str) -> bool:
        """Whether the log has another *history* than before; it is known since now then."""
        if history == self._history:
            return False
        is_first, self._history = self._history is None, history
        self._known_since, self._is_wanted = self._elapsed(), True
        return not is_first

    def note_growth(self, position: object) -> None:
        """Observe the others some time after the log has grown, by a change of its own too."""
        if position != self._acknowledged and not self._is_wanted:
            self._is_wanted, self._at = True, self._elapsed()  # they have yet to hear
        self._acknowledged = position

    def is_due(self) -> bool:
        """Some time after the log has grown, until all have heard."""
        return self._is_wanted and self._elapsed() - self._at >= self._lease / 4

    async def observe(self, behind: Behind, own: str) -> None:
        """
        Season the history, and expel the readers that died; *own* is none of them.

        A reader is dead whose beat has stood still for longer than any lease, by this
        process's clock.
        """
        self._at = now = self._elapsed()
        longest = over_after(max(self._lease, behind.lease))
        await self._season(behind, now - self._known_since >= longest)
        seen = {
            reader: self._since(reader, beat, now)
            for reader, beat in behind.beats.items()
            if reader != own
        }
        for reader, each in [*seen.items()]:
            if now - each.since >= longest:
                await self._leases.expel(reader, each.beat)
                self._counts.expelled += 1
                del seen[reader]
        self._seen = seen
        self._is_wanted = bool(seen) or not behind.is_seasoned

    async def watch(self, behind: Behind) -> None:
        """As `observe`, for a manager that has no readers, and learns of the history here alone."""
        self.is_other_history(behind.history)
        await self.observe(behind, "")

    def _since(self, reader: str, beat: int, now: float) -> _Seen:
        known = self._seen.get(reader)
        return known if known is not None and known.beat == beat else _Seen(beat, now)

    async def _season(self, behind: Behind, is_old: bool) -> None:
        if is_old and not behind.is_seasoned and behind.history == self._history:
            await self._leases.season(behind.history)
