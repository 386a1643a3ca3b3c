"""Stores for Redis and Valkey in tests: over both ports, and through a proxy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from socket import socket
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pytest
from servers.valkey import with_prefix

from devsess.errors import StoreUnavailableError
from devsess.stores.base import ALL
from devsess.stores.redis import RedisStore
from devsess.testing.proxy import Proxy

T = TypeVar("T")

# By default the one through which its contract runs by default.
both_ports = pytest.mark.parametrize(
    "is_awaited",
    [
        pytest.param(False, id="blocking", marks=pytest.mark.thorough),
        pytest.param(True, id="awaiting"),
    ],
)

# Seconds: what a store waits for in tests of failures, in haste or not, and more than any of
# them takes.
HASTE, SOON, PATIENCE = 0.05, 0.4, 30.0


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of *work*, on an event loop of its own."""
    return asyncio.run(work)


def with_store(
    url: str, is_awaited: bool, work: Callable[[RedisStore], Coroutine[Any, Any, T]], **how: Any
) -> T:
    """The result of *work* with a store that is closed then."""

    async def scenario() -> T:
        store = RedisStore(url, is_awaited=is_awaited, **how)
        try:
            return await work(store)
        finally:
            await store.close()

    return run(scenario())


@contextmanager
def in_haste(store: Any) -> Iterator[None]:
    """Have *store* wait for an answer for a moment only."""
    lines = store._port.lines
    before, lines._timeout = lines._timeout, HASTE
    yield
    lines._timeout = before


class CutsOnce(Proxy):
    """A proxy that is well again once it has cut a reply."""

    def _pass_replies(self, client: socket, server: socket) -> None:
        super()._pass_replies(client, server)
        self.heal()


def behind_proxy(url: str, kind: type[Proxy] = Proxy) -> tuple[Proxy, str]:
    """A proxy before the server of *url*, and the URL of a new store behind it."""
    parts = urlsplit(url)
    proxy = kind((parts.hostname or "127.0.0.1", parts.port or 6_379))
    signed_in, at, _ = parts.netloc.rpartition("@")
    host, port = proxy.address
    return proxy, with_prefix(parts._replace(netloc=f"{signed_in}{at}{host}:{port}").geturl())


async def recovered(store: RedisStore, session_id: str) -> Any:
    """The session, once the store answers again; until then it fails as unavailable alone."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return await store.get(session_id)
        except StoreUnavailableError:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)


async def is_another_history(store: RedisStore, before: Any) -> None:
    """Nothing that was known of the log before *before* counts any more."""
    renewal = await store.renew("reader", before.changes.position, lease=2.0)
    behind = await store.readers_behind(before.changes.position)

    assert ALL is renewal.changes.ids
    assert before.history != renewal.history == behind.history
    assert not behind.is_seasoned
    assert {"reader"} == {*behind.beats}


async def seasoned(store: RedisStore) -> Any:
    """A renewal by a reader that knows all, in a history that is older than any lease."""
    first = await store.renew("reader", None, lease=7.0)
    await store.season(first.history)
    renewal = await store.renew("reader", first.changes.position, lease=7.0)
    assert (await store.readers_behind(renewal.changes.position)).is_seasoned
    return renewal
