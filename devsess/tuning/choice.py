"""Which of several settings to recommend, by replays of each: luck is no reason."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from attrs import evolve, frozen

if TYPE_CHECKING:
    from devsess.policy import Policy
    from devsess.tuning.replay import Outcome

# A setting leaves its default only if that makes a validation cheaper by so much, each time.
WORTH = 0.1
ROUNDS = 3
# Validations of each replay: of fewer, a hundredth that is slow is none.
ENOUGH = 100

Level = Literal["high", "medium", "low"]
# The greatest spread of mean cost, and of hit rate, that each may have.
LEVELS: tuple[tuple[Level, float, float], ...] = (("high", 0.2, 0.02), ("medium", 0.5, 0.05))

Gain: TypeAlias = "Callable[[Outcome, Outcome], bool]"


@frozen
class Candidate:
    """
    A policy, and its replays of the same traffic.

    Attributes:
        rounds: One at least; the first of each candidate were replayed one after
            another, then the second ones, and so on.
    """

    rounds: tuple[Outcome, ...]

    @property
    def policy(self) -> Policy:
        """What was in force."""
        return self.rounds[0].policy

    @property
    def typical(self) -> Outcome:
        """The median of each figure of cost; of the bound, the greatest."""
        return evolve(
            self.rounds[0],
            mean=statistics.median(one.mean for one in self.rounds),
            p99=statistics.median(one.p99 for one in self.rounds),
            bound=max(one.bound for one in self.rounds),
        )

    def meets(self, p99: float) -> bool:
        """Whether 99 of 100 validations took less each time."""
        return all(one.p99 <= p99 for one in self.rounds)

    def is_worth(self, start: Candidate) -> bool:
        """Whether it was cheaper than *start* by a tenth each time."""
        pairs = zip(start.rounds, self.rounds, strict=False)
        return all(ours.mean < theirs.mean * (1 - WORTH) for theirs, ours in pairs)


@frozen
class Confidence:
    """
    How sure the recommendation is.

    Attributes:
        level: "high", "medium" or "low".
        cost: From the cheapest replay's mean to the dearest's, as a part of their median.
        hit_rate: From the lowest rate to the highest, 0 to 1.
        doubts: Why it is not higher, for people.
    """

    level: Level
    cost: float
    hit_rate: float
    doubts: tuple[str, ...]


def fewer_touches(start: Outcome, other: Outcome) -> bool:
    """What a longer touch interval is for."""
    return other.touches < start.touches


def more_hits(start: Outcome, other: Outcome) -> bool:
    """What a larger cache is for."""
    return other.hit_rate > start.hit_rate


def fewer_catch_ups(start: Outcome, other: Outcome) -> bool:
    """What staleness is for."""
    return other.catch_ups < start.catch_ups


def cheapest(start: Candidate, others: Iterable[Candidate], gain: Gain) -> Candidate:
    """The cheapest of those that are worth it, and have what the setting is for; or *start*."""
    worth = [one for one in others if gain(start.typical, one.typical) and one.is_worth(start)]
    return min(worth, key=lambda one: one.typical.mean, default=start)


def least_stale(candidates: Sequence[Candidate], p99: float) -> Candidate:
    """
    The first that meets the wish; where none does, the cheapest if it is worth it.

    Args:
        candidates: One at least, the least stale first.
        p99: Microseconds, as in `Wish`.
    """
    start, *staler = candidates
    if start.meets(p99):
        return start
    useful = [one for one in staler if fewer_catch_ups(start.typical, one.typical)]
    met = [one for one in useful if one.meets(p99)]
    return met[0] if met else cheapest(start, useful, fewer_catch_ups)


def confidence(chosen: Candidate, p99: float, *, is_whole: bool) -> Confidence:
    """
    How sure *chosen* is.

    Args:
        chosen: What is recommended.
        p99: Microseconds, as in `Wish`.
        is_whole: Whether all sessions of the traffic were replayed.
    """
    means = [one.mean for one in chosen.rounds]
    rates = [one.hit_rate for one in chosen.rounds]
    cost = (max(means) - min(means)) / (statistics.median(means) or 1)
    hits = max(rates) - min(rates)
    doubts = tuple(_doubts(chosen, p99, is_whole=is_whole))
    levels = [name for name, most, most_hits in LEVELS if cost <= most and hits <= most_hits]
    return Confidence("low" if doubts or not levels else levels[0], cost, hits, doubts)


def _doubts(chosen: Candidate, p99: float, *, is_whole: bool) -> Iterable[str]:
    if len(chosen.rounds) < ROUNDS:
        yield f"there was time for {len(chosen.rounds)} of {ROUNDS} replays"
    if min(one.validations for one in chosen.rounds) < ENOUGH:
        yield f"fewer than {ENOUGH} validations were measured"
    if not is_whole:
        yield "there was no time to sign in all sessions"
    if len({one.p99 <= p99 for one in chosen.rounds}) > 1:
        yield "not each replay met the wish"
