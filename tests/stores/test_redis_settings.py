"""URLs, clients of the application, and what must not be seen of them."""

from __future__ import annotations

import asyncio
import builtins
import traceback
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
import redis.asyncio
from _both_managers import share_revocations
from _redis import PATIENCE, both_ports, run, with_store
from _tls import TlsFront, certificate
from servers.valkey import ValkeyCluster, ValkeyServer, with_prefix

from devsess.errors import ConfigurationError, StoreUnavailableError
from devsess.stores.open import open_store
from devsess.stores.redis import RedisStore
from devsess.stores.redis.lines import Server
from devsess.stores.redis.settings import of_url
from devsess.stores.redis.shards import VERSION
from devsess.stores.redis.topology import Cluster, OneServer, Sentinels
from devsess.testing._rows import raises, session_row, sign_in

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
PASSWORD = "p%40ss-9f3kLw"

URLS: dict[str, tuple[type, Server, dict[str, Any]]] = {
    "redis://": (OneServer, Server("localhost", 6_379), {}),
    "valkey://cache:7000/3": (OneServer, Server("cache", 7_000), {"db": 3}),
    "redis://[::1]:7000": (OneServer, Server("::1", 7_000), {}),
    "redis://ada:p%40ss@h": (
        OneServer,
        Server("h", 6_379),
        {"username": "ada", "password": "p@ss"},
    ),
    "rediss://:x@h/1?ssl_cert_reqs=none": (
        OneServer,
        Server("h", 6_379),
        {"password": "x", "db": 1},
    ),
    "valkeys://h": (OneServer, Server("h", 6_379), {}),
    "redis+cluster://a:1,b:2?tls=1": (Cluster, Server("a", 1), {}),
    "redis+sentinel://u:p@a,b:2/main/4?sentinel_password=s": (
        Sentinels,
        Server("a", 26_379, is_sentinel=True),
        {"password": "s"},
    ),
}
MISTAKES = (
    "redis://h?colour=blue",
    "redis://h:port",
    "redis://h/name",
    "redis://a,b",
    "redis+cluster://h/2",
    "redis+sentinel://h",
    "redis+sentinel://h/main/x",
    "redis://h?timeout=soon",
    "redis://h?ssl_ca_certs=/ca.pem",
    "redis://h?prefix",
    "redis://h?timeout=0",
    "redis://h?timeout=inf",
    "redis://h?timeout=4000",
    "redis://h?pool_size=0",
    "redis://h?shards=0",
    "redis://h?prefix={x}",
)


@both_ports
@pytest.mark.parametrize("url", URLS)
def test_urls(url: str, is_awaited: bool) -> None:
    """A URL says where the servers are, and how to sign in to them."""
    kind, server, signing_in = URLS[url]
    settings = of_url(url, is_awaited=is_awaited)
    connection = settings.make(server)

    assert kind is type(settings.topology)
    assert (server.host, server.port) == (connection.host, connection.port)
    expected = {"username": None, "password": None, **signing_in}
    assert expected == {name: getattr(connection, name) for name in expected}
    is_tls = url.startswith(("rediss", "valkeys")) or "tls=1" in url
    assert is_tls == ("SSL" in type(connection).__name__)


def test_a_url_has_options() -> None:
    """Limit of time, pool, prefix, shards and disk; arguments come before them."""
    url = "redis+cluster://h?timeout=1.5&pool_size=7&prefix=app&shards=4&durable=yes"
    settings = of_url(url, is_awaited=False)

    assert (1.5, 7, "app", 4) == (
        *(settings.timeout, settings.pool_size, settings.prefix, settings.shards),
    )
    assert (5.0, 32, "devsess", 1) == (lambda it: (it.timeout, it.pool_size, it.prefix, it.shards))(
        of_url("redis://h", is_awaited=False)
    )
    assert settings.durable
    assert not of_url("redis://h?durable=no", is_awaited=False).durable
    assert 16 == of_url("redis+cluster://h", is_awaited=False).shards


@pytest.mark.parametrize("url", MISTAKES)
def test_mistakes_in_a_url(url: str) -> None:
    """A URL that cannot be understood is refused at once, and is not quoted."""
    with pytest.raises(ConfigurationError) as caught:
        open_store(url.replace("://", f"://user:{PASSWORD}@"))

    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("timeout", [float("inf"), float("nan"), -1.0, 0, 1e10])
def test_a_timeout_that_no_socket_can_have(timeout: float) -> None:
    """It is refused at once, and not by each call."""
    with pytest.raises(ConfigurationError, match="timeout"):
        RedisStore("redis://h", timeout=timeout)


def test_another_object_is_no_client() -> None:
    """Something that is neither a URL nor a client is refused."""
    with pytest.raises(ConfigurationError, match="client"):
        RedisStore(object())


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without redis-py the error says what to install."""
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "devsess.stores.redis":
            raise ModuleNotFoundError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigurationError, match=r"pip install .*devsess\[redis\]"):
        open_store("redis://localhost")


@both_ports
def test_a_password_is_in_no_message(is_awaited: bool) -> None:
    """A wrong password, a server that is gone, a representation: none shows the secret."""
    server = ValkeyServer(requirepass="another-1")
    try:
        url = server.url.replace("://", f"://:{PASSWORD}@")

        async def ask(store: RedisStore) -> str:
            with pytest.raises(StoreUnavailableError) as caught:
                await store.get("s1")
            seen = [repr(store), str(store), repr(of_url(url, is_awaited=is_awaited))]
            return "".join([*traceback.format_exception(caught.value), *seen])

        for _ in range(2):
            text = with_store(url, is_awaited, ask)
            assert PASSWORD not in text
            assert "p@ss-9f3kLw" not in text
            server.kill()
    finally:
        server.close()


@both_ports
def test_a_password_lets_in(is_awaited: bool) -> None:
    """A store signs in with what its URL says, in the database that it names."""
    server = ValkeyServer(requirepass="another-1")
    try:
        url = server.url.replace("://", "://default:another-1@") + "/5"
        with_store(url, is_awaited, lambda store: sign_in(store, session_row()))
        with server.client(password="another-1", db=5) as client:
            assert 1 == client.exists("{devsess:0}:s:s1")
    finally:
        server.close()


@both_ports
def test_tls(is_awaited: bool, valkey_url: str, tmp_path: Path) -> None:
    """A store speaks TLS with a server whose certificate it can verify, and with no other."""
    paths = certificate(tmp_path)
    parts = urlsplit(valkey_url)
    front = TlsFront((parts.hostname or "", parts.port or 6_379), *paths)
    try:
        url = with_prefix(f"rediss://127.0.0.1:{front.port}")
        trusting = f"{url}&ssl_ca_certs={paths[0]}"

        async def write_and_read(store: RedisStore) -> None:
            await sign_in(store, session_row())
            assert session_row() == await store.get("s1")
            await store.wait(0.0)

        async def be_refused(store: RedisStore) -> None:
            await raises(StoreUnavailableError, store.get("s1"))
            await asyncio.sleep(0.2)  # the loop closes what failed in a later turn

        with_store(trusting, is_awaited, write_and_read)
        with_store(url, is_awaited, be_refused)
        with_store(url.replace("rediss", "redis"), is_awaited, be_refused, timeout=1.0)
    finally:
        front.close()


def test_threads_share_a_store(valkey_url: str) -> None:
    """Each of many threads gets the answers to its own questions."""
    store = RedisStore(with_prefix(valkey_url), timeout=PATIENCE, pool_size=3)
    run(sign_in(store, *(session_row(f"s{number}") for number in range(8))))
    found: list[bool] = []

    def ask(name: str) -> None:
        for _ in range(50):
            row = run(store.get(name))
            found.append(row is not None and row.id == name)

    threads = [Thread(target=ask, args=(f"s{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    run(store.close())

    assert [True] * 400 == found


def test_an_applications_client_is_taken(valkey_url: str, valkey_cluster: ValkeyCluster) -> None:
    """Blocking or awaited, of one server or of a cluster; it stays the application's."""
    node = valkey_cluster.nodes[1]
    prefix = "of-clients"

    async def scenario() -> None:
        alone = redis.asyncio.Redis.from_url(valkey_url)
        blocking = redis.Redis.from_url(valkey_url, decode_responses=True)
        cluster = redis.asyncio.RedisCluster(host="127.0.0.1", port=node.port)
        other = redis.RedisCluster(host="127.0.0.1", port=node.port)
        for first, second in ((alone, blocking), (cluster, other)):
            stores = [RedisStore(it, prefix=prefix, timeout=30.0) for it in (first, second)]
            await sign_in(stores[0], session_row())
            assert session_row() == await stores[1].get("s1")
            for store in stores:
                await store.close()
        assert await alone.ping()
        assert blocking.ping()
        for it in (alone, cluster):
            await it.aclose()
        for closing in (blocking, other):
            closing.close()

    run(scenario())


def test_both_managers_share_it(valkey_url: str) -> None:
    """One process blocks, one awaits: each hears at once of the other's revocations."""
    url = with_prefix(valkey_url)
    share_revocations(url)


def test_all_processes_have_the_same_shards(valkey_url: str) -> None:
    """A store of another number of shards would look for rows elsewhere: it is refused."""
    url = with_prefix(valkey_url, shards=4)
    with_store(url, False, lambda store: sign_in(store, session_row()))
    with pytest.raises(ConfigurationError, match="4 shards"):
        with_store(url, True, lambda store: store.get("s1"), shards=8)


def test_data_without_a_list_of_its_users_is_not_copied(valkey_url: str) -> None:
    """Data that an older devsess began may have users that no page would hold."""
    url = with_prefix(valkey_url)
    prefix = url.partition("prefix=")[2]
    with redis.Redis.from_url(url.partition("?")[0]) as client:
        client.hset(f"{{{prefix}:about}}:data", mapping={"version": 1, "shards": 1})
    with pytest.raises(ConfigurationError, match="older devsess"):
        with_store(url, False, lambda store: store.export(limit=1))


def test_data_without_a_list_of_its_events_is_not_polled(valkey_url: str) -> None:
    """Data that an older devsess began has events that no poll would give."""
    url = with_prefix(valkey_url)
    prefix = url.partition("prefix=")[2]
    with redis.Redis.from_url(url.partition("?")[0]) as client:
        client.hset(f"{{{prefix}:about}}:data", mapping={"version": 2, "shards": 1})
    with pytest.raises(ConfigurationError, match="devsess migrate"):
        with_store(url, False, lambda store: store.poll(None, limit=1))


def test_newer_data_is_refused(valkey_url: str) -> None:
    """Data of a newer version is not written by an older one."""
    url = with_prefix(valkey_url)
    prefix = url.partition("prefix=")[2]
    with redis.Redis.from_url(url.partition("?")[0]) as client:
        client.hset(f"{{{prefix}:about}}:data", mapping={"version": VERSION + 1, "shards": 1})
    with pytest.raises(ConfigurationError, match="newer"):
        with_store(url, False, lambda store: store.migrate())
