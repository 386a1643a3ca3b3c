"""Whether an operation costs the same among a million sessions of a store as among few."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count, islice
from typing import TYPE_CHECKING

from attrs import frozen

from benchmarks import _workload as workload
from benchmarks._line import Line
from benchmarks._places import PLACES, Place
from benchmarks._rounds import typical
from benchmarks.growth import BOUND
from devsess import SessionManager
from devsess.testing import FakeClock
from devsess.tuning.timing import Batch, each, each_fresh, fresh_copy

if TYPE_CHECKING:
    from benchmarks._setting import Setting

DESCRIPTION = (
    "Each store with more and more sessions, which are written straight in its own layout: a "
    "session with its event, and a device for every two. Nothing waits for a disk here but "
    "SQLite. A *purge* deletes a batch of 100 rows by a clock that is a year ahead. *MongoDB's "
    "protocol* is nx-27017, a server in Python that looks through all documents for some of these "
    "operations: it bears a thousand sessions, and says nothing about a `mongod`; its bytes are "
    "those of the documents alone."
)

# The smallest, beside which the others stand.
SIZES = {
    "SQLite": (10_000, 1_000_000),
    "PostgreSQL": (10_000, 100_000, 1_000_000),
    "Valkey": (10_000, 100_000, 1_000_000),
    "MongoDB's protocol": (100, 1_000),
}
QUICK_SIZES = {
    "SQLite": (1_000, 10_000),
    "PostgreSQL": (1_000, 10_000),
    "Valkey": (1_000, 10_000),
}
EACH = 20
FEW = 3
PURGED = 100


def lines(setting: Setting) -> list[Line]:
    """Each operation beside the same among the fewest, and bytes a session."""
    found: list[Line] = []
    for name, sizes in (QUICK_SIZES if setting.quick else SIZES).items():
        smallest, *others = sizes
        small = _Costs.of(name, smallest, setting)
        for size in others:
            costs = _Costs.of(name, size, setting)
            found += [
                Line(
                    f"{name}: {operation}, among {size:,} sessions, beside {smallest:,}",
                    took / small.seconds[operation],
                    BOUND,
                    microseconds=took * 1e6,
                    drifts=False,
                )
                for operation, took in costs.seconds.items()
            ]
            weight = f"{name}: bytes a session, of {size:,}"
            found.append(Line(weight, costs.weight, unit="B", drifts=False))
    return found


@frozen
class _Costs:
    """
    The costs at one size.

    Attributes:
        seconds: Of each operation.
        weight: Bytes of a session, with what comes with it.
    """

    seconds: dict[str, float]
    weight: float

    @classmethod
    def of(cls, name: str, size: int, setting: Setting) -> _Costs:
        """Fill a new server with *size* sessions, and measure."""
        from benchmarks._filling import FILL  # it imports the drivers

        folder = setting.folder / f"{FILL[name].__name__}-{size}"
        folder.mkdir()
        with PLACES[name](folder, durable=False) as place:
            with workload.opened(place.location) as sessions:
                sessions.login("model", workload.client(0))
            weight = FILL[name](place.location, size)
            with workload.opened(place.location) as sessions:
                # The manager reads what was written behind its back.
                assert [user_of(2)] * 2 == [it.user_id for it in sessions.list(user_of(2))]
                assert sessions.devices(user_of(2))
                assert sessions.history(user_of(2)).items or not place.on_network
                batches = _Operations(place, sessions, size).batches()
                for batch in batches.values():
                    batch()
                rounds = setting.rounds(25) if place.is_fast else 3
                seconds = typical(batches, rounds)
        return cls(seconds, weight)


def user_of(number: int) -> str:
    """The user of the made-up session with that number, from 1 on."""
    return f"user-{number // 2:07d}"


class _Operations:
    """Batches of operations on sessions that are spread over all."""

    def __init__(self, place: Place, sessions: SessionManager, size: int) -> None:
        self._place, self._sessions, self._size = place, sessions, size
        self._few = EACH if place.is_fast else FEW
        self._numbers = count(1)
        later = FakeClock(datetime.now(UTC) + timedelta(days=365))
        # Its manager shares the store, which `sessions` closes.
        self._later = SessionManager(sessions._store, keys=workload.SECRET, clock=later)

    def batches(self) -> dict[str, Batch]:
        """All of them, by name."""
        login = self._login
        return {
            "validate": self._validate,
            "list": lambda: each(self._sessions.list, self._users()),
            "login": lambda: each(login, self._users()),
            "revoke-all": lambda: each(self._sessions.revoke_all, self._users()),
            "purge": lambda: each(self._purge, [PURGED]),
        }

    def _users(self) -> list[str]:
        """Some that were not named before, until all were."""
        numbers = islice(self._numbers, self._few)
        return [user_of(number * 7_919 % self._size + 1) for number in numbers]

    def _login(self, user: str) -> str:
        return self._sessions.login(user, workload.client(0)).access_token

    def _validate(self) -> float:
        """First sights: each reads its row."""
        tokens = [self._login(user) for user in self._users()]
        with workload.opened(self._place.location) as newcomer:
            newcomer.validate(tokens[0])  # opens a connection
            return each_fresh(newcomer.validate, tokens[1:], fresh_copy)

    def _purge(self, limit: int) -> None:
        self._later.purge(limit=limit)
