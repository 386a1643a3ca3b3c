"""The URLs of new stores, for tests over several kinds of store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servers.valkey import with_prefix

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from servers.postgres import PostgresServer, Schemas


def in_postgres(request: pytest.FixtureRequest, _: Path) -> str:
    server: PostgresServer = request.getfixturevalue("postgres")
    schemas: Schemas = request.getfixturevalue("postgres_schemas")
    request.addfinalizer(schemas.give_back)
    return server.url(schema=schemas.take(), pool_size=4)


def in_valkey(request: pytest.FixtureRequest, _: Path) -> str:
    return with_prefix(request.getfixturevalue("valkey_url"))
