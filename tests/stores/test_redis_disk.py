"""LAW: what an acknowledged revocation survives is what the store says, and no more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from _redis import PATIENCE, both_ports, recovered, with_store
from _redis_calls import CALLS, KEPT, Work
from servers.valkey import ValkeyServer, with_prefix

from devsess.errors import ConfigurationError, StoreUnavailableError
from devsess.stores.base import ById, Everyone, OfUser
from devsess.stores.calls import Target
from devsess.stores.redis import RedisStore
from devsess.testing import _rows as rows
from devsess.testing._rows import session_row, sign_in

ENDINGS: tuple[Target, ...] = (ById("s1"), OfUser("user-1"), Everyone())


@pytest.fixture
def server() -> Iterator[ValkeyServer]:
    """A server that writes each command to its disk before it answers."""
    server = ValkeyServer(appendonly="yes", appendfsync="always")
    yield server
    server.close()


@both_ports
def test_a_revocation_survives_a_crash(is_awaited: bool, server: ValkeyServer) -> None:
    """With `durable=yes`: the server is killed right after the answer, and started again."""

    async def scenario(store: RedisStore) -> None:
        for target in ENDINGS:
            await store.erase(rows.erasure())
            number = await store.ending_number("user-1")
            await store.insert(rows.login(session_row(ending_number=number)))
            await store.end(rows.ending(target))
            server.kill()
            server.start()
            row = await recovered(store, "s1")
            assert row.revoked_at is not None

    with_store(server.url + "?durable=yes", is_awaited, scenario)


def test_without_a_file_a_revocation_is_lost() -> None:
    """Not promised, and found out: the restart begins with a snapshot of before."""
    server = ValkeyServer()

    async def scenario(store: RedisStore) -> None:
        await sign_in(store, session_row())
        with server.client() as client:
            client.save()
        await store.end(rows.ending(ById("s1")))
        server.kill()
        server.start()
        assert session_row() == await recovered(store, "s1")

    try:
        with_store(server.url, False, scenario)
        with pytest.raises(ConfigurationError, match="appendonly yes"):
            with_store(server.url, False, lambda store: store.get("s1"), durable=True)
    finally:
        server.close()


WRONG = {
    "appendonly yes": ("CONFIG SET appendonly no", ""),
    "appendfsync always": ("CONFIG SET appendfsync everysec", ""),
    "allow CONFIG GET": ("ACL SETUSER app on >x ~* &* +@all -config", "app:x@"),
    "WAITAOF, of Redis 7.2": ("ACL SETUSER app on >x ~* &* +@all -waitaof", "app:x@"),
}


@both_ports
@pytest.mark.parametrize("fault", WRONG)
def test_a_server_that_cannot_promise_it(
    fault: str, is_awaited: bool, server: ValkeyServer
) -> None:
    """Where `durable=yes` cannot be kept to, opening says which setting is missing."""
    command, user = WRONG[fault]
    with server.client() as client:
        client.execute_command(*command.split())
    url = server.url.replace("://", f"://{user}")
    with pytest.raises(ConfigurationError, match=fault):
        with_store(url, is_awaited, lambda store: store.get("s1"), durable=True)


@both_ports
def test_a_file_that_is_switched_off(is_awaited: bool, server: ValkeyServer) -> None:
    """Writes fail as unavailable from then on, and reads do not; on again, all is well."""

    async def scenario(store: RedisStore) -> None:
        await sign_in(store, session_row())
        with server.client() as client:
            client.config_set("appendonly", "no")
            error = await rows.raises(StoreUnavailableError, store.end(rows.ending(ById("s1"))))
            assert "to its disk" in str(error)
            error = await rows.raises(StoreUnavailableError, store.end(rows.ending(ById("s1"))))
            assert "appendonly yes" in str(error)
            assert await store.get("s1") is not None
            assert await store.touch("s1", rows.activity(rows.T0), bound=False) is False
            client.config_set("appendonly", "yes")
        await store.end(rows.ending(ById("s1")))

    with_store(server.url, is_awaited, scenario, durable=True)


@both_ports
@pytest.mark.parametrize("name", CALLS)
def test_the_calls_that_wait_for_the_disk(name: str, is_awaited: bool, disk_url: str) -> None:
    """All that write, but for the activity of a session and the register of readers."""

    async def scenario(store: RedisStore) -> None:
        await sign_in(store, session_row())
        call: Work = CALLS[name]
        before = _waits(disk_url)
        await call(store)

        assert (name in KEPT) == (_waits(disk_url) > before)

    with_store(with_prefix(disk_url), is_awaited, scenario, durable=True)


@pytest.fixture(scope="module")
def disk_url() -> Iterator[str]:
    """The URL of such a server for many tests."""
    server = ValkeyServer(appendonly="yes", appendfsync="always")
    yield server.url
    server.close()


def _waits(url: str) -> int:
    with redis.Redis.from_url(url) as client:
        stats: dict[str, Any] = client.info("commandstats")
    return int(stats.get("cmdstat_waitaof", {"calls": 0})["calls"])


@both_ports
def test_a_server_that_is_loading(is_awaited: bool) -> None:
    """While it reads its data after a restart nothing is answered; then all is there."""
    server = ValkeyServer()

    async def scenario(store: RedisStore) -> None:
        await sign_in(store, session_row())
        with server.client() as client:
            pipeline = client.pipeline(transaction=False)
            for number in range(600):
                pipeline.set(f"other:{number}", "x" * 1_100)
            pipeline.execute()
            client.save()
        server.kill()
        # Microseconds a key, with a look at the clients after each.
        server.configure(
            key_load_delay="3000", loading_process_events_interval_bytes="1024", rdbcompression="no"
        )
        server.start(waits=False)
        messages: set[str] = set()
        deadline = time.monotonic() + PATIENCE
        while "BusyLoadingError" not in "".join(messages):
            assert time.monotonic() < deadline
            for call in (
                store.get("s1"),
                rows.update(store, "s1", {}),
                store.renew("reader", None, lease=2.0),
            ):
                messages.add(str(await rows.raises(StoreUnavailableError, call)))
            await asyncio.sleep(0.02)
        assert session_row() == await recovered(store, "s1")
        assert [] == [*(await store.events("user-1", limit=9)).items][1:]

    try:
        with_store(server.url, is_awaited, scenario)
    finally:
        server.close()
