"""LAW: of several hosts each has its share of the time, and one that answers is found."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from time import monotonic
from typing import TYPE_CHECKING

import pytest
from _postgres import both_ports, filled, with_store

from devsess.errors import StoreUnavailableError

if TYPE_CHECKING:
    from servers.postgres import PostgresServer, Schemas

    from devsess.stores.postgres import PostgresStore


@pytest.fixture
def schema(postgres: PostgresServer, postgres_schemas: Schemas) -> Iterator[str]:
    schema = postgres_schemas.take()
    filled(postgres, schema, "a")
    yield schema
    postgres_schemas.give_back()


@pytest.fixture
def silent() -> Iterator[str]:
    """A host that takes connections, and says nothing: a machine that hangs."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def _url(server: PostgresServer, *others: str) -> str:
    """The server's URL, with *others* before its host."""
    host, port = server.address
    return server.url().replace(f"{host}:{port}", ",".join([*others, f"{host}:{port}"]))


@both_ports
def test_a_host_that_says_nothing_keeps_nobody_from_the_next(
    postgres: PostgresServer, schema: str, silent: str, is_awaited: bool
) -> None:
    """The first call finds the host that answers, in time; and the next one asks it first."""

    async def work(store: PostgresStore) -> None:
        begun = monotonic()
        assert await store.get("a") is not None
        assert monotonic() - begun < 3.0
        await store.wait(0.1)
        latest = store.port._hosts.latest  # type: ignore[attr-defined]
        assert str(postgres.address[1]) == str(latest["port"])

    url = _url(postgres, silent, silent)
    with_store(url, schema, work, is_awaited=is_awaited, timeout=3.0)


@both_ports
def test_hosts_that_say_nothing_take_one_timeout_together(
    postgres: PostgresServer, schema: str, silent: str, is_awaited: bool
) -> None:
    """However many there are, a call and a wait fail in time."""

    async def work(store: PostgresStore) -> None:
        for call in (store.get("a"), store.wait(0.1)):
            begun = monotonic()
            with pytest.raises(StoreUnavailableError):
                await call
            assert monotonic() - begun < 1.9

    url = ",".join([silent] * 4)
    with_store(
        f"postgresql://postgres@{url}/postgres", schema, work, is_awaited=is_awaited, timeout=0.4
    )
