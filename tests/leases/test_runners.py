"""The thread and the task that run a feed: their start, and that none is left behind."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from _network import SECRET, LeasedStore, Network
from dict_store.ports import AwaitingPort, BlockingPort
from dict_store.server import DictServer
from dict_store.store import DictStore

from devsess import AsyncSessionManager, Policy, SessionManager
from devsess._runtime.drive import drive

PATIENCE = 30.0
POLICIES = [Policy(acknowledged=True), Policy(max_staleness=1)]
POLICY = POLICIES[0]


@pytest.fixture
def server() -> Iterator[DictServer]:
    server = DictServer()
    yield server
    server.close()


def blocking(server: DictServer, policy: Policy = POLICY) -> SessionManager:
    return SessionManager(DictStore(BlockingPort(server.address)), keys=SECRET, policy=policy)


def awaiting(server: DictServer, policy: Policy = POLICY) -> AsyncSessionManager:
    return AsyncSessionManager(DictStore(AwaitingPort(server.address)), keys=SECRET, policy=policy)


def readers(server: DictServer) -> list[str]:
    answer: Any = server.answer("scan", "reader/")
    return [*answer[1]]


def feeds() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "devsess-feed"]


def soon(holds: Callable[[], bool]) -> None:
    """Wait until that holds."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.001)


async def soon_async(holds: Callable[[], bool]) -> None:
    """The same on a loop that goes on."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)


# Threads.


def strike(sessions: SessionManager, handler: Callable[[], object]) -> None:
    """Have *handler* run once, as a signal's, while a thread starts the one that hears."""
    feed: Any = sessions._core.currency._feed
    make = feed._make

    def struck(*args: Any) -> Any:
        feed._make = make
        handler()
        return make(*args)

    feed._make = struck


def test_a_handler_starts_no_second_thread(server: DictServer) -> None:
    """A signal's handler that validates while its thread starts one leaves that to it."""
    with blocking(server) as sessions:
        token = sessions.login("ada").access_token
        strike(sessions, lambda: sessions.validate(token))
        sessions.validate(token)
        assert 1 == len(feeds())
    soon(lambda: not feeds())


def test_a_handler_closes_while_its_thread_starts_one(server: DictServer) -> None:
    """It is not started after that."""
    with blocking(server) as sessions:
        token = sessions.login("ada").access_token
        feed: Any = sessions._core.currency._feed
        strike(sessions, feed.close)
        sessions.validate(token)
        assert [] == feeds()


@pytest.mark.parametrize("policy", POLICIES)
def test_a_validation_starts_a_thread(server: DictServer, policy: Policy) -> None:
    """Neither the manager nor a sign-in starts a thread; a validation does, and close ends it."""
    with blocking(server, policy) as sessions:
        token = sessions.login("ada").access_token
        assert [] == feeds()
        sessions.validate(token)
        sessions.validate(token)
        assert 1 == len(feeds())
        before = sessions.metrics().catch_ups
        soon(lambda: sessions.metrics().lease == "held" or sessions.metrics().catch_ups > before)
    assert [] == feeds()
    assert [] == readers(server)


def test_no_thread_where_it_has_no_use(server: DictServer) -> None:
    """A manager that asks, or keeps nothing in memory, starts none."""
    for policy in (Policy(), Policy(acknowledged=True, cache_size=0)):
        with blocking(server, policy) as sessions:
            token = sessions.login("ada").access_token
            sessions.validate(token)
            sessions.validate(token)
            assert [] == feeds()
            assert "asking" == sessions.metrics().way


def test_an_abandoned_manager_leaves_no_thread(server: DictServer) -> None:
    """A manager that is collected without a close leaves neither a thread nor a reader."""
    store = DictStore(BlockingPort(server.address))

    def abandon() -> None:
        sessions = SessionManager(store, keys=SECRET, policy=POLICY)
        sessions.validate(sessions.login("ada").access_token)
        soon(lambda: sessions.metrics().lease == "held")

    abandon()
    gc.collect()
    soon(lambda: not feeds() and not readers(server))
    drive(store.close())


def test_a_closed_manager_starts_no_thread(server: DictServer) -> None:
    """Validations that come late start nothing."""
    sessions = blocking(server)
    token = sessions.login("ada").access_token
    sessions.close()
    sessions.close()
    sessions.validate(token)  # its store connects again

    assert [] == feeds()
    sessions.close()


def test_without_threads_requests_ask(server: DictServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there can be no more threads, validations ask the store; a later one starts it."""

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with blocking(server) as sessions:
        token = sessions.login("ada").access_token
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start)
            for _ in range(3):
                assert "ada" == sessions.validate(token).user_id
            assert "over" == sessions.metrics().lease
        sessions.validate(token)
        soon(lambda: sessions.metrics().lease == "held")


def test_many_threads_start_one(server: DictServer) -> None:
    """Validations at once start one feed."""
    with blocking(server) as sessions:
        token = sessions.login("ada").access_token
        barrier = threading.Barrier(8)

        def validate() -> None:
            barrier.wait()
            sessions.validate(token)

        threads = [threading.Thread(target=validate) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert 1 == len(feeds())


# Tasks.


@pytest.mark.parametrize("policy", POLICIES)
def test_a_validation_starts_a_task(server: DictServer, policy: Policy) -> None:
    """A validation starts a task of the running loop, and close ends it."""

    async def scenario() -> None:
        async with awaiting(server, policy) as sessions:
            token = (await sessions.login("ada")).access_token
            assert 1 == len(asyncio.all_tasks())
            await sessions.validate(token)
            await sessions.validate(token)
            assert 2 == len(asyncio.all_tasks())
            if policy.acknowledged:
                await soon_async(lambda: sessions.core.metrics().lease == "held")
        assert 1 == len(asyncio.all_tasks())

    asyncio.run(scenario())
    assert [] == readers(server)


class Slow(LeasedStore):
    """A wait takes real time, on the loop."""

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def held(network: Network) -> AsyncSessionManager:
    """A manager that holds a lease, and is not closed."""
    sessions = AsyncSessionManager(Slow(network), keys=SECRET, policy=POLICY)
    await sessions.validate((await sessions.login("ada")).access_token)
    await soon_async(lambda: sessions.core.metrics().lease == "held")
    return sessions


def test_a_loop_that_ends_leaves() -> None:
    """As a loop ends on which the manager was not closed, its reader leaves."""
    network = Network()
    sessions = asyncio.run(held(network))

    assert {} == network.readers
    assert "over" == sessions.core.metrics().lease


def test_another_loop_has_a_task_of_its_own() -> None:
    """On a second loop the next validation starts another task, also if the first is closed."""
    network = Network()
    first = asyncio.new_event_loop()
    sessions = first.run_until_complete(held(network))
    [before] = network.readers

    async def again() -> None:
        await sessions.validate((await sessions.login("ada")).access_token)
        await soon_async(lambda: len(network.readers) == 1 and before not in network.readers)
        assert 2 == len(asyncio.all_tasks())
        await sessions.close()

    asyncio.run(again())
    first.close()
    gc.collect()
    assert {} == network.readers


def test_loops_that_have_ended_are_collected() -> None:
    """A program may run each request in a loop of its own: the manager keeps none of them."""
    sessions = asyncio.run(held(Network()))
    loops = weakref.WeakSet[asyncio.AbstractEventLoop]()

    async def request() -> None:
        loops.add(asyncio.get_running_loop())
        await sessions.validate((await sessions.login("ada")).access_token)
        assert 2 == len(asyncio.all_tasks())

    for _ in range(5):
        asyncio.run(request())
    gc.collect()
    assert 1 >= len(loops)  # that of the last feed


def test_a_manager_is_closed_on_another_loop() -> None:
    """Its reader has left, though the loop of its task stands still, and the task ends later."""
    network = Network()
    first = asyncio.new_event_loop()
    sessions = first.run_until_complete(held(network))
    asyncio.run(sessions.close())
    assert {} == network.readers
    first.run_until_complete(asyncio.sleep(0.01))
    assert not asyncio.all_tasks(first)
    first.close()
    assert {} == network.readers


class Late:
    """A lock; another thread does *first* just before it is first taken."""

    def __init__(self, lock: Any, first: Callable[[], object]) -> None:
        self._lock = lock
        self._first = [first]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lock, name)

    def __enter__(self) -> None:
        while self._first:
            thread = threading.Thread(target=self._first.pop())
            thread.start()
            thread.join(PATIENCE)
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_a_closed_manager_starts_no_task() -> None:
    """Not even one that another loop's thread was about to start when it was closed."""
    network = Network()

    async def scenario() -> None:
        sessions = AsyncSessionManager(Slow(network), keys=SECRET, policy=POLICY)
        token = (await sessions.login("ada")).access_token
        feed: Any = sessions._core.currency._feed
        feed._lock = Late(feed._lock, lambda: asyncio.run(sessions.close()))
        await sessions.validate(token)
        assert 1 == len(asyncio.all_tasks())

    asyncio.run(scenario())
    assert {} == network.readers


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_child_of_a_running_loop_leaves_the_parent_on_the_register(server: DictServer) -> None:
    """It ends the loop with all tasks; the parent answers under its lease, and is waited for."""
    parent = os.getpid()

    async def scenario() -> None:
        sessions = awaiting(server)
        token = (await sessions.login("ada")).access_token
        await sessions.validate(token)
        await soon_async(lambda: sessions.core.metrics().lease == "held")
        before = readers(server)
        child = os.fork()
        if child == 0:
            signal.alarm(30)
            raise SystemExit
        assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert before == readers(server)
        await sessions.close()

    try:
        asyncio.run(scenario())
    except SystemExit:
        os._exit(0)
    finally:
        if os.getpid() != parent:
            os._exit(1)
    assert [] == readers(server)


def test_an_abandoned_manager_leaves_no_task() -> None:
    """A manager that is collected without a close leaves neither a task nor a reader."""
    network = Network()

    async def scenario() -> None:
        await held(network)
        gc.collect()
        await soon_async(lambda: len(asyncio.all_tasks()) == 1)
        assert {} == network.readers

    asyncio.run(scenario())


def test_a_closed_loop_warns_of_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A loop that is closed under a feed logs nothing of it, and nothing is left."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(held(Network()))
    loop.close()
    gc.collect()

    assert [] == caplog.records
