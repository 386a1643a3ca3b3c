"""An operation is judged by the last of its reads."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from devsess import (
    Client,
    LoginDeniedError,
    SessionManager,
    SessionNotFoundError,
    SessionRevokedError,
    TokenExpiredError,
)
from devsess.stores.base import Insertion
from devsess.stores.calls import InsertAnswer
from devsess.stores.memory import MemoryStore
from devsess.stores.sqlite import SQLiteStore
from devsess.testing import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

    from devsess.stores.rows import DeviceRow

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
YEARS = 10 * 365 * 86_400


class Once:
    """Something that happens once."""

    happens: Callable[[], object] | None = None

    def _once(self) -> None:
        happens, self.happens = self.happens, None
        if happens is not None:
            happens()


class Between(Once, MemoryStore):
    """A store in which something happens once: after a correction, or before a sign-in is kept."""

    def set_back(self, *args: Any, **kwargs: Any) -> bool:
        done = super().set_back(*args, **kwargs)
        self._once()
        return done

    def insert(self, insertion: Insertion) -> InsertAnswer:
        self._once()
        return super().insert(insertion)


class BetweenInAFile(Once, SQLiteStore):
    """As `Between`, before a sign-in is kept."""

    def insert(self, insertion: Insertion) -> InsertAnswer:
        self._once()
        return super().insert(insertion)


class WithinAReading(Once, MemoryStore):
    """A store in which something happens once, as soon as a part of a reading is done."""

    def ending_number(self, *args: Any, **kwargs: Any) -> int:
        number = super().ending_number(*args, **kwargs)
        self._once()
        return number

    def devices(self, user_id: str) -> list[DeviceRow]:
        found = super().devices(user_id)
        self._once()
        return found


class WithinAReadingOfAFile(Once, SQLiteStore):
    """As `WithinAReading`."""

    def _query(self, *args: Any, **kwargs: Any) -> Any:
        found = super()._query(*args, **kwargs)
        self._once()
        return found


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
    """The token that it replaced gets no level of the step-up."""
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


@pytest.mark.parametrize("where", ["memory", "sqlite"])
def test_an_account_that_is_erased_while_its_sign_in_reads_it(where: str, tmp_path: Path) -> None:
    """The number is read before the devices are: no device, and no trust in it, comes back."""
    clock = FakeClock()
    with closing(
        WithinAReading() if where == "memory" else WithinAReadingOfAFile(tmp_path / "s.db")
    ) as store:
        sessions = SessionManager(store, keys=SECRET, clock=clock)
        grant = sessions.login("ada")
        until = clock.now() + timedelta(days=30)
        sessions.trust_device("ada", grant.session.device.id, until)
        store.happens = lambda: sessions.erase_user("ada")
        with suppress(LoginDeniedError):
            sessions.login("ada", Client(device_token=grant.device_token))
        assert None is store.happens
        assert [] == [it for it in sessions.devices("ada") if it.trusted_until is not None]


OLD, NEW = SECRET, "Wq8sLz3XvT6mJr1YbKd9NfHp4CgQxU7EaRo2"
# As a process that has been restarted and one that has not see it, in turn.
ROLLING = {
    "erased where the key is new": ([NEW, OLD], [OLD]),
    "erased where the key is old": ([OLD], [NEW, OLD]),
    "erased where the new key only verifies": ([OLD, NEW], [NEW, OLD]),
    "erased once the old key only verifies": ([NEW, OLD], [OLD, NEW]),
}


@pytest.mark.parametrize(("eraser", "signer"), ROLLING.values(), ids=ROLLING.keys())
@pytest.mark.parametrize("where", ["memory", "sqlite"])
def test_an_erasure_while_keys_are_changed(
    eraser: list[str], signer: list[str], where: str, tmp_path: Path
) -> None:
    """A sign-in under way does not bring an erased account back, whichever key each process has."""
    clock = FakeClock()
    with closing(Between() if where == "memory" else BetweenInAFile(tmp_path / "s.db")) as store:
        erasing = SessionManager(store, keys=eraser, clock=clock)
        signing = SessionManager(store, keys=signer, clock=clock)
        signing.login("ada")
        store.happens = lambda: erasing.erase_user("ada")
        with pytest.raises(LoginDeniedError) as caught:
            signing.login("ada")
        assert "cut-off" == caught.value.reason
        assert [] == signing.devices("ada")
        assert signing.login("ada").is_new_device
        assert "ada" == erasing.login("ada").session.user_id
