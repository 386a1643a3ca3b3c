"""The way in which a manager's memory stays current: its feed, and the waits of its endings."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from devsess._runtime.feed import Feed
from devsess._runtime.feed_runners import TaskFeed, ThreadFeed
from devsess._runtime.fork import after_fork
from devsess._runtime.leases import Follower, Reader, TimedLeases
from devsess._runtime.notify import log_warning
from devsess._runtime.observed import Counts, Observed
from devsess._runtime.waits import Parts, Wait

if TYPE_CHECKING:
    from devsess._runtime.cache import Cache
    from devsess._runtime.feed import Pace
    from devsess._runtime.feed_runners import MakeFeed
    from devsess.metrics import CallTimes
    from devsess.policy import Policy
    from devsess.stores.capabilities import Capabilities

Runner: TypeAlias = "ThreadFeed | TaskFeed"
MakeRunner: TypeAlias = "Callable[[MakeFeed], Runner]"

# Readers of one manager whose ids it remembers.
_REMEMBERED = 64
# The ways, as Metrics has them.
ASKING, FOLLOWING, ACKNOWLEDGED = "asking", "following", "acknowledged"


def way_of(policy: Policy, capabilities: Capabilities) -> str:
    """
    The way of *policy* over a store with these capabilities.

    A store with a mark alone answers in no time whether anything has changed: to ask is the best
    way. Without memory there is nothing to keep current.
    """
    if capabilities.leases is None or not policy.cache_size:
        return ASKING
    if policy.acknowledged:
        return ACKNOWLEDGED
    return FOLLOWING if policy.max_staleness and capabilities.mark is None else ASKING


class Currency:
    """
    How one manager's memory stays current.

    Args:
        policy: Which way.
        cache: The memory.
        elapsed: The memory's clock.
        times: Where the store's calls are counted.

    Attributes:
        way: As Metrics has it.
        counts: The numbers of its leases.
    """

    def __init__(
        self, policy: Policy, cache: Cache, elapsed: Callable[[], float], times: CallTimes
    ) -> None:
        self.way = ASKING
        self.counts = Counts()
        self._policy = policy
        self._cache = cache
        self._elapsed = elapsed
        self._times = times
        self._feed: Runner | None = None
        self._parts: Parts | None = None
        self._readers = deque[str](maxlen=_REMEMBERED)
        after_fork(self, Currency._disown)  # they are the parent's, for which a child waits

    def choose(self, capabilities: Capabilities, make_runner: MakeRunner) -> None:
        """Go the way of the policy that the store can go; *make_runner* runs its feed."""
        self.way = way_of(self._policy, capabilities)
        if capabilities.mark is not None and self.way != ACKNOWLEDGED:
            self._cache.watch(capabilities.mark.mark)
        if capabilities.leases is None:
            return
        leases = TimedLeases(capabilities.leases, self._times)
        observed = Observed(leases, self._policy.lease, self._elapsed, self.counts)
        if self.way != ASKING:
            # Nothing in it refers to the manager, which a thread would keep alive.
            parts = (leases, self._policy, self._cache, self._elapsed, observed, self._readers)
            self._feed = make_runner(partial(_feed, self.way, *parts))
        if self.way == ACKNOWLEDGED:
            self._cache.answer_under_leases(self._policy.lease)
        # Others may hold leases, whatever the way of this manager.
        takes_leases = self.way == ACKNOWLEDGED
        self._parts = Parts(
            leases=leases,
            cache=self._cache,
            elapsed=self._elapsed,
            lease=self._policy.lease if takes_leases else 0.0,
            assumed=self._policy.lease,
            counts=self.counts,
            own_reader=self._own_reader,
            warn=log_warning,
            on_vain=self.keep if takes_leases else _nothing,
            observed=None if takes_leases else observed,
            earlier=self._readers,
        )

    def keep(self) -> None:
        """Have a feed keep memory current from here on, where there is one."""
        if self._feed is not None:
            self._feed.start()

    def wait(self) -> Wait | None:
        """The wait of an ending that was written just now; None where there are no leases."""
        return None if self._parts is None else Wait(self._parts)

    @property
    def lease_state(self) -> str:
        """As Metrics has it."""
        if self.way != ACKNOWLEDGED:
            return "none"
        return "held" if self._cache.holds_lease else "over"

    def close(self) -> None:
        """End the feed of a blocking manager."""
        if isinstance(self._feed, ThreadFeed):
            self._feed.close()

    async def close_async(self) -> None:
        """End the feed of an awaiting manager."""
        if isinstance(self._feed, TaskFeed):
            await self._feed.close()

    def _disown(self) -> None:
        self._readers.clear()

    def _own_reader(self) -> str | None:
        member = self._feed.member if self._feed else None
        return member.id if isinstance(member, Reader) else None


def _feed(
    way: str,
    leases: TimedLeases,
    policy: Policy,
    cache: Cache,
    elapsed: Callable[[], float],
    observed: Observed,
    readers: deque[str],
    pace: Pace,
) -> Feed:
    """One run of a feed of that way."""
    if way == ACKNOWLEDGED:
        reader = Reader(leases, cache, policy.lease, elapsed, observed)
        readers.append(reader.id)
        return Feed(reader, leases.wait, pace, policy.lease, lambda: cache.uses, elapsed)
    follower = Follower(leases, cache)
    return Feed(follower, leases.wait, pace, policy.max_staleness, lambda: cache.uses, elapsed)


def _nothing() -> None: ...
