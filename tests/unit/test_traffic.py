"""Traffic: made up, read, cut."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from random import Random

import pytest

from devsess import ConfigurationError
from devsess.tuning.traffic import Request, Traffic, read, synthetic

GOOD = '{"at": 3, "session": "a"}'


def made(seed: int) -> Traffic:
    return synthetic(Random(seed), rps=2, sessions=50, devices=10)


def test_a_seed_decides_all() -> None:
    """The same seed makes the same traffic, another seed another."""
    assert made(7) == made(7)
    assert made(7) != made(8)


def test_few_sessions_make_most_requests() -> None:
    """The session at rank 1 is used about 2**1.1 times as often as the one at rank 2."""
    traffic = synthetic(Random(1), rps=50, sessions=50, devices=10)
    counts = Counter(request.session for request in traffic.requests)
    assert 2**1.1 == pytest.approx(counts["session-0"] / counts["session-1"], rel=0.1)


def test_requests_come_at_their_rate() -> None:
    """Synthetic requests are in order of time, as many a second as was asked for."""
    traffic = made(7)
    assert all(one.at <= next_one.at for one, next_one in pairwise(traffic.requests))
    assert 2 == pytest.approx(len(traffic.requests) / traffic.span, rel=0.1)


@pytest.mark.parametrize("wrong", ["rps", "sessions", "devices"])
def test_nothing_comes_of_nothing(wrong: str) -> None:
    """No rate, no sessions and no devices are refused."""
    with pytest.raises(ConfigurationError, match="above zero"):
        synthetic(Random(1), **{"rps": 1, "sessions": 1, "devices": 1, wrong: 0})


def test_a_file_is_read() -> None:
    """Lines are requests in the order of their time, from whatever beginning they count."""
    requests = (Request(0, "ä"), Request(0.25, "b"), Request(1.5, "ä", "revoke"))
    lines = [
        f'{{"at": {1000 + one.at}, "session": "{one.session}", "event": "{one.kind}"}}'
        for one in requests
    ]
    assert Traffic(requests, devices=2) == read(reversed(lines))
    assert "validate" == read(['{"at": 0, "session": "a"}']).requests[0].kind


@pytest.mark.parametrize(
    "line",
    [
        *("no json", "[1]", '{"session": "a"}', '{"at": "3", "session": "a"}'),
        *('{"at": NaN, "session": "a"}', '{"at": -1, "session": "a"}', '{"at": true}'),
        *('{"at": 3}', '{"at": 3, "session": 7}', '{"at": 3, "session": "a", "event": "eat"}'),
    ],
)
def test_bad_lines_are_told_by_number(line: str) -> None:
    """A line that cannot be read is named by its number, empty ones counted."""
    with pytest.raises(ConfigurationError, match="line 3 of the traffic"):
        read([GOOD, "\n", line, GOOD])


def test_no_traffic_is_told() -> None:
    """A file without requests says what to write."""
    with pytest.raises(ConfigurationError, match="one JSON object a line"):
        read(["", "\n"])


def test_traffic_is_cut_before_an_unknown_session() -> None:
    """Of the first few sessions, all is left until another one comes."""
    traffic = Traffic(tuple(Request(at, name) for at, name in enumerate("abacab")), devices=3)
    assert traffic.first(3) == traffic.of_first(2)
    assert traffic == traffic.of_first(3)
