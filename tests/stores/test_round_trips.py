"""The round trips that each call of a manager takes over a network, counted on the wire."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable, Iterator
from socket import socket
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import pymongo
import pytest
from _redis import both_ports
from pymongo.monitoring import CommandListener
from servers.mongo import Server
from servers.postgres import PostgresServer, Schemas
from servers.valkey import with_prefix

from devsess import AsyncSessionManager, Policy, SessionManager
from devsess.stores.mongodb import MongoStore
from devsess.testing import FakeClock
from devsess.testing.proxy import Proxy

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
PATIENCE = 30.0
# Seconds.
LEASE = 0.3
Count = Callable[[], int]


class Counting(Proxy):
    """A proxy that counts how often requests follow a reply, or the beginning."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.round_trips = 0
        self._asked: set[socket] = set()
        self._counting = Lock()
        super().__init__(target)

    def _pass_requests(self, client: socket, server: socket) -> None:
        while data := client.recv(65_536):
            with self._counting:
                self.round_trips += client not in self._asked
                self._asked.add(client)
            server.sendall(data)

    def _pass_replies(self, client: socket, server: socket) -> None:
        while data := server.recv(65_536):
            with self._counting:
                self._asked.discard(client)
            client.sendall(data)


class Commands(CommandListener):
    """Counts what PyMongo asks; its monitors ask beside it."""

    def __init__(self) -> None:
        self.round_trips = 0

    def started(self, event: Any) -> None:
        self.round_trips += event.command_name not in ("hello", "endSessions")

    def succeeded(self, event: Any) -> None: ...

    def failed(self, event: Any) -> None: ...


@pytest.fixture
def counted(request: pytest.FixtureRequest) -> Iterator[Callable[[str, bool], tuple[Any, Count]]]:
    """Makes a store of a kind, or its URL, with its count of round trips."""
    proxies: list[Counting] = []

    def made(kind: str, is_awaited: bool) -> tuple[Any, Count]:
        if kind == "mongodb":
            server: Server = request.getfixturevalue("isolated_mongo")
            commands = Commands()
            client: Any = pymongo.AsyncMongoClient if is_awaited else pymongo.MongoClient
            clients = client(server.url, event_listeners=[commands])
            return MongoStore(clients, database="round_trips"), lambda: commands.round_trips
        if kind == "postgres":
            postgres: PostgresServer = request.getfixturevalue("postgres")
            schemas: Schemas = request.getfixturevalue("postgres_schemas")
            url = postgres.url(schema=schemas.take())
        else:
            url = with_prefix(request.getfixturevalue("valkey_url"))
        parts = urlsplit(url)
        proxies.append(Counting((parts.hostname or "", parts.port or 0)))
        signed_in, at, _ = parts.netloc.rpartition("@")
        host, port = proxies[-1].address
        where = parts._replace(netloc=f"{signed_in}{at}{host}:{port}").geturl()
        return where, lambda: proxies[-1].round_trips

    yield made
    for proxy in proxies:
        proxy.close()


# Round trips by the store. A touch is sent once the row was judged, for it may not keep a session
# alive that is over. An ending is written, then heard here, then the readers are asked for.
# MongoDB's sign-in reads the devices, and is a transaction then: its reads, its writes, its commit.
EXPECTED = {
    "redis": {"login": 2, "first": 1, "again": 1, "list": 1, "due": 2, "revoke": 3},
    "postgres": {"login": 2, "first": 1, "again": 1, "list": 1, "due": 2, "revoke": 5},
    "mongodb": {"login": 4, "first": 1, "again": 1, "list": 1, "due": 3, "revoke": 7},
}


# Over MongoDB with --thorough: its server takes long to begin.
each_kind = pytest.mark.parametrize(
    "kind",
    ["redis", "postgres", pytest.param("mongodb", marks=pytest.mark.thorough)],
)


@both_ports
@each_kind
def test_round_trips(
    kind: str, is_awaited: bool, counted: Callable[[str, bool], tuple[Any, Count]]
) -> None:
    """What is asked for each time takes one round trip, and a sign-in two; so it stays."""
    found: dict[str, int] = {}

    async def scenario() -> None:
        clock = FakeClock()
        store, count = counted(kind, is_awaited)
        make: Any = AsyncSessionManager if is_awaited else SessionManager
        manager = make(store, keys=SECRET, policy=Policy(touch_interval=300), clock=clock)

        async def counting(name: str, call: Callable[[], Any]) -> Any:
            before = count()
            answer = await _had(call())
            found[name] = count() - before
            return answer

        async def all_calls(user_id: str) -> None:
            grant = await counting("login", lambda: manager.login(user_id))
            token = grant.access_token
            await _had(manager.validate(token))  # it marks the token as presented
            await _had(manager.validate(token))
            cache = manager.core.cache
            cache._entries = cache._entries.emptied()
            await counting("first", lambda: manager.validate(token))
            await counting("again", lambda: manager.validate(token))
            await counting("list", lambda: manager.list(user_id))
            clock.advance(301)
            await counting("due", lambda: manager.validate(token))
            await counting("revoke", lambda: manager.revoke(grant.session.id))

        # A server learns a script at first, and a driver prepares a statement that it sees often.
        for user_id in "abcdefg" if kind == "postgres" else "ab":
            await all_calls(user_id)
        await _had(manager.close())
        if kind == "mongodb":
            await _had(store._port.place.client.close())  # the manager leaves it open: it was given

    asyncio.run(scenario())
    assert EXPECTED[kind] == found


@both_ports
@each_kind
def test_a_process_that_has_renounced_sends_nothing(
    kind: str, is_awaited: bool, counted: Callable[[str, bool], tuple[Any, Count]]
) -> None:
    """Without validations its feed ends, leaves the register, and the connections are silent."""

    async def scenario() -> None:
        store, count = counted(kind, is_awaited)
        make: Any = AsyncSessionManager if is_awaited else SessionManager
        manager = make(store, keys=SECRET, policy=Policy(acknowledged=True, lease=LEASE))
        token = (await _had(manager.login("ada"))).access_token
        deadline = time.monotonic() + PATIENCE
        while manager.core.metrics().lease != "held":
            assert time.monotonic() < deadline
            await _had(manager.validate(token))
            await asyncio.sleep(0.001)
        while (await _had(manager._store.readers_behind(None))).beats:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        before = count()
        await asyncio.sleep(3 * LEASE)
        assert before == count()
        assert "over" == manager.core.metrics().lease
        await _had(manager.close())
        if kind == "mongodb":
            await _had(store._port.place.client.close())

    asyncio.run(scenario())


async def _had(answer: Any) -> Any:
    return await answer if inspect.isawaitable(answer) else answer
