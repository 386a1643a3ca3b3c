"""What the ways to validate a token cost on one store, beside a bare decode of the same tokens."""

from __future__ import annotations

import secrets
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from time import monotonic, perf_counter
from typing import TYPE_CHECKING

from attrs import define, evolve, field, frozen

from devsess.errors import SessionRevokedError
from devsess.manager import SessionManager
from devsess.policy import Policy
from devsess.tuning.timing import Batch, alternating, anew, each_anew
from devsess.tuning.visitors import Visitor, client, each_request, sign_in

if TYPE_CHECKING:
    from devsess.keys import Keys
    from devsess.stores.base import Store

SESSIONS = 25
CALLS = 200
WRITES = 100


@frozen
class Figures:
    """
    What was measured.

    Attributes:
        validations: Microseconds of each way to validate, the best round of many.
        decode: Microseconds of a bare decode, likewise.
        writes: Milliseconds of each write, the median.
        mark: What tells that nothing has changed, as in Metrics.
        rounds: How many rounds there were.
    """

    validations: Mapping[str, float]
    decode: float
    writes: Mapping[str, float]
    mark: str
    rounds: int

    def ratio(self, name: str) -> float:
        """A validation's cost as a part of a bare decode's."""
        return self.validations[name] / self.decode


def measure(store: Store, keys: Keys, decode: Callable[[str], object], seconds: float) -> Figures:
    """
    Measure *store* with sessions of a made-up user, who is erased in the end.

    Args:
        store: Left open.
        keys: For the tokens.
        decode: A bare decode of an access token.
        seconds: How long it may take; one round there is in any case.

    Raises:
        StoreUnavailableError: If the store did not answer.
    """
    user = f"devsess-bench-{secrets.token_hex(8)}"
    deadline = monotonic() + seconds
    sessions = SessionManager(store, keys=keys)
    try:
        suite = _Suite(store, keys, decode, user, sessions)
        writes = suite.writes(monotonic() + seconds / 3)
        batches = suite.batches()
        for batch in batches.values():
            batch()  # so that what is repeated has been seen before
        found = alternating(batches, sys.maxsize, deadline)
        best = {name: min(rounds) * 1e6 for name, rounds in found.items()}
        bare = best.pop("decode")
        return Figures(best, bare, writes, sessions.metrics().mark, len(found["decode"]))
    finally:
        sessions.erase_user(user)


@define
class _Suite:
    """The made-up user's sessions, and what is done with them."""

    store: Store
    keys: Keys
    decode: Callable[[str], object]
    user: str
    strict: SessionManager
    live: list[Visitor] = field(factory=list)
    revoked: list[Visitor] = field(factory=list)

    def writes(self, deadline: float) -> dict[str, float]:
        """Milliseconds of login, refresh and revoke, once all sessions are there."""
        taken: dict[str, list[float]] = {"login": [], "refresh": [], "revoke": []}
        number = 0
        while number < WRITES and (number < 1 or monotonic() < deadline):
            for name, seconds in self._cycle(number):
                taken[name].append(seconds)
            number += 1
        self.live = [self._signed_in(1000 + one) for one in range(SESSIONS)]
        return {name: statistics.median(spent) * 1000 for name, spent in taken.items()}

    def _cycle(self, number: int) -> Iterator[tuple[str, float]]:
        """Sign in, refresh, revoke; what each took."""
        device = client(number)
        begun = perf_counter()
        grant = self.strict.login(self.user, device)
        yield "login", perf_counter() - begun
        device = evolve(device, device_token=grant.device_token)
        begun = perf_counter()
        grant = self.strict.refresh(grant.refresh_token, device)
        yield "refresh", perf_counter() - begun
        begun = perf_counter()
        self.strict.revoke(grant.session.id)
        yield "revoke", perf_counter() - begun
        self.revoked.append(Visitor(device, grant, 0))

    def _signed_in(self, number: int) -> Visitor:
        return sign_in(self.strict, self.user, client(number), 0)

    def batches(self) -> dict[str, Batch]:
        """What is measured, the bare decode first."""
        relaxed = SessionManager(self.store, keys=self.keys, policy=Policy(max_staleness=1))
        clients = SessionManager(self.store, keys=self.keys)
        strict, live = self.strict, self.live
        requests = [(it.grant.access_token, it.client) for it in live] * (CALLS // len(live))
        return {
            "decode": lambda: _each(self.decode, live),
            "repeated": lambda: _each(strict.validate, live),
            "repeated, a new equal client each time": partial(each_request, clients, requests),
            "repeated, one second of staleness": lambda: _each(relaxed.validate, live),
            "fresh=True": lambda: _each(lambda token: strict.validate(token, fresh=True), live),
            "a token seen for the first time": self._first_sight,
            "revoked": lambda: _each(self._refused, self.revoked),
        }

    def _first_sight(self) -> float:
        newcomer = SessionManager(self.store, keys=self.keys)
        newcomer.validate(self.live[0].grant.access_token)  # its first look at the log
        return each_anew(newcomer.validate, _tokens(self.live[1:]), anew)

    def _refused(self, token: str) -> None:
        try:
            self.strict.validate(token)
        except SessionRevokedError:
            return
        raise AssertionError("a session that was revoked was accepted: please report this")


def _each(do: Callable[[str], object], visitors: Sequence[Visitor]) -> float:
    """Seconds to *do* a token, each visitor's as often as it takes for a batch."""
    tokens = _tokens(visitors)
    return each_anew(do, tokens * max(1, CALLS // len(tokens)), anew)


def _tokens(visitors: Sequence[Visitor]) -> list[str]:
    return [visitor.grant.access_token for visitor in visitors]
