"""Replay traffic under a policy: the cost of validations, and the part answered from memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from time import perf_counter_ns, time
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from devsess.errors import InvalidSessionError
from devsess.testing.clock import FakeClock
from devsess.tuning.clients import client, sign_in
from devsess.tuning.timing import each

if TYPE_CHECKING:
    from devsess.policy import Policy
    from devsess.tuning.store import ReplayStore, Replica
    from devsess.tuning.traffic import Request, Traffic

# Only what comes after this part of the traffic is counted: the cache fills meanwhile.
WARM = 0.25
# How finely the bound on revocations is measured: steps of this part of the greatest staleness.
PROBES = 16


@frozen
class Outcome:
    """
    The figures of a replay, once the cache had filled.

    Attributes:
        max_staleness: The policy's.
        validations: How many were measured; without any, the figures of cost say nothing.
        mean_us, p99_us: Microseconds of a validation.
        hit_rate: The part of them that was answered from memory, 0 to 1.
        catch_ups_per_second: How often the change log was read, a second of traffic.
        revocation_bound: Seconds of traffic until a revocation by another process was in force.
    """

    max_staleness: float
    validations: int
    mean_us: float
    p99_us: float
    hit_rate: float
    catch_ups_per_second: float
    revocation_bound: float


def replay(store: ReplayStore, traffic: Traffic, policy: Policy) -> Outcome:
    """The cost of *traffic* under *policy*; its sessions are already signed in in *store*."""
    warm = int(len(traffic) * WARM)
    with store.replica(policy) as replica:
        state = _Replay(replica, frozenset([*replica.clients][1::2]), _overhead())
        state.fill()
        state.run(traffic[:warm])
        state.costs.clear()
        before, since = replica.here.metrics(), state.at
        state.run(traffic[warm:])
        after, costs = replica.here.metrics(), sorted(state.costs)
        span = (state.at - since) or math.inf
        hits, misses = after.hits - before.hits, after.misses - before.misses
        return Outcome(
            max_staleness=policy.max_staleness,
            validations=len(costs),
            mean_us=sum(costs) / max(1, len(costs)) / 1000,
            p99_us=_p99(costs) / 1000,
            hit_rate=hits / max(1, hits + misses),
            catch_ups_per_second=(after.catch_ups - before.catch_ups) / span,
            revocation_bound=bound(replica, policy.max_staleness),
        )


@define
class _Replay:
    """
    One replay under way.

    Attributes:
        elsewhere: The sessions that the other process serves.
        overhead: Nanoseconds that are no part of a validation.
        at: Seconds since the traffic began.
        costs: Nanoseconds of each validation.
    """

    replica: Replica
    elsewhere: frozenset[str]
    overhead: int
    at: float = 0.0
    costs: list[int] = field(factory=list)

    def fill(self) -> None:
        """Validate each session once: the cost of a first sight is not measured here."""
        here = self.replica.here
        for name, one in self.replica.clients.items():
            if name not in self.elsewhere:
                here.validate(one.token(here, 0), one.client, touch=False)

    def run(self, requests: Sequence[Request]) -> None:
        """Replay *requests*."""
        for request in requests:
            self.replica.clock.advance(request.at - self.at)
            self.at = request.at
            self._serve(request)

    def _serve(self, request: Request) -> None:
        one = self.replica.clients[request.session]
        if request.kind == "revoke":
            self.replica.other.revoke(one.grant.session.id)
            return
        is_here = request.session not in self.elsewhere
        served = self.replica.here if is_here else self.replica.other
        token = one.token(served, request.at)
        begun = perf_counter_ns()
        with suppress(InvalidSessionError):  # a refusal is a validation too
            served.validate(token, one.client)
        if is_here:
            self.costs.append(max(0, perf_counter_ns() - begun - self.overhead))


def _overhead() -> int:
    """Nanoseconds by which this clock and the stopwatch lengthen a validation."""
    clock, turns = FakeClock(), range(2_000)
    ours = each(lambda _: clock.now().timestamp(), turns)
    stopwatch = each(lambda _: perf_counter_ns(), turns)
    return max(0, round((ours + stopwatch - each(lambda _: time(), turns)) * 1e9))


def _p99(costs: Sequence[int]) -> int:
    """The 99th percentile of sorted *costs*; 0 if there are none."""
    return costs[math.ceil(len(costs) * 0.99) - 1] if costs else 0


def bound(replica: Replica, staleness: float) -> float:
    """Seconds until *here* refuses what *other* revoked; infinite beyond twice the *staleness*."""
    here, clock = replica.here, replica.clock
    one = sign_in(here, "user-revoked", client(0), 0)
    one.use(here)
    # Everything is known right now, which is the worst moment for a revocation to follow.
    clock.advance(staleness)
    one.use(here)
    replica.other.revoke(one.grant.session.id)
    for probe in range(2 * PROBES):
        try:
            one.use(here)
        except InvalidSessionError:
            return probe * staleness / PROBES
        clock.advance(staleness / PROBES)
    return math.inf
