"""Find settings: one after another is varied, starting from the defaults."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Literal

from attrs import define, evolve, field, frozen

from devsess.errors import ConfigurationError
from devsess.policy import Policy
from devsess.tuning import cost
from devsess.tuning.clock import overhead
from devsess.tuning.ground import ground
from devsess.tuning.replay import Outcome, replay

if TYPE_CHECKING:
    from devsess.keys import Keys
    from devsess.tuning.ground import Ground
    from devsess.tuning.traffic import Traffic

# Browsers refresh as often as the last says, which counts as activity: longer ones change nothing.
TOUCH_INTERVALS = (60.0, 600.0, 900.0)
# Parts of the number of sessions, then of the greatest staleness that is allowed.
CACHE_PARTS = (0.25, 0.5, 1.0)
STALENESS_PARTS = (0.125, 0.25, 0.5, 1.0)
SLICES = 3
# Validations of each part: of fewer, a hundredth that is slow is none.
ENOUGH = 100
# A setting leaves its default only if that makes a validation cheaper by so much.
WORTH = 0.1
# Threads take turns as luck has it: the size of the pool must matter more than that.
WORTH_A_POOL = 0.25
# How the time is spent: parts of it for signing in, the first replay, and the search as a whole.
FILLING, REPLAY, SEARCH = 0.2, 0.03, 0.75
# What was cut to fit into the first replay may take so many times as long under other settings.
PATIENCE = 4

Level = Literal["high", "medium", "low"]
# The greatest spread of mean cost, and of hit rate, that each may have.
LEVELS: tuple[tuple[Level, float, float], ...] = (("high", 0.2, 0.02), ("medium", 0.5, 0.05))


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
class Confidence:
    """
    How much alike the replays of successive parts of the traffic were.

    Attributes:
        level: "high", "medium" or "low".
        cost: From the cheapest part's mean to the dearest's, as a part of their median.
        hit_rate: From the lowest part's rate to the highest's, 0 to 1.
        slices: How many parts there were.
    """

    level: Level
    cost: float
    hit_rate: float
    slices: int


@frozen
class Advice:
    """
    What was found.

    Attributes:
        chosen: The recommendation's outcome.
        met: Whether it meets the wish.
        candidates: All outcomes, in the order they were tried.
        confidence: In the recommendation.
        entry_bytes: Bytes of one session in the cache.
        readers: Microseconds of fresh=True from many threads, by number of readers.
        traffic: What was replayed of the traffic.
    """

    chosen: Outcome
    met: bool
    candidates: tuple[Outcome, ...]
    confidence: Confidence
    entry_bytes: float
    readers: dict[int, float]
    traffic: Traffic

    @property
    def sweep(self) -> list[Outcome]:
        """The candidates that differ from the chosen one in staleness at most."""
        chosen = self.chosen.policy
        return [
            outcome
            for outcome in self.candidates
            if evolve(outcome.policy, max_staleness=chosen.max_staleness) == chosen
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
        return Advice(
            chosen=chosen,
            met=chosen.p99 <= wish.p99,
            candidates=tuple(search.tried.values()),
            confidence=confidence(search.slices(chosen.policy)),
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
    tried: dict[Policy, Outcome] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.traffic = self.ground.traffic
        default = self.outcome(Policy())
        if not default.validations:
            raise ConfigurationError(
                "the traffic has no validations behind its first quarter, which fills the cache"
            )
        # The others must replay the same requests, or they could not be compared.
        self.traffic = self.traffic.first(default.requests)

    def chosen(self) -> Outcome:
        """The outcome to recommend: the least stale that meets the wish, or else the cheapest."""
        best = self.outcome(Policy())
        for vary, gain in ((_touch_intervals, _fewer_touches), (self._cache_sizes, _more_hits)):
            tried = list(self._outcomes(vary(best.policy)))
            # One that is cheaper, and saved nothing, was lucky.
            best = self._better(best, [other for other in tried if gain(best, other)])
        for outcome in self._outcomes(self._stalenesses(best.policy)):
            # One that meets the wish is not given up for a staler one that is cheaper.
            best = best if self._meets(best) else self._better(best, [outcome])
        return best

    def slices(self, policy: Policy) -> list[Outcome]:
        """The outcomes of *policy* on successive parts of the traffic."""
        return [self._replayed(policy, part) for part in self.traffic.slices(SLICES)]

    def outcome(self, policy: Policy) -> Outcome:
        """The outcome of *policy*."""
        if policy not in self.tried:
            self.tried[policy] = self._replayed(policy, self.traffic)
        return self.tried[policy]

    def _replayed(self, policy: Policy, traffic: Traffic) -> Outcome:
        seconds = self.wish.seconds * REPLAY * (PATIENCE if self.tried else 1)
        with self.ground.world() as world:
            return replay(world, traffic, policy, overhead=self.overhead, seconds=seconds)

    def _outcomes(self, policies: Iterable[Policy]) -> Iterator[Outcome]:
        for policy in policies:
            if monotonic() < self.deadline:
                yield self.outcome(policy)

    def _better(self, best: Outcome, others: Iterable[Outcome]) -> Outcome:
        """*best*, or one of the *others* that meets the wish if it does not, or is worth it."""
        for other in others:
            if self._meets(best) == self._meets(other):
                worth = other.mean < best.mean * (1 - WORTH)
            else:
                worth = self._meets(other)
            if worth:
                best = other
        return best

    def _meets(self, outcome: Outcome) -> bool:
        return outcome.p99 <= self.wish.p99

    def _cache_sizes(self, policy: Policy) -> list[Policy]:
        sessions = len(self.traffic.sessions)
        sizes = [max(1, int(sessions * part)) for part in CACHE_PARTS]
        return [evolve(policy, cache_size=size) for size in sizes]

    def _stalenesses(self, policy: Policy) -> list[Policy]:
        # Six digits are enough for everyone, and can be pasted.
        spans = [float(f"{self.wish.max_staleness * part:.6g}") for part in STALENESS_PARTS]
        spans = sorted({span for span in spans if 0 < span <= self.wish.max_staleness})
        return [evolve(policy, max_staleness=span) for span in spans]


def _touch_intervals(policy: Policy) -> list[Policy]:
    return [evolve(policy, touch_interval=seconds) for seconds in TOUCH_INTERVALS]


def _fewer_touches(best: Outcome, other: Outcome) -> bool:
    return other.touches < best.touches


def _more_hits(best: Outcome, other: Outcome) -> bool:
    return other.hit_rate > best.hit_rate


def confidence(outcomes: Sequence[Outcome]) -> Confidence:
    """How much alike the *outcomes* of parts of the traffic are; without validations, none is."""
    telling = [outcome for outcome in outcomes if outcome.validations]
    means = [outcome.mean for outcome in telling] or [0.0]
    rates = [outcome.hit_rate for outcome in telling] or [0.0]
    cost_spread = (max(means) - min(means)) / (statistics.median(means) or 1)
    hit_spread = max(rates) - min(rates)
    level: Level = "low"
    if len(telling) >= SLICES and min(it.validations for it in telling) >= ENOUGH:
        for name, cost_most, hit_most in LEVELS:
            if cost_spread <= cost_most and hit_spread <= hit_most:
                level = name
                break
    return Confidence(level, cost_spread, hit_spread, len(telling))
