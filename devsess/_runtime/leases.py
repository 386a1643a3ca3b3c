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

import secrets
from collections.abc import Awaitable
from contextlib import suppress
from time import perf_counter
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from devsess.errors import StoreUnavailableError
from devsess.stores.base import ALL, Changes
from devsess.stores.capabilities import SupportsLeases

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess._runtime.cache import Cache, Log
    from devsess._runtime.observed import Observed
    from devsess.metrics import CallTimes
    from devsess.stores.capabilities import Behind, Renewal

T = TypeVar("T")


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


class Reader:
    """
    A member of the store's register, from one start of a feed to its end.

    Each start is another reader: the end of an earlier one takes nothing from it.

    Args:
        leases: The store's register.
        cache: The memory that answers under the lease.
        lease: Its length in seconds.
        elapsed: The cache's clock.
        observed: What the earlier ones have observed.
    """

    is_registered = True

    def __init__(
        self,
        leases: SupportsLeases,
        cache: Cache,
        lease: float,
        elapsed: Callable[[], float],
        observed: Observed,
    ) -> None:
        self.id = secrets.token_urlsafe(12)
        self._leases = leases
        self._cache = cache
        self._lease = lease
        self._elapsed = elapsed
        self._observed = observed
        self._is_gone = self._is_inherited = False

    async def renew(self) -> bool:
        """See Member.renew: a change must be acknowledged by the next renewal."""
        position, sent = self._cache.position, self._elapsed()
        renewal = await self._leases.renew(self.id, position, lease=self._lease)
        if self._is_gone:  # since it was sent
            return False
        changes = self._as_of_history(renewal)
        # Another loop's thread may stop it meanwhile, and have it leave.
        self._cache.renewed(sent, position, changes, lambda: not self._is_gone)
        self._observed.note_growth(position)
        return bool(changes.ids)

    def _as_of_history(self, renewal: Renewal) -> Changes:
        """The changes; ALL where the log has another history than before."""
        if self._observed.is_other_history(renewal.history):
            return Changes(renewal.changes.position, ALL)
        return renewal.changes

    async def observe(self) -> None:
        """See Member.observe."""
        if not self._observed.is_due():
            return
        behind = await self._leases.readers_behind(self._cache.position)
        if not self._is_gone:  # else a later one observes
            await self._observed.observe(behind, self.id)

    def stop(self) -> None:
        """See Member.stop; again, it takes no later reader's lease."""
        was_gone, self._is_gone = self._is_gone, True
        if not was_gone:
            self._cache.give_up_lease()

    async def leave(self) -> None:
        """See Member.leave: where that fails, the others find the reader dead."""
        if self._is_inherited:  # the parent answers from memory, and endings must wait for it
            return
        with suppress(StoreUnavailableError):
            await self._leases.leave(self.id)

    def disown(self) -> None:
        """See Member.disown."""
        self._is_gone = self._is_inherited = True


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
