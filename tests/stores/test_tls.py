"""TLS of PostgreSQL and MongoDB: a server is believed that the certificate names, and no other."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from _postgres import both_ports, with_store
from _tls import PostgresTlsFront, TlsFront, certificate
from servers.mongo import excuse_forgotten_sockets
from servers.postgres import new_schema

from devsess.errors import StoreUnavailableError
from devsess.stores.mongodb import MongoStore
from devsess.testing._rows import session_row, sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from servers.mongo import Server
    from servers.postgres import PostgresServer, Schemas

    from devsess.stores.base import AsyncStore

# Enough for an answer, and no longer than a refusal is waited for.
PATIENCE, SOON = 30.0, 2.0


@pytest.fixture
def authorities(tmp_path: Path) -> tuple[Path, Path, Path]:
    """The server's certificate, its key, and the certificate of another."""
    for name in ("own", "other"):
        (tmp_path / name).mkdir()
    return *certificate(tmp_path / "own"), certificate(tmp_path / "other")[0]


@contextmanager
def closing(front: TlsFront) -> Iterator[int]:
    try:
        yield front.port
    finally:
        front.close()


async def _works(store: AsyncStore) -> None:
    await sign_in(store, session_row())
    assert session_row() == await store.get("s1")


async def _is_refused(store: AsyncStore) -> None:
    for _ in range(2):
        with pytest.raises(StoreUnavailableError) as caught:
            await store.get("s1")
        shown = f"{caught.value} {caught.value.__cause__}"
        assert re.search("certificate|SSL", shown), shown


@both_ports
def test_postgres(
    postgres: PostgresServer,
    postgres_schemas: Schemas,
    authorities: tuple[Path, Path, Path],
    is_awaited: bool,
) -> None:
    """With sslmode=verify-full; a listener's connection is like the others."""
    own, key, other = authorities
    schema = postgres_schemas.take()

    async def works(store: AsyncStore) -> None:
        await _works(store)
        await store.wait(0.0)  # type: ignore[attr-defined]

    with closing(PostgresTlsFront(postgres.address, own, key)) as port:
        full: dict[str, Any] = {"port": port, "sslmode": "verify-full"}
        url = postgres.url(**full, sslrootcert=own)
        with_store(url, schema, works, is_awaited=is_awaited, timeout=PATIENCE)
        named = postgres.url(**full, sslrootcert=own, host="localhost", hostaddr="127.0.0.1")
        for refused in (postgres.url(**full, sslrootcert=other), named):
            with_store(refused, schema, _is_refused, is_awaited=is_awaited)
    postgres_schemas.give_back()


@both_ports
def test_postgres_without_tls_is_refused(postgres: PostgresServer, is_awaited: bool) -> None:
    """Where TLS is asked for, nothing is sent to a server that has none."""
    url = postgres.url(sslmode="require")
    with_store(url, new_schema(), _is_refused, is_awaited=is_awaited)


@both_ports
def test_mongodb(
    mongo: Server,
    authorities: tuple[Path, Path, Path],
    is_awaited: bool,
    pytestconfig: pytest.Config,
) -> None:
    """With tls=true and tlsCAFile."""
    own, key, other = authorities

    async def with_mongo(url: str, *, works: bool) -> None:
        store = MongoStore(url, is_awaited=is_awaited)
        try:
            await (_works(store) if works else _is_refused(store))
        finally:
            await store.close()

    with closing(TlsFront(mongo.address, own, key)) as port:
        excuse_forgotten_sockets(pytestconfig, ("127.0.0.1", port))

        def check(authority: Path, host: str, *, works: bool) -> None:
            how = {"tls": "true", "tlsCAFile": authority}
            url = mongo.through((host, port), timeout=PATIENCE if works else SOON, **how)
            asyncio.run(with_mongo(url, works=works))

        check(own, "127.0.0.1", works=True)
        with ThreadPoolExecutor() as threads:  # the driver tries until its time is over
            for refused in (
                threads.submit(check, other, "127.0.0.1", works=False),
                threads.submit(check, own, "localhost", works=False),
            ):
                refused.result()
