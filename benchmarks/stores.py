"""The cost of each operation over each store, beside a bare decode and a bare round trip."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count, cycle, islice
from statistics import median
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from benchmarks import _readers as readers
from benchmarks import _workload as workload
from benchmarks._line import Line
from benchmarks._places import PLACES, Place, counting
from benchmarks._rounds import best
from devsess import Grant, Policy, SessionManager
from devsess._runtime.drive import drive
from devsess.testing import FakeClock
from devsess.tuning.timing import Batch, alternating, each, each_fresh, fresh_copy

if TYPE_CHECKING:
    from benchmarks._setting import Setting

DESCRIPTION = (
    "Each store on this machine, over loopback, by `SessionManager`. PostgreSQL and the one Valkey "
    "server wait for their disk before they acknowledge a write; the three nodes of the cluster "
    "write to none. *MongoDB's protocol* is nx-27017, a server in Python: its figures say nothing "
    "about a `mongod`, but their round trips are those. *Trips* is how often an operation waits "
    "for a server, with the most that it should be. A bare round trip is the driver's simplest "
    "read by key. Over SQLite a first sight costs more here than in [Validate](#validate): it "
    "comes right after sign-ins, whose commits empty its page cache. For an acknowledged "
    "revocation one process ends sessions, while eight others answer from memory under leases of "
    "two seconds."
)

SESSIONS = 250
EACH = 20
# Of a server that is slow.
FEW = 5
HITS, ROUNDS = 2_000, 25
# They wait for no disk: the best round counts.
READS = ("bare", "asking", "first sight", "list")
# Each with the bound of its cost beside a bare decode, and of its round trips.
COSTS: dict[str, tuple[float | None, int | None]] = {
    "a hit under a lease": (0.05, None),
    "a hit, max_staleness=1": (0.05, None),
    "asking": (None, 1),
    "first sight": (None, 1),
    "login": (None, 2),
    "refresh": (None, None),
    "list": (None, 1),
    "a due touch": (None, 1),
    "revoke": (None, None),
    "a renewal of a lease": (None, None),
}
ASKING_BOUND = 1.3
# Of an acknowledged revocation, in milliseconds: the median's, and the 99th percentile's.
ACKNOWLEDGED: dict[str, tuple[float | None, float | None]] = {
    "PostgreSQL": (15, 50),
    "Valkey": (10, 30),
}
HEARD_BOUND = 50
ACTIVE = 8
REVOCATIONS = 200


def lines(setting: Setting) -> list[Line]:
    """Every operation over every store."""
    found: list[Line] = []
    for opened in PLACES.values():
        with opened(setting.folder) as place:
            found += _costs(place, setting)
            if place.on_network:
                found += _endings(place, setting)
    return found


def _costs(place: Place, setting: Setting) -> list[Line]:
    measured = _Measured.of(place, setting)
    unit, trips = measured.seconds["decode"], measured.trips
    found = [
        Line(
            f"{place.name}: {name}",
            measured.seconds[name] / unit,
            bound,
            microseconds=measured.seconds[name] * 1e6,
            drifts=False,  # its round trips do, and `validate` has the hits
            trips=trips.get(name),
            trips_bound=most if place.on_network else None,
        )
        for name, (bound, most) in COSTS.items()
        if name in measured.seconds
    ]
    if not place.on_network:
        return found
    bare = measured.seconds["bare"]
    ratio = measured.seconds["asking"] / bare
    return [
        Line(
            f"{place.name}: a bare round trip", bare / unit, microseconds=bare * 1e6, drifts=False
        ),
        *found,
        Line(f"{place.name}: asking, beside a bare round trip", ratio, ASKING_BOUND, drifts=False),
    ]


@frozen
class _Measured:
    """
    The operations of a store.

    Attributes:
        seconds: Of each, and of a decode and a bare round trip.
        trips: How many round trips each waits for.
    """

    seconds: Mapping[str, float]
    trips: Mapping[str, float]

    @classmethod
    def of(cls, place: Place, setting: Setting) -> _Measured:
        """First all that asks, while nobody holds a lease; then the hits."""
        rounds = setting.rounds(ROUNDS) if place.is_fast else 1 if setting.quick else 3
        with workload.opened(place.location) as sessions:
            grants = workload.signed_in(sessions, SESSIONS if place.is_fast else FEW)
            asked, trips = _asked(place, sessions, grants, rounds)
        seconds, others = _remembered(place, grants)
        return cls(asked | seconds, trips | others)


def _asked(
    place: Place, sessions: SessionManager, grants: list[Grant], rounds: int
) -> tuple[dict[str, float], dict[str, float]]:
    """The operations that ask the store: seconds, and round trips."""
    few = EACH if place.is_fast else FEW
    with ExitStack() as stack:
        bare = stack.enter_context(place.bare())
        keys = cycle([grant.session.id for grant in grants])
        batches: dict[str, Batch] = {
            "bare": lambda: each(bare, list(islice(keys, 5 * few))),
            **_Operations(stack, place, sessions, grants, few).batches(),
        }
        for batch in batches.values():
            batch()
        found = alternating(batches, rounds)
        seconds = {name: (min if name in READS else median)(it) for name, it in found.items()}
        with counting(place) as so_far:
            trips = {name: _trips(batch, so_far) / few for name, batch in batches.items()}
    # In their batches, sessions are signed in first.
    return seconds, trips | {it: trips[it] - trips["login"] for it in ("first sight", "revoke")}


def _trips(batch: Batch, so_far: Callable[[], int]) -> int:
    before = so_far()
    batch()
    return so_far() - before


class _Operations:
    """Batches of operations that ask the store, by the names in COSTS."""

    def __init__(
        self,
        stack: ExitStack,
        place: Place,
        sessions: SessionManager,
        grants: list[Grant],
        few: int,
    ) -> None:
        self._sessions, self._grants, self._few = sessions, grants, few
        self._numbers = count(len(grants))
        self._latest = {number: grants[number].refresh_token for number in range(few)}
        self._newcomer = stack.enter_context(workload.opened(place.location))
        # Half a day ago: each of its validations comes a minute after the one before.
        self._clock = FakeClock(datetime.now(UTC) - timedelta(hours=12))
        policy = Policy(access_lifetime=timedelta(days=1), touch_interval=60)
        self._earlier = stack.enter_context(
            SessionManager(place.location, keys=workload.SECRET, policy=policy, clock=self._clock)
        )
        self._idle = [self._earlier.login(f"idle-{it}").access_token for it in range(few)]

    def batches(self) -> dict[str, Batch]:
        """All of them."""
        known = [grant.access_token for grant in self._grants[: self._few]]
        owners = [grant.session.user_id for grant in self._grants[: self._few]]
        return {
            "asking": lambda: each_fresh(self._sessions.validate, known, fresh_copy),
            "first sight": self._first_sight,
            "login": lambda: each(self._login, self._next()),
            "refresh": lambda: each(self._refresh, list(self._latest)),
            "list": lambda: each(self._sessions.list, owners),
            "a due touch": self._touch,
            "revoke": self._revoke,
        }

    def _next(self) -> list[int]:
        return list(islice(self._numbers, self._few))

    def _login(self, number: int) -> Grant:
        return self._sessions.login(f"user-{number:07d}", workload.client(number))

    def _refresh(self, number: int) -> None:
        device = self._grants[number].device_token
        client = evolve(workload.client(number), device_token=device)
        self._latest[number] = self._sessions.refresh(self._latest[number], client).refresh_token

    def _first_sight(self) -> float:
        tokens = [self._login(number).access_token for number in self._next()]
        return each_fresh(self._newcomer.validate, tokens, fresh_copy)

    def _touch(self) -> float:
        self._clock.advance(61)
        return each_fresh(self._earlier.validate, self._idle, fresh_copy)

    def _revoke(self) -> float:
        ended = [self._login(number).session.id for number in self._next()]
        return each(self._sessions.revoke, ended)


def _remembered(place: Place, grants: list[Grant]) -> tuple[dict[str, float], dict[str, float]]:
    """The answers from memory beside a decode of the same tokens, and the renewals behind them."""
    few = grants[:250]
    tokens = [grant.access_token for grant in few]
    policies = {
        "a hit under a lease": Policy(acknowledged=True),
        "a hit, max_staleness=1": Policy(max_staleness=1),
    }
    trips: dict[str, float] = {}
    with ExitStack() as stack:
        batches: dict[str, Batch] = {"decode": workload.decoding(few)}
        if place.on_network:
            renew = batches["a renewal of a lease"] = _renewals(stack, place)
            with counting(place) as so_far:
                trips["a renewal of a lease"] = _trips(renew, so_far) / EACH
        for name, policy in policies.items():
            opened = SessionManager(place.location, keys=workload.SECRET, policy=policy)
            sessions = stack.enter_context(opened)
            readers.until_memory_answers(sessions, tokens)
            repeated = tokens * (HITS // len(tokens))
            batches[name] = partial(workload.repeated, sessions.validate, repeated)
        return best(batches, ROUNDS), trips


def _renewals(stack: ExitStack, place: Place) -> Batch:
    store: Any = stack.enter_context(workload.opened(place.location))._store
    reader = "a-reader-of-the-benchmark"
    position = drive(store.renew(reader, None, lease=1.0)).changes.position
    stack.callback(lambda: drive(store.leave(reader)))
    return lambda: each(
        lambda _: drive(store.renew(reader, position, lease=1.0)), list(range(EACH))
    )


def _endings(place: Place, setting: Setting) -> list[Line]:
    """What an acknowledged revocation takes beside active processes, and beside a stopped one."""
    lease = Policy().lease
    active = ACTIVE // 4 if setting.quick else ACTIVE
    times = 10 if setting.quick else REVOCATIONS if place.is_fast else REVOCATIONS // 10
    with readers.Group(place.location, active, Policy(acknowledged=True, lease=lease)) as group:
        delays = sorted(1000 * group.revoke() for _ in range(times))
        stopped = [group.revoke(stopped=True) for _ in range(1 if setting.quick else 3)]
    heard = readers.heard(place.location, max(5, times // 5))
    half, most = ACKNOWLEDGED.get(place.name, (None, None))
    name = f"{place.name}: acknowledged revoke, {active} active processes"
    waits = [
        Line(f"{name}: median", median(delays), half, unit="ms"),
        Line(f"{name}: 99th percentile", delays[int(len(delays) * 0.99)], most, unit="ms"),
        Line(
            f"{place.name}: the same, one of them stopped: longest",
            max(stopped),
            lease * 1.05 + 0.05,
            unit="s",
        ),
        Line(
            f"{place.name}: a revocation is heard by an idle process: median",
            1000 * median(heard),
            HEARD_BOUND,
            unit="ms",
        ),
    ]
    return [evolve(line, drifts=False) for line in waits]
