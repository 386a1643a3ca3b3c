"""
The contracts of stores over engines of SQLAlchemy, blocking and awaited.

By default over SQLite, and over each database by both kinds of driver with `--thorough`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from _long_logs import WithShorterLog

from devsess.testing import CopyContract, SearchContract

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _sqlalchemy import Databases

    from devsess.stores.base import AsyncStore


class OverSQLAlchemy(WithShorterLog, CopyContract, SearchContract):
    """Each store has tables of its own in one database."""

    is_awaited = False
    database: str

    @pytest.fixture(autouse=True)
    def _tables(self, request: pytest.FixtureRequest) -> Iterator[None]:
        self.databases: Databases = request.getfixturevalue(f"{self.database}_tables")
        yield
        self.databases.give_back()

    def make_store(self) -> AsyncStore:
        return self.databases.awaited() if self.is_awaited else self.databases.blocking()


class TestSQLite(OverSQLAlchemy):
    database = "sqlite"


@pytest.mark.thorough
class TestAwaitedSQLite(OverSQLAlchemy):
    database = "sqlite"
    is_awaited = True


@pytest.mark.thorough
class TestPostgres(OverSQLAlchemy):
    database = "postgres"


@pytest.mark.thorough
class TestAwaitedPostgres(OverSQLAlchemy):
    database = "postgres"
    is_awaited = True


@pytest.mark.thorough
class TestMariaDB(OverSQLAlchemy):
    database = "mariadb"


@pytest.mark.thorough
class TestAwaitedMariaDB(OverSQLAlchemy):
    database = "mariadb"
    is_awaited = True
