"""
The stores that the benchmarks compare, each on a server of its own, and its driver alone.

Servers and drivers are imported where one is asked for: the other suites need none.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from attrs import frozen

if TYPE_CHECKING:
    from pathlib import Path

# The simplest read by key that the driver has, over one connection: of the session of that id.
Bare: TypeAlias = Callable[[str], object]

# As their operators are advised to run them: what was acknowledged survives a crash.
DURABLE_POSTGRES = {"fsync": "on", "full_page_writes": "on", "shared_buffers": "256MB"}
DURABLE_VALKEY = {"appendonly": "yes", "appendfsync": "always"}
# For figures without waits for a disk.
FAST_POSTGRES = {"shared_buffers": "512MB", "max_wal_size": "8GB", "maintenance_work_mem": "512MB"}


@frozen
class Place:
    """
    A store to measure.

    Attributes:
        name: For people.
        location: A manager's first argument.
        bare: Opens a connection of the driver's.
        on_network: Whether another process hears of changes by a feed.
        is_fast: Whether its server bears the usual counts.
        requests: How many the driver has sent, if it says so.
    """

    name: str
    location: str
    bare: Callable[[], AbstractContextManager[Bare]]
    on_network: bool = True
    is_fast: bool = True
    requests: Callable[[], int] | None = None


class PlaceOpener(Protocol):
    """Starts the server of a store; *durable*: it waits for its disk."""

    def __call__(self, folder: Path, *, durable: bool = True) -> AbstractContextManager[Place]: ...


@contextmanager
def sqlite(folder: Path, *, durable: bool = True) -> Iterator[Place]:  # noqa: ARG001 - it waits
    """SQLite, in a file of that folder."""
    path = folder / "place.db"

    @contextmanager
    def bare() -> Iterator[Bare]:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            yield lambda key: db.execute("SELECT id FROM sessions WHERE id = ?", [key]).fetchone()

    yield Place("SQLite", str(path), bare, on_network=False)


@contextmanager
def postgresql(folder: Path, *, durable: bool = True) -> Iterator[Place]:  # noqa: ARG001 - its folder is its own user's
    """A PostgreSQL server."""
    import psycopg

    from benchmarks.servers import postgres

    with postgres.running(DURABLE_POSTGRES if durable else FAST_POSTGRES) as server:

        @contextmanager
        def bare() -> Iterator[Bare]:
            query = "SELECT id FROM devsess.sessions WHERE id = %s"
            with psycopg.connect(server.url(), autocommit=True) as connection:
                yield lambda key: connection.execute(query, (key,)).fetchone()

        yield Place("PostgreSQL", server.url(), bare)


@contextmanager
def one_valkey(folder: Path, *, durable: bool = True) -> Iterator[Place]:  # noqa: ARG001 - it has its own
    """A Valkey server."""
    from benchmarks.servers import valkey

    settings = DURABLE_VALKEY if durable else {}
    with closing(valkey.ValkeyServer(sentinel_of=None, **settings)) as server:

        @contextmanager
        def bare() -> Iterator[Bare]:
            with server.client() as client:
                yield lambda key: client.hget(f"{{devsess:0}}:s:{key}", "who")

        yield Place("Valkey", server.url, bare)


@contextmanager
def valkey_cluster(folder: Path, *, durable: bool = True) -> Iterator[Place]:  # noqa: ARG001 - it has its own
    """A cluster of three Valkey servers, which write nothing to a disk."""
    from redis.cluster import RedisCluster

    from benchmarks.servers import valkey

    with closing(valkey.ValkeyCluster()) as cluster:

        @contextmanager
        def bare() -> Iterator[Bare]:
            client: Any = RedisCluster(host="127.0.0.1", port=cluster.nodes[0].port)
            with closing(client):
                yield lambda key: client.get(f"{{devsess:id:{key}}}:shard")

        yield Place("Valkey, 3 nodes", cluster.url, bare)


@contextmanager
def mongodb(folder: Path, *, durable: bool = True) -> Iterator[Place]:  # noqa: ARG001 - it has its own
    """A server that speaks MongoDB's protocol and has change streams; no `mongod`."""
    import pymongo
    import pymongo.monitoring

    from benchmarks.servers import mongo
    from devsess.stores.mongodb.documents import session_key

    requests = itertools.count()
    sent = 0

    class Listener(pymongo.monitoring.CommandListener):
        def started(self, event: object) -> None:  # noqa: ARG002 - each is one
            nonlocal sent
            sent = next(requests) + 1

        def succeeded(self, event: object) -> None: ...
        def failed(self, event: object) -> None: ...

    pymongo.monitoring.register(Listener())  # for the clients of this process from here on
    server = mongo.OwnServer(streaming=True)
    with closing(server):
        server.start()
        location = server.server.place()
        collection = location.partition("collection=")[2].partition("&")[0]

        @contextmanager
        def bare() -> Iterator[Bare]:
            client: Any = pymongo.MongoClient(server.server.url)
            with closing(client):
                documents = client["devsess_test"][collection]
                yield lambda key: documents.find_one({"_id": session_key(key)})

        yield Place("MongoDB's protocol", location, bare, is_fast=False, requests=lambda: sent)


PLACES: dict[str, PlaceOpener] = {
    "SQLite": sqlite,
    "PostgreSQL": postgresql,
    "Valkey": one_valkey,
    "Valkey, 3 nodes": valkey_cluster,
    "MongoDB's protocol": mongodb,
}


@contextmanager
def counting(place: Place) -> Iterator[Callable[[], int]]:
    """
    How many requests the stores of this process have waited for, so far.

    Statements that are sent together are one; each node of a cluster that is asked is one.
    """
    if not place.on_network:
        yield lambda: 0
    elif place.requests is not None:
        yield place.requests
    else:
        with _counted(*_request(place)) as so_far:
            yield so_far


@contextmanager
def _counted(owner: Any, name: str) -> Iterator[Callable[[], int]]:
    """The calls of a function, which stands in its place again afterwards."""
    request, numbers = getattr(owner, name), itertools.count()
    made = 0

    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal made
        made = next(numbers) + 1
        return request(*args, **kwargs)

    setattr(owner, name, counted)
    try:
        yield lambda: made
    finally:
        setattr(owner, name, request)


def _request(place: Place) -> tuple[Any, str]:
    """The function that sends to the server, and waits for its answers, once a call."""
    if place.location.startswith("postgresql"):
        from devsess.stores.postgres import ports

        return ports, "_sent"
    from devsess.stores.redis.blocking import BlockingLines

    return BlockingLines, "_asked"
