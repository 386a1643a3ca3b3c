"""Which staleness is recommended, by the figures of its replays."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from devsess.tuning.recommend import Candidate, choose
from devsess.tuning.replay import Outcome

USUAL = Outcome(
    max_staleness=0.0,
    validations=2000,
    mean_us=10.0,
    p99_us=100.0,
    hit_rate=0.9,
    catch_ups_per_second=5.0,
    revocation_bound=0.0,
)


def candidate(*p99: float, catch_ups: float = 5.0) -> Candidate:
    """A replay for each 99th percentile."""
    outcome = evolve(USUAL, catch_ups_per_second=catch_ups)
    return Candidate(tuple(evolve(outcome, p99_us=most) for most in p99))


@pytest.mark.parametrize(
    ("candidates", "chosen"),
    [
        ([candidate(40.0), candidate(10.0, catch_ups=1.0)], 0),
        ([candidate(99.0), candidate(40.0, catch_ups=2.0), candidate(10.0, catch_ups=1.0)], 1),
        ([candidate(99.0), candidate(40.0), candidate(40.0, catch_ups=1.0)], 2),
        ([candidate(40.0, 60.0), candidate(40.0, 40.0, catch_ups=1.0)], 1),
        ([candidate(99.0), candidate(60.0, catch_ups=1.0)], None),
        ([candidate(99.0), candidate(40.0)], None),
    ],
    ids=["none is needed", "the least", "by luck", "each time", "none will do", "only by luck"],
)
def test_no_more_staleness_than_it_takes(candidates: list[Candidate], chosen: int | None) -> None:
    """The least stale that meets the target each time, and saves readings of the change log."""
    expected = None if chosen is None else candidates[chosen]

    assert expected is choose(candidates, 50.0)


@pytest.mark.parametrize(
    ("changes", "doubts"),
    [
        ({}, ()),
        ({"mean_us": 14.0}, ()),
        ({"mean_us": 16.0}, ("the mean cost differs by 60% between replays",)),
        ({"validations": 99}, ("fewer than 100 validations were measured",)),
    ],
    ids=["alike", "less alike", "not alike", "few"],
)
def test_doubts_about_a_recommendation(changes: dict[str, Any], doubts: tuple[str, ...]) -> None:
    """Replays that differ by more than half, and replays of little, are named as doubts."""
    assert doubts == tuple(Candidate((USUAL, USUAL, evolve(USUAL, **changes))).doubts())


def test_the_median_is_typical() -> None:
    """One replay that was disturbed changes nothing; of the bound, the greatest counts."""
    disturbed = evolve(USUAL, mean_us=50.0, p99_us=900.0, revocation_bound=1.0)

    assert evolve(USUAL, revocation_bound=1.0) == Candidate((USUAL, disturbed, USUAL)).typical
