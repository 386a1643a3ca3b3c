"""Servers that are restarted, emptied, full, demoted, or replaced by another."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import pytest
import redis
from _redis import PATIENCE, both_ports, is_another_history, recovered, run, seasoned, with_store
from servers.valkey import ValkeyServer, with_prefix

from devsess.errors import ConfigurationError, StoreUnavailableError
from devsess.stores.base import OfUser
from devsess.stores.redis import RedisStore
from devsess.testing import _rows as rows
from devsess.testing._rows import session_row, sign_in


@pytest.fixture
def server() -> Iterator[ValkeyServer]:
    """A server of the test's own, which writes each command to its disk."""
    server = ValkeyServer(appendonly="yes", appendfsync="always")
    yield server
    server.close()


@both_ports
def test_a_restart_keeps_the_rows(is_awaited: bool, server: ValkeyServer) -> None:
    """Rows, numbers and the longest lease outlive a crash; positions and seasoning do not."""

    async def scenario(store: RedisStore) -> None:
        await sign_in(store, session_row())
        await store.end(rows.ending(OfUser("user-2")))
        before = await seasoned(store)
        server.kill()
        with pytest.raises(StoreUnavailableError):
            await store.get("s1")
        server.start()
        assert session_row() == await recovered(store, "s1")
        assert 1 == await store.ending_number("user-2")
        # A reader of the earlier history is behind, however far it was.
        here = await rows.log_position(store)
        assert {"reader"} == {*(await store.readers_behind(here)).beats}
        await is_another_history(store, before)
        assert 7.0 == (await store.readers_behind(None)).lease

    with_store(server.url, is_awaited, scenario)


@both_ports
def test_an_emptied_server_is_another_history(is_awaited: bool, server: ValkeyServer) -> None:
    """Also where its new log is as long as the old one; the store goes on."""

    async def scenario(store: RedisStore) -> None:
        await sign_in(store, session_row())
        await rows.update(store, "s1", {})
        before = await seasoned(store)
        with server.client() as client:
            client.flushall()
        await sign_in(store, session_row("s2"))
        await rows.update(store, "s2", {})
        assert await store.get("s1") is None
        await is_another_history(store, before)

    with_store(server.url, is_awaited, scenario)


def _full(server: ValkeyServer) -> None:
    with server.client() as client:
        client.config_set("maxmemory", 1)


def _not_full(server: ValkeyServer) -> None:
    with server.client() as client:
        client.config_set("maxmemory", 0)


def _without_disk(server: ValkeyServer) -> None:
    with server.client() as client:
        client.config_set("save", "3600 1")
        shutil.rmtree(server.folder)
        client.bgsave()
        deadline = time.monotonic() + PATIENCE
        while client.info("persistence")["rdb_last_bgsave_status"] == "ok":
            assert time.monotonic() < deadline
            time.sleep(0.05)


def _with_disk(server: ValkeyServer) -> None:
    with server.client() as client:
        client.config_set("save", "")


REFUSALS = {"OutOfMemoryError": (_full, _not_full), "MISCONF": (_without_disk, _with_disk)}


@both_ports
@pytest.mark.parametrize("word", REFUSALS)
def test_a_server_that_cannot_write(word: str, is_awaited: bool, server: ValkeyServer) -> None:
    """Each write is a failure and changes nothing, reads are answered; then all is well again."""
    begin, end = REFUSALS[word]

    async def scenario(store: RedisStore) -> None:
        await sign_in(store, session_row())
        renewal = await seasoned(store)
        begin(server)
        for write in (
            store.insert(rows.login(session_row("s2"), limit=1)),
            rows.update(store, "s1", {"claims": "[]"}),
            store.end(rows.ending(OfUser("user-1"))),
            store.touch("unknown", rows.activity(rows.T0), bound=False),
            store.renew("other", None, lease=2.0),
        ):
            error = await rows.raises(StoreUnavailableError, write)
            assert word in str(error)
        assert [session_row()] == await store.list("user-1")
        position = renewal.changes.position
        assert position == (await store.changes(position)).position
        end(server)
        assert await rows.update(store, "s1", {}) is not None

    with_store(server.url, is_awaited, scenario)


@both_ports
@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-random", "volatile-ttl", "noeviction"])
def test_a_server_that_evicts_is_refused(
    policy: str, is_awaited: bool, server: ValkeyServer
) -> None:
    """Where any key may be deleted for room, a revoked session could live again."""
    with server.client() as client:
        client.config_set("maxmemory-policy", policy)
    with_store(with_prefix(server.url), is_awaited, lambda store: store.get("s1"))
    with server.client() as client:
        client.config_set("maxmemory", 2**30)
    refused = policy.startswith("allkeys")
    with pytest.raises(ConfigurationError, match="noeviction") if refused else nullcontext():
        with_store(with_prefix(server.url), is_awaited, lambda store: store.get("s1"))


@both_ports
def test_a_replica_answers_nothing(is_awaited: bool, server: ValkeyServer) -> None:
    """Rows of a replica may be old: neither reads nor writes are answered by one."""

    async def scenario(store: RedisStore) -> None:
        await sign_in(store, session_row())
        position = await rows.log_position(store)
        with server.client() as client:
            client.replicaof("127.0.0.1", 1)
            for call in (
                store.get("s1"),
                store.changes(position),
                store.known_devices("user-1", ids=(), fingerprints=()),
                store.touch("unknown", rows.activity(rows.T0), bound=False),
                store.rotate("unknown", expected_generation=0, changes={}, event=None),
            ):
                error = await rows.raises(StoreUnavailableError, call)
                assert "ReadOnlyError" in str(error)
            client.replicaof("NO", "ONE")
        assert session_row() == await store.get("s1")

    with_store(server.url, is_awaited, scenario)


@both_ports
def test_a_master_without_its_replicas_answers_nothing(
    is_awaited: bool, server: ValkeyServer
) -> None:
    """Cut off from the replicas that it must have, it may have been replaced meanwhile."""

    async def scenario(store: RedisStore) -> None:
        await sign_in(store, session_row())
        with server.client() as client:
            client.config_set("min-replicas-to-write", 1)
            error = await rows.raises(StoreUnavailableError, store.get("s1"))
            assert "NOREPLICAS" in str(error)

    with_store(server.url, is_awaited, scenario)


@both_ports
def test_a_server_that_has_forgotten_its_scripts(is_awaited: bool, server: ValkeyServer) -> None:
    """It is given them again."""

    async def scenario(store: RedisStore) -> None:
        await sign_in(store, session_row())
        with server.client() as client:
            client.script_flush()
        assert await rows.update(store, "s1", {"claims": "[]"}) is not None
        with server.client() as client:
            client.script_flush()
        assert 1 == len(await store.list("user-1"))

    with_store(server.url, is_awaited, scenario)


@both_ports
def test_damaged_rows_are_no_sign_out(is_awaited: bool, valkey_url: str) -> None:
    """Columns that are no row's are the server's fault, not the caller's."""
    url = with_prefix(valkey_url)
    prefix = url.partition("prefix=")[2]
    damages: list[tuple[str, str, str]] = [
        ("s:s1", "claims", "7"),
        ("s:s1", "amr", "\ufffd"),
        ("s:s1", "user_agent", '"unclosed'),
        ("d:6:user-1device-1", "label", "[]"),
    ]

    async def scenario(store: RedisStore) -> None:
        for key, column, text in damages:
            await store.erase(rows.erasure())
            await store.insert(
                rows.login(session_row(ending_number=await store.ending_number("user-1")))
            )
            with redis.Redis.from_url(valkey_url) as client:
                client.hset(f"{{{prefix}:0}}:{key}", column, text)
            await rows.raises(StoreUnavailableError, store.get("s1"))
            await rows.raises(StoreUnavailableError, store.list("user-1"))

    with_store(url, is_awaited, scenario)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_its_own_connections(valkey_url: str) -> None:
    """Parent and child use one store at the same time, and neither gets the other's answers."""
    store = RedisStore(with_prefix(valkey_url))
    run(sign_in(store, *(session_row(f"s{number}") for number in range(20))))

    def all_right() -> bool:
        for number in range(200):
            row = run(store.get(f"s{number % 20}"))
            if row is None or row.id != f"s{number % 20}":
                return False
        return True

    child = os.fork()
    if not child:
        os._exit(0 if all_right() else 1)
    assert all_right()
    assert (child, 0) == os.waitpid(child, 0)
    run(store.close())


@both_ports
def test_a_failover_by_sentinel(is_awaited: bool) -> None:
    """When a replica takes over, the store finds it, and positions of before mean nothing."""
    master = ValkeyServer(repl_diskless_sync_delay="0")
    replica = ValkeyServer(replicaof=f"127.0.0.1 {master.port}")
    sentinel = ValkeyServer(sentinel_of=master)
    servers = (sentinel, replica, master)

    async def scenario(store: RedisStore) -> None:
        await sign_in(store, session_row())
        before = await seasoned(store)
        with master.client() as client:
            client.set("last", "write")  # WAIT is about the connection's own writes
            assert 1 == client.wait(1, 4_000)
        _until(sentinel, lambda info: info["slaves"] == 1)
        master.kill()
        assert session_row() == await recovered(store, "s1")
        await is_another_history(store, before)
        assert await rows.update(store, "s1", {}) is not None

    try:
        url = f"redis+sentinel://127.0.0.1:{sentinel.port}/main"
        with_store(url, is_awaited, scenario, timeout=2.0)
    finally:
        for server in servers:
            server.close()


def _until(sentinel: ValkeyServer, holds: Callable[[dict[str, Any]], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    with sentinel.client() as client:
        while not holds(client.info("sentinel")["master0"]):
            assert time.monotonic() < deadline
            time.sleep(0.05)
