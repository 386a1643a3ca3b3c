"""How operations run: at once, awaited, or from an event loop into a thread and back."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from devsess import (
    AsyncSessionManager,
    Client,
    Event,
    EventType,
    Location,
    Policy,
    SessionManager,
    SessionRevokedError,
    StoreUnavailableError,
)
from devsess._runtime.drive import SUSPENSION, drive
from devsess.stores.awaited import Awaited
from devsess.stores.calls import StoreBusyError
from devsess.stores.memory import MemoryStore

if TYPE_CHECKING:
    from pathlib import Path

    from devsess.stores.base import Changes, Ended, Ending
    from devsess.stores.calls import Known
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
        async def known_devices(self, user_id: str, **options: Any) -> Known:
            await asyncio.sleep(0)
            return await super().known_devices(user_id, **options)

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
    store, emitted = Busy(), list[Event]()

    async def run() -> None:
        async with AsyncSessionManager(store, keys=SECRET, on_event=emitted.append) as sessions:
            grant = await sessions.login("ada")
            await sessions.revoke(grant.session.id)
            emitted.clear()
            with pytest.raises(Exception, match="revoked"):
                await sessions.validate(grant.access_token)

    asyncio.run(run())
    assert [EventType.SESSION_USED_AFTER_END] == [event.type for event in emitted]


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
    """The row is read each time, since no cheaper call shows that it has not changed."""
    sessions = SessionManager(Bare(), keys=SECRET)
    grant = sessions.login("ada")
    for expected in (1, 2):
        sessions.validate(grant.access_token, fresh=True)
        assert expected == sessions.metrics().calls["get"].count


def test_an_event_is_handed_over_though_its_caller_goes_away(tmp_path: Path) -> None:
    """A thief who hangs up at once does not stop an asynchronous handler's alarm."""
    emitted: list[EventType] = []

    async def run() -> None:
        asked, may_go_on = asyncio.Event(), asyncio.Event()

        async def on_event(event: Event) -> None:
            asked.set()
            await may_go_on.wait()
            emitted.append(event.type)

        async with AsyncSessionManager(tmp_path / "s.db", keys=SECRET) as sessions:
            grant = await sessions.login("ada")
            await sessions.revoke(grant.session.id)
        async with AsyncSessionManager(
            tmp_path / "s.db", keys=SECRET, on_event=on_event
        ) as sessions:
            bearer = asyncio.ensure_future(sessions.validate(grant.access_token))
            await asked.wait()
            bearer.cancel()
            await asyncio.wait([bearer])
            assert bearer.cancelled()
            may_go_on.set()
            async with asyncio.timeout(10):
                while not emitted:
                    await asyncio.sleep(0.001)

    asyncio.run(run())
    assert [EventType.SESSION_USED_AFTER_END] == emitted


class Interrupted(BaseException):
    """As KeyboardInterrupt, or the timeout of a library: it may come between any two steps."""


class Interrupting(MemoryStore):
    """A store that is interrupted right after the named call."""

    after = ""

    def end(self, ending: Ending) -> Ended:
        ended = super().end(ending)
        self._strike("end")
        return ended

    def changes(self, position: object, *, wait: bool = True) -> Changes:
        changes = super().changes(position, wait=wait)
        self._strike("changes")
        return changes

    def _strike(self, name: str) -> None:
        if self.after == name:
            self.after = ""
            raise Interrupted


class Failing(MemoryStore):
    """A store whose ending is done, and its answer lost; it counts the readings of its log."""

    readings = 0

    def end(self, ending: Ending) -> Ended:
        super().end(ending)
        raise StoreUnavailableError("the answer was lost")

    def changes(self, position: object, *, wait: bool = True) -> Changes:
        self.readings += 1
        return super().changes(position, wait=wait)


def test_a_failed_write_asks_for_nothing_more_and_memory_reads_the_log_first() -> None:
    """A store that is down costs its time limit once; a change that it made is noticed."""
    store = Failing()
    with SessionManager(store, keys=SECRET, policy=Policy(max_staleness=60)) as sessions:
        grant = sessions.login("ada")
        sessions.validate(grant.access_token)
        before = store.readings
        with pytest.raises(StoreUnavailableError):
            sessions.revoke(grant.session.id)
        assert before == store.readings
        with pytest.raises(SessionRevokedError):
            sessions.validate(grant.access_token)


@pytest.mark.parametrize("after", ["end", "changes"])
def test_memory_forgets_a_change_whose_catch_up_was_interrupted(after: str) -> None:
    """A session that a manager changed leaves its cache at once, however stale answers may be."""
    store, policy = Interrupting(), Policy(max_staleness=60)
    sessions = SessionManager(store, keys=SECRET, policy=policy)
    grant = sessions.login("ada")
    sessions.validate(grant.access_token)
    store.after = after
    with pytest.raises(Interrupted):
        sessions.revoke(grant.session.id)
    with pytest.raises(SessionRevokedError):
        sessions.validate(grant.access_token)


def test_memory_forgets_what_a_store_did_before_it_suspended() -> None:
    """A blocking manager cannot go on with a store that has to be awaited; the change is made."""

    class Suspending(Awaited):
        async def end(self, ending: Ending) -> Ended:
            ended = await super().end(ending)
            await SUSPENSION
            return ended

    store, policy = Suspending(MemoryStore()), Policy(max_staleness=60)
    sessions = SessionManager(store, keys=SECRET, policy=policy)
    grant = sessions.login("ada")
    sessions.validate(grant.access_token)
    with pytest.raises(RuntimeError, match="AsyncSessionManager"):
        sessions.revoke(grant.session.id)
    with pytest.raises(SessionRevokedError):
        sessions.validate(grant.access_token)


class Closing(Awaited):
    """It takes a while to close."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store)
        self.is_closing = asyncio.Event()

    async def close(self) -> None:
        self.is_closing.set()
        await asyncio.Event().wait()


def test_a_closed_manager_answers_nothing_though_its_closing_is_cancelled() -> None:
    """Not even from memory, however stale answers may be."""

    async def run() -> None:
        store, policy = Closing(MemoryStore()), Policy(max_staleness=60)
        sessions = AsyncSessionManager(store, keys=SECRET, policy=policy)
        grant = await sessions.login("ada")
        await sessions.validate(grant.access_token)
        closing = asyncio.ensure_future(sessions.close())
        await store.is_closing.wait()
        closing.cancel()
        await asyncio.wait([closing])
        assert 0 == (await sessions.metrics()).entries

    asyncio.run(run())


class Wrapped:
    """A store behind a wrapper of the application's, which adds nothing."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def test_a_wrapped_store_keeps_its_mark() -> None:
    """A hit asks the store for no changes, as it does without the wrapper."""
    store: Any = Wrapped(MemoryStore())
    sessions = SessionManager(store, keys=SECRET)
    grant = sessions.login("ada")
    for _ in range(3):
        sessions.validate(grant.access_token)
    metrics = sessions.metrics()
    assert ("memory", 2) == (metrics.mark, metrics.hits)


def test_a_mark_without_a_name_is_compared_too() -> None:
    """The name is for people who watch the metrics, and for nothing else."""

    class Unnamed(MemoryStore):
        @property
        def mark_in_use(self) -> str:
            raise AttributeError("mark_in_use")

    sessions = SessionManager(Unnamed(), keys=SECRET)
    grant = sessions.login("ada")
    for _ in range(3):
        sessions.validate(grant.access_token)
    assert ("unnamed", 2) == (sessions.metrics().mark, sessions.metrics().hits)


class SlowLocator:
    """Answers once the event loop has gone on meanwhile."""

    def __init__(self) -> None:
        self.is_asked, self.may_answer = threading.Event(), threading.Event()
        self.threads: set[str] = set()

    def locate(self, ip: str) -> Location:
        self.threads.add(threading.current_thread().name.partition("-")[0])
        self.is_asked.set()
        if not self.may_answer.wait(10):
            raise TimeoutError("the event loop stood still")
        return Location("Lagos", "Nigeria", 6.45, 3.39)


@pytest.mark.parametrize("is_awaited", [False, True])
def test_a_locator_does_not_hold_the_event_loop(is_awaited: bool) -> None:
    """It may read a file or ask a server, whatever the store: a sign-in asks it in a thread."""

    async def run() -> tuple[Location | None, set[str]]:
        memory, locator = MemoryStore(), SlowLocator()
        store: Any = Awaited(memory) if is_awaited else memory
        sessions = AsyncSessionManager(store, keys=SECRET, locator=locator)
        async with sessions:
            signing_in = asyncio.ensure_future(sessions.login("ada", Client(ip="102.89.77.21")))
            while not locator.is_asked.is_set():
                await asyncio.sleep(0.001)
            locator.may_answer.set()
            return (await signing_in).session.location, locator.threads

    location, threads = asyncio.run(run())
    assert ("Lagos, Nigeria", {"devsess"}) == (str(location), threads)
