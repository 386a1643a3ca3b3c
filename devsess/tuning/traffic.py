"""Traffic: which session is validated or revoked when; made up, or read from a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import TYPE_CHECKING, Literal, cast

from attrs import evolve, frozen

from devsess.errors import ConfigurationError

if TYPE_CHECKING:
    from random import Random

Kind = Literal["validate", "revoke"]

# How often the session at each rank is used: requests of web sites fall about so.
ZIPF = 1.1
# Longer traffic than this says nothing new: tokens were refreshed and sessions touched by then.
LONGEST = 1800.0
MOST = 200_000


@frozen
class Request:
    """
    One line of traffic.

    Attributes:
        at: Seconds since the traffic began.
        session: The name of a session; any text.
        kind: "validate" or "revoke".
    """

    at: float
    session: str
    kind: Kind = "validate"


@frozen
class Traffic:
    """
    Requests in the order of their time.

    Attributes:
        requests: At least one.
        devices: How many devices the sessions are spread over.
    """

    requests: tuple[Request, ...]
    devices: int

    @property
    def span(self) -> float:
        """Seconds from the beginning to the last request."""
        return self.requests[-1].at

    @property
    def sessions(self) -> list[str]:
        """The names of the sessions, in the order of their first request."""
        return list(dict.fromkeys(request.session for request in self.requests))

    def first(self, count: int) -> Traffic:
        """The first *count* requests of it."""
        return evolve(self, requests=self.requests[:count])

    def of_first(self, sessions: int) -> Traffic:
        """What comes before the first request of any but the first so many *sessions*."""
        known: set[str] = set()
        for index, request in enumerate(self.requests):
            known.add(request.session)
            if len(known) > sessions:
                return self.first(index)
        return self


def synthetic(rng: Random, *, rps: float, sessions: int, devices: int) -> Traffic:
    """
    Made-up traffic: requests come independently, and few sessions make most of them.

    Args:
        rng: Decides all; from the same state comes the same traffic.
        rps: Requests a second.
        sessions, devices: How many.

    Raises:
        ConfigurationError: If one of the numbers is not above zero.
    """
    if not (rps > 0 and sessions > 0 and devices > 0):
        raise ConfigurationError("requests a second, sessions and devices must be above zero")
    count = max(1, int(min(MOST, rps * LONGEST)))
    weights = list(accumulate(rank**-ZIPF for rank in range(1, sessions + 1)))
    ranks = rng.choices(range(sessions), cum_weights=weights, k=count)
    times = accumulate(rng.expovariate(rps) for _ in range(count))
    requests = (Request(at, f"session-{rank}") for at, rank in zip(times, ranks, strict=True))
    return Traffic(tuple(requests), devices)


def read(lines: Iterable[str]) -> Traffic:
    """
    Traffic from JSON lines: `{"at": seconds, "session": "any id", "event": "validate"}`.

    The event may be left out. Lines need not be in order; empty ones are passed over.

    Raises:
        ConfigurationError: If a line cannot be read; the message has its number.
    """
    requests = tuple(sorted(_requests(lines), key=lambda request: request.at))
    if not requests:
        raise ConfigurationError("the traffic is empty: write one JSON object a line")
    return _from_zero(requests, len({request.session for request in requests}))


def _from_zero(requests: tuple[Request, ...], devices: int) -> Traffic:
    begin = requests[0].at
    return Traffic(tuple(evolve(one, at=one.at - begin) for one in requests), devices)


def _requests(lines: Iterable[str]) -> Iterator[Request]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield _request(json.loads(line))
            except (ValueError, RecursionError) as error:
                raise ConfigurationError(f"line {number} of the traffic: {error}") from None


def _request(line: object) -> Request:
    if not isinstance(line, dict):
        raise ValueError('it is no object: write {"at": seconds, "session": "any id"}')
    at, session, kind = line.get("at"), line.get("session"), line.get("event", "validate")
    if isinstance(at, bool) or not isinstance(at, (int, float)) or not 0 <= at < 1e10:
        raise ValueError(f'"at" must be seconds, 0 or more, not {at!r}')
    if not isinstance(session, str) or not session:
        raise ValueError(f'"session" must be a text, not {session!r}')
    if kind not in ("validate", "revoke"):
        raise ValueError(f'"event" must be "validate" or "revoke", not {kind!r}')
    return Request(float(at), session, cast("Kind", kind))
