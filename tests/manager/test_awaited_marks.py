"""An awaited store with a mark: most validations ask it for nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from devsess import (
    AsyncSessionManager,
    Client,
    LoginDeniedError,
    SessionManager,
    SessionRevokedError,
)
from devsess.stores.calls import StoreBusyError
from devsess.stores.memory import MemoryStore
from devsess.testing import Awaited

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
PHONE = Client(ip="102.89.77.21", user_agent="curl/8.9")


class Unmarked(Awaited):
    """A store on a network: each call suspends, and is written down."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.memory = store
        self.calls: list[str] = []

    async def _do(self, name: str, method: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0)
        self.calls.append(name)
        return method(*args, **kwargs)


class Marked(Unmarked):
    """The same with a mark, as a feed keeps one in memory."""

    mark_in_use = "feed"
    is_busy = False

    def mark(self) -> object:
        if self.is_busy:
            raise StoreBusyError("the feed is being read")
        return self.memory.mark()


async def _signed_in(store: Awaited) -> tuple[AsyncSessionManager, str]:
    """A manager, and a token that it has validated once."""
    sessions = AsyncSessionManager(store, keys=SECRET)
    grant = await sessions.login("ada", PHONE)
    await sessions.validate(grant.access_token, PHONE)
    return sessions, grant.access_token


def test_a_hit_asks_the_store_for_nothing() -> None:
    """While the mark is the same, memory answers alone."""

    async def run() -> tuple[list[str], int, str]:
        store = Marked(MemoryStore())
        sessions, token = await _signed_in(store)
        store.calls.clear()
        for _ in range(3):
            assert "ada" == (await sessions.validate(token, PHONE)).user_id
        metrics = await sessions.metrics()
        return store.calls, metrics.hits, metrics.mark

    assert ([], 3, "feed") == asyncio.run(run())


def test_without_a_mark_each_hit_asks_for_the_changes() -> None:
    """The same store, had it no mark."""

    async def run() -> list[str]:
        store = Unmarked(MemoryStore())
        sessions, token = await _signed_in(store)
        await sessions.validate(token, PHONE)  # its first look into the log drops everything
        store.calls.clear()
        await sessions.validate(token, PHONE)
        return store.calls

    assert ["changes"] == asyncio.run(run())


def test_a_sign_in_that_ends_nothing_reads_no_log() -> None:
    """It has appended nothing, nor has a refused one; one that replaces a session has."""

    async def run() -> list[list[str]]:
        store = Unmarked(MemoryStore())
        sessions = AsyncSessionManager(store, keys=SECRET)
        grant = await sessions.login("ada", PHONE)
        first, store.calls = store.calls, []
        await sessions.login("ada", evolve(PHONE, device_token=grant.device_token))
        again, store.calls = store.calls, []
        await sessions.block_device("ada", grant.session.device)
        store.calls.clear()
        with pytest.raises(LoginDeniedError):
            await sessions.login("ada", evolve(PHONE, device_token=grant.device_token))
        return [first, again, store.calls]

    signing_in = ["known_devices", "insert"]
    assert [signing_in, [*signing_in, "changes"], [*signing_in, "add_event"]] == asyncio.run(run())


def test_a_refresh_reads_no_log() -> None:
    """A rotation is no ending: the access tokens of before go on."""

    async def run() -> list[str]:
        store = Unmarked(MemoryStore())
        sessions = AsyncSessionManager(store, keys=SECRET)
        grant = await sessions.login("ada", PHONE)
        store.calls.clear()
        await sessions.refresh(grant.refresh_token, PHONE)
        return store.calls

    assert ["get", "rotate"] == asyncio.run(run())


def test_a_changed_mark_is_heard_of() -> None:
    """A revocation by another process moves the mark, and the next validation fails."""

    async def run() -> list[str]:
        store = Marked(MemoryStore())
        sessions, token = await _signed_in(store)
        SessionManager(store.memory, keys=SECRET).revoke_all("ada")
        store.calls.clear()
        with pytest.raises(SessionRevokedError):
            await sessions.validate(token, PHONE)
        return store.calls[:2]

    assert ["changes", "get"] == asyncio.run(run())


def test_another_sessions_change_costs_one_question() -> None:
    """A mark that moved for others is caught up with once; the session answers from memory."""

    async def run() -> list[str]:
        store = Marked(MemoryStore())
        sessions, token = await _signed_in(store)
        others = SessionManager(store.memory, keys=SECRET)
        others.revoke(others.login("grace").session.id)
        store.calls.clear()
        for _ in range(2):
            await sessions.validate(token, PHONE)
        return store.calls

    assert ["changes"] == asyncio.run(run())


def test_a_mark_that_is_busy_asks_the_store() -> None:
    """Where the mark cannot be read at once, the changes are asked for, each time."""

    async def run() -> list[str]:
        store = Marked(MemoryStore())
        sessions, token = await _signed_in(store)
        store.calls.clear()
        store.is_busy = True
        for _ in range(2):
            await sessions.validate(token, PHONE)
        return store.calls

    assert ["changes", "changes"] == asyncio.run(run())
