"""Replay traffic beside the user's own store, for the cost and hit rate of validations."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from copy import copy
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from time import perf_counter_ns, time
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from devsess.errors import ConfigurationError, InvalidSessionError
from devsess.manager import SessionManager
from devsess.policy import Policy
from devsess.stores.open import file_of
from devsess.testing.clock import FakeClock
from devsess.tuning.clients import SimulatedClient, client, sign_in
from devsess.tuning.timing import each
from devsess.tuning.traffic import sessions_of

if TYPE_CHECKING:
    from devsess.tokens.keys import Keys
    from devsess.tuning.traffic import Request, Traffic

# This first part of the traffic, in which the cache fills, is not counted.
WARM = 0.25
# How finely the bound on revocations is measured: steps of this part of the greatest staleness.
PROBES = 16
# A step that scatters any number of sessions evenly over a span.
_GOLDEN = 0.6180339887498949


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


@define
class Replay:
    """
    A replay under way, on a copy of the filled database that two processes share.

    Attributes:
        here: The manager that is measured.
        other: Another process's manager, which revokes, and serves every second session.
        clock: Of both managers; it stands where the traffic begins.
        clients: By the session's name.
        at: Seconds since the traffic began.
        costs: Nanoseconds of each validation.
    """

    here: SessionManager
    other: SessionManager
    clock: FakeClock
    clients: dict[str, SimulatedClient]
    at: float = 0.0
    costs: list[int] = field(factory=list)

    def fill(self) -> None:
        """Validate each session once: the cost of a first sight is not measured here."""
        for one in [*self.clients.values()][::2]:
            self.here.validate(one.token(self.here, 0), one.client, touch=False)

    def run(self, requests: Sequence[Request], overhead: int = 0) -> None:
        """Replay *requests*; *overhead* nanoseconds are no part of a validation."""
        elsewhere = frozenset([*self.clients][1::2])
        for request in requests:
            self.clock.advance(request.at - self.at)
            self.at = request.at
            one = self.clients[request.session]
            if request.kind == "revoke":
                self.other.revoke(one.grant.session.id)
            elif request.session in elsewhere:
                self._validate(self.other, one)
            else:
                self.costs.append(max(0, self._validate(self.here, one) - overhead))

    def _validate(self, sessions: SessionManager, one: SimulatedClient) -> int:
        """The nanoseconds that it took."""
        token = one.token(sessions, self.at)
        begun = perf_counter_ns()
        with suppress(InvalidSessionError):  # a refusal is a validation too
            sessions.validate(token, one.client)
        return perf_counter_ns() - begun

    def bound(self, staleness: float) -> float:
        """Seconds until a revocation is heard of; infinite beyond twice the *staleness*."""
        one = sign_in(self.here, "user-revoked", client(0), 0)
        one.use(self.here)
        # Everything is known right now, which is the worst moment for a revocation to follow.
        self.clock.advance(staleness)
        one.use(self.here)
        self.other.revoke(one.grant.session.id)
        for probe in range(2 * PROBES):
            try:
                one.use(self.here)
            except InvalidSessionError:
                return probe * staleness / PROBES
            self.clock.advance(staleness / PROBES)
        return math.inf


class ReplayStore:
    """
    A database in which the sessions of *traffic* are signed in, copied for each replay.

    Args:
        folder: Where it is kept.
        traffic: To be replayed.
        keys: For all tokens.
    """

    def __init__(self, folder: Path, traffic: Traffic, keys: Keys) -> None:
        self._folder, self._keys, self._traffic = folder, keys, traffic
        self._clients = self._signed_in(sessions_of(traffic))

    def _signed_in(self, names: Sequence[str]) -> dict[str, SimulatedClient]:
        """Scattered, so that neither refreshes nor touches come all at once."""
        found: dict[str, SimulatedClient] = {}
        clock, policy = FakeClock(), Policy()
        with SessionManager(self._folder / "filled.db", keys=self._keys, clock=clock) as sessions:
            for index, name in enumerate(names):
                at = -policy.access_lifetime * (index * _GOLDEN % 1)
                clock.advance(at)
                found[name] = one = sign_in(sessions, f"user-{index}", client(index), at)
                # The square: when a session is touched and refreshes must not be related.
                seen = max(at, -policy.touch_interval * (index * index * _GOLDEN % 1))
                clock.advance(seen - at)
                one.use(sessions)
                clock.advance(-seen)
        return found

    @contextmanager
    def opened(self, policy: Policy) -> Iterator[Replay]:
        """A fresh copy, opened twice, as by two processes; the first has *policy*."""
        from devsess.stores.sqlite import SQLiteStore

        with TemporaryDirectory(dir=self._folder) as folder:
            path = Path(folder) / "replayed.db"
            shutil.copyfile(self._folder / "filled.db", path)
            with closing(SQLiteStore(path)) as store, closing(SQLiteStore(path)) as shared:
                clock = FakeClock()
                here = SessionManager(store, keys=self._keys, policy=policy, clock=clock)
                other = SessionManager(shared, keys=self._keys, clock=clock)
                clients = {name: copy(one) for name, one in self._clients.items()}
                yield Replay(here, other, clock, clients)

    def replay(self, policy: Policy) -> Outcome:
        """The cost of the traffic under *policy*."""
        warm = int(len(self._traffic) * WARM)
        with self.opened(policy) as state:
            state.fill()
            state.run(self._traffic[:warm])
            state.costs.clear()
            before, since = state.here.metrics(), state.at
            state.run(self._traffic[warm:], _overhead())
            after, costs = state.here.metrics(), sorted(state.costs)
            hits, misses = after.hits - before.hits, after.misses - before.misses
            return Outcome(
                max_staleness=policy.max_staleness,
                validations=len(costs),
                mean_us=sum(costs) / max(1, len(costs)) / 1000,
                p99_us=(costs[math.ceil(len(costs) * 0.99) - 1] if costs else 0) / 1000,
                hit_rate=hits / max(1, hits + misses),
                catch_ups_per_second=(after.catch_ups - before.catch_ups)
                / ((state.at - since) or math.inf),
                revocation_bound=state.bound(policy.max_staleness),
            )


def _overhead() -> int:
    """Nanoseconds by which this clock and the stopwatch lengthen a validation."""
    clock, turns = FakeClock(), range(2_000)
    ours = each(lambda _: clock.now().timestamp(), turns)
    stopwatch = each(lambda _: perf_counter_ns(), turns)
    return max(0, round((ours + stopwatch - each(lambda _: time(), turns)) * 1e9))


@contextmanager
def replay_store(location: str, traffic: Traffic, keys: Keys) -> Iterator[ReplayStore]:
    """
    A store for *traffic* in a folder beside the file at *location*, which is not opened.

    Raises:
        ConfigurationError: If *location* is no path and no `sqlite:///file.db`: no other process
            sees a store in memory, and staleness is about what another process has revoked.
        OSError: If nothing can be written beside the file.
    """
    path = file_of(location)
    if path is None:
        raise ConfigurationError(
            "traffic is replayed on SQLite, not on memory://, which no other process sees: "
            "use a path, or sqlite:///file.db"
        )
    folder = Path(path).parent / f".devsess-tune-{token_hex(8)}"
    try:
        # Made inside the try: a signal right after it must not leave the folder behind.
        folder.mkdir(mode=0o700)
        yield ReplayStore(folder, traffic, keys)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
