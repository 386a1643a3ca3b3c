"""Find settings: touch interval and cache size first, then the least staleness that will do."""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic
from typing import TYPE_CHECKING

from attrs import define, evolve, field, frozen

from devsess.errors import ConfigurationError
from devsess.policy import Policy
from devsess.tuning import choice, cost
from devsess.tuning.choice import Candidate, Confidence
from devsess.tuning.clock import overhead
from devsess.tuning.ground import ground
from devsess.tuning.replay import Outcome, replay

if TYPE_CHECKING:
    from devsess.keys import Keys
    from devsess.tuning.ground import Ground
    from devsess.tuning.traffic import Traffic

# Browsers refresh as often as the last says, which counts as activity: longer ones change nothing.
TOUCH_INTERVALS = (600.0, 900.0)
# Parts of the number of sessions: what less memory costs, and, of very many, what more is worth.
CACHE_PARTS = (0.25, 0.5, 1.0)
# Parts of the greatest staleness that is allowed.
STALENESS_PARTS = (0.125, 0.25, 0.5, 1.0)
# Threads take turns as luck has it: the size of the pool must matter more than that.
WORTH_A_POOL = 0.25
# How the time is spent: parts of it for signing in, one replay, and the search as a whole.
FILLING, REPLAY, SEARCH = 0.2, 0.012, 0.75
# What fits into the first replay may take so many times as long under other settings.
PATIENCE = 4


@frozen
class Wish:
    """
    What is asked for.

    Attributes:
        max_staleness: Seconds a validation may lag behind a revocation at most.
        p99: Microseconds that 99 of 100 validations should stay below.
        seconds: How long the search may take.
    """

    max_staleness: float
    p99: float
    seconds: float = 60.0


@frozen
class Advice:
    """
    What was found.

    Attributes:
        chosen: The recommendation.
        met: Whether it meets the wish.
        candidates: All that were tried, in that order.
        confidence: In the recommendation.
        entry_bytes: Bytes of one session in the cache.
        readers: Microseconds of fresh=True from many threads, by number of readers.
        traffic: What was replayed of the traffic.
    """

    chosen: Candidate
    met: bool
    candidates: tuple[Candidate, ...]
    confidence: Confidence
    entry_bytes: float
    readers: dict[int, float]
    traffic: Traffic

    @property
    def sweep(self) -> list[Outcome]:
        """The outcomes that differ from the chosen one in staleness at most."""
        chosen = self.chosen.policy
        return [
            candidate.typical
            for candidate in self.candidates
            if evolve(candidate.policy, max_staleness=chosen.max_staleness) == chosen
        ]

    @property
    def best_readers(self) -> int:
        """The number of readers to have; the default unless another is worth it."""
        default = self.readers.get(cost.DEFAULT_READERS)
        if default is None:
            return cost.DEFAULT_READERS
        best = min(self.readers, key=lambda number: self.readers[number])
        worth = self.readers[best] < default * (1 - WORTH_A_POOL)
        return best if worth else cost.DEFAULT_READERS


def advise(location: str, traffic: Traffic, wish: Wish, keys: Keys) -> Advice:
    """
    The settings for *traffic* on a store like the one at *location*, which is left alone.

    Raises:
        ConfigurationError: If the store is of a kind that cannot be tried, the wish is no span,
            or the traffic has nothing to measure.
        StoreUnavailableError: If nothing can be written beside the store.
    """
    Policy(max_staleness=wish.max_staleness)  # says what is wrong before anything is made
    begun = monotonic()
    # First: the sign-ins of its sample load what others should not be charged for.
    weight = cost.entry_bytes(keys)
    with ground(location, traffic, keys, wish.seconds * FILLING) as here:
        search = _Search(here, wish, begun + wish.seconds * SEARCH)
        chosen = search.chosen()
        is_whole = len(here.traffic.sessions) == len(traffic.sessions)
        return Advice(
            chosen=chosen,
            met=chosen.meets(wish.p99),
            candidates=tuple(map(search.candidate, search.tried)),
            confidence=choice.confidence(chosen, wish.p99, is_whole=is_whole),
            entry_bytes=weight,
            readers=cost.reader_costs(here, begun + wish.seconds),
            traffic=search.traffic,
        )


@define
class _Search:
    """One search; what it tried it does not try again."""

    ground: Ground
    wish: Wish
    deadline: float
    traffic: Traffic = field(init=False)
    overhead: int = field(factory=overhead)
    tried: dict[Policy, list[Outcome]] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        # To learn what fits. It took longer to warm up, so it is compared with nothing.
        first = self._replayed(Policy(), self.ground.traffic, 1)
        if not first.validations:
            raise ConfigurationError(
                "the traffic has no validations behind its first quarter, which fills the cache"
            )
        self.traffic = self.ground.traffic.first(first.requests)

    def chosen(self) -> Candidate:
        """The candidate to recommend."""
        start = Policy()
        touches = [evolve(start, touch_interval=seconds) for seconds in TOUCH_INTERVALS]
        caches = [evolve(start, cache_size=size) for size in self._cache_sizes()]
        self._play([start, *touches, *caches])
        touched = self._cheapest(start, touches, choice.fewer_touches)
        cached = self._cheapest(start, caches, choice.more_hits)
        best = evolve(touched, cache_size=cached.cache_size)
        by_staleness = [evolve(best, max_staleness=span) for span in (0.0, *self._stalenesses())]
        self._play(by_staleness)
        return choice.least_stale([*map(self.candidate, by_staleness)], self.wish.p99)

    def _cheapest(self, start: Policy, others: Iterable[Policy], gain: choice.Gain) -> Policy:
        tried = map(self.candidate, others)
        return choice.cheapest(self.candidate(start), tried, gain).policy

    def candidate(self, policy: Policy) -> Candidate:
        """The candidate that has *policy*."""
        return Candidate(tuple(self.tried[policy]))

    def _play(self, policies: list[Policy]) -> None:
        """Replay each of *policies* in turn, and all of them again, as long as there is time."""
        for policy in policies:
            self.tried[policy] = []  # beside the others of now, not those of before
        for number in range(choice.ROUNDS):
            if number and monotonic() > self.deadline:
                return
            for policy in policies:
                self.tried[policy].append(self._replayed(policy, self.traffic, PATIENCE))

    def _replayed(self, policy: Policy, traffic: Traffic, patience: float) -> Outcome:
        seconds = self.wish.seconds * REPLAY * patience
        with self.ground.world() as world:
            return replay(world, traffic, policy, overhead=self.overhead, seconds=seconds)

    def _cache_sizes(self) -> list[int]:
        sessions = len(self.traffic.sessions)
        return [max(1, int(sessions * part)) for part in CACHE_PARTS]

    def _stalenesses(self) -> list[float]:
        # Six digits are enough for everyone, and can be pasted.
        spans = {float(f"{self.wish.max_staleness * part:.6g}") for part in STALENESS_PARTS}
        return sorted(span for span in spans if 0 < span <= self.wish.max_staleness)
