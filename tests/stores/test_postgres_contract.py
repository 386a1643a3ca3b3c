"""
The contracts of stores and of leases over PostgreSQL, through both ports.

By default through the blocking one, as Redis through the awaiting one, and all with `--thorough`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from _long_logs import WithLongLog
from psycopg_pool import ConnectionPool

from devsess.stores.postgres import LimitedConnection, PostgresStore
from devsess.testing import (
    CopyContract,
    LeaseContract,
    PollingContract,
    SearchContract,
    StatisticsContract,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers.postgres import PostgresServer, Schemas

    from devsess.stores.base import AsyncStore

# Seconds: no test of the contract waits for it, and a busy machine is given its time.
PATIENCE = 30.0


@pytest.fixture(scope="module")
def pool(postgres: PostgresServer) -> Iterator[ConnectionPool[LimitedConnection]]:
    """An application's pool."""
    with ConnectionPool(
        postgres.url(),
        connection_class=LimitedConnection,
        kwargs={"autocommit": True},
        min_size=1,
        max_size=4,
    ) as pool:
        yield pool


class OverPostgres(
    WithLongLog, LeaseContract, CopyContract, PollingContract, SearchContract, StatisticsContract
):
    """Each store has a schema of its own."""

    is_awaited: bool

    @pytest.fixture(autouse=True)
    def _schemas(self, postgres: PostgresServer, postgres_schemas: Schemas) -> Iterator[None]:
        self.server, self.schemas = postgres, postgres_schemas
        yield
        postgres_schemas.give_back()

    def make_store(self) -> AsyncStore:
        url, schema = self.server.url(pool_size=4), self.schemas.take()
        return PostgresStore(url, schema=schema, is_awaited=self.is_awaited, timeout=PATIENCE)


class TestBlockingPostgresStore(OverPostgres):
    """Over an application's pool, whose connections know the statements of the tests before."""

    is_awaited = False

    @pytest.fixture(autouse=True)
    def _pool(self, pool: ConnectionPool[LimitedConnection]) -> None:
        self.given = pool

    def make_store(self) -> AsyncStore:
        return PostgresStore(pool=self.given, schema=self.schemas.take(), timeout=PATIENCE)


@pytest.mark.thorough
class TestAwaitedPostgresStore(OverPostgres):
    is_awaited = True
