"""Recommend a max_staleness from replays of each candidate; one lucky replay is not enough."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from devsess.errors import ConfigurationError
from devsess.policy import Policy
from devsess.tuning.replay import Outcome, replay_store

if TYPE_CHECKING:
    from devsess.tokens.keys import Keys
    from devsess.tuning.traffic import Traffic

# Parts of the greatest staleness that is allowed.
PARTS = (0.0, 0.125, 0.25, 0.5, 1.0)
ROUNDS = 3
# With fewer validations in a replay, not even one of them is a hundredth.
ENOUGH = 100
# By what part of it the mean cost may differ between replays.
SPREAD = 0.5


@frozen
class Candidate:
    """
    A staleness, and replays of the same traffic.

    All candidates are replayed in turn before any is replayed again.
    """

    rounds: tuple[Outcome, ...]

    @property
    def typical(self) -> Outcome:
        """The median of each figure of cost; of the bound, the greatest."""
        return evolve(
            self.rounds[0],
            mean_us=statistics.median(one.mean_us for one in self.rounds),
            p99_us=statistics.median(one.p99_us for one in self.rounds),
            revocation_bound=max(one.revocation_bound for one in self.rounds),
        )

    def meets(self, p99: float) -> bool:
        """Whether 99 of 100 validations took less each time."""
        return all(one.p99_us <= p99 for one in self.rounds)

    def doubts(self) -> Iterable[str]:
        """Why not to rely on it, in words."""
        means = [one.mean_us for one in self.rounds]
        spread = (max(means) - min(means)) / (statistics.median(means) or 1)
        if spread > SPREAD:
            yield f"the mean cost differs by {spread:.0%} between replays"
        if min(one.validations for one in self.rounds) < ENOUGH:
            yield f"fewer than {ENOUGH} validations were measured"


@frozen
class Recommendation:
    """
    The result of all replays.

    Attributes:
        chosen: The candidate that meets the target; None if none does.
        candidates: All that were tried, the least stale first.
    """

    chosen: Candidate | None
    candidates: tuple[Candidate, ...]

    @property
    def doubts(self) -> tuple[str, ...]:
        """Reasons not to rely on it, in words; none if there is none."""
        return tuple((self.chosen or self.candidates[0]).doubts())


def recommend(
    location: str, traffic: Traffic, keys: Keys, *, max_staleness: float, p99: float
) -> Recommendation:
    """
    The staleness for *traffic* on a store like the one at *location*, which is left alone.

    Args:
        max_staleness: Seconds a validation may lag behind a revocation at most.
        p99: Microseconds that 99 of 100 validations should stay below.
        others: As for replay_store.

    Raises:
        ConfigurationError: If the store is no file, the staleness is no span, or the traffic
            has nothing to measure.
        OSError, StoreUnavailableError: If nothing can be written beside the store.
    """
    # Six digits are enough for everyone, and can be pasted.
    spans = sorted({min(max_staleness, float(f"{max_staleness * part:.6g}")) for part in PARTS})
    policies = [Policy(max_staleness=span) for span in spans]
    with replay_store(location, traffic, keys) as store:
        # Compared with nothing: the first takes longer.
        if not store.replay(Policy()).validations:
            raise ConfigurationError(
                "the traffic has no validations behind its first quarter, which fills the cache"
            )
        rounds = [[store.replay(one) for one in policies] for _ in range(ROUNDS)]
    candidates = tuple(map(Candidate, zip(*rounds, strict=True)))
    return Recommendation(choose(candidates, p99), candidates)


def choose(candidates: Sequence[Candidate], p99: float) -> Candidate | None:
    """
    The least stale that meets the target, if any does.

    Staleness saves reads of the change log: a candidate that saved none met the target by luck.

    Args:
        candidates: One at least, the least stale first.
        p99: Microseconds, as in recommend.
    """
    start = candidates[0]
    most = start.typical.catch_ups_per_second
    useful = (one for one in candidates if one.typical.catch_ups_per_second < most or one is start)
    return next((one for one in useful if one.meets(p99)), None)
