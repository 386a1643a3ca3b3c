"""LAW: no answer is a StoreUnavailableError in time, and no script runs twice."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from _redis import HASTE, PATIENCE, SOON, CutsOnce, behind_proxy, both_ports, in_haste, with_store
from _redis_calls import CALLS, Work

from devsess._runtime.drive import drive
from devsess.errors import StoreUnavailableError
from devsess.stores.redis import RedisStore
from devsess.testing import _rows as rows
from devsess.testing._rows import session_row, sign_in
from devsess.testing.proxy import Proxy


@pytest.fixture
def proxied(valkey_url: str) -> Iterator[tuple[Proxy, str]]:
    """A proxy before the server, and the URL of a store behind it."""
    proxy, url = behind_proxy(valkey_url)
    with proxy:
        yield proxy, url


async def fails(work: Coroutine[Any, Any, object]) -> StoreUnavailableError:
    """The failure of *work*, which comes in time."""
    begun = time.monotonic()
    error = await rows.raises(StoreUnavailableError, work)
    assert time.monotonic() - begun < PATIENCE
    return error


@both_ports
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_no_reply_is_a_failure(call: Work, is_awaited: bool, proxied: tuple[Proxy, str]) -> None:
    """Whatever is asked of a peer that fell silent is a failure; later calls are answered."""
    proxy, url = proxied

    async def scenario(store: RedisStore) -> None:
        await sign_in(store, session_row())
        proxy.drop_replies()
        with in_haste(store):
            await fails(call(store))
        proxy.heal()
        assert await store.get("unknown") is None

    with_store(url, is_awaited, scenario)


# The slow ones are slow beside the moment that a store in haste waits for.
FAULTS: dict[str, Callable[[Proxy], None]] = {
    "silence": Proxy.drop_all,
    "late replies": lambda proxy: proxy.delay_replies(6 * HASTE),
    "cut at once": Proxy.cut_replies,
    "cut in the middle": lambda proxy: proxy.cut_replies(after=9),
    "refused": Proxy.refuse,
    "byte by byte": lambda proxy: proxy.drip_replies(HASTE / 2),
}


@both_ports
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_it_recovers_by_itself(
    fault: Callable[[Proxy], None], is_awaited: bool, proxied: tuple[Proxy, str]
) -> None:
    """A fault fails readers and writers, at the start too; once it is over all is well."""
    proxy, url = proxied

    async def scenario(store: RedisStore) -> None:
        for _ in range(2):
            fault(proxy)
            with in_haste(store):
                await fails(store.get("s1"))
                await fails(store.insert(rows.login(session_row("lost"))))
                await fails(store.changes(None))
            proxy.heal()
            row = await store.get("s1")
            assert row is None or "s1" == row.id
            assert await store.list("nobody") == []
            if row is None:
                await sign_in(store, session_row())

    with_store(url, is_awaited, scenario, timeout=PATIENCE)


@both_ports
def test_a_lost_reply_is_no_second_run(is_awaited: bool, valkey_url: str) -> None:
    """A write whose reply was cut ran once: nothing sends it again, though it could."""
    proxy, url = behind_proxy(valkey_url, CutsOnce)

    async def scenario(store: RedisStore) -> None:
        await sign_in(store, session_row())
        # The server knows the scripts from here on.
        assert await store.rotate("x", expected_generation=0, changes={}, event=None) is None
        assert await rows.update(store, "x", {}) is None
        position = await rows.log_position(store)
        for generation in range(3):
            proxy.cut_replies()
            await fails(
                store.rotate("s1", expected_generation=generation, changes={}, event=rows.UPDATED)
            )
            proxy.heal()
            row = await store.get("s1")
            assert row is not None
            assert generation + 1 == row.generation
        proxy.cut_replies()
        await fails(rows.update(store, "s1", {"claims": "{}"}))
        proxy.heal()
        after: Any = await rows.log_position(store)
        before: Any = position

        assert 1 == after[0][1] - before[0][1]
        assert 5 == len((await store.events("user-1", limit=9)).items)

    with proxy:
        with_store(url, is_awaited, scenario, timeout=PATIENCE)


@both_ports
def test_a_closed_connection_is_no_failure(is_awaited: bool, proxied: tuple[Proxy, str]) -> None:
    """Connections that were closed while idle are replaced, for reads and for writes."""
    proxy, url = proxied

    async def scenario(store: RedisStore) -> None:
        for number in range(5):
            await sign_in(store, session_row(f"s{number}"))
            proxy.cut()
            await asyncio.sleep(0.05)  # until the reset has come
            assert number + 1 == len(await store.list("user-1"))
            proxy.cut()
            await asyncio.sleep(0.05)

    with_store(url, is_awaited, scenario, timeout=PATIENCE)


def test_a_full_pool_is_a_failure_in_time(proxied: tuple[Proxy, str]) -> None:
    """A task waits no longer than the limit for a connection that others hold."""
    proxy, url = proxied

    async def scenario(store: RedisStore) -> None:
        await store.get("s1")
        proxy.drop_replies()
        tasks = [asyncio.create_task(fails(store.get("s1"))) for _ in range(5)]
        for task in tasks:
            await task

    with_store(url, True, scenario, timeout=SOON, pool_size=1)


def test_a_full_pool_of_threads_is_a_failure_in_time(proxied: tuple[Proxy, str]) -> None:
    """So does a thread; the connections are as many as were asked for."""
    proxy, url = proxied
    store = RedisStore(url, timeout=SOON, pool_size=1)
    asyncio.run(store.get("s1"))
    proxy.drop_replies()
    failed: list[object] = []

    def ask() -> None:
        failed.append(asyncio.run(fails(store.get("s1"))))

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    asyncio.run(store.close())

    assert 5 == len(failed)


def test_a_cancelled_request_leaves_no_answer_behind(proxied: tuple[Proxy, str]) -> None:
    """The answer to a request that was cancelled is never taken for another's."""
    proxy, url = proxied

    async def scenario(store: RedisStore) -> None:
        await sign_in(store, session_row("a"), session_row("b"))
        proxy.delay_replies(0.1)
        for _ in range(5):
            task = asyncio.create_task(store.get("a"))
            await asyncio.sleep(0.02)
            task.cancel()
            row = await store.get("b")

            assert row is not None
            assert "b" == row.id

    with_store(url, True, scenario, pool_size=1, timeout=PATIENCE)


@both_ports
def test_a_closed_store_answers_no_more(is_awaited: bool, valkey_url: str) -> None:
    """After `close` each call is a failure, and not a new connection."""

    async def scenario(store: RedisStore) -> None:
        await store.get("s1")
        await store.close()
        await fails(store.get("s1"))
        await fails(store.wait(0.01))

    with_store(valkey_url, is_awaited, scenario)


def test_a_connection_in_use_is_closed_after_its_store(
    valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closed before the answer came, the store closes it then: nobody else would."""

    async def scenario(store: RedisStore) -> None:
        await sign_in(store, session_row())
        lines: Any = store._port.lines
        [(server, pool)], answer, used = lines._pools.items(), lines._answer, []

        def closed_first(connection: Any) -> object:
            used.append(connection)
            drive(store.close())
            return answer(connection)

        monkeypatch.setattr(lines, "_answer", closed_first)
        assert [b"PONG"] == await lines.exchange(server, [("PING",)], is_read=True)
        assert [] == pool.free
        assert [False] == [it.is_connected for it in used]

    with_store(valkey_url, False, scenario)


@both_ports
def test_a_listener_hears_that_its_server_is_gone(
    is_awaited: bool, proxied: tuple[Proxy, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that broke, or fell silent, ends the waiting as a failure."""
    proxy, url = proxied
    monkeypatch.setattr("devsess.stores.redis.lines.QUIET", 0.0)

    async def scenario(store: RedisStore) -> None:
        await store.wait(0.01)
        await store.wait(0.01)
        proxy.cut()
        await fails(store.wait(PATIENCE))
        await store.wait(0.01)
        proxy.drop_replies()

        async def forever() -> None:
            while True:
                await store.wait(0.05)

        await fails(forever())

    with_store(url, is_awaited, scenario, timeout=SOON)
