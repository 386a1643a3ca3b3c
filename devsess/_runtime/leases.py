"""
Two ways in which memory stays current over a store on a network.

- A *follower* reads the log, for `Policy.max_staleness`.
- A *reader* holds a lease, for `Policy.acknowledged`: the store knows of it and of the position
  that it has applied, so an ending can wait until it has heard (Gray and Cheriton, "Leases: an
  efficient fault-tolerant mechanism for distributed file cache consistency", SOSP 1989).

The laws of a lease. It runs from the instant at which its renewal was *sent*, by a clock that
counts while the machine is suspended, and only once the changed sessions were dropped. It is
given up before the reader leaves. No process inherits one.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Awaitable
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from attrs import define, frozen

from devsess.errors import StoreUnavailableError
from devsess.stores.base import ALL, Changes
from devsess.stores.capabilities import SupportsLeases

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess._runtime.cache import Cache, Log
    from devsess.metrics import CallTimes
    from devsess.stores.capabilities import Behind, Renewal

T = TypeVar("T")

# Clocks run at different speeds, far less apart than this.
DRIFT = 0.005
# Seconds between an instant and the reading of it.
SLACK = 0.05


def over_after(lease: float) -> float:
    """Seconds after which a lease of that length is over by every clock."""
    return lease * (1 + DRIFT) + SLACK


class Member(Protocol):
    """The calls of a feed."""

    @property
    def is_registered(self) -> bool:
        """Whether endings wait for it."""
        ...

    async def renew(self) -> bool:
        """Drop what has changed; whether the store must hear of that at once."""
        ...

    async def observe(self) -> None:
        """Look after the other members, where that is due."""
        ...

    def stop(self) -> None:
        """Answer nothing more from memory without asking."""
        ...

    async def leave(self) -> None:
        """After `stop`: let nobody wait for this member any more. Raises nothing of a store's."""
        ...

    def disown(self) -> None:
        """In a forked child: the answers that are under way are the parent's."""
        ...


class Follower:
    """
    A member that reads the log, and of which the store knows nothing.

    Args:
        store: The store.
        cache: The memory.
    """

    is_registered = False

    def __init__(self, store: Log, cache: Cache) -> None:
        self._store = store
        self._cache = cache

    async def renew(self) -> bool:
        """See Member.renew."""
        await self._cache.catch_up(self._store)
        return False

    async def observe(self) -> None:
        """See Member.observe: there is no register."""

    def stop(self) -> None:
        """See Member.stop: memory grows too old by itself."""

    async def leave(self) -> None:
        """See Member.leave."""

    def disown(self) -> None:
        """See Member.disown: the child's memory is empty."""


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


class Reader:
    """
    A member of the store's register, from one start of a feed to its end.

    Each start is another reader: the end of an earlier one takes nothing from it.

    Args:
        leases: The store's register.
        cache: The memory that answers under the lease.
        lease: Its length in seconds.
        elapsed: The cache's clock.
        counts: Where expelled readers are counted.
    """

    is_registered = True

    def __init__(
        self,
        leases: SupportsLeases,
        cache: Cache,
        lease: float,
        elapsed: Callable[[], float],
        counts: Counts,
    ) -> None:
        self.id = secrets.token_urlsafe(12)
        self._leases = leases
        self._cache = cache
        self._lease = lease
        self._elapsed = elapsed
        self._counts = counts
        self._is_gone = False
        self._history: str | None = None
        self._known_since = elapsed()
        self._observed_at = -math.inf
        self._acknowledged: object = None
        self._must_observe = True
        self._seen: dict[str, _Seen] = {}

    async def renew(self) -> bool:
        """See Member.renew: a change must be acknowledged by the next renewal."""
        position, sent = self._cache.position, self._elapsed()
        renewal = await self._leases.renew(self.id, position, lease=self._lease)
        if self._is_gone:  # since it was sent
            return False
        changes = self._as_of_history(renewal)
        self._cache.renewed(sent, position, changes)
        if self._is_gone:  # meanwhile, by another loop's thread
            self._cache.give_up_lease()
        self._note_growth(position)
        return bool(changes.ids)

    def _note_growth(self, position: object) -> None:
        """Observe the others some time after the log has grown, by a change of its own too."""
        if position != self._acknowledged and not self._must_observe:
            self._must_observe, self._observed_at = True, self._elapsed()  # they have yet to hear
        self._acknowledged = position

    def _as_of_history(self, renewal: Renewal) -> Changes:
        """The changes; ALL where the log has another history than before."""
        if renewal.history == self._history:
            return renewal.changes
        is_first, self._history = self._history is None, renewal.history
        self._known_since, self._must_observe = self._elapsed(), True
        return renewal.changes if is_first else Changes(renewal.changes.position, ALL)

    async def observe(self) -> None:
        """
        See Member.observe: season the history, and expel the readers that died.

        A reader is dead whose beat has stood still for longer than any lease, by this
        process's clock. That is due some time after the log has grown, until all have heard.
        """
        if not self._must_observe or self._elapsed() - self._observed_at < self._lease / 4:
            return
        behind = await self._leases.readers_behind(self._cache.position)
        self._observed_at = now = self._elapsed()
        longest = over_after(max(self._lease, behind.lease))
        await self._season(behind, now - self._known_since >= longest)
        seen = {
            reader: self._since(reader, beat, now)
            for reader, beat in behind.beats.items()
            if reader != self.id
        }
        for reader, each in [*seen.items()]:
            if now - each.since >= longest:
                await self._leases.expel(reader, each.beat)
                self._counts.expelled += 1
                del seen[reader]
        self._seen = seen
        self._must_observe = bool(seen) or not behind.is_seasoned

    def _since(self, reader: str, beat: int, now: float) -> _Seen:
        known = self._seen.get(reader)
        return known if known is not None and known.beat == beat else _Seen(beat, now)

    async def _season(self, behind: Behind, is_old: bool) -> None:
        if is_old and not behind.is_seasoned and behind.history == self._history:
            await self._leases.season(behind.history)

    def stop(self) -> None:
        """See Member.stop; again, it takes no later reader's lease."""
        was_gone, self._is_gone = self._is_gone, True
        if not was_gone:
            self._cache.give_up_lease()

    async def leave(self) -> None:
        """See Member.leave: where that fails, the others find the reader dead."""
        with suppress(StoreUnavailableError):
            await self._leases.leave(self.id)

    def disown(self) -> None:
        """See Member.disown."""
        self._is_gone = True


class LeasedLog(SupportsLeases, Protocol):
    """A store with a log and a register."""

    async def changes(self, position: object) -> Changes: ...


class TimedLeases:
    """
    A store with a register, whose calls are counted; but for `wait`, which lasts.

    Args:
        leases: The store.
        times: Where they are counted.
    """

    def __init__(self, leases: SupportsLeases, times: CallTimes) -> None:
        self._leases = cast("LeasedLog", leases)
        self._times = times

    async def _timed(self, name: str, call: Awaitable[T]) -> T:
        start = perf_counter()
        try:
            return await call
        finally:
            self._times.add(name, perf_counter() - start)

    async def changes(self, position: object) -> Changes:
        return await self._timed("changes", self._leases.changes(position))

    async def renew(self, reader: str, position: object, *, lease: float) -> Renewal:
        return await self._timed("renew", self._leases.renew(reader, position, lease=lease))

    async def leave(self, reader: str) -> None:
        await self._timed("leave", self._leases.leave(reader))

    async def readers_behind(self, position: object) -> Behind:
        return await self._timed("readers_behind", self._leases.readers_behind(position))

    async def expel(self, reader: str, beat: int) -> None:
        await self._timed("expel", self._leases.expel(reader, beat))

    async def season(self, history: str) -> None:
        await self._timed("season", self._leases.season(history))

    async def wait(self, seconds: float) -> None:
        await self._leases.wait(seconds)
