"""
The wait of an ending: until every process that answers from memory has heard, or may no more.

The time counts from *after* the answer to the write: a lease that was granted after that
instant was granted by a store that knew of the ending. So no lease of a process that has
not heard lasts longer than from that instant for its length and a margin.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING

from attrs import frozen

from devsess._runtime.observed import over_after
from devsess.errors import StoreUnavailableError

if TYPE_CHECKING:
    from devsess._runtime.cache import Cache, Log
    from devsess._runtime.observed import Counts, Observed
    from devsess.stores.capabilities import Behind, SupportsLeases

# The pauses between two questions, in seconds: from the shortest, by the factor, to the longest.
SHORTEST, GROWTH, LONGEST = 0.001, 1.5, 0.05

_IN_VAIN = (
    "an ending has waited {waited:.1f} seconds {reason}; it holds everywhere by now. If that goes"
    " on, look for processes that are stopped or cut off from the store."
)
_SILENT = "for {count} process(es) that did not react"
_UNSEASONED = "for leases of before the store's log began, or began again"
_UNKNOWN = "for a store that did not answer"


@frozen
class Parts:
    """
    The parts of a manager that a wait needs.

    Attributes:
        leases: The store's register.
        cache: The manager's memory.
        elapsed: Its clock.
        lease: The length of its own leases in seconds, 0.0 if it takes none.
        assumed: The length of all leases, while the store has not said what it is.
        counts: Where waits are counted.
        own_reader: The id of its own reader; its memory has caught up before the wait.
        warn: Logs a warning.
        on_vain: Called after a wait in vain, and in each later one: some process must expel the
            dead.
        observed: Of a manager without a feed to do so: what its waits have seen of dead readers.
        earlier: The ids of its latest readers: a renewal of a loop that stands still may put one
            on the register again.
    """

    leases: SupportsLeases
    cache: Cache
    elapsed: Callable[[], float]
    lease: float
    assumed: float
    counts: Counts
    own_reader: Callable[[], str | None]
    warn: Callable[[str], None]
    on_vain: Callable[[], None]
    observed: Observed | None = None
    earlier: Collection[str] = ()


class Wait:
    """
    One ending's wait; its time begins as this is made, after the answer to the write.

    Args:
        parts: Those of its manager.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._since = parts.elapsed()
        self._counts = parts.counts
        self._lease = parts.assumed
        self._position: object = None
        self._is_counted = False

    async def for_readers(self, store: Log, sleep: Callable[[float], Awaitable[None]]) -> None:
        """
        Return once each reader has heard, or all leases of before this wait are over.

        The memory of the manager itself has caught up then, or is empty. A store that does not
        answer is asked again until the leases are over; that raises nothing.
        """
        pause, slept = SHORTEST, 0.0
        while True:
            behind = await self._asked(store)
            if behind is not None and self._have_heard(behind):
                return
            # The pauses count too: by a clock for tests no time may pass.
            waited = max(self._parts.elapsed() - self._since, slept)
            left = over_after(self._lease) - waited
            if not self._is_counted:
                self._count()
            if left <= 0:
                self._report(behind, waited)
                return
            pause = min(pause, left)
            await sleep(pause)
            pause, slept = min(pause * GROWTH, LONGEST), slept + pause

    def _count(self) -> None:
        self._is_counted = True
        self._counts.waits += 1
        if self._counts.waits_in_vain:  # what was started then may have ended with its event loop
            self._parts.on_vain()

    async def _asked(self, store: Log) -> Behind | None:
        """The readers behind the ending; None where the store did not answer."""
        try:
            if self._position is None:
                self._position = await self._parts.cache.catch_up(store)
            behind = await self._parts.leases.readers_behind(self._position)
            self._lease = max(self._parts.lease, behind.lease)
            if self._parts.observed is not None and not self._have_heard(behind):
                await self._parts.observed.watch(behind)
        except StoreUnavailableError:
            if self._position is None:
                self._parts.cache.clear()
            return None
        return behind

    def _have_heard(self, behind: Behind) -> bool:
        if self._lease == 0.0:
            return True  # nobody has ever taken a lease
        return behind.is_seasoned and not self._others(behind)

    def _others(self, behind: Behind) -> set[str]:
        return {*behind.beats} - {self._parts.own_reader(), *self._parts.earlier}

    def _report(self, behind: Behind | None, waited: float) -> None:
        self._counts.waits_in_vain += 1
        reason = _UNKNOWN
        if behind is not None:
            others = self._others(behind)
            reason = _SILENT.format(count=len(others)) if others else _UNSEASONED
        self._parts.warn(_IN_VAIN.format(waited=waited, reason=reason))
        self._parts.on_vain()
