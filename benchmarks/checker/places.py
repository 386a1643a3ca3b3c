"""The stores that a check can run on, and the ways to break their connections and servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from attrs import frozen

from devsess.testing import Proxy

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

# Seconds for a server to be there again.
PATIENCE = 20.0


@frozen
class Place:
    """
    Where a store is.

    Attributes:
        url: Its URL, of this check alone where the server is the check's own.
        through: The same for the processes that validate; behind the proxy, if there is one.
        proxy: Before the server.
        cut: Cuts all connections of those processes.
        restart: Kills the server and starts it again, if it keeps what it has acknowledged.
    """

    url: str
    through: str
    proxy: Proxy | None = None
    cut: Callable[[], None] | None = None
    restart: Callable[[], None] | None = None


@contextmanager
def _sqlite(folder: Path) -> Iterator[Place]:
    path = str(folder / "sessions.db")
    yield Place(path, path)


@contextmanager
def _behind(
    address: tuple[str, int], url_of: Callable[[int], str], restart: Callable[[], None] | None
) -> Iterator[Place]:
    with Proxy(address) as proxy:
        yield Place(url_of(address[1]), url_of(proxy.address[1]), proxy, proxy.cut, restart)


@contextmanager
def _postgres(_: Path) -> Iterator[Place]:
    """With the settings under which a commit survives a crash, which are PostgreSQL's defaults."""
    from benchmarks.servers.postgres import running

    durable = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
    with running(durable) as server:

        def url_of(port: int) -> str:
            return server.url(port=port, timeout=PATIENCE)

        with _behind(server.address, url_of, server.crash) as place:
            yield place


@contextmanager
def _valkey(_: Path) -> Iterator[Place]:
    """With each command on the disk before it is answered."""
    from benchmarks.servers.valkey import ValkeyServer

    server = ValkeyServer(sentinel_of=None, **_DURABLE)

    def restart() -> None:
        server.kill()
        server.start()

    def url_of(port: int) -> str:
        return f"valkey://127.0.0.1:{port}/0?timeout={PATIENCE}"

    try:
        with _behind(("127.0.0.1", server.port), url_of, restart) as place:
            yield place
    finally:
        server.close()


_DURABLE = {"appendonly": "yes", "appendfsync": "always"}


@contextmanager
def _valkey_cluster(_: Path) -> Iterator[Place]:
    """Three nodes; a client finds their addresses by itself, past any proxy."""
    from benchmarks.servers.valkey import ValkeyCluster

    cluster = ValkeyCluster(**_DURABLE)

    def cut() -> None:
        for node in cluster.nodes:
            with node.client() as client:
                for kind in ("normal", "pubsub"):
                    client.execute_command("CLIENT", "KILL", "TYPE", kind)

    def restart() -> None:
        cluster.nodes[1].kill()
        cluster.nodes[1].start()

    url = f"{cluster.url}?timeout={PATIENCE}"
    try:
        yield Place(url, url, cut=cut, restart=restart)
    finally:
        cluster.close()


def _mongodb(*, streaming: bool) -> Callable[[Path], AbstractContextManager[Place]]:
    """Of the two servers that speak its protocol, the one with change streams keeps its data."""

    @contextmanager
    def opened(_: Path) -> Iterator[Place]:
        from benchmarks.servers.mongo import OwnServer

        own = OwnServer(streaming=streaming)

        def url_of(port: int) -> str:
            return f"mongodb://127.0.0.1:{port}/checked?directConnection=true&timeout={PATIENCE}"

        def restart() -> None:
            own.stop()
            own.start()

        try:
            own.start()
            with _behind(("127.0.0.1", own.port), url_of, restart if streaming else None) as it:
                yield it
        finally:
            own.close()

    return opened


_NAMES: dict[str, Callable[[Path], AbstractContextManager[Place]]] = {
    "sqlite": _sqlite,
    "postgres": _postgres,
    "valkey": _valkey,
    "valkey-cluster": _valkey_cluster,
    "mongodb": _mongodb(streaming=True),
    "mongoeco": _mongodb(streaming=False),
}
NAMES = tuple(_NAMES)


@contextmanager
def place_at(store: str, folder: Path) -> Iterator[Place]:
    """
    The place that *store* names, or the store at a URL, which is neither proxied nor restarted.

    Raises:
        ValueError: If it is neither.
    """
    if store in _NAMES:
        with _NAMES[store](folder) as place:
            yield place
    elif urlsplit(store).scheme:
        yield Place(store, store)
    else:
        raise ValueError(f"{store} is none of {', '.join(NAMES)}, and no URL")
