"""Acknowledged endings over real servers: a blocking manager and an awaited one, with feeds."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable, Iterator
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


@pytest.fixture(params=["postgres", "valkey", "mongo"])
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


async def in_a_thread(method: Callable[..., Any], *args: Any) -> Any:
    """The answer of *method*, while this loop and its feeds go on."""
    if inspect.iscoroutinefunction(method):
        return await method(*args)
    return await asyncio.to_thread(method, *args)
