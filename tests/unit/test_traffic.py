"""Traffic: simulated, read."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from random import Random

import pytest

from devsess import ConfigurationError
from devsess.tuning.traffic import Request, Traffic, read, sessions_of, synthetic

GOOD = '{"at": 3, "session": "a"}'


def made(seed: int) -> Traffic:
    return synthetic(Random(seed), 3_000, rps=2, sessions=50)


def test_a_seed_decides_all() -> None:
    """The same seed makes the same traffic, another seed another."""
    assert made(7) == made(7)
    assert made(7) != made(8)


def test_few_sessions_make_most_requests() -> None:
    """The session at rank 1 is used about 2**1.1 times as often as the one at rank 2."""
    traffic = synthetic(Random(1), 90_000, rps=50, sessions=50)
    counts = Counter(request.session for request in traffic)
    assert 2**1.1 == pytest.approx(counts["session-0"] / counts["session-1"], rel=0.1)


def test_requests_come_at_their_rate() -> None:
    """Synthetic requests are in order of time, as many a second as was asked for."""
    traffic = made(7)
    assert all(one.at <= next_one.at for one, next_one in pairwise(traffic))
    assert 3_000 == len(traffic)
    assert 2 == pytest.approx(len(traffic) / traffic[-1].at, rel=0.1)


def test_a_file_is_read() -> None:
    """Lines are requests in the order of their time; they may count from any beginning."""
    requests = (Request(0, "ä"), Request(0.25, "b"), Request(1.5, "ä", "revoke"))
    lines = [
        f'{{"at": {1000 + one.at}, "session": "{one.session}", "event": "{one.kind}"}}'
        for one in requests
    ]
    assert [*requests] == read(reversed(lines))
    assert "validate" == read(['{"at": 0, "session": "a"}'])[0].kind


@pytest.mark.parametrize(
    "line",
    [
        *("no json", "[1]", '{"session": "a"}', '{"at": "3", "session": "a"}'),
        *('{"at": NaN, "session": "a"}', '{"at": -1, "session": "a"}', '{"at": true}'),
        *('{"at": 3}', '{"at": 3, "session": 7}', '{"at": 3, "session": "a", "event": "eat"}'),
    ],
)
def test_bad_lines_are_named_by_number(line: str) -> None:
    """A line that cannot be read is named by its number, empty ones counted."""
    with pytest.raises(ConfigurationError, match="line 3 of the traffic"):
        read([GOOD, "\n", line, GOOD])


def test_a_line_that_is_no_json_says_what_to_write() -> None:
    """The parser counts lines of its own, each of which is its first."""
    with pytest.raises(ConfigurationError) as caught:
        read([GOOD, "no json"])
    assert "line 2 of the traffic: it is no JSON: write" in str(caught.value)
    assert 1 == str(caught.value).count("line ")


def test_no_traffic_is_refused() -> None:
    """A file without requests says what to write."""
    with pytest.raises(ConfigurationError, match="one JSON object a line"):
        read(["", "\n"])


def test_each_session_is_named_once() -> None:
    """The sessions of the traffic are named in the order of their first request."""
    assert ["a", "b", "c"] == sessions_of([Request(0, name) for name in "abacab"])
