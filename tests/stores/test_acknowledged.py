"""Acknowledged endings over real servers: a blocking manager and an awaited one, with feeds."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from servers.valkey import with_prefix

from devsess import AsyncSessionManager, Policy, SessionManager, SessionRevokedError
from devsess.stores.mongodb import MongoStore
from devsess.stores.postgres import PostgresStore
from devsess.stores.redis import RedisStore

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
PATIENCE = 60.0
# So long that a loaded machine hears within it.
LEASE = 20.0
ENDINGS = 5

Make = Callable[[bool], Any]


@pytest.fixture(params=["postgres", "valkey", pytest.param("mongo", marks=pytest.mark.thorough)])
def make_store(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes stores of one place on a server, for the manager that blocks or the awaited one."""
    if request.param == "postgres":
        server = request.getfixturevalue("postgres")
        schemas = request.getfixturevalue("postgres_schemas")
        url, schema = server.url(pool_size=4), schemas.take()
        yield lambda is_awaited: PostgresStore(url, schema=schema, is_awaited=is_awaited)
        schemas.give_back()
    elif request.param == "valkey":
        url = with_prefix(request.getfixturevalue("valkey_url"))
        yield lambda is_awaited: RedisStore(url, is_awaited=is_awaited)
    else:
        place = request.getfixturevalue("mongo").place()
        yield lambda is_awaited: MongoStore(place, is_awaited=is_awaited)


async def done(answer: Any) -> Any:
    """The answer of either manager."""
    return await answer if inspect.isawaitable(answer) else answer


async def until_held(sessions: Any, token: str) -> None:
    """Validate until memory answers under a lease."""
    deadline = time.monotonic() + PATIENCE
    while sessions.core.metrics().lease != "held":
        assert time.monotonic() < deadline
        await done(sessions.validate(token))
        await asyncio.sleep(0.001)


async def until_seasoned(store: Any) -> None:
    """Have the history's readers known to be all that there are, which takes a lease else."""
    await store.season((await store.readers_behind(None)).history)


@pytest.mark.parametrize("kinds", [(False, True), (True, False)], ids=["blocking", "awaited"])
def test_an_ending_is_heard(make_store: Make, kinds: tuple[bool, bool]) -> None:
    """No validation after an ending returned succeeds, and none had to wait for a lease's end."""

    async def scenario() -> None:
        here, there = (
            (AsyncSessionManager if is_awaited else SessionManager)(
                make_store(is_awaited), keys=SECRET, policy=Policy(acknowledged=True, lease=LEASE)
            )
            for is_awaited in kinds
        )
        grants = [await done(here.login("ada")) for _ in range(ENDINGS)]
        await until_held(there, grants[0].access_token)
        await until_seasoned(here._store)
        for grant in grants:
            await done(there.validate(grant.access_token))
            before = there.core.metrics().hits
            await done(there.validate(grant.access_token))
            assert before + 1 == there.core.metrics().hits
            assert await in_a_thread(here.revoke, grant.session)
            with pytest.raises(SessionRevokedError):
                await done(there.validate(grant.access_token))
        assert 0 == here.core.metrics().waits_in_vain
        assert "acknowledged" == there.core.metrics().way
        await done(there.close())
        store: Any = here._store
        assert {} == (await store.readers_behind(None)).beats
        await done(here.close())

    asyncio.run(scenario())


async def ended(sessions: Any, used: Any) -> None:
    """Validate until memory answers; then end a session, and find it ended."""
    await until_held(sessions, used.access_token)
    grant = await sessions.login("bob")
    await sessions.validate(grant.access_token)
    assert await sessions.revoke(grant.session)
    with pytest.raises(SessionRevokedError):
        await sessions.validate(grant.access_token)


def test_loops_that_take_turns(make_store: Make) -> None:
    """An ending in one waits for no lease of another, which stands still; none is left behind."""
    policy = Policy(acknowledged=True, lease=LEASE)
    sessions = AsyncSessionManager(make_store(True), keys=SECRET, policy=policy)
    loops = [asyncio.new_event_loop() for _ in range(2)]
    grant = loops[0].run_until_complete(sessions.login("ada"))
    loops[0].run_until_complete(until_seasoned(sessions._store))
    for loop in loops * ENDINGS:
        sessions.core.cache.give_up_lease()  # as if its time were over
        loop.run_until_complete(ended(sessions, grant))
    assert 0 == sessions.core.metrics().waits_in_vain
    store: Any = sessions._store
    loops[0].run_until_complete(sessions._core.currency.close_async())
    assert {} == loops[0].run_until_complete(store.readers_behind(None)).beats
    for loop in loops:
        loop.run_until_complete(asyncio.sleep(0.01))
        loop.run_until_complete(store.close())
        loop.close()


def test_loops_in_threads(make_store: Make, caplog: pytest.LogCaptureFixture) -> None:
    """One keeps memory current for all, and an ending in one is in force in the other."""
    policy = Policy(acknowledged=True, lease=LEASE)
    sessions = AsyncSessionManager(make_store(True), keys=SECRET, policy=policy)
    store: Any = sessions._store
    grants: list[Any] = []
    both = Barrier(2, timeout=PATIENCE)

    async def ends() -> None:
        grants.extend([await sessions.login("ada") for _ in range(ENDINGS)])
        await until_seasoned(store)
        for grant in grants:
            await asyncio.to_thread(both.wait)
            await until_held(sessions, grant.access_token)
            await asyncio.to_thread(both.wait)
            assert await sessions.revoke(grant.session)
            await asyncio.to_thread(both.wait)
        assert 1 == len((await store.readers_behind(None)).beats)
        await asyncio.to_thread(both.wait)
        await sessions.close()  # else a feed may connect once more, on a loop that ends
        await asyncio.to_thread(both.wait)

    async def validates() -> None:
        for number in range(ENDINGS):
            await asyncio.to_thread(both.wait)
            await until_held(sessions, grants[number].access_token)
            await asyncio.to_thread(both.wait)
            await asyncio.to_thread(both.wait)
            with pytest.raises(SessionRevokedError):
                await sessions.validate(grants[number].access_token)
        await asyncio.to_thread(both.wait)
        await asyncio.to_thread(both.wait)
        await store.close()

    with ThreadPoolExecutor(2) as threads:
        running = [threads.submit(asyncio.run, work()) for work in (ends, validates)]
        for each in running:
            each.result(PATIENCE)
    assert 0 == sessions.core.metrics().waits_in_vain
    assert [] == caplog.records


async def in_a_thread(method: Callable[..., Any], *args: Any) -> Any:
    """The answer of *method*, while this loop and its feeds go on."""
    if inspect.iscoroutinefunction(method):
        return await method(*args)
    return await asyncio.to_thread(method, *args)
