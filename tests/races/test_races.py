"""Two operations at once, in every order of their store calls that matters."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from devsess import (
    Client,
    EventType,
    Grant,
    InvalidSessionError,
    LoginDeniedError,
    Policy,
    RefreshTokenReusedError,
    SessionLimitError,
    SessionManager,
    SessionRevokedError,
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


class Ring:
    """A manager on stepped calls, with a new account for every race."""

    def __init__(self, store: Store, **policy: Any) -> None:
        self.clock = FakeClock()
        self.steps = Steps(store)
        self.policy = Policy(**policy)
        self.sessions = self.manager()
        self._users = 0

    def manager(self) -> SessionManager:
        return SessionManager(self.steps, keys=SECRET, policy=self.policy, clock=self.clock)

    def user(self) -> str:
        self._users += 1
        return f"{USER}-{self._users}"

    def race(self, *moves: Any, order: Sequence[int]) -> list[Any]:
        return interleave(self.steps, *moves, order=order)


def is_live(sessions: SessionManager, grant: Grant) -> bool:
    try:
        sessions.validate(grant.access_token)
    except InvalidSessionError:
        return False
    return True


def test_two_refreshes_have_one_successor(store: Store) -> None:
    """Racing tabs get the same successor, one of them told that it was there already."""
    ring = Ring(store)
    for order in orders(6, 6):
        token = ring.sessions.login(ring.user()).refresh_token
        one, other = ring.race(
            lambda token=token: ring.sessions.refresh(token),
            lambda token=token: ring.sessions.refresh(token),
            order=order,
        )
        assert one.refresh_token == other.refresh_token
        assert [False, True] == sorted([one.replayed, other.replayed])
        assert ring.sessions.refresh(one.refresh_token)


def test_a_refresh_does_not_outrun_a_revocation(store: Store) -> None:
    """Whatever the refresh returned, after revoke returned none of its tokens pass."""
    ring = Ring(store)
    for order in orders(6, 5):
        grant = ring.sessions.login(ring.user())
        renewed, revoked = ring.race(
            lambda grant=grant: ring.sessions.refresh(grant.refresh_token),
            lambda grant=grant: ring.sessions.revoke(grant.session.id),
            order=order,
        )
        assert revoked is True
        assert isinstance(renewed, (Grant, SessionRevokedError))
        for each in (grant, renewed):
            if isinstance(each, Grant):
                assert not is_live(ring.sessions, each)
                with pytest.raises(SessionRevokedError):
                    ring.sessions.refresh(each.refresh_token)


@pytest.mark.parametrize("on_limit", ["evict", "reject"])
def test_logins_never_pass_the_limit(store: Store, on_limit: str) -> None:
    """Two sign-ins at once for one free place: never more live than the limit allows."""
    ring = Ring(store, max_sessions=2, on_limit=on_limit)
    for order in orders(5, 5):
        user = ring.user()
        ring.sessions.login(user)
        outcomes = ring.race(
            *[lambda user=user: ring.sessions.login(user)] * 2,
            order=order,
        )
        refused = [it for it in outcomes if isinstance(it, SessionLimitError)]
        assert 2 == len(ring.sessions.list(user))
        assert len(refused) == (0 if on_limit == "evict" else 1)


def test_a_login_does_not_outrun_revoke_all(store: Store) -> None:
    """A sign-in from before the cut-off is refused or ended, whichever comes first."""
    ring = Ring(store)
    for order in orders(5, 4):
        user = ring.user()
        before = ring.clock.now()
        ring.clock.advance(1)
        outcome, _ = ring.race(
            lambda user=user, at=before: ring.sessions.login(user, auth_time=at),
            lambda user=user: ring.sessions.revoke_all(user),
            order=order,
        )
        assert [] == ring.sessions.list(user)
        assert isinstance(outcome, (Grant, LoginDeniedError))
        if isinstance(outcome, Grant):
            assert not is_live(ring.sessions, outcome)


def test_a_fill_does_not_outlive_a_revocation(store: Store) -> None:
    """A row read before a revocation is not answered after it, here or in another manager."""
    ring = Ring(store)
    other = ring.manager()
    for order in orders(7, 6):
        grant = ring.sessions.login(ring.user())

        def validate(grant: Grant = grant) -> bool:
            return is_live(ring.sessions, grant)

        def revoke(grant: Grant = grant) -> bool:
            return other.revoke(grant.session.id) and is_live(other, grant)

        _, passed = ring.race(validate, revoke, order=order)
        assert passed is False
        assert not is_live(ring.sessions, grant)


def test_a_step_up_and_a_refresh(store: Store) -> None:
    """Whichever comes first, the session lives on and one line of tokens leads on."""
    ring = Ring(store)
    for order in orders(6, 6):
        grant = ring.sessions.login(ring.user())
        raised, renewed = ring.race(
            lambda grant=grant: ring.sessions.step_up(grant.access_token, amr=("otp",)),
            lambda grant=grant: ring.sessions.refresh(grant.refresh_token),
            order=order,
        )
        assert isinstance(raised, Grant)
        assert is_live(ring.sessions, raised)
        assert ring.sessions.get(grant.session.id).is_active  # type: ignore[union-attr]
        if isinstance(renewed, Grant):
            assert not is_live(ring.sessions, renewed) or (
                renewed.session.auth_time == raised.session.auth_time
            )


def test_a_hanging_move_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two moves that wait for each other are an error, not an endless test."""
    monkeypatch.setattr("devsess.testing.steps.PATIENCE", 0.05)
    gate = threading.Event()
    with pytest.raises(TimeoutError, match="deadlocked"):
        interleave(Steps(MemoryStore()), gate.wait)
    gate.set()


def test_exceptions_are_outcomes() -> None:
    """What a move raises is its outcome, and the others go on."""
    steps = Steps(MemoryStore())
    with SessionManager(steps, keys=SECRET) as sessions:
        outcomes = interleave(
            steps,
            lambda: sessions.validate("nonsense"),
            lambda: sessions.login(USER, Client()).session.user_id,
        )
    assert isinstance(outcomes[0], InvalidSessionError)
    assert USER == outcomes[1]


class Lost:
    """A session whose last refresh was answered to nobody, an hour ago."""

    def __init__(self, ring: Ring) -> None:
        self.sessions = ring.sessions
        self.token = ring.sessions.login(ring.user()).refresh_token
        self.lost = ring.sessions.refresh(self.token)
        ring.clock.advance(600)

    def find(self) -> Grant:
        """Come late with the previous token."""
        return self.sessions.refresh(self.token)

    def kinds(self) -> list[EventType]:
        return [event.type for event in self.sessions.history(self.lost.session.user_id)]


def test_two_that_come_late_get_one_successor(store: Store) -> None:
    """One of them is given a new successor, the other the same; the lost one is dead."""
    ring = Ring(store)
    for order in orders(5, 5):
        lost = Lost(ring)
        one, other = ring.race(lost.find, lost.find, order=order)
        assert one.refresh_token == other.refresh_token != lost.lost.refresh_token
        assert [False, True] == sorted([one.replayed, other.replayed])
        assert 1 == lost.kinds().count(EventType.TOKEN_REISSUED)
        assert ring.sessions.refresh(one.refresh_token)


def test_a_late_token_and_its_successors_refresh_token(store: Store) -> None:
    """Both in use at once are two holders: whichever comes first, the session ends, `stale`."""
    ring = Ring(store)
    for order in orders(5, 5):
        lost = Lost(ring)
        outcomes = ring.race(
            lost.find,
            lambda lost=lost: ring.sessions.refresh(lost.lost.refresh_token),
            order=order,
        )
        [reused] = [it for it in outcomes if isinstance(it, RefreshTokenReusedError)]
        assert "stale" == reused.reuse
        assert ["stale"] == [
            it.revoke_reason
            for it in ring.sessions.list(lost.lost.session.user_id, include_ended=True)
        ]


def test_a_late_token_and_its_successors_access_token(store: Store) -> None:
    """Presented before, the session ends; after, the reissue stands: never both, nor neither."""
    ring = Ring(store)
    other = ring.manager()
    seen = set()
    for order in orders(5, 5):
        lost = Lost(ring)
        found, _ = ring.race(
            lost.find,
            lambda lost=lost: other.validate(lost.lost.access_token, touch=False),
            order=order,
        )
        again = ring.sessions.get(lost.lost.session.id)
        assert again is not None
        assert again.is_active == isinstance(found, Grant)
        if isinstance(found, Grant):
            assert ring.sessions.refresh(found.refresh_token)
        else:
            assert isinstance(found, RefreshTokenReusedError)
            assert "late" == found.reuse
        seen.add(again.is_active)
    assert {True, False} == seen


def test_a_late_token_and_a_step_up(store: Store) -> None:
    """The stepped-up tokens go to whoever stepped up; whoever came late never gets them."""
    ring = Ring(store)
    for order in orders(5, 5):
        lost = Lost(ring)
        found, raised = ring.race(
            lost.find,
            lambda lost=lost: ring.sessions.step_up(lost.lost.access_token, amr=("otp",)),
            order=order,
        )
        assert isinstance(raised, Grant)
        if isinstance(found, Grant):
            assert found.refresh_token != raised.refresh_token
        else:
            # The step-up had made it older than the one before.
            assert isinstance(found, RefreshTokenReusedError)


def test_trust_and_the_end_of_a_compromised_account(store: Store) -> None:
    """Only a trust that begins after the ending stands; one under way never does."""
    ring = Ring(store)
    until = ring.clock.now() + timedelta(days=30)
    trusted = []
    for order in orders(4, 4):
        grant = ring.sessions.login(ring.user())
        user, device = grant.session.user_id, grant.session.device.id
        told, _ = ring.race(
            lambda user=user, device=device: ring.sessions.trust_device(user, device, until),
            lambda user=user: ring.sessions.revoke_all(user, compromised=True),
            order=order,
        )
        [found] = ring.sessions.devices(user)
        trusted.append(found.trusted_until)
        # The second turn of a move leads it through its first call: a read, and an ending.
        begins, ends = ([at for at, it in enumerate(order) if it == move][1] for move in (0, 1))
        assert (until if ends < begins else None) == found.trusted_until
        assert ends > begins or told.trusted_until == until
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
