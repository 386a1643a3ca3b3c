"""Where an AsyncSessionManager waits: in threads of its own, which outlive nobody."""

from __future__ import annotations

import asyncio
import gc
import logging
import sqlite3
import threading
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from devsess import (
    AsyncSessionManager,
    EventType,
    SessionNotFoundError,
    StoreUnavailableError,
)
from devsess._runtime.drive import in_thread
from devsess._runtime.running import _THREADS
from devsess._runtime.threads import Threads
from devsess.stores.base import Ending
from devsess.stores.memory import MemoryStore
from devsess.stores.sqlite import SQLiteStore
from devsess.testing import Awaited, FakeClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from devsess import Event

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
# Seconds that writes wait here; reads and touches wait for none of them.
PATIENCE = 60.0


@asynccontextmanager
async def locked(path: Path) -> AsyncIterator[None]:
    """A write that SQLite takes for another process's."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def ours() -> list[str]:
    """The names of the threads that devsess runs, but for those that ask another test's locator."""
    names = [it.name for it in threading.enumerate() if it.name.startswith("devsess-")]
    return [name for name in names if name != "devsess-locate"]


def test_waiting_for_a_thread_counts_as_waiting(tmp_path: Path) -> None:
    """Many more sign-ins than threads, behind a lock: none waits much longer than the timeout."""
    path, timeout, times = tmp_path / "s.db", 0.5, 8

    async def refused(sessions: AsyncSessionManager, user: str) -> None:
        with pytest.raises(StoreUnavailableError):
            await sessions.login(user)

    async def run() -> float:
        store = SQLiteStore(path, timeout=timeout)
        async with AsyncSessionManager(store, keys=SECRET) as sessions:
            await sessions.login("ada")
            many = [f"user-{number}" for number in range(times * _THREADS)]
            async with locked(path):
                began = time.monotonic()
                await asyncio.gather(*(refused(sessions, user) for user in many))
                return time.monotonic() - began

    assert asyncio.run(run()) < times / 2 * timeout


def test_waiting_for_other_sign_ins_alone_does_not_count(tmp_path: Path) -> None:
    """All get through that waited for busy threads, longer than the timeout, behind no lock."""
    timeout, free = 0.5, threading.Event()

    async def run() -> None:
        store = SQLiteStore(tmp_path / "s.db", timeout=timeout)
        async with AsyncSessionManager(store, keys=SECRET) as sessions:
            busy = [sessions._writing.submit(free.wait) for _ in range(_THREADS)]
            many = [asyncio.ensure_future(sessions.login(f"u{n}")) for n in range(40 * _THREADS)]
            await asyncio.sleep(1.2 * timeout)
            _, not_done = await asyncio.wait(many, timeout=0)
            assert len(many) == len(not_done)
            free.set()
            await asyncio.gather(*many)
            assert all(it.result() for it in busy)

    asyncio.run(run())


def test_the_lock_moves_with_each_write_that_gets_it(tmp_path: Path) -> None:
    """And with none that it refuses: those behind it wait for the lock, and not for the thread."""
    path, long = tmp_path / "s.db", 3600.0

    async def run() -> list[bool]:
        store = SQLiteStore(path, timeout=0.5)
        async with AsyncSessionManager(store, keys=SECRET) as sessions:
            moves = sessions._writing._moves
            moves.at = still = time.monotonic() - long
            async with locked(path):
                with pytest.raises(StoreUnavailableError):
                    await sessions.login("ada")
                refused = moves.at
            await sessions.login("ada")
            return [refused == still, moves.at > still + long / 2]

    assert [True, True] == asyncio.run(run())


def test_writes_that_wait_keep_nobody_waiting(tmp_path: Path) -> None:
    """While more sign-ins wait than there are threads: reads, touches, the loop's own executor."""
    path = tmp_path / "s.db"
    clock = FakeClock()

    async def run() -> float:
        store = SQLiteStore(path, timeout=PATIENCE)
        async with AsyncSessionManager(store, keys=SECRET, clock=clock) as sessions:
            asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
            grant = await sessions.login("ada")
            clock.advance(400)
            async with locked(path):
                waiting = [asyncio.ensure_future(sessions.login(f"b{n}")) for n in range(40)]
                await asyncio.sleep(0.1)
                start = time.monotonic()
                assert grant.session.id == (await sessions.validate(grant.access_token)).id
                assert 1 == len(await sessions.list("ada"))
                assert "done" == await asyncio.to_thread(lambda: "done")
                taken = time.monotonic() - start
                assert not any(task.done() for task in waiting)
            await asyncio.gather(*waiting)
            return taken

    assert asyncio.run(run()) < PATIENCE / 2


def test_a_touch_stays_on_the_loop(tmp_path: Path) -> None:
    """Since it waits for nobody, it takes no thread, whether it can be written or not."""
    path, clock = tmp_path / "s.db", FakeClock()

    async def run() -> None:
        async with AsyncSessionManager(path, keys=SECRET, clock=clock) as sessions:
            grant = await sessions.login("ada")
            clock.advance(400)
            with pytest.raises(StopIteration):
                sessions.validate(grant.access_token).send(None)
            assert clock.now() == (await sessions.list("ada"))[0].last_seen_at
            clock.advance(400)
            async with locked(path):
                with pytest.raises(StopIteration):
                    sessions.validate(grant.access_token).send(None)

    asyncio.run(run())


def test_threads_end_with_their_manager(tmp_path: Path) -> None:
    """Closed or forgotten, a manager leaves no thread behind; closing twice is fine."""

    async def run(*, close: bool) -> None:
        store = SQLiteStore(tmp_path / "s.db")
        sessions = AsyncSessionManager(store, keys=SECRET)
        await asyncio.gather(*(sessions.login("ada") for _ in range(20)))
        assert 1 <= len(ours()) <= 16
        if close:
            await sessions.close()
            await sessions.close()
        else:
            store.close()

    for close in (True, False):
        asyncio.run(run(close=close))
        gc.collect()
        until = time.monotonic() + PATIENCE
        while ours() and time.monotonic() < until:
            time.sleep(0.01)
        assert [] == ours()


def test_a_closed_manager_says_so(tmp_path: Path) -> None:
    """It is unavailable, not stuck."""

    async def run() -> None:
        sessions = AsyncSessionManager(tmp_path / "s.db", keys=SECRET)
        await sessions.close()
        with pytest.raises(StoreUnavailableError, match="closed"):
            await sessions.login("ada")
        await sessions.close()

    asyncio.run(run())


def test_threads_are_few() -> None:
    """However much is submitted, and idle ones are used before new ones are started."""
    threads = Threads("devsess-test", 3)
    for _ in range(5):
        assert 1 == threads.submit(lambda: 1).result()
    together = threading.Barrier(4)
    tasks = [threads.submit(together.wait) for _ in range(3)]
    assert 3 == len([name for name in ours() if name == "devsess-test"])
    later = threads.submit(lambda: "later")
    assert not later.done()
    together.wait()
    assert 3 == len({task.result() for task in tasks})
    assert "later" == later.result()
    threads.close()


@pytest.mark.parametrize("kind", [StopIteration, CancelledError])
def test_an_error_of_work_is_none_of_asyncio(kind: type[Exception]) -> None:
    """
    A locator's `next` may find nothing, or a future of its own be cancelled.

    Python 3.11 would wait for the first for ever, and the second would cancel the sign-in.
    """
    threads = Threads("devsess-test", 1)

    def fail() -> None:
        raise kind

    async def run() -> None:
        with pytest.raises(RuntimeError, match=f"work raised {kind.__name__}"):
            await asyncio.wait_for(in_thread(threads, fail), PATIENCE)

    asyncio.run(run())
    threads.close()


def test_a_system_without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work for which no thread can start raises and is never done; later work runs again."""
    threads, done = Threads("devsess-scarce", 2), list[int]()

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as scarce:
        scarce.setattr(threading.Thread, "start", start)
        for _ in range(5):
            with pytest.raises(StoreUnavailableError):
                threads.submit(lambda: done.append(1))
    assert "done" == threads.submit(lambda: "done").result(timeout=PATIENCE)
    with monkeypatch.context() as scarce:
        scarce.setattr(threading.Thread, "start", start)
        release = threading.Event()
        slow, later = threads.submit(release.wait), threads.submit(lambda: "later")
        release.set()
        assert slow.result(timeout=PATIENCE)
        assert "later" == later.result(timeout=PATIENCE)
    assert [] == done
    threads.close()


@pytest.mark.parametrize("awaits", [False, True])
def test_a_mass_ending_goes_on_without_its_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, awaits: bool
) -> None:
    """A client that hangs up meanwhile stops neither its rows nor their events."""
    monkeypatch.setattr("devsess.operations.ending.Ending", partial(Ending, at_once=0))
    events: list[Event] = []

    async def run() -> None:
        store: Any = Awaited(MemoryStore()) if awaits else SQLiteStore(tmp_path / "s.db")
        async with AsyncSessionManager(store, keys=SECRET, on_event=events.append) as sessions:
            for _ in range(3):
                await sessions.login("ada")
            ending = asyncio.ensure_future(sessions.revoke_all("ada"))
            for _ in range(2):
                await asyncio.sleep(0)
            ending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await ending
            others = asyncio.all_tasks() - {asyncio.current_task()}
            await asyncio.gather(*others)
            assert [] == await sessions.list("ada")

    asyncio.run(run())
    assert 3 == sum(event.type is EventType.SESSION_REVOKED for event in events)


def test_a_cancelled_call_that_fails_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A client that hangs up is no error, and nobody waits for its operation's."""

    async def run() -> None:
        sessions = AsyncSessionManager(MemoryStore(), keys=SECRET)
        for _ in range(3):
            task = asyncio.ensure_future(sessions.extend("unknown", 60))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        with pytest.raises(SessionNotFoundError):
            await sessions.extend("unknown", 60)
        await sessions.close()

    with caplog.at_level(logging.DEBUG, logger="asyncio"):
        asyncio.run(run())
        gc.collect()
    assert [] == [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_cancelled_call_that_fails_as_the_loop_ends_is_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither as the loop ends, when asyncio.run looks at the result of each task."""
    begun, released = threading.Event(), threading.Event()

    class Slow(MemoryStore):
        def get(self, session_id: str, *, wait: bool = True) -> Any:
            begun.set()
            released.wait(PATIENCE)
            return super().get(session_id)

    async def release() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            released.set()

    async def run() -> None:
        sessions = AsyncSessionManager(Slow(), keys=SECRET)
        task = asyncio.ensure_future(sessions.extend("unknown", 60))
        others = asyncio.ensure_future(release())
        while not begun.is_set():
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])
        assert not others.done()

    asyncio.run(run())
    assert [] == [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("awaits", [False, True])
def test_events_of_a_closed_loop_are_emitted(tmp_path: Path, awaits: bool) -> None:
    """An operation under way when the loop is closed is finished first, and its events emitted."""
    emitted: list[EventType] = []

    async def listen(event: Event) -> None:
        await asyncio.sleep(0)
        emitted.append(event.type)

    def note(event: Event) -> None:
        emitted.append(event.type)

    class Slow(SQLiteStore):
        def insert(self, *args: Any) -> Any:
            begun.set()
            time.sleep(0.2)
            return super().insert(*args)

    begun = threading.Event()
    store = Slow(tmp_path / "s.db")

    async def run() -> None:
        sessions = AsyncSessionManager(store, keys=SECRET, on_event=listen if awaits else note)
        task = asyncio.ensure_future(sessions.login("ada"))
        while not begun.is_set():
            await asyncio.sleep(0.001)
        del task

    asyncio.run(run())
    assert [EventType.SESSION_CREATED] == emitted
    assert 1 == len(store.list("ada"))
    store.close()
