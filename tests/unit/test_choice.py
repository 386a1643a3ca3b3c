"""Which settings are recommended, by what their replays came to."""

from __future__ import annotations

import pytest
from attrs import evolve

from devsess import Policy
from devsess.tuning import choice
from devsess.tuning.choice import Candidate, cheapest, confidence, least_stale
from devsess.tuning.replay import Outcome

USUAL = Outcome(
    policy=Policy(),
    requests=4000,
    validations=2000,
    mean=10.0,
    p99=100.0,
    hit_rate=0.9,
    entries=500,
    catch_ups=5.0,
    calls=8.0,
    touches=2.0,
    bound=0.0,
)


def candidate(*costs: float, p99: tuple[float, ...] = (100.0,), **changes: float) -> Candidate:
    """Replays that cost so much on average, and so much at their 99th percentile."""
    p99 = p99 * len(costs) if len(p99) == 1 else p99
    pairs = zip(costs, p99, strict=True)
    return Candidate(tuple(evolve(USUAL, mean=mean, p99=most, **changes) for mean, most in pairs))


START = candidate(10.0, 10.0, 10.0)


@pytest.mark.parametrize(
    ("others", "chosen"),
    [
        ([], None),
        ([candidate(8.0, 8.0, 8.0, touches=1.0)], 0),
        ([candidate(9.5, 9.5, 9.5, touches=1.0)], None),
        ([candidate(5.0, 5.0, 9.5, touches=1.0)], None),
        ([candidate(5.0, 5.0, 5.0, touches=2.0)], None),
        ([candidate(8.8, 8.8, 8.8, touches=1.0), candidate(8.0, 8.0, 8.0, touches=0.5)], 1),
    ],
    ids=["nothing", "worth it", "no tenth", "once no tenth", "nothing saved", "the cheapest"],
)
def test_a_setting_must_be_worth_it(others: list[Candidate], chosen: int | None) -> None:
    """Cheaper by a tenth each time, and by what the setting is for; of several, the cheapest."""
    wanted = START if chosen is None else others[chosen]
    assert wanted is cheapest(START, others, choice.fewer_touches)


def test_each_setting_is_for_something() -> None:
    """An interval saves touches, a cache misses, staleness readings of the log."""
    assert choice.fewer_touches(USUAL, evolve(USUAL, touches=1.0))
    assert choice.more_hits(USUAL, evolve(USUAL, hit_rate=0.95))
    assert choice.fewer_catch_ups(USUAL, evolve(USUAL, catch_ups=1.0))
    for gain in (choice.fewer_touches, choice.more_hits, choice.fewer_catch_ups):
        assert not gain(USUAL, USUAL)


def stale(*costs: float, p99: tuple[float, ...], catch_ups: float = 1.0) -> Candidate:
    """Replays with some staleness."""
    return candidate(*costs, p99=p99, catch_ups=catch_ups)


@pytest.mark.parametrize(
    ("candidates", "chosen"),
    [
        ([candidate(9.0, p99=(40.0,)), stale(1.0, p99=(10.0,))], 0),
        ([START, stale(9.9, p99=(40.0,)), stale(1.0, p99=(10.0,))], 1),
        ([START, stale(9.9, p99=(40.0,), catch_ups=5.0), stale(1.0, p99=(10.0,))], 2),
        ([candidate(9.0, 9.0, p99=(40.0, 60.0)), stale(9.0, 9.0, p99=(40.0, 40.0))], 1),
        ([START, stale(9.9, p99=(60.0,)), stale(5.0, p99=(60.0,))], 2),
        ([START, stale(9.9, p99=(60.0,))], 0),
    ],
    ids=[
        "none is needed",
        "the least that will do",
        "by luck",
        "each time",
        "none will do, one is worth it",
        "none will do, none is worth it",
    ],
)
def test_no_more_staleness_than_it_takes(candidates: list[Candidate], chosen: int) -> None:
    """The least stale that meets the wish each time; where none does, one that is worth it."""
    assert candidates[chosen] is least_stale(candidates, 50.0)


@pytest.mark.parametrize(
    ("chosen", "is_whole", "level", "doubt"),
    [
        (START, True, "high", ""),
        (candidate(10.0, 13.0, 10.0), True, "medium", ""),
        (candidate(10.0, 20.0, 10.0), True, "low", ""),
        (candidate(10.0, 10.0), True, "low", "2 of 3"),
        (candidate(10.0, 10.0, 10.0, validations=99), True, "low", "fewer than 100"),
        (START, False, "low", "sign in all"),
        (candidate(10.0, 10.0, 10.0, p99=(100.0, 300.0, 100.0)), True, "low", "met the wish"),
    ],
    ids=["alike", "less", "not", "few", "little", "cut", "undecided"],
)
def test_confidence_falls_with_each_doubt(
    chosen: Candidate, is_whole: bool, level: str, doubt: str
) -> None:
    """It is high where replays were alike, all was replayed, and all agree on the wish."""
    found = confidence(chosen, 200.0, is_whole=is_whole)
    assert level == found.level
    assert doubt in "; ".join(found.doubts)
    assert bool(doubt) == bool(found.doubts)


def test_the_median_is_typical() -> None:
    """One replay that was disturbed changes nothing; of the bound, the greatest counts."""
    rounds = candidate(10.0, 50.0, 11.0, p99=(90.0, 900.0, 100.0)).rounds
    found = Candidate((*rounds[:2], evolve(rounds[2], bound=1.0))).typical
    assert (11.0, 100.0, 1.0) == (found.mean, found.p99, found.bound)
