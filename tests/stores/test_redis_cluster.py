"""A cluster whose slots move, and whose nodes die."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from _redis import PATIENCE, both_ports, is_another_history, recovered, seasoned, with_store
from redis.crc import key_slot
from servers.valkey import ValkeyCluster, ValkeyServer, with_prefix

from devsess import AsyncSessionManager, Policy, SessionManager
from devsess.errors import ConfigurationError, SessionRevokedError, StoreUnavailableError
from devsess.stores.redis import RedisStore
from devsess.testing import _rows as rows
from devsess.testing._rows import session_row, sign_in

# Seconds: the shortest lease.
SPAN = 0.3
SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"


@pytest.fixture(scope="module")
def own_cluster() -> Iterator[ValkeyCluster]:
    cluster = ValkeyCluster()
    yield cluster
    cluster.close()


@pytest.fixture
def cluster(own_cluster: ValkeyCluster) -> ValkeyCluster:
    """A cluster that tests may change, whole again after each of them."""
    own_cluster.wait_until_whole()
    return own_cluster


def _id_of(node: ValkeyServer) -> str:
    with node.client() as client:
        return bytes(client.execute_command("CLUSTER", "MYID")).decode()


def _shard(cluster: ValkeyCluster) -> tuple[str, int, ValkeyServer, ValkeyServer]:
    """The URL of a store with one shard, its slot, the node that has it, and another."""
    url = with_prefix(cluster.url, shards=1)
    slot = key_slot(f"{{{url.partition('prefix=')[2].partition('&')[0]}:0}}".encode())
    with cluster.nodes[0].client() as client:
        ranges = client.execute_command("CLUSTER SLOTS")
    port = next(it[2][1] for it in ranges if it[0] <= slot <= it[1])
    source, target = sorted(cluster.nodes, key=lambda node: node.port != port)[:2]
    return url, slot, source, target


def _moving(slot: int, source: ValkeyServer, target: ValkeyServer) -> Iterator[None]:
    """Move a slot; stop where its keys are here, in between, there, and where one node knows."""
    with source.client() as here, target.client() as there:
        there.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", _id_of(source))
        here.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", _id_of(target))
        for number, key in enumerate(here.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 999)):
            if number % 9 == 0:
                yield
            here.migrate("127.0.0.1", target.port, [key], 0, 5_000)
        yield
        for client in (there, here):
            client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", _id_of(target))


async def _raised(store: RedisStore, generation: int) -> int:
    """The generation of "s1" after one more rotation: as before if the store was unavailable."""
    try:
        row = await store.rotate(
            "s1", expected_generation=generation, changes={}, event=rows.UPDATED
        )
    except StoreUnavailableError:
        return generation
    assert row is not None, "it has run before, or does not see its row"
    return row.generation


async def is_as_often(store: RedisStore, generation: int) -> None:
    """Each rotation has run once, and none that failed."""
    row = await recovered(store, "s1")
    events = (await store.events("user-1", limit=900)).items

    assert generation == row.generation
    assert generation == [event.type for event in events].count(rows.UPDATED.type)


@both_ports
def test_a_slot_that_moves(is_awaited: bool, cluster: ValkeyCluster) -> None:
    """While it is half here and half there nothing is answered; then it is found, whole."""
    url, slot, source, target = _shard(cluster)

    async def scenario(store: RedisStore) -> None:
        await sign_in(store, session_row("s1"), session_row("s2", device="device-2"))
        before = await seasoned(store)
        for _ in _moving(slot, source, target):
            await rows.raises(StoreUnavailableError, store.get("s1"))
            await rows.raises(StoreUnavailableError, store.list("user-1"))
            await rows.raises(StoreUnavailableError, rows.update(store, "s1", {}))
        assert session_row("s1") == await recovered(store, "s1")
        assert 2 == len(await store.list("user-1"))
        await is_as_often(store, 0)
        await is_another_history(store, before)

    with_store(url, is_awaited, scenario)


@both_ports
def test_writes_while_a_slot_moves(is_awaited: bool, cluster: ValkeyCluster) -> None:
    """Each one runs once or fails as unavailable and does not, until the slot is there."""
    url, slot, source, target = _shard(cluster)

    async def scenario(store: RedisStore) -> None:
        await sign_in(store, session_row("s1"))
        generation, seen = 0, set()
        mover = threading.Thread(target=lambda: [*_moving(slot, source, target)])
        mover.start()
        while mover.is_alive():
            following = await _raised(store, generation)
            seen.add(following > generation)
            generation = following
        mover.join()
        assert False in seen
        await is_as_often(store, generation)

    with_store(url, is_awaited, scenario)


@both_ports
def test_a_slot_that_has_moved(is_awaited: bool, cluster: ValkeyCluster) -> None:
    """A process that has not heard of it is told by the old node, and asks the new one, once."""
    url, slot, source, target = _shard(cluster)

    async def scenario(store: RedisStore) -> None:
        await sign_in(store, session_row("s1"))
        assert [] == [*_moving(slot, source, target)][:0]
        assert 1 == await _raised(store, 0)
        await is_as_often(store, 1)

    with_store(url, is_awaited, scenario)


@both_ports
def test_each_node_must_be_set_as_it_must(is_awaited: bool, cluster: ValkeyCluster) -> None:
    """One that does not write to its disk, or evicts, is found out at opening."""
    url = with_prefix(cluster.url, durable="yes")

    async def scenario(store: RedisStore) -> None:
        await sign_in(store, session_row())
        assert session_row() == await store.get("s1")

    def everywhere(**settings: str) -> None:
        for node in cluster.nodes:
            with node.client() as client:
                for name, value in settings.items():
                    client.config_set(name, value)

    everywhere(appendfsync="always", appendonly="yes")
    try:
        with_store(url, is_awaited, scenario)
        with cluster.nodes[1].client() as client:
            client.config_set("appendonly", "no")
            with pytest.raises(ConfigurationError, match="appendonly yes"):
                with_store(url, is_awaited, scenario)
            client.config_set("maxmemory-policy", "allkeys-lru")
            client.config_set("maxmemory", 2**30)
            with pytest.raises(ConfigurationError, match="noeviction"):
                with_store(url, is_awaited, scenario)
            client.config_set("maxmemory", 0)
    finally:
        everywhere(appendonly="no")


@pytest.mark.thorough
@both_ports
def test_a_failover_in_a_cluster(is_awaited: bool) -> None:
    """When a replica takes over, the store finds it, and positions of before mean nothing."""
    cluster = ValkeyCluster()
    url, _, master, _ = _shard(cluster)

    async def scenario(store: RedisStore) -> None:
        await sign_in(store, session_row("s1"))
        before = await seasoned(store)
        generation = await _raised(store, 0)
        with master.client() as client:
            client.set(f"{{{url.partition('prefix=')[2].partition('&')[0]}:0}}:last", "write")
            assert 1 == client.wait(1, 4_000)
        master.kill()
        await rows.raises(StoreUnavailableError, rows.update(store, "s1", {}))
        await recovered(store, "s1")
        await is_another_history(store, before)
        generation = await _raised(store, generation)
        await is_as_often(store, 2)

    try:
        cluster.add_replica(master)
        with_store(url, is_awaited, scenario, timeout=2.0)
    finally:
        cluster.close()


@both_ports
def test_a_node_that_is_down(is_awaited: bool, cluster: ValkeyCluster) -> None:
    """The store fails as unavailable until the node is back, and needs no restart then."""
    url = with_prefix(cluster.url)

    async def scenario(store: RedisStore) -> None:
        await sign_in(store, *(session_row(f"s{it}", user_id=f"u{it}") for it in range(9)))
        await store.changes(None)
        cluster.nodes[1].kill()
        await rows.raises(StoreUnavailableError, store.changes(None))
        cluster.nodes[1].start()
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                await store.changes(None)
                break
            except StoreUnavailableError:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)

    with_store(url, is_awaited, scenario, timeout=2.0)


WAYS = {
    "asking": Policy(),
    "following": Policy(max_staleness=SPAN),
    "acknowledged": Policy(acknowledged=True, lease=SPAN),
}


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        (SessionManager, "asking"),
        (AsyncSessionManager, "acknowledged"),
        *(
            pytest.param(kind, way, marks=pytest.mark.thorough)
            for kind, way in [
                *((SessionManager, "following"), (SessionManager, "acknowledged")),
                *((AsyncSessionManager, "asking"), (AsyncSessionManager, "following")),
            ]
        ),
    ],
)
def test_a_dead_node_leaves_the_others_alone(kind: Any, way: str, cluster: ValkeyCluster) -> None:
    """Users of the nodes that live are signed in, and signed out where they were; no other is."""
    url = with_prefix(cluster.url, timeout=2)
    here, other = (kind(url, keys=SECRET, policy=WAYS[way]) for _ in range(2))

    async def outcome(token: str) -> str:
        try:
            return str((await done(here.validate(token))).user_id)
        except (StoreUnavailableError, SessionRevokedError) as error:
            return type(error).__name__

    async def scenario() -> None:
        grants = [await done(here.login(f"user-{number}")) for number in range(12)]
        for _ in range(2):
            before = [await outcome(grant.access_token) for grant in grants]
        assert [f"user-{number}" for number in range(12)] == before
        for grant in grants:  # it knows the shard of each from here on
            await done(other.validate(grant.access_token))
        cluster.nodes[1].kill()
        await asyncio.sleep(SPAN)
        answers = [await outcome(grant.access_token) for grant in grants]
        assert 0 < answers.count("StoreUnavailableError") < 12
        living = [g for g, it in zip(grants, answers, strict=True) if it == g.session.user_id]
        assert 12 == len(living) + answers.count("StoreUnavailableError")
        assert await done(other.revoke(living[0].session))
        await asyncio.sleep(SPAN)
        assert "SessionRevokedError" == await outcome(living[0].access_token)
        cluster.nodes[1].start()
        deadline = time.monotonic() + PATIENCE
        while "StoreUnavailableError" in [await outcome(it.access_token) for it in living[1:]]:
            assert time.monotonic() < deadline
        for each in (here, other):
            await done(each.close())

    for node in cluster.nodes:
        with node.client() as client:
            client.config_set("cluster-require-full-coverage", "no")
    asyncio.run(scenario())


@both_ports
def test_asking_costs_a_request_a_node(is_awaited: bool, cluster: ValkeyCluster) -> None:
    """However many shards a node holds, a known token is one request to it under `asking`."""

    async def scenario() -> None:
        store = RedisStore(with_prefix(cluster.url), is_awaited=is_awaited)
        kind: Any = AsyncSessionManager if is_awaited else SessionManager
        manager = kind(store, keys=SECRET, policy=WAYS["asking"])
        token = (await done(manager.login("ada"))).access_token
        for _ in range(2):  # the first one is its first sight, and marks the token as presented
            await done(manager.validate(token))
        asked, exchange = [], store._port.lines.exchange

        async def counted(server: Any, *arguments: Any, **options: Any) -> Any:
            asked.append(server.port)
            return await exchange(server, *arguments, **options)

        store._port.lines.exchange = counted  # type: ignore[method-assign]
        await done(manager.validate(token))
        await done(manager.close())
        assert sorted(node.port for node in cluster.nodes) == sorted(asked)

    asyncio.run(scenario())


async def done(answer: Any) -> Any:
    """The answer of either manager."""
    return await answer if inspect.isawaitable(answer) else answer
