"""Replay traffic under a policy: what validations cost, and what they ask of the store."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import perf_counter_ns
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from devsess.errors import InvalidSessionError
from devsess.manager import SessionManager
from devsess.tuning.clock import TrafficClock
from devsess.tuning.visitors import Visitor, client, sign_in

if TYPE_CHECKING:
    from devsess.metrics import Metrics
    from devsess.policy import Policy
    from devsess.tuning.ground import World
    from devsess.tuning.traffic import Request, Traffic

# This part of the traffic goes by before anything is counted: the cache fills meanwhile.
WARM = 0.25
# How finely the bound on revocations is measured: steps of this part of the greatest staleness.
PROBES = 20


@frozen
class Outcome:
    """
    What a replay found, once the cache had filled.

    Attributes:
        policy: What was in force.
        requests: How many it came to, those that filled the cache among them.
        validations: How many were measured; without any, the figures of cost say nothing.
        mean, p99: Microseconds of a validation.
        hit_rate: The part of them that was answered from memory, 0 to 1.
        entries: Access tokens in memory at the end.
        catch_ups: How often the change log was read, a second of traffic.
        calls: Store calls a second of traffic; refreshes are among them.
        touches: Touches a second of traffic.
        bound: Seconds of traffic until a revocation by another process was heard.
    """

    policy: Policy
    requests: int
    validations: int
    mean: float
    p99: float
    hit_rate: float
    entries: int
    catch_ups: float
    calls: float
    touches: float
    bound: float


@define
class _Replay:
    """
    One replay under way.

    Attributes:
        here: What is measured.
        other: Another process's: every second session is its, and all revocations.
    """

    here: SessionManager
    other: SessionManager
    visitors: Mapping[str, Visitor]
    elsewhere: frozenset[str]
    clock: TrafficClock
    overhead: int
    costs: array[int] = field(factory=lambda: array("q"))

    def run(self, requests: Sequence[Request], seconds: float) -> int:
        """
        Play *requests* for so many *seconds*; how many it came to.

        Until there is one validation at least, it goes on.
        """
        deadline = perf_counter_ns() + seconds * 1e9
        for count, request in enumerate(requests):
            if self.costs and perf_counter_ns() > deadline:
                return count
            self.clock.move_to(request.at)
            self._serve(request, self.visitors[request.session])
        return len(requests)

    def _serve(self, request: Request, visitor: Visitor) -> None:
        if request.kind == "revoke":
            self.other.revoke(visitor.grant.session.id)
        elif request.session in self.elsewhere:
            with suppress(InvalidSessionError):
                self.other.validate(visitor.token(self.other, request.at), visitor.client)
        else:
            self._validate(visitor, request.at)

    def fill(self) -> None:
        """Let each session have been seen before: how long that takes is told as first sight."""
        for name, visitor in self.visitors.items():
            if name not in self.elsewhere:
                self.here.validate(visitor.token(self.here, 0), visitor.client, touch=False)

    def _validate(self, visitor: Visitor, at: float) -> None:
        token, presented = visitor.token(self.here, at), visitor.client
        begun = perf_counter_ns()
        with suppress(InvalidSessionError):  # a refusal is a validation too
            self.here.validate(token, presented)
        self.costs.append(max(0, perf_counter_ns() - begun - self.overhead))


def replay(
    world: World, traffic: Traffic, policy: Policy, *, overhead: int, seconds: float = math.inf
) -> Outcome:
    """
    What *traffic* costs under *policy*.

    Args:
        world: With all sessions of the traffic; used up by this.
        overhead: Nanoseconds to take off each measured validation.
        seconds: How long it may take, filling the cache aside; the rest is left out.
    """
    world.age(policy)
    clock = TrafficClock()
    here, other = world.managers(policy, clock)
    elsewhere = frozenset([*world.visitors][1::2])
    state = _Replay(here, other, world.visitors, elsewhere, clock, overhead)
    state.fill()
    warm = traffic.requests[: int(len(traffic.requests) * WARM)]
    begun = state.run(warm, seconds)
    state.costs = array("q")
    before, since = here.metrics(), clock.at
    done = begun + state.run(traffic.requests[begun:], seconds)
    after, span = here.metrics(), clock.at - since
    costs = sorted(state.costs)
    return Outcome(
        policy=policy,
        requests=done,
        validations=len(costs),
        mean=_mean(costs) / 1000,
        p99=_p99(costs) / 1000,
        hit_rate=_hit_rate(before, after),
        entries=after.entries,
        catch_ups=_rate(after.catch_ups - before.catch_ups, span),
        calls=_rate(_calls(after) - _calls(before), span),
        touches=_rate(_touches(after) - _touches(before), span),
        bound=_bound(here, other, clock, policy),
    )


def _mean(costs: Sequence[int]) -> float:
    return sum(costs) / len(costs) if costs else 0.0


def _p99(costs: Sequence[int]) -> float:
    """The 99th percentile of sorted *costs*; 0 if there are none."""
    return costs[math.ceil(len(costs) * 0.99) - 1] if costs else 0.0


def _hit_rate(before: Metrics, after: Metrics) -> float:
    hits, misses = after.hits - before.hits, after.misses - before.misses
    return hits / (hits + misses) if hits + misses else 0.0


def _calls(metrics: Metrics) -> int:
    # The mark is a look at memory that all processes share, no question to the store.
    return sum(call.count for name, call in metrics.calls.items() if name != "mark")


def _touches(metrics: Metrics) -> int:
    touch = metrics.calls.get("touch")
    return touch.count if touch else 0


def _rate(count: int, span: float) -> float:
    return count / span if span > 0 else 0.0


def _bound(
    here: SessionManager, other: SessionManager, clock: TrafficClock, policy: Policy
) -> float:
    """Seconds of traffic until *here* refuses what *other* revoked; infinite if it never did."""
    visitor = sign_in(here, "user-revoked", client(0), clock.at)
    # Heard of everything right now, which is the worst moment for a revocation to follow.
    clock.move_to(clock.at + policy.max_staleness)
    here.validate(visitor.grant.access_token, visitor.client)
    revoked = clock.at
    other.revoke(visitor.grant.session.id)
    for probe in range(2 * PROBES):
        clock.move_to(revoked + probe * policy.max_staleness / PROBES)
        try:
            here.validate(visitor.grant.access_token, visitor.client)
        except InvalidSessionError:
            return clock.at - revoked
    return math.inf
