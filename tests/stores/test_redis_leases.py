"""The register of readers where it is in several shards, and where the log was trimmed."""

from __future__ import annotations

import asyncio
import time
from zlib import crc32

import pytest
from _redis import PATIENCE, both_ports, run, with_store
from servers.valkey import ValkeyCluster, with_prefix

from devsess.stores import semantics
from devsess.stores.base import ALL
from devsess.stores.redis import RedisStore
from devsess.testing import _rows as rows
from devsess.testing._rows import session_row, sign_in

# One user of each shard that there may be.
USERS = [*{crc32(user.encode()) % 16: user for user in (f"user-{it}" for it in range(99))}.values()]


@pytest.fixture(
    params=["one shard", "many shards", pytest.param("cluster", marks=pytest.mark.thorough)]
)
def url(request: pytest.FixtureRequest, valkey_url: str) -> str:
    """The URL of a store of the test's own."""
    if request.param == "cluster":
        cluster: ValkeyCluster = request.getfixturevalue("valkey_cluster")
        return with_prefix(cluster.url)
    return with_prefix(valkey_url, shards=1 if request.param == "one shard" else 8)


async def _signed_in(store: RedisStore) -> None:
    await sign_in(store, *(session_row(f"of-{user}", user_id=user) for user in USERS))


@both_ports
def test_a_change_in_any_shard_is_heard(is_awaited: bool, url: str) -> None:
    """A reader that knows all is behind a change of any user, and reads its session's id."""

    async def scenario(store: RedisStore) -> None:
        await _signed_in(store)
        position = (await store.renew("reader", None, lease=2.0)).changes.position
        for user in USERS:
            await rows.end_one(store, f"of-{user}")
            here = await rows.log_position(store)
            assert {"reader"} == {*(await store.readers_behind(here)).beats}
            renewal = await store.renew("reader", position, lease=2.0)
            position = renewal.changes.position

            assert [f"of-{user}"] == [*renewal.changes.ids]  # type: ignore[misc]
            assert here == position
            await store.renew("reader", position, lease=2.0)
            assert {} == (await store.readers_behind(here)).beats

    with_store(url, is_awaited, scenario)


@both_ports
def test_a_change_in_any_shard_wakes(is_awaited: bool, url: str) -> None:
    """One listener hears every shard, on whichever node it is."""

    async def scenario(store: RedisStore) -> None:
        await _signed_in(store)
        await store.wait(0.0)
        begun = time.monotonic()
        for user in USERS:
            await rows.end_one(store, f"of-{user}")
            await store.wait(PATIENCE)
        assert time.monotonic() - begun < PATIENCE

    with_store(url, is_awaited, scenario)


def test_a_waiting_listener_is_woken(url: str) -> None:
    """A change of another store ends a wait that has begun; many changes end one."""

    async def scenario() -> None:
        listening, other = RedisStore(url, is_awaited=True), RedisStore(url, is_awaited=True)
        await _signed_in(other)
        await listening.wait(0.0)
        waiting = asyncio.create_task(listening.wait(PATIENCE))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        begun = time.monotonic()
        await asyncio.gather(*(rows.end_one(other, f"of-{user}") for user in USERS))
        await waiting
        assert time.monotonic() - begun < PATIENCE
        wakes = 0
        while wakes < len(USERS):
            begun = time.monotonic()
            await listening.wait(0.3)
            if time.monotonic() - begun >= 0.3:
                break
            wakes += 1
        assert wakes < len(USERS)
        for store in (listening, other):
            await store.close()

    run(scenario())


@both_ports
def test_a_long_way_behind_is_all(is_awaited: bool, url: str) -> None:
    """Beyond so many entries, or below the oldest one kept, a renewal answers ALL."""

    async def scenario(store: RedisStore) -> None:
        await sign_in(store, *(session_row(f"s{number}") for number in range(300)))
        start = (await store.renew("reader", None, lease=2.0)).changes.position
        before = start
        for _ in range(semantics.LOG_READ // 300 + 1):
            before = await rows.log_position(store)
            await store.put_device("user-1", "device-1", changes={}, event=rows.UPDATED)

        assert ALL is (await store.renew("reader", start, lease=2.0)).changes.ids
        assert 300 == len((await store.renew("reader", before, lease=2.0)).changes.ids)  # type: ignore[arg-type]

    with_store(url, is_awaited, scenario)


@both_ports
def test_positions_of_another_form_mean_nothing(is_awaited: bool, url: str) -> None:
    """A position of a store of another kind, or of other shards, is as none."""

    async def scenario(store: RedisStore) -> None:
        await _signed_in(store)
        for position in (None, 7, "x", (), (("a", 1),) * 3, ("x", 1), object()):
            assert ALL is (await store.changes(position)).ids
            assert ALL is (await store.renew("reader", position, lease=2.0)).changes.ids

    with_store(url, is_awaited, scenario)
