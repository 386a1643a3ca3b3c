"""A touch that another process has written ends no entry, and a token is verified but once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from devsess import (
    AsyncSessionManager,
    Client,
    DeviceMismatchError,
    SessionManager,
    TokenExpiredError,
)
from devsess.stores.calls import StoreBusyError
from devsess.stores.sqlite import SQLiteStore
from devsess.testing import FakeClock
from devsess.tokens.access import AccessTokens

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
HOME = Client(ip="198.18.0.1", user_agent="curl/8.5.0")


class Places:
    """Two managers of one file, as of two processes, that have seen the same token."""

    def __init__(self, path: Path, *, is_awaited: bool) -> None:
        self.clock = FakeClock()
        self.there = SessionManager(path, keys=SECRET, clock=self.clock)
        self.grant = self.there.login("ada", HOME)
        self.client = evolve(HOME, device_token=self.grant.device_token)
        self.store = SQLiteStore(path)
        kind: Any = AsyncSessionManager if is_awaited else SessionManager
        self.here = kind(self.store, keys=SECRET, clock=self.clock)
        self.seen_there()  # binds
        for _ in range(2):  # the first time that memory catches up, it drops everything
            self.seen_here()

    def seen_there(self) -> Any:
        return self.there.validate(self.grant.access_token, self.client)

    def seen_here(self, client: Client | None = None) -> Any:
        """The outcome of a validation here: a session, or the error."""
        try:
            found = self.here.validate(self.grant.access_token, client or self.client)
            return asyncio.run(found) if asyncio.iscoroutine(found) else found
        except Exception as error:  # noqa: BLE001 - it is the outcome
            return error

    def asked_now(self) -> Any:
        """The same by a manager that has no memory."""
        asked = SessionManager(self.there._store, keys=SECRET, clock=self.clock)
        return asked.validate(self.grant.access_token, self.client, touch=False)

    def calls(self) -> dict[str, int]:
        return {name: it.count for name, it in self.here.core.metrics().calls.items()}


@pytest.fixture(params=[False, True], ids=["blocking", "awaiting"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Places]:
    found = Places(tmp_path / "s.db", is_awaited=request.param)
    yield found
    found.there.close()
    found.store.close()


def test_the_row_is_not_read_again(places: Places) -> None:
    """Its activity alone is; the next validation is a hit, with the same session."""
    places.clock.advance(301)
    places.seen_there()
    before = places.calls()
    found = places.seen_here()
    assert places.asked_now() == found
    assert before.get("activity", 0) + 1 == places.calls()["activity"]
    assert before["get"] == places.calls()["get"]
    hits = places.here.core.metrics().hits
    assert found is places.seen_here()
    assert hits + 1 == places.here.core.metrics().hits


def test_a_due_touch_is_written(places: Places) -> None:
    """One that nobody has written: the row is read, and moves."""
    places.clock.advance(301)
    assert places.asked_now().last_seen_at < places.seen_here().last_seen_at
    assert places.clock.now() == places.asked_now().last_seen_at


CHANGES: dict[str, Callable[[Places], object]] = {
    "revoked": lambda it: it.there.revoke(it.grant.session.id),
    "all ended": lambda it: it.there.revoke_all("ada"),
    "everybody ended": lambda it: it.there.revoke_everyone(reason="leak"),
    "blocked": lambda it: it.there.block_device("ada", it.grant.session.device.id),
    "erased": lambda it: it.there.erase_user("ada"),
    "updated": lambda it: it.there.update(it.grant.session.id, claims={"a": 1}),
    "renamed": lambda it: it.there.rename_device("ada", it.grant.session.device.id, "Mine"),
    "extended": lambda it: it.there.extend(it.grant.session.id, 60),
    "stepped up": lambda it: it.there.step_up(it.grant.access_token, it.client, amr=("otp",)),
    "renewed": lambda it: it.there.refresh(it.grant.refresh_token, it.client),
    "renewed elsewhere": lambda it: it.there.refresh(
        it.grant.refresh_token, evolve(it.client, ip="203.0.113.9")
    ),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("is_first", [True, False], ids=["and then touched", "and touched"])
def test_every_other_change_is_seen(places: Places, name: str, is_first: bool) -> None:
    """Beside the touch, whichever comes first: the answer is that of a manager without memory."""
    places.clock.advance(301)
    if is_first:
        CHANGES[name](places)
    try:
        places.seen_there()
    except Exception:  # noqa: BLE001 - it has ended
        assert is_first
    if not is_first:
        CHANGES[name](places)
    found = places.seen_here()
    try:
        expected: Any = places.asked_now()
    except Exception as error:  # noqa: BLE001 - it is the outcome
        expected = error
    assert type(expected) is type(found)
    assert isinstance(found, Exception) or expected == found
    assert str(expected) == str(found)


def test_another_browser_is_judged_as_ever(places: Places) -> None:
    """Its device token is another's: the touch was another browser's, and so is the entry."""
    eve = places.there.login("eve", HOME)
    places.clock.advance(301)
    places.seen_there()
    found = places.seen_here(evolve(HOME, device_token=eve.device_token))
    assert isinstance(found, DeviceMismatchError)


def test_what_another_thread_has_dropped_is_not_kept(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fill race: the session is revoked, and memory has caught up, before it is kept again."""
    activity, cache = places.store.activity, places.here.core.cache

    def read_then_revoked(session_id: str, *, wait: bool = True) -> Any:
        found = activity(session_id, wait=wait)
        places.there.revoke(session_id)
        assert cache.caught_up(cache.begin(), places.store.changes(cache.position))
        return found

    places.clock.advance(301)
    places.seen_there()
    way: Any = places.here._plain
    monkeypatch.setattr(way, "_activity", read_then_revoked)
    assert places.grant.session.id == places.seen_here().id  # it began before
    assert 0 == len(cache)


def test_an_activity_that_cannot_be_read_at_once_is_left(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is read then, which may wait."""

    def busy(session_id: str) -> Any:
        raise StoreBusyError(session_id)

    places.clock.advance(301)
    places.seen_there()
    way: Any = places.here._plain
    monkeypatch.setattr(way, "_activity", busy)
    before = places.calls()["get"]
    assert places.asked_now() == places.seen_here()
    assert before + 1 == places.calls()["get"]


@pytest.fixture
def no_verifying(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Called, it makes each verification of a token fail."""

    def refuse(*_: Any) -> None:
        raise AssertionError("the token was verified again")

    return lambda: monkeypatch.setattr(AccessTokens, "identify", refuse)


def test_a_token_in_memory_is_not_verified_again(
    places: Places, no_verifying: Callable[[], None]
) -> None:
    """Neither for another client, nor where a touch is due; its session is judged as ever."""
    no_verifying()
    assert places.grant.session.id == places.seen_here(evolve(places.client, ip="1.2.3.4")).id
    places.clock.advance(301)
    assert places.clock.now() == places.seen_here().last_seen_at


def test_its_time_is_over_all_the_same(places: Places, no_verifying: Callable[[], None]) -> None:
    """To the second, leeway included, as of one that is verified."""
    no_verifying()
    places.clock.advance(904)
    assert places.grant.session.id == places.seen_here().id
    places.clock.advance(2)
    assert isinstance(places.seen_here(), TokenExpiredError)


def test_another_token_of_the_same_hash_is_verified(places: Places) -> None:
    """A hash alone lets nobody in."""
    cache = places.here.core.cache
    forged = places.grant.access_token[:-8] + "AAAAAAAA"
    [entry] = dict(cache._entries.by_key.items()).values()
    cache._entries.by_key.put(hash(forged), entry)
    assert cache.known(forged) is None
    assert entry is cache.known(places.grant.access_token)
