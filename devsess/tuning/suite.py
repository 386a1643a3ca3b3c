"""The cost of each way to validate a token on one store, beside a bare decode of the same."""

from __future__ import annotations

import secrets
import statistics
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import inf
from time import monotonic, perf_counter
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from devsess.manager import SessionManager
from devsess.tuning.clients import client, each_request, sign_in
from devsess.tuning.timing import Batch, alternating, each_fresh, fresh_copy

if TYPE_CHECKING:
    from devsess.stores.base import AsyncStore, Store
    from devsess.tokens.keys import Keys

SESSIONS = 25
CALLS = 200
WRITES = 100


@frozen
class Figures:
    """
    The figures of one run.

    Attributes:
        decode_us: Microseconds of a bare decode, the best round of many.
        validate_us: Those of each way to validate, likewise.
        writes_ms: Milliseconds of each write, the median.
        mark: As in Metrics.
        rounds: How many there were.
    """

    decode_us: float
    validate_us: Mapping[str, float]
    writes_ms: Mapping[str, float]
    mark: str
    rounds: int

    @property
    def ratio(self) -> dict[str, float]:
        """Each validation's cost as a part of a bare decode's."""
        return {name: cost / self.decode_us for name, cost in self.validate_us.items()}


def measure(
    store: Store | AsyncStore, keys: Keys, decode: Callable[[str], object], seconds: float
) -> Figures:
    """
    Measure *store* with sessions of a made-up user, which is erased in the end.

    Args:
        store: Left open.
        keys: For the tokens.
        decode: A bare decode of an access token.
        seconds: How long it may take; one round there is in any case.

    Raises:
        StoreUnavailableError: If the store did not answer.
    """
    user = f"devsess-bench-{secrets.token_hex(8)}"
    begun = monotonic()
    sessions = SessionManager(store, keys=keys)
    try:
        writes = _writes(sessions, user, begun + seconds / 3)
        batches = _batches(store, keys, decode, sessions, user)
        for batch in batches.values():
            batch()  # so that repeated tokens have been seen before
        found = alternating(batches, inf, begun + seconds)
        best = {name: min(rounds) * 1e6 for name, rounds in found.items()}
        bare = best.pop("decode")
        return Figures(bare, best, writes, sessions.metrics().mark, len(found["decode"]))
    finally:
        sessions.erase_user(user)


def _writes(sessions: SessionManager, user: str, deadline: float) -> dict[str, float]:
    """Milliseconds of login, refresh and revoke."""
    spent: list[tuple[float, float, float]] = []
    while len(spent) < WRITES and (not spent or monotonic() < deadline):
        device, begun = client(len(spent)), perf_counter()
        grant = sessions.login(user, device)
        signed_in = perf_counter()
        device = evolve(device, device_token=grant.device_token)
        ready = perf_counter()
        grant = sessions.refresh(grant.refresh_token, device)
        refreshed = perf_counter()
        sessions.revoke(grant.session.id)
        spent.append((signed_in - begun, refreshed - ready, perf_counter() - refreshed))
    medians = map(statistics.median, zip(*spent, strict=True))
    return {
        name: took * 1000
        for name, took in zip(("login", "refresh", "revoke"), medians, strict=True)
    }


def _batches(
    store: Store | AsyncStore,
    keys: Keys,
    decode: Callable[[str], object],
    sessions: SessionManager,
    user: str,
) -> dict[str, Batch]:
    """The measured calls, the bare decode first."""
    live = [sign_in(sessions, user, client(number), 0) for number in range(SESSIONS)]
    for one in live:
        one.use(sessions)
    tokens = [one.grant.access_token for one in live]
    clients = SessionManager(store, keys=keys)
    requests = [(one.grant.access_token, one.client) for one in live] * (CALLS // SESSIONS)

    def first_sight() -> float:
        newcomer = SessionManager(store, keys=keys)
        newcomer.validate(tokens[0])  # its first look at the log
        return each_fresh(newcomer.validate, tokens[1:], fresh_copy)

    return {
        "decode": partial(_each, decode, tokens),
        "repeated": partial(_each, sessions.validate, tokens),
        "repeated, a new equal client each time": partial(each_request, clients, requests),
        "fresh=True": partial(_each, partial(sessions.validate, fresh=True), tokens),
        "a token seen for the first time": first_sight,
    }


def _each(do: Callable[[str], object], tokens: Sequence[str]) -> float:
    """Seconds to *do* a token, each as often as it takes for a batch."""
    return each_fresh(do, [*tokens] * (CALLS // len(tokens)), fresh_copy)
