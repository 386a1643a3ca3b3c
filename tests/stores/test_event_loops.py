"""LAW: a store that many event loops use, one after the other or in turn, keeps few connections."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from _redis import behind_proxy
from servers.mongo import excuse_forgotten_sockets

from devsess.stores.mongodb import MongoStore
from devsess.stores.postgres import PostgresStore
from devsess.stores.redis import RedisStore
from devsess.testing._rows import session_row, sign_in
from devsess.testing.proxy import Proxy

if TYPE_CHECKING:
    from servers.mongo import Server
    from servers.postgres import PostgresServer, Schemas

LOOPS, PATIENCE = 12, 20.0
# Of one loop: one that asks, one that listens; the MongoDB driver has some that watch the server.
A_FEW = 5

Made = tuple[Proxy, Callable[[], Any]]


@pytest.fixture
def _postgres(postgres: PostgresServer, postgres_schemas: Schemas) -> Iterator[Made]:
    with Proxy(postgres.address) as proxy:
        url = postgres.url(port=proxy.address[1])
        schema = postgres_schemas.take()
        yield proxy, lambda: PostgresStore(url, is_awaited=True, schema=schema)
        postgres_schemas.give_back()


@pytest.fixture
def _redis(valkey_url: str) -> Iterator[Made]:
    proxy, url = behind_proxy(valkey_url)
    with proxy:
        yield proxy, lambda: RedisStore(url, is_awaited=True)


@pytest.fixture
def _mongodb(mongo: Server, pytestconfig: pytest.Config) -> Iterator[Made]:
    with Proxy(mongo.address) as proxy:
        excuse_forgotten_sockets(pytestconfig, proxy.address)
        url = mongo.through(proxy.address)
        yield proxy, lambda: MongoStore(url, is_awaited=True)


@pytest.fixture(params=["postgres", "redis", "mongodb"])
def made(request: pytest.FixtureRequest) -> Made:
    """A proxy, and what makes a store behind it."""
    found: Made = request.getfixturevalue(f"_{request.param}")
    return found


def _is_few(proxy: Proxy, most: int) -> bool:
    """Whether so few connections are open, once those that were let go are closed."""
    until = time.monotonic() + PATIENCE
    while len(proxy._pairs) > most and time.monotonic() < until:
        gc.collect()
        time.sleep(0.05)
    return len(proxy._pairs) <= most


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_loop_that_was_closed_leaves_no_connection(made: Made) -> None:
    """A program that runs each request in a loop of its own does not use up the server's."""
    proxy, make = made
    store = make()
    asyncio.run(sign_in(store, session_row()))

    for _ in range(LOOPS):
        assert "s1" == asyncio.run(store.get("s1")).id

    assert _is_few(proxy, A_FEW)
    asyncio.run(store.close())
    assert _is_few(proxy, 0)


def test_loops_that_take_turns_keep_their_own(made: Made) -> None:
    """Each finds its connections again: none is closed, left, or used by the other."""
    proxy, make = made
    store = make()
    one, other = asyncio.new_event_loop(), asyncio.new_event_loop()
    one.run_until_complete(sign_in(store, session_row()))

    for _ in range(LOOPS):
        for loop in (one, other):
            assert "s1" == loop.run_until_complete(store.get("s1")).id

    assert _is_few(proxy, 2 * A_FEW)
    for loop in (one, other):
        loop.run_until_complete(store.close())
        loop.close()
    assert _is_few(proxy, 0)
