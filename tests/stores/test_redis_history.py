"""Positions of the log after a replica took over: the server is asked for its history seldom."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest
from _redis import PATIENCE, both_ports, with_store
from servers.valkey import ValkeyServer, with_prefix

from devsess.models import EventType
from devsess.stores.base import ById, Everyone, OfDevice, OfUser
from devsess.stores.redis import RedisStore
from devsess.testing import _rows as rows
from devsess.testing._rows import changed_since, session_row, sign_in

pytestmark = pytest.mark.usefixtures("never_by_time")


@pytest.fixture
def never_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has asked for the server's history once does not do so again."""
    monkeypatch.setattr("devsess.stores.redis.log._COMPARE_EVERY", math.inf)


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    """A server that is demoted and promoted."""
    server = ValkeyServer(repl_diskless_sync_delay="0")
    yield server
    server.close()


def promoted_again(server: ValkeyServer) -> None:
    """A replica for a moment, with all connections open: its clients see no difference."""
    with server.client() as client:
        client.replicaof("127.0.0.1", 1)
        client.replicaof("NO", "ONE")


def _block(store: RedisStore) -> Awaitable[object]:
    event = rows.event_row(EventType.DEVICE_BLOCKED, session_id=None)
    return store.put_device("user-1", "lost", changes={"blocked": True}, event=event)


# Each with the account of a session that the server has lost, and so finds nothing to end.
NOTICED: dict[str, Callable[[RedisStore], Awaitable[object]]] = {
    "end one": lambda store: store.end(rows.ending(ById("lost"))),
    "end one of a user": lambda store: store.end(rows.ending(ById("lost", "user-2"))),
    "end a device's": lambda store: store.end(rows.ending(OfDevice("user-2", "lost"))),
    "end a user's": lambda store: store.end(rows.ending(OfUser("user-2"))),
    "end everyone's": lambda store: store.end(rows.ending(Everyone())),
    "block a device": _block,
    "erase": lambda store: store.erase(rows.erasure("user-2")),
    "log": lambda store: rows.update(store, "s1", {}),
    "renew": lambda store: store.renew("reader", None, lease=2.0),
    "season": lambda store: store.season("another"),
}


@both_ports
@pytest.mark.parametrize("name", NOTICED)
def test_the_first_ending_after_a_promotion_makes_another_history(
    name: str, is_awaited: bool, server: ValkeyServer
) -> None:
    """Whatever it ended was perhaps lost: each process drops all that it remembers."""

    async def scenario(reader: RedisStore) -> None:
        writer = RedisStore(reader_url, is_awaited=is_awaited)
        await sign_in(writer, session_row())
        before = await rows.log_position(reader)
        promoted_again(server)
        assert set() == await changed_since(reader, before)
        await NOTICED[name](writer)
        assert "all" == await changed_since(reader, before)
        now = await rows.log_position(reader)
        await NOTICED["end one"](writer)
        assert set() == await changed_since(reader, now)
        await writer.close()

    reader_url = with_prefix(server.url)
    with_store(reader_url, is_awaited, scenario)


@both_ports
def test_a_position_that_is_used_again_means_nothing(
    is_awaited: bool, server: ValkeyServer
) -> None:
    """A promoted replica lacks the last entry, and gives its number to another one."""
    replica = ValkeyServer(replicaof=f"127.0.0.1 {server.port}")
    url = with_prefix(server.url)
    its_url = url.replace(str(server.port), str(replica.port), 1)

    async def scenario(master: RedisStore) -> None:
        successor = RedisStore(its_url, is_awaited=is_awaited)
        await sign_in(master, session_row("s1"), session_row("s2", device="device-2"))
        known = await rows.log_position(master)
        _wait_for(server, replica)
        with replica.client() as client:
            client.replicaof("127.0.0.1", 1)  # it hears nothing more
            await rows.update(master, "s1", {})
            lost = await rows.log_position(master)
            client.replicaof("NO", "ONE")
        assert known == await rows.log_position(successor)
        await rows.update(successor, "s2", {})
        assert [1] == [number for _, number in await rows.log_position(successor)]  # type: ignore[attr-defined]
        assert [1] == [number for _, number in lost]  # type: ignore[attr-defined]
        assert "all" == await changed_since(successor, lost)
        assert "all" == await changed_since(successor, known)
        await successor.close()

    try:
        with_store(url, is_awaited, scenario)
    finally:
        replica.close()


def _wait_for(master: ValkeyServer, replica: ValkeyServer) -> None:
    deadline = time.monotonic() + PATIENCE
    with master.client() as client, replica.client() as other:
        while other.info("replication")["master_link_status"] != "up":
            assert time.monotonic() < deadline
            time.sleep(0.02)
        client.set("last", "write")
        assert 1 == client.wait(1, 4_000)


@both_ports
def test_a_process_notices_by_itself_too(
    is_awaited: bool, server: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is ended, it drops all within a second: then it asks for the history again."""
    monkeypatch.setattr("devsess.stores.redis.log._COMPARE_EVERY", 0.0)

    async def scenario(store: RedisStore) -> None:
        before = await rows.log_position(store)
        promoted_again(server)
        assert "all" == await changed_since(store, before)

    with_store(with_prefix(server.url), is_awaited, scenario)
