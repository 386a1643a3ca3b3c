"""Traffic: which session is validated or revoked when; simulated, or read from a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from attrs import evolve, frozen

from devsess.errors import ConfigurationError

if TYPE_CHECKING:
    from random import Random

Kind = Literal["validate", "revoke"]

_WRITE = 'write {"at": seconds, "session": "any id"}'
# How often the session at each rank is used: requests of web sites fall about so.
ZIPF = 1.1


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


# At least one, in the order of their time.
Traffic: TypeAlias = Sequence[Request]


def sessions_of(traffic: Traffic) -> list[str]:
    """The names of the sessions, in the order of their first request."""
    return list(dict.fromkeys(request.session for request in traffic))


def synthetic(rng: Random, count: int, *, rps: float, sessions: int) -> Traffic:
    """
    Simulated traffic: requests come independently, and few sessions make most of them.

    Args:
        rng: The same state makes the same traffic.
        count: How many requests, one at least.
        rps: Requests a second, above zero.
        sessions: How many, one at least.
    """
    weights = list(accumulate(rank**-ZIPF for rank in range(1, sessions + 1)))
    ranks = rng.choices(range(sessions), cum_weights=weights, k=count)
    times = accumulate(rng.expovariate(rps) for _ in range(count))
    return [Request(at, f"session-{rank}") for at, rank in zip(times, ranks, strict=True)]


def read(lines: Iterable[str]) -> Traffic:
    """
    Traffic from JSON lines: `{"at": seconds, "session": "any id", "event": "validate"}`.

    The event may be left out. Lines need not be in order; empty ones are passed over.

    Raises:
        ConfigurationError: If a line cannot be read; the message has its number.
    """
    requests = sorted(_requests(lines), key=lambda request: request.at)
    if not requests:
        raise ConfigurationError("the traffic is empty: write one JSON object a line")
    return [evolve(one, at=one.at - requests[0].at) for one in requests]


def _requests(lines: Iterable[str]) -> Iterator[Request]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield _request(_parsed(line))
            except (ValueError, RecursionError) as error:
                raise ConfigurationError(f"line {number} of the traffic: {error}") from None


def _parsed(line: str) -> object:
    try:
        found: object = json.loads(line)
    except json.JSONDecodeError:  # its message counts lines of its own
        raise ValueError(f"it is no JSON: {_WRITE}") from None
    return found


def _request(line: object) -> Request:
    if not isinstance(line, dict):
        raise ValueError(f"it is no object: {_WRITE}")
    at, session, kind = line.get("at"), line.get("session"), line.get("event", "validate")
    if isinstance(at, bool) or not isinstance(at, (int, float)) or not 0 <= at < 1e10:
        raise ValueError(f'"at" must be seconds, 0 or more, not {at!r}')
    if not isinstance(session, str) or not session:
        raise ValueError(f'"session" must be a text, not {session!r}')
    if kind not in ("validate", "revoke"):
        raise ValueError(f'"event" must be "validate" or "revoke", not {kind!r}')
    return Request(float(at), session, cast("Kind", kind))
