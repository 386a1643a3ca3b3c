"""Two threads of a blocking manager at once, on either store, call by call of theirs."""

from __future__ import annotations

import threading
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from devsess import (
    Client,
    InvalidSessionError,
    Policy,
    SessionLimitError,
    SessionManager,
)
from devsess.stores.memory import MemoryStore
from devsess.stores.sqlite import SQLiteStore
from devsess.testing import FakeClock, Steps, interleave, orders

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from devsess.stores.base import Store

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
USER = "ada"


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    store = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "races.db")
    yield store
    store.close()


@pytest.fixture
def step(thorough: bool) -> int:
    """Every order of two moves, or each fifth one."""
    return 1 if thorough else 5


class Ring:
    """A manager on stepped calls, with a new account for every race."""

    def __init__(self, store: Store, **policy: Any) -> None:
        self.clock = FakeClock()
        self.steps = Steps(store)
        self.sessions = SessionManager(
            self.steps, keys=SECRET, policy=Policy(**policy), clock=self.clock
        )
        self._users = 0

    def user(self) -> str:
        self._users += 1
        return f"{USER}-{self._users}"

    def race(self, *moves: Any, order: Sequence[int]) -> list[Any]:
        return interleave(self.steps, *moves, order=order)


def test_two_refreshes_have_one_successor(store: Store, step: int) -> None:
    """Racing tabs get the same successor, and one of them learns that it existed already."""
    ring = Ring(store)
    for order in islice(orders(6, 6), 0, None, step):
        token = ring.sessions.login(ring.user()).refresh_token
        one, other = ring.race(
            lambda token=token: ring.sessions.refresh(token),
            lambda token=token: ring.sessions.refresh(token),
            order=order,
        )
        assert one.refresh_token == other.refresh_token
        assert [False, True] == sorted([one.replayed, other.replayed])
        assert one.session.id == ring.sessions.refresh(one.refresh_token).session.id


@pytest.mark.parametrize("on_limit", ["evict", "reject"])
def test_logins_never_pass_the_limit(store: Store, on_limit: str, step: int) -> None:
    """Two sign-ins at once for one free place: never more live than the limit allows."""
    ring = Ring(store, max_sessions=2, on_limit=on_limit)
    for order in islice(orders(5, 5), 0, None, step):
        user = ring.user()
        ring.sessions.login(user)
        outcomes = ring.race(
            *[lambda user=user: ring.sessions.login(user)] * 2,
            order=order,
        )
        refused = [it for it in outcomes if isinstance(it, SessionLimitError)]
        assert 2 == len(ring.sessions.list(user))
        assert len(refused) == (0 if on_limit == "evict" else 1)


def test_a_hanging_move_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two moves that wait for each other are an error, not an endless test."""
    monkeypatch.setattr("devsess.testing.steps.PATIENCE", 0.05)
    gate = threading.Event()
    with pytest.raises(TimeoutError, match="deadlocked"):
        interleave(Steps(MemoryStore()), gate.wait)
    gate.set()


def test_exceptions_are_outcomes() -> None:
    """An exception of a move is its outcome, and the other moves go on."""
    steps = Steps(MemoryStore())
    with SessionManager(steps, keys=SECRET) as sessions:
        outcomes = interleave(
            steps,
            lambda: sessions.validate("nonsense"),
            lambda: sessions.login(USER, Client()).session.user_id,
        )
    assert isinstance(outcomes[0], InvalidSessionError)
    assert USER == outcomes[1]


def test_trust_and_the_end_of_a_compromised_account(store: Store) -> None:
    """Only a trust that begins after the ending stands; one under way never does."""
    ring = Ring(store)
    until = ring.clock.now() + timedelta(days=30)
    trusted = []
    for order in orders(4, 4):
        grant = ring.sessions.login(ring.user())
        user, device = grant.session.user_id, grant.session.device.id
        trusted_device, _ = ring.race(
            lambda user=user, device=device: ring.sessions.trust_device(user, device, until),
            lambda user=user: ring.sessions.revoke_all(user, compromised=True),
            order=order,
        )
        [found] = ring.sessions.devices(user)
        trusted.append(found.trusted_until)
        # The second turn of a move leads it through its first call: a read, and an ending.
        begins, ends = ([at for at, it in enumerate(order) if it == move][1] for move in (0, 1))
        assert (until if ends < begins else None) == found.trusted_until
        assert ends > begins or trusted_device.trusted_until == until
    assert {None, until} == set(trusted)


def test_trust_and_a_block(store: Store) -> None:
    """In every order, a device that was blocked is untrusted once it may sign in again."""
    ring = Ring(store)
    until = ring.clock.now() + timedelta(days=30)
    for order in orders(4, 4):
        grant = ring.sessions.login(ring.user())
        user, device = grant.session.user_id, grant.session.device.id
        ring.race(
            lambda user=user, device=device: ring.sessions.trust_device(user, device, until),
            lambda user=user, device=device: ring.sessions.block_device(user, device),
            order=order,
        )
        assert ring.sessions.devices(user)[0].blocked
        ring.sessions.unblock_device(user, device)
        assert [None] == [it.trusted_until for it in ring.sessions.devices(user)]
