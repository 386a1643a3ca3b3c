"""How operations run: at once, awaited, or from an event loop into a thread and back."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from devsess import AsyncSessionManager, Event, EventType, SessionManager
from devsess._runtime.drive import SUSPENSION, drive
from devsess.stores.awaited import Awaited
from devsess.stores.base import StoreBusyError
from devsess.stores.memory import MemoryStore

if TYPE_CHECKING:
    from devsess.stores.rows import SessionRow

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"


class Busy(MemoryStore):
    """It answers no read at once, and remembers how and where it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[bool, str]] = []

    def get(self, session_id: str, *, wait: bool = True) -> SessionRow | None:
        self.asked.append((wait, threading.current_thread().name.partition("_")[0]))
        if not wait:
            raise StoreBusyError("busy")
        return super().get(session_id)


class Bare(MemoryStore):
    """A store with nothing beside the protocol: neither mark nor stamps."""

    mark = stamp = None  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def changes(self, position: object, *, wait: bool = True) -> Any:
        self.asked += 1
        return super().changes(position, wait=wait)


def test_a_blocking_manager_takes_an_awaited_store_that_never_suspends() -> None:
    """As one that was written once, over a blocking port."""
    with SessionManager(Awaited(MemoryStore()), keys=SECRET) as sessions:
        grant = sessions.login("ada")
        assert grant.session.id == sessions.validate(grant.access_token).id
        assert [grant.session.id] == sessions.revoke_all("ada")


def test_an_operation_that_suspends_in_a_blocking_manager_is_closed() -> None:
    """The operation's clean-up has run before the error says which manager to use."""
    done: list[str] = []

    async def suspending() -> None:
        try:
            await SUSPENSION
        finally:
            done.append("cleaned up")

    with pytest.raises(RuntimeError, match="AsyncSessionManager"):
        drive(suspending())
    assert ["cleaned up"] == done


def test_a_store_that_has_to_be_awaited_does_nothing_in_a_blocking_manager() -> None:
    """A sign-in raises at its first call that suspends."""

    class Awaiting(Awaited):
        async def ending_number(self, user_id: str, **options: Any) -> int:
            await asyncio.sleep(0)
            return await super().ending_number(user_id, **options)

    store = MemoryStore()
    sessions = SessionManager(Awaiting(store), keys=SECRET)
    with pytest.raises(RuntimeError, match="AsyncSessionManager"):
        sessions.login("ada")
    assert [] == store.list("ada")


def test_a_read_that_has_to_wait_goes_on_in_a_thread() -> None:
    """The same validation, not another one: it is asked for once on the loop, once there."""
    store = Busy()

    async def run() -> tuple[int, int]:
        async with AsyncSessionManager(store, keys=SECRET) as sessions:
            grant = await sessions.login("ada")
            store.asked.clear()
            await sessions.validate(grant.access_token)
            metrics = await sessions.metrics()
            return metrics.misses, metrics.calls["get"].count

    misses, _ = asyncio.run(run())
    assert [(False, "MainThread"), (True, "devsess-read")] == store.asked
    assert 1 == misses


def test_an_event_is_handed_over_once_wherever_its_operation_went_on() -> None:
    """The use of an ended session, which the thread found out."""
    store, heard = Busy(), list[Event]()

    async def run() -> None:
        async with AsyncSessionManager(store, keys=SECRET, on_event=heard.append) as sessions:
            grant = await sessions.login("ada")
            await sessions.revoke(grant.session.id)
            heard.clear()
            with pytest.raises(Exception, match="revoked"):
                await sessions.validate(grant.access_token)

    asyncio.run(run())
    assert [EventType.SESSION_USED_AFTER_END] == [event.type for event in heard]


def test_without_a_mark_each_validation_asks_for_the_changes() -> None:
    """And a revocation by another manager holds at once."""
    store = Bare()
    sessions, others = SessionManager(store, keys=SECRET), SessionManager(store, keys=SECRET)
    grant = sessions.login("ada")
    for _ in range(2):
        sessions.validate(grant.access_token)
    before = store.asked
    sessions.validate(grant.access_token)
    assert before + 1 == store.asked
    assert "none" == sessions.metrics().mark
    others.revoke(grant.session.id)
    with pytest.raises(Exception, match="revoked"):
        sessions.validate(grant.access_token)


def test_without_stamps_a_fresh_validation_reads_the_row() -> None:
    """Each time, since nothing cheaper tells that it has not changed."""
    sessions = SessionManager(Bare(), keys=SECRET)
    grant = sessions.login("ada")
    for expected in (1, 2):
        sessions.validate(grant.access_token, fresh=True)
        assert expected == sessions.metrics().calls["get"].count
