"""
Two servers that speak MongoDB's protocol, or the one that DEVSESS_TEST_MONGODB_URL names.

Neither is a `mongod`: see docs/mongodb.md for what each can show. A named server is taken
for both.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from typing import Any

import pymongo
import pytest
from attrs import frozen
from pymongo import DeleteOne, ReplaceOne

from benchmarks.servers.mongo import OwnServer, Server, server_at
from devsess._runtime.drive import drive
from devsess.stores.mongodb import MongoStore

__all__ = [
    "Collections",
    "OwnServer",
    "Server",
    "excuse_forgotten_sockets",
    "isolated_mongo",
    "mongo",
    "mongoeco",
]

URL = "DEVSESS_TEST_MONGODB_URL"


def excuse_forgotten_sockets(config: pytest.Config, address: tuple[str, int]) -> None:
    """
    Let the awaiting driver leave connections to *address* to garbage collection, on Python 3.11.

    PyMongo (4.20) closes no socket whose connect is cancelled, as its own monitors' is when a
    client closes. A connect to the loopback is done at once, so a cancellation comes between
    on 3.11 alone, where `asyncio.wait_for` starts a task. The warning would fail whichever test
    runs when the socket is collected. On later versions all warnings stay errors.
    """
    if sys.version_info < (3, 12):
        peer = re.escape(f"raddr={address!r}")
        config.addinivalue_line(
            "filterwarnings", f"ignore:unclosed <socket.*{peer}:ResourceWarning"
        )


def _own(config: pytest.Config, *, streaming: bool) -> Iterator[Server]:
    own = OwnServer(streaming=streaming)
    try:
        own.start()
        excuse_forgotten_sockets(config, own.server.address)
        yield own.server
    finally:
        own.close()


@pytest.fixture(scope="session")
def mongo(pytestconfig: pytest.Config) -> Iterator[Server]:
    """A server with change streams; others see what a transaction has not committed yet."""
    if URL in os.environ:
        yield server_at(os.environ[URL])
    else:
        yield from _own(pytestconfig, streaming=True)


@pytest.fixture(scope="session")
def mongoeco(pytestconfig: pytest.Config) -> Iterator[Server]:
    """A server with isolated transactions, and no change streams."""
    if sys.version_info < (3, 13):
        pytest.skip("mongoeco's server needs Python 3.13")
    yield from _own(pytestconfig, streaming=False)


@pytest.fixture(scope="session")
def isolated_mongo(request: pytest.FixtureRequest) -> Server:
    """A server with isolated transactions."""
    if URL in os.environ:
        return server_at(os.environ[URL])
    server: Server = request.getfixturevalue("mongoeco")
    return server


@frozen
class _Collection:
    """One that a store has made, and the documents that it had then."""

    place: str
    found: Any
    documents: dict[object, dict[str, Any]]

    def set_back(self) -> None:
        """Write what has changed since, and delete what has come."""
        now = {it["_id"]: it for it in self.found.find({})}
        changes: list[Any] = [DeleteOne({"_id": key}) for key in now.keys() - self.documents.keys()]
        changes += [
            ReplaceOne({"_id": key}, it, upsert=True)
            for key, it in self.documents.items()
            if now.get(key) != it
        ]
        if changes:
            self.found.bulk_write(changes, ordered=False)


class Collections:
    """
    Collections for stores that must be new and empty; to set one back costs less than to make it.

    Args:
        server: Where they are made. It is slower the more indexes it has.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._client: pymongo.MongoClient[Any] = pymongo.MongoClient(server.url)
        self._free: list[_Collection] = []
        self._taken: list[_Collection] = []

    def take(self) -> str:
        """The URL of one that is as a store has made it."""
        self._taken.append(self._free.pop() if self._free else self._made())
        return self._taken[-1].place

    def _made(self) -> _Collection:
        place = self._server.place()
        store = MongoStore(place)
        drive(store.migrate())
        drive(store.close())
        [name] = re.findall(r"\bcollection=(\w+)", place)
        found = self._client["devsess_test"][name]
        return _Collection(place, found, {it["_id"]: it for it in found.find({})})

    def give_back(self) -> None:
        """Set all back that were taken."""
        for collection in self._taken:
            collection.set_back()
        self._free += self._taken
        self._taken = []

    def close(self) -> None:
        self._client.close()
