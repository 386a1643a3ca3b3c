"""10^5 failures in a minute: no store grows with them, none gets slower, and owners sign in."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pytest
from _urls import in_postgres, in_valkey
from attrs import evolve, field, frozen

from devsess import Client, Policy, SessionManager
from devsess._runtime.drive import drive
from devsess.operations import failing, velocity
from devsess.operations._kinds import FAILURES, UNKNOWN_FAILURES, VELOCITY
from devsess.risk.failures import MOST_COUNTED
from devsess.risk.velocity import MOST_ACCOUNTS
from devsess.risk_policy import Points, Risk
from devsess.stores.items import MAX_BODY
from devsess.testing import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

    from servers.mongo import Server

    from devsess.stores.items import Item

T = TypeVar("T")

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
POLICY = Policy(risk=Risk(points=Points(velocity=15)))
HOME = Client(ip="102.89.77.21", user_agent="Mozilla/5.0 (X11; Linux x64) Firefox/140.0")
ACCOUNTS = 50
# How much slower the last calls may be than the first, each beside a read of the same time.
SLOWER = 4.0
FEWEST = 50
# Records of each kind that there may be: at most one an account, and the fixed numbers.
RECORDS = {
    FAILURES: [f"user {number}" for number in range(ACCOUNTS)],
    UNKNOWN_FAILURES: [f"{number:03x}" for number in range(failing.RECORDS)],
    VELOCITY: [f"{number:03x}" for number in range(velocity.RECORDS)],
}


def in_a_file(_: pytest.FixtureRequest, path: Path) -> str:
    return f"sqlite:///{path}"


def in_mongodb(request: pytest.FixtureRequest, _: Path) -> str:
    server: Server = request.getfixturevalue("mongo")
    return server.place()


# The store, and how many failures: a few by default. With --thorough 10^5, where a write costs
# no flush of a disk in the server, and fewer elsewhere.
SIZES = [
    pytest.param(in_a_file, 1_000, id="sqlite"),
    pytest.param(in_a_file, 100_000, id="sqlite, 10^5", marks=pytest.mark.thorough),
    pytest.param(in_postgres, 10_000, id="postgres, 10^4", marks=pytest.mark.thorough),
    pytest.param(in_valkey, 100_000, id="valkey, 10^5", marks=pytest.mark.thorough),
    pytest.param(in_mongodb, 400, id="mongodb", marks=pytest.mark.thorough),
]
# What is typed and from where, by the failure's number.
FLOODS: dict[str, Callable[[int], tuple[str, str]]] = {
    "one account": lambda _: ("user 0", "45.83.91.7"),
    "many accounts": lambda it: (f"user {it % ACCOUNTS}", f"45.83.{it % 64}.7"),
    "many names, one network": lambda it: (f"nobody {it}", "45.84.91.7"),
    "one account, many networks": lambda it: ("user 1", f"2001:db8:{it:x}::1"),
    "many names and networks": lambda it: (f"none {it}", f"2001:db9:{it:x}::1"),
}


@pytest.mark.parametrize(("place", "count"), SIZES)
def test_a_flood_of_failures(
    request: pytest.FixtureRequest, tmp_path: Path, place: Any, count: int
) -> None:
    """Records are few and small, a hot one is soon not written, and calls get no slower."""
    url, clock = place(request, tmp_path / "s.db"), FakeClock()
    with SessionManager(url, keys=SECRET, policy=POLICY, clock=clock) as sessions:
        for number in range(ACCOUNTS):
            sessions.login(f"user {number}", HOME)
        owner = Owner(sessions)
        for flood in FLOODS.values():
            times = Times(sessions)
            for number in range(count // len(FLOODS)):
                typed, ip = flood(number)
                times.of(partial(sessions.record_failure, typed, Client(ip=ip)))
                clock.advance(60 / count)
                if not number % 200:
                    owner.signs_in()

            assert times.slower() < SLOWER
        assert owner.times.slower() < SLOWER
        check_records(sessions, count)


def check_records(sessions: SessionManager, count: int) -> None:
    """Each record is bounded; one that a flood goes to is written no more once it is full."""
    found = {
        kind: [it for owner in owners for it in items(sessions, kind, owner)]
        for kind, owners in RECORDS.items()
    }
    for kind, records in found.items():
        assert 0 < len(records) <= len(RECORDS[kind])
        assert MAX_BODY >= max(len(it.body) for it in records)
    writes = {kind: sum(it.version for it in records) for kind, records in found.items()}

    assert writes[FAILURES] <= MOST_COUNTED * ACCOUNTS
    # Two floods are of names that are none, and two of many networks.
    assert writes[UNKNOWN_FAILURES] <= 2 * count // len(FLOODS)
    busy = 66 * MOST_ACCOUNTS  # of the networks of the other floods
    assert writes[VELOCITY] <= 2 * count // len(FLOODS) + busy


def items(sessions: SessionManager, kind: str, owner: str) -> Sequence[Item]:
    """A record, read as operations do."""
    answer: Any = sessions._store.items(kind, owner, limit=9)
    return cast("Sequence[Item]", drive(answer) if inspect.iscoroutine(answer) else answer)


@frozen
class Times:
    """How long calls took, each beside a read of the same moment: other work slows both down."""

    sessions: SessionManager
    calls: list[float] = field(factory=list)
    reads: list[float] = field(factory=list)

    def of(self, call: Callable[[], T]) -> T:
        """The answer of *call*, which is timed."""
        begun = perf_counter()
        answer = call()
        self.calls.append(perf_counter() - begun)
        begun = perf_counter()
        items(self.sessions, "profile", "nobody")
        self.reads.append(perf_counter() - begun)
        return answer

    def slower(self) -> float:
        """The last calls beside the first thousand of them; 1 where they are too few to say."""
        few = min(1_000, len(self.calls) // 2)
        if few < FEWEST:
            return 1.0
        first, last = (median(self.calls[it]) / median(self.reads[it]) for it in _ends(few))
        return last / first


def _ends(few: int) -> tuple[slice, slice]:
    return slice(few), slice(-few, None)


class Owner:
    """The owner of an account that is guessed at, signing in with a known device meanwhile."""

    def __init__(self, sessions: SessionManager) -> None:
        self.times = Times(sessions)
        self._client = HOME

    def signs_in(self) -> None:
        """Once more; a decision is made, and it does not refuse."""
        sessions = self.times.sessions
        grant = self.times.of(lambda: sessions.login("user 0", self._client))
        assert sessions.validate(grant.access_token).is_active
        self._client = evolve(HOME, device_token=grant.device_token)
