"""Three operations at once, in orders of their store calls that Hypothesis chooses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devsess import (
    Client,
    EventType,
    Grant,
    InvalidSessionError,
    LoginDeniedError,
    Policy,
    SessionLimitError,
    SessionManager,
    SessionRevokedError,
)
from devsess.stores.memory import MemoryStore
from devsess.stores.sqlite import SQLiteStore
from devsess.testing import FakeClock, Steps, interleave

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from devsess.stores.base import Store

ORDERS = st.lists(st.integers(0, 2), min_size=4, max_size=21)
# The store is the same for all orders: each race has an account of its own.
in_any_order = settings(
    max_examples=30,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class Ring:
    """Two managers, each with its cache, on one store; a new account for every race."""

    def __init__(self, store: Store) -> None:
        self.steps = Steps(store)
        self.clock = FakeClock()
        self._users = 0

    def managers(self, **policy: Any) -> tuple[SessionManager, SessionManager]:
        settings: dict[str, Any] = {
            "keys": "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1",
            "policy": Policy(**policy),
            "clock": self.clock,
        }
        return SessionManager(self.steps, **settings), SessionManager(self.steps, **settings)

    def user(self) -> str:
        self._users += 1
        return f"ada-{self._users}"


@pytest.fixture(params=["memory", "sqlite"])
def ring(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ring]:
    store = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "races.db")
    yield Ring(store)
    store.close()


def passes(sessions: SessionManager, grant: Grant) -> bool:
    try:
        sessions.validate(grant.access_token)
    except InvalidSessionError:
        return False
    return True


@in_any_order
@given(order=ORDERS)
def test_three_refreshes_have_one_successor(ring: Ring, order: list[int]) -> None:
    """Whoever is first, the two others get what the first one got."""
    here, there = ring.managers()
    token = here.login(ring.user()).refresh_token
    grants: list[Any] = interleave(
        ring.steps,
        lambda: here.refresh(token),
        lambda: there.refresh(token),
        lambda: here.refresh(token),
        order=order,
    )
    assert 1 == len({grant.refresh_token for grant in grants})
    assert [False, True, True] == sorted(grant.replayed for grant in grants)


@in_any_order
@given(order=ORDERS)
def test_three_that_come_late_get_one_successor(ring: Ring, order: list[int]) -> None:
    """An answer was lost to three tabs: one gets another successor, and the others the same."""
    here, there = ring.managers()
    token = here.login(ring.user()).refresh_token
    lost = here.refresh(token)
    ring.clock.advance(600)
    grants: list[Any] = interleave(
        ring.steps,
        lambda: here.refresh(token),
        lambda: there.refresh(token),
        lambda: there.refresh(token),
        order=order,
    )
    successors = {grant.refresh_token for grant in grants}
    assert 1 == len(successors)
    assert lost.refresh_token not in successors
    assert [False, True, True] == sorted(grant.replayed for grant in grants)
    assert here.refresh(successors.pop())


@in_any_order
@given(order=ORDERS)
def test_no_refresh_outruns_a_revocation(ring: Ring, order: list[int]) -> None:
    """Two tabs refresh while another device revokes: nothing that either got is good after it."""
    here, there = ring.managers()
    grant = here.login(ring.user())

    def revoke() -> list[bool]:
        there.revoke(grant.session.id)
        return [passes(here, grant), passes(there, grant)]

    *renewed, passed = interleave(
        ring.steps,
        lambda: here.refresh(grant.refresh_token),
        lambda: there.refresh(grant.refresh_token),
        revoke,
        order=order,
    )
    assert [False, False] == passed
    for each in renewed:
        assert isinstance(each, (Grant, SessionRevokedError))
        if isinstance(each, Grant):
            assert not passes(here, each)
            assert not passes(there, each)


@pytest.mark.parametrize("on_limit", ["evict", "reject"])
@in_any_order
@given(order=ORDERS)
def test_three_logins_keep_to_the_limit(ring: Ring, on_limit: Any, order: list[int]) -> None:
    """Three sign-ins for two places: two are live, and the third was refused or made room."""
    here, there = ring.managers(max_sessions=2, on_limit=on_limit)
    user = ring.user()
    outcomes = interleave(
        ring.steps,
        lambda: here.login(user),
        lambda: there.login(user),
        lambda: here.login(user),
        order=order,
    )
    granted = [it for it in outcomes if isinstance(it, Grant)]
    live = {session.id for session in here.list(user)}
    assert 2 == len(live)
    assert live == {it.session.id for it in granted if passes(there, it)}
    if on_limit == "reject":
        assert 1 == len([it for it in outcomes if isinstance(it, SessionLimitError)])
    else:
        assert 1 == sum(len(it.evicted) for it in granted)


@in_any_order
@given(order=ORDERS)
def test_one_device_keeps_one_session(ring: Ring, order: list[int]) -> None:
    """One browser signs in three times at once: its last session is its only one."""
    here, there = ring.managers()
    user = ring.user()
    token = here.login(user, Client(user_agent="curl/8.9")).device_token
    moves: list[Callable[[], object]] = [
        lambda: here.login(user, Client(user_agent="curl/8.9", device_token=token)),
        lambda: there.login(user, Client(user_agent="curl/8.9", device_token=token)),
        lambda: here.login(user, Client(user_agent="curl/8.9", device_token=token)),
    ]
    grants: list[Any] = interleave(ring.steps, *moves, order=order)
    assert 1 == len(here.list(user))
    assert 1 == len(here.devices(user))
    assert 1 == sum(passes(there, grant) for grant in grants)


@in_any_order
@given(order=ORDERS)
def test_no_sign_in_outruns_a_password_change(ring: Ring, order: list[int]) -> None:
    """Two sign-ins with the old password, and a change of it: neither is left."""
    here, there = ring.managers()
    user, before = ring.user(), ring.clock.now()
    ring.clock.advance(1)
    *outcomes, _ = interleave(
        ring.steps,
        lambda: here.login(user, auth_time=before),
        lambda: there.login(user, auth_time=before),
        lambda: here.revoke_all(user),
        order=order,
    )
    assert [] == there.list(user)
    for outcome in outcomes:
        assert isinstance(outcome, (Grant, LoginDeniedError))
        assert not isinstance(outcome, Grant) or not passes(here, outcome)


@in_any_order
@given(order=ORDERS)
def test_no_fill_outlives_a_revocation(ring: Ring, order: list[int]) -> None:
    """One thread fills the cache, another consumes the log, a third revokes elsewhere."""
    here, there = ring.managers()
    grant, bystander = here.login(ring.user()), here.login(ring.user())

    def revoke() -> bool:
        there.revoke(grant.session.id)
        return passes(here, grant)

    *_, passed = interleave(
        ring.steps,
        lambda: passes(here, grant),
        lambda: [passes(here, bystander), passes(here, grant)],
        revoke,
        order=order,
    )
    assert passed is False
    assert not passes(here, grant)
    assert passes(here, bystander)


@in_any_order
@given(order=ORDERS)
def test_a_stolen_token_ends_the_session_once(ring: Ring, order: list[int]) -> None:
    """An old refresh token comes back while the new one is used twice: the session ends."""
    here, there = ring.managers()
    stolen = here.login(ring.user()).refresh_token
    older = here.refresh(stolen)
    newest = here.refresh(older.refresh_token)
    outcomes = interleave(
        ring.steps,
        lambda: here.refresh(newest.refresh_token),
        lambda: there.refresh(newest.refresh_token),
        lambda: there.refresh(stolen),
        order=order,
    )
    assert isinstance(outcomes[2], InvalidSessionError)
    assert not passes(here, newest)
    for each in outcomes[:2]:
        assert isinstance(each, (Grant, SessionRevokedError))
    told = [event.type for event in here.history(newest.session.user_id)]
    assert 1 == told.count(EventType.TOKEN_REUSED)
