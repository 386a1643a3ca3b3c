"""Whether an operation costs the same among a million sessions of a store as among few."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from attrs import frozen

from benchmarks import _workload as workload
from benchmarks._line import Line
from benchmarks._places import PLACES, Place
from benchmarks._rounds import typical_on_each
from devsess import SessionManager
from devsess.testing import FakeClock
from devsess.tuning.timing import Batch, each, each_fresh, fresh_copy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks._setting import Setting

DESCRIPTION = (
    "Each store with more and more sessions, which are written straight in its own layout: a "
    "session with its event, and a device for every two. Nothing waits for a disk here but "
    "SQLite. A *purge* deletes a batch of 100 rows by a clock that is a year ahead. *MongoDB's "
    "protocol* is nx-27017, a server in Python that looks through all documents for some of these "
    "operations: it bears a thousand sessions, and says nothing about a `mongod`; its bytes are "
    "those of the documents alone."
)

# How many times its cost among the fewest an operation may cost among more.
BOUND = 2.0
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
    for name, (smallest, *others) in (QUICK_SIZES if setting.quick else SIZES).items():
        for size in others:
            small, costs = _measured(name, (smallest, size), setting)
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


def _measured(name: str, sizes: Sequence[int], setting: Setting) -> list[_Costs]:
    """The costs in stores of these *sizes*, side by side, each on a new server."""
    with ExitStack() as filled:
        stores = [filled.enter_context(_filled(name, size, setting)) for size in sizes]
        for batch in (it for store in stores for it in store.batches.values()):
            batch()
        rounds = setting.rounds(25) if stores[0].is_fast else 3
        costs = typical_on_each([it.batches for it in stores], rounds)
        return [_Costs(took, it.weight) for took, it in zip(costs, stores, strict=True)]


@frozen
class _Filled:
    batches: dict[str, Batch]
    weight: float
    is_fast: bool


@contextmanager
def _filled(name: str, size: int, setting: Setting) -> Iterator[_Filled]:
    """A new server with *size* sessions, and what is measured in it."""
    from benchmarks._filling import FILL  # it imports the drivers

    folder = Path(mkdtemp(prefix=f"{FILL[name].__name__}-{size}-", dir=setting.folder))
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
            yield _Filled(batches, weight, place.is_fast)
    rmtree(folder, ignore_errors=True)


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
