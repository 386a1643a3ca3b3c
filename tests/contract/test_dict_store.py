"""
The example of docs/stores.md: a store over a dict behind a socket, held to the contract.

Of its two ports each is held to a part of it by default, and both to all of it with `--thorough`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from dict_store.ports import AwaitingPort, BlockingPort
from dict_store.server import DictServer
from dict_store.store import DictStore

from devsess import AsyncSessionManager, SessionManager, SessionRevokedError, StoreUnavailableError
from devsess.stores import semantics
from devsess.testing import (
    CopyContract,
    LeaseContract,
    PollingContract,
    StoreContract,
    contract_log,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dict_store.ports import Port

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"


class OverServers:
    """Each store has a server of its own, and all end with the test."""

    port: type[BlockingPort | AwaitingPort]

    @pytest.fixture(autouse=True)
    def _servers(self) -> Iterator[None]:
        self.servers: list[DictServer] = []
        yield
        for server in self.servers:
            server.close()

    def make_store(self) -> DictStore:
        self.servers.append(DictServer())
        return DictStore(self.port(self.servers[-1].address))


@pytest.fixture(autouse=True)
def _shorter_log(monkeypatch: pytest.MonkeyPatch, thorough: bool) -> None:
    """To fill the log, row after row over a socket, takes seconds."""
    if not thorough:
        monkeypatch.setattr(semantics, "LOG_KEPT", 1_000)
        monkeypatch.setattr(contract_log, "MANY", 1_001)


class TestBlockingDictStore(OverServers, StoreContract):
    port = BlockingPort


@pytest.mark.thorough
class TestAwaitingDictStore(OverServers, StoreContract):
    port = AwaitingPort


@pytest.mark.thorough
class TestBlockingDictLeases(OverServers, LeaseContract):
    port = BlockingPort


class TestAwaitingDictLeases(OverServers, LeaseContract):
    port = AwaitingPort


class TestBlockingDictCopies(OverServers, CopyContract):
    port = BlockingPort


@pytest.mark.thorough
class TestAwaitingDictCopies(OverServers, CopyContract):
    port = AwaitingPort


@pytest.mark.thorough
class TestBlockingDictPolling(OverServers, PollingContract):
    port = BlockingPort


class TestAwaitingDictPolling(OverServers, PollingContract):
    port = AwaitingPort


@pytest.fixture
def server() -> Iterator[DictServer]:
    server = DictServer()
    yield server
    server.close()


def test_both_managers_share_it(server: DictServer) -> None:
    """One process blocks, one awaits: each sees the other's revocations at once."""

    async def run() -> None:
        with SessionManager(DictStore(BlockingPort(server.address)), keys=SECRET) as blocking:
            awaiting_store = DictStore(AwaitingPort(server.address))
            async with AsyncSessionManager(awaiting_store, keys=SECRET) as awaiting:
                one, other = blocking.login("ada"), await awaiting.login("ada")
                assert "ada" == (await awaiting.validate(one.access_token)).user_id
                assert "ada" == blocking.validate(other.access_token).user_id
                await awaiting.revoke(one.session.id)
                assert [other.session.id] == list(blocking.revoke_all("ada"))
                with pytest.raises(SessionRevokedError):
                    blocking.validate(one.access_token)
                with pytest.raises(SessionRevokedError):
                    await awaiting.validate(other.access_token)

    asyncio.run(run())


def test_racing_refreshes_converge(server: DictServer) -> None:
    """Many at once, each over a connection of its own, end with one live successor."""

    async def run() -> set[str]:
        managers = [
            AsyncSessionManager(DictStore(AwaitingPort(server.address)), keys=SECRET)
            for _ in range(5)
        ]
        token = (await managers[0].login("ada")).refresh_token
        grants = await asyncio.gather(*(each.refresh(token) for each in managers))
        for each in managers:
            await each.close()
        return {grant.refresh_token for grant in grants}

    assert 1 == len(asyncio.run(run()))


@pytest.mark.parametrize("port", [BlockingPort, AwaitingPort])
def test_a_server_that_is_gone_is_no_sign_out(port: type[Port], server: DictServer) -> None:
    """Where the database does not answer, a validation fails as unavailable."""

    address = server.address
    server.close()

    async def run() -> None:
        with pytest.raises(StoreUnavailableError):
            await DictStore(port(address)).get("s1")  # type: ignore[call-arg]

    asyncio.run(run())


def test_a_damaged_row_is_no_sign_out(server: DictServer) -> None:
    """A text that is no row is the database's fault, not the caller's."""
    with SessionManager(DictStore(BlockingPort(server.address)), keys=SECRET) as sessions:
        grant = sessions.login("ada")
        answer: Any = server.answer("get")
        version, _ = answer
        key = f"session/{grant.session.id}"
        assert server.answer("swap", version, {key: '{"user_id": "ada", "device": 7}'})
        with pytest.raises(StoreUnavailableError):
            sessions.validate(grant.access_token, fresh=True)
