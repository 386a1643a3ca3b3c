"""The contracts of stores and of leases over PostgreSQL, through both ports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from devsess.stores.postgres import PostgresStore
from devsess.testing import CopyContract, LeaseContract, StoreContract

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers.postgres import PostgresServer, Schemas

    from devsess.stores.base import AsyncStore


class OverPostgres(StoreContract, LeaseContract, CopyContract):
    """Each store has a schema of its own."""

    is_awaited: bool

    @pytest.fixture(autouse=True)
    def _schemas(self, postgres: PostgresServer, postgres_schemas: Schemas) -> Iterator[None]:
        self.server, self.schemas = postgres, postgres_schemas
        yield
        postgres_schemas.give_back()

    def make_store(self) -> AsyncStore:
        url, schema = self.server.url(pool_size=4), self.schemas.take()
        return PostgresStore(url, schema=schema, is_awaited=self.is_awaited)


class TestBlockingPostgresStore(OverPostgres):
    is_awaited = False


class TestAwaitedPostgresStore(OverPostgres):
    is_awaited = True
