"""
Traffic to replay: which session asks when. Read from a file, or made up.

More of it than can be replayed in the time there is becomes a scale model: of
every so many sessions one stays, with all its requests. A session's own rhythm,
on which caching hangs, stays as it was; what is counted per second of traffic is
multiplied afterwards.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate, takewhile
from math import ceil
from operator import attrgetter
from random import Random
from typing import Literal

from attrs import frozen

ZIPF = 1.1
# Two lives of an access token: one to come into step, one to be measured.
SPAN = 1800.0
LONGEST = 86_400.0
# Fewer requests say little of a percentile; rare ones are watched for longer.
FEWEST = 4000
# Seconds since the epoch and more, but nothing that a float could not add to.
_LATEST = 1e12


@frozen
class Request:
    """
    One thing that happens to a session.

    Attributes:
        at: Seconds since the traffic began.
        session: Any name; the same one means the same session.
        event: Whether it asks, or is revoked by another process.
    """

    at: float
    session: str
    event: Literal["validate", "revoke"] = "validate"


@frozen
class Size:
    """
    How much can be replayed.

    Attributes:
        requests: How many, at most.
        sessions: How many of them differ, at most.
    """

    requests: int
    sessions: int

    def model(self, requests: float, sessions: float) -> int:
        """Of how many sessions one can stay, where there are so many: 1 or more."""
        every = max(requests / self.requests, sessions / self.sessions)
        return max(1, min(ceil(every), int(sessions)))


@frozen
class Traffic:
    """
    What is replayed.

    Attributes:
        requests: In the order of their time.
        sessions: The names of the sessions, each once.
        devices: How many browsers these sessions share.
        every: Of how many sessions each one here stands for; 1 if all are here.
    """

    requests: tuple[Request, ...]
    sessions: tuple[str, ...]
    devices: int
    every: int = 1

    @property
    def seconds(self) -> float:
        """How long it lasts; more than nothing."""
        return max(self.requests[-1].at, 1e-3)

    @property
    def rate(self) -> float:
        """Requests per second of the whole traffic, those that were left out included."""
        return len(self.requests) * self.every / self.seconds


def read(lines: Iterable[str | bytes]) -> list[Request]:
    """
    The requests of JSON lines: `{"at": seconds, "session": "any id", "event": "validate"}`.

    Events are "validate", also where there is none, and "revoke". Instants count
    from the earliest, which may be any number; lines may be in any order.

    Raises:
        ValueError: If a line is no such request, by its number; or if there is none.
    """
    found = [_request(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not found:
        raise ValueError(f"there is no request in the traffic: give lines like {_EXAMPLE}")
    found.sort(key=attrgetter("at"))
    begin = found[0].at
    return [Request(each.at - begin, each.session, each.event) for each in found]


def recorded(requests: Sequence[Request], size: Size) -> Traffic:
    """*requests*, each session from a browser of its own, as a model if they are too many."""
    counts = Counter(each.session for each in requests)
    ranked = [name for name, _ in counts.most_common()]
    every = size.model(len(requests), len(ranked))
    kept = {ranked[rank] for rank in _alike([counts[name] for name in ranked], every)}
    chosen = tuple(each for each in requests if each.session in kept)
    return Traffic(chosen, tuple(dict.fromkeys(each.session for each in chosen)), len(kept), every)


def synthetic(
    *, rps: float, sessions: int, devices: int, size: Size, random: Random, zipf: float = ZIPF
) -> Traffic:
    """
    Poisson arrivals, of sessions some of which come far more often than others (Zipf).

    Args:
        rps: Requests a second.
        sessions: How many there are; each is of an account of its own.
        devices: How many browsers they come from.
        size: What can be replayed.
        random: Decides; the same seed gives the same traffic.
        zipf: How unequal they are: the one of rank k comes as 1 / k^zipf.
    """
    seconds = min(max(SPAN, FEWEST / rps), LONGEST)
    weights = [rank**-zipf for rank in range(1, sessions + 1)]
    every = size.model(rps * seconds, min(sessions, rps * seconds))
    kept = _alike(weights, min(every, sessions))
    chosen = [weights[rank] for rank in kept]
    times = _arrivals(rps * sum(chosen) / sum(weights), seconds, random)
    names = [f"{rank}" for rank in kept]
    who = random.choices(names, cum_weights=list(accumulate(chosen)), k=len(times))
    requests = tuple(map(Request, times, who))
    seen = tuple(dict.fromkeys(who))
    return Traffic(requests, seen, max(1, min(devices // every, len(seen))), every)


def _arrivals(rate: float, seconds: float, random: Random) -> list[float]:
    """Instants until *seconds*, and at least the first two: a traffic is not empty."""
    gaps = iter(lambda: random.expovariate(rate), None)
    times = accumulate(gaps)
    first = [next(times), next(times)]
    return first + list(takewhile(lambda at: at < seconds, times))


def _alike(weights: Sequence[float], every: int) -> range:
    """
    One rank of *every* many, which together come as often as that share of all would.

    Args:
        weights: How often each comes, in any unit, the most frequent first.
        every: Of how many one is taken.
    """
    wanted = sum(weights) / every
    shares = (range(start, len(weights), every) for start in range(every))
    return min(shares, key=lambda ranks: abs(sum(weights[rank] for rank in ranks) - wanted))


_EXAMPLE = '{"at": 12.5, "session": "a"}'


def _request(number: int, line: str | bytes) -> Request:
    try:
        given = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError(f"line {number} of the traffic is no JSON: give {_EXAMPLE}") from None
    if not isinstance(given, dict):
        raise ValueError(f"line {number} of the traffic is no JSON object: give {_EXAMPLE}")
    at, session = given.get("at"), given.get("session")
    event = given.get("event", "validate")
    if isinstance(at, bool) or not isinstance(at, (int, float)) or not abs(at) <= _LATEST:
        raise ValueError(f'line {number} of the traffic: "at" must be a number of seconds')
    if not isinstance(session, str) or not session:
        raise ValueError(f'line {number} of the traffic: "session" must be a text')
    if event not in ("validate", "revoke"):
        raise ValueError(f'line {number} of the traffic: "event" must be "validate" or "revoke"')
    return Request(float(at), session, event)
