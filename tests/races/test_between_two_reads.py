"""What happens between an operation's reads: it is judged by the last of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from devsess import (
    Client,
    SessionManager,
    SessionNotFoundError,
    SessionRevokedError,
    TokenExpiredError,
)
from devsess.stores.base import InsertAnswer, Insertion
from devsess.stores.memory import MemoryStore
from devsess.testing import FakeClock

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
YEARS = 10 * 365 * 86_400


class Between(MemoryStore):
    """A store in which something happens once: after a correction, or before a sign-in is kept."""

    happens: Callable[[], object] | None = None

    def set_back(self, *args: Any, **kwargs: Any) -> bool:
        done = super().set_back(*args, **kwargs)
        self._once()
        return done

    def insert(self, insertion: Insertion) -> InsertAnswer:
        self._once()
        return super().insert(insertion)

    def _once(self) -> None:
        happens, self.happens = self.happens, None
        if happens is not None:
            happens()


def touched_ahead(store: Between, clock: FakeClock) -> tuple[Any, Any]:
    """A session that was renewed, and then touched by a process ten minutes ahead."""
    ahead = SessionManager(store, keys=SECRET, clock=clock)
    first = ahead.login("ada")
    clock.advance(10)
    second = ahead.refresh(first.refresh_token)
    clock.advance(600)
    ahead.validate(second.access_token)
    clock.advance(-600)
    return first, second


USES: dict[str, Callable[[SessionManager, Any, Any], object]] = {
    "validate": lambda sessions, first, second: sessions.validate(second.access_token),
    "refresh that converges": lambda sessions, first, second: sessions.refresh(first.refresh_token),
    "refresh": lambda sessions, first, second: sessions.refresh(second.refresh_token),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES.keys())
def test_a_session_that_ends_while_it_is_set_back(
    use: Callable[[SessionManager, Any, Any], object],
) -> None:
    """The row is judged again once it was corrected: it may have been revoked in between."""
    store, clock = Between(), FakeClock()
    first, second = touched_ahead(store, clock)
    sessions = SessionManager(store, keys=SECRET, clock=clock)
    store.happens = lambda: sessions.revoke(first.session.id, reason="stolen")
    with pytest.raises(SessionRevokedError):
        use(sessions, first, second)


def test_a_step_up_while_it_is_set_back() -> None:
    """The token that it replaced gets nothing of what the step-up reached."""
    store, clock = Between(), FakeClock()
    _, second = touched_ahead(store, clock)
    sessions = SessionManager(store, keys=SECRET, clock=clock)
    store.happens = lambda: sessions.step_up(second.access_token, amr=("otp",), acr="aal2")
    with pytest.raises(TokenExpiredError):
        sessions.validate(second.access_token, acr="aal2", max_auth_age=60)


def test_a_person_who_is_erased_during_a_purge() -> None:
    """It goes on without the session that it was about to correct."""
    store, clock = Between(), FakeClock()
    sessions = SessionManager(store, keys=SECRET, clock=clock)
    clock.advance(YEARS)
    kept, gone = sessions.login("bob"), sessions.login("ada")
    clock.advance(-YEARS)
    store.happens = lambda: sessions.erase_user("ada")
    sessions.purge()
    with pytest.raises(SessionNotFoundError):
        sessions.extend(gone.session.id, 1)
    found = sessions.get(kept.session.id)
    assert found is not None
    assert clock.now() == found.last_seen_at


def test_a_device_that_is_forgotten_during_its_sign_in() -> None:
    """It comes back as a new one: neither trusted nor named."""
    store, clock = Between(), FakeClock()
    sessions = SessionManager(store, keys=SECRET, clock=clock)
    grant = sessions.login("ada", Client(user_agent="curl/8.9"))
    device = grant.session.device
    sessions.trust_device("ada", device.id, clock.now() + timedelta(days=30))
    sessions.rename_device("ada", device.id, "my laptop")
    store.happens = lambda: sessions.forget_device("ada", device.id)
    sessions.login("ada", Client(user_agent="curl/8.9", device_token=grant.device_token))
    assert [(None, None)] == [(it.trusted_until, it.name) for it in sessions.devices("ada")]
