"""LAW: whatever one node or Sentinel says, or does not, another one that knows better is found."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from _redis import both_ports, with_store
from servers.valkey import ValkeyCluster, ValkeyServer, with_prefix

from devsess.errors import StoreUnavailableError
from devsess.stores.redis import RedisStore
from devsess.testing import _rows as rows
from devsess.testing._rows import session_row, sign_in

TIMEOUT = 0.5


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections, and says nothing."""
    with socket.create_server(("0.0.0.0", 0)) as listening:
        yield str(listening.getsockname()[1])


@both_ports
@pytest.mark.parametrize("url", ["redis+cluster://{}", "redis+sentinel://{}/main"])
def test_servers_that_say_nothing_take_one_timeout_together(
    url: str, silent: str, is_awaited: bool
) -> None:
    """However many are named, a call and a wait fail in time."""
    named = ",".join(f"127.0.0.{number}:{silent}" for number in range(1, 8))

    async def scenario(store: RedisStore) -> None:
        for call in (store.get("s1"), store.wait(0.1)):
            begun = time.monotonic()
            await rows.raises(StoreUnavailableError, call)
            assert time.monotonic() - begun < 4 * TIMEOUT

    with_store(url.format(named), is_awaited, scenario, timeout=TIMEOUT)


def _behind(cluster: ValkeyCluster, *first: str) -> str:
    """The URL of a store in *cluster*, with others named before its node."""
    url = with_prefix(cluster.url)
    node = f"127.0.0.1:{cluster.nodes[0].port}"
    return url.replace(node, ",".join([*first, node]))


async def _works(store: RedisStore) -> None:
    ids = [f"s{number}" for number in range(8)]
    for session_id in ids:
        await sign_in(store, session_row(session_id, user_id=f"of-{session_id}"))
    assert ids == [row.id for it in ids if (row := await store.get(it)) is not None]


@both_ports
def test_a_node_that_says_nothing_keeps_nobody_from_the_others(
    silent: str, is_awaited: bool, valkey_cluster: ValkeyCluster
) -> None:
    """It has its share of the time alone, and the others' answers are asked for at first then."""
    url = _behind(valkey_cluster, *(f"127.0.0.{number}:{silent}" for number in (1, 2)))

    async def scenario(store: RedisStore) -> None:
        begun = time.monotonic()
        assert await store.get("unknown") is None
        assert time.monotonic() - begun < 6.0
        await _works(store)

    with_store(url, is_awaited, scenario, timeout=4.0)


@both_ports
@pytest.mark.parametrize("slots", [(), (0, 5_460)], ids=["without slots", "with a part of them"])
def test_a_node_that_is_alone_is_not_believed(
    slots: tuple[int, ...], is_awaited: bool, valkey_cluster: ValkeyCluster
) -> None:
    """One that has left the cluster, or lost the others, does not say where the keys are."""
    node = ValkeyServer(cluster_enabled="yes")
    try:
        if slots:
            with node.client() as client:
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", *slots)
        url = _behind(valkey_cluster, f"127.0.0.1:{node.port}")
        with_store(url, is_awaited, _works)
    finally:
        node.close()


@pytest.mark.parametrize("kind", ["unknown-endpoint", "hostname"])
def test_nodes_without_a_name_are_where_they_were_asked(
    kind: str, valkey_cluster: ValkeyCluster
) -> None:
    """Behind NAT a node names no host, if it is set so: the one that was asked holds."""
    nodes = [node.client() for node in valkey_cluster.nodes]
    for client in nodes:
        client.config_set("cluster-preferred-endpoint-type", kind)
    try:
        for is_awaited in (False, True):
            with_store(with_prefix(valkey_cluster.url), is_awaited, _works)
    finally:
        for client in nodes:
            client.config_set("cluster-preferred-endpoint-type", "ip")
            client.close()
