"""The numbers that a manager keeps of its own work."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from devsess._frozen import FrozenDict
from devsess._runtime.fork import after_fork


@frozen
class CallMetrics:
    """
    One kind of store call.

    Attributes:
        count: How many there were, failed ones included.
        seconds: How long they took together.
    """

    count: int
    seconds: float


@frozen
class Metrics:
    """
    The work of a manager in this process. Many threads at once may miss a count now and then.

    Attributes:
        hits: Validations answered from memory.
        misses: Validations that asked the store for their row.
        catch_ups: How often the change log was read.
        evictions: Sessions dropped from memory to make room.
        entries: Access tokens in memory right now.
        feed_lag: Seconds for which this process may have missed a change; 0 if there
            was none, or memory answers nothing yet.
        mark: How the store shows that nothing has changed: "wal-index", "data_version",
            "memory", another store's own word ("unnamed" if it has none), or "none" where
            the log is read each time.
        way: How memory stays current, in the same words for every store. "asking": the store
            says each time whether anything has changed. "following": a feed reads its log,
            and memory answers within `Policy.max_staleness`. "acknowledged": memory
            answers under a lease, and endings wait until all have heard.
        lease: Of the way "acknowledged": "held", or "over", while each validation asks;
            "none" of the other ways.
        waits: Endings that found a process which had still to hear.
        waits_in_vain: Of those, the ones that waited until its lease was over.
        expelled: Dead processes that this one took off the store's register.
        calls: The store's calls, by name.
    """

    hits: int
    misses: int
    catch_ups: int
    evictions: int
    entries: int
    feed_lag: float
    mark: str
    way: str
    lease: str
    waits: int
    waits_in_vain: int
    expelled: int
    calls: Mapping[str, CallMetrics]


class CallTimes:
    """How often the store was called, and for how long."""

    def __init__(self) -> None:
        self._start_over()
        after_fork(self, CallTimes._start_over)

    def add(self, name: str, seconds: float) -> None:
        """Count a call that took so long."""
        # Without a lock, which would cost as much again: see Metrics.
        self._counts[name] = self._counts.get(name, 0) + 1
        self._seconds[name] = self._seconds.get(name, 0.0) + seconds

    def calls(self) -> Mapping[str, CallMetrics]:
        """The counts so far."""
        found = {
            name: CallMetrics(count, self._seconds.get(name, 0.0))
            for name, count in sorted(self._counts.copy().items())
        }
        return FrozenDict(found)

    def _start_over(self) -> None:
        self._counts: dict[str, int] = {}
        self._seconds: dict[str, float] = {}
