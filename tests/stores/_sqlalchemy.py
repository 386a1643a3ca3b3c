"""Databases for SQLAlchemyStore: tables that are empty when they are taken."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import MetaData, create_engine, delete, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from devsess._runtime.drive import drive
from devsess.stores.sqlalchemy import SQLAlchemyStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from servers.postgres import PostgresServer
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

# Seconds: no test of the contract waits for it, and a busy machine is given its time.
PATIENCE = 30.0


def blocking_engine(url: str | URL, **options: Any) -> Engine:
    """An engine; over SQLite one that does not wait for the disk."""
    engine = create_engine(url, **options)
    _hurry(engine)
    return engine


def awaiting_engine(url: str | URL, **options: Any) -> AsyncEngine:
    """An engine for the event loop that runs."""
    engine = create_async_engine(url, **options)
    _hurry(engine.sync_engine)
    return engine


def _hurry(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _(connection: Any, record: object) -> None:
            cursor = connection.cursor()
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = OFF")
            cursor.close()


class OwnEngine(SQLAlchemyStore):
    """A store that takes its engine with it."""

    def __init__(self, engine: AsyncEngine, **options: Any) -> None:
        super().__init__(engine, **options)
        self._own = engine

    async def close(self) -> None:
        await super().close()
        await self._own.dispose()


class Databases:
    """
    Tables in one database, for stores that must be new and empty; to empty some costs less.

    Args:
        url: Of the database, with a blocking driver.
        awaiting: The awaited driver for it.
    """

    def __init__(self, url: str, awaiting: str) -> None:
        self.engine = blocking_engine(url)
        self.awaiting_url = make_url(url).set(drivername=awaiting)
        self._free: list[str] = []
        self._taken: list[str] = []
        # SQLAlchemy keeps what it compiled for as long as the tables are the same objects.
        self._metadata: dict[str, MetaData] = {}

    def take(self) -> str:
        """The prefix of tables in which there is nothing."""
        self._taken.append(self._free.pop() if self._free else self._made())
        return self._taken[-1]

    def of(self, prefix: str) -> MetaData:
        """Where the tables of *prefix* are registered."""
        return self._metadata.setdefault(prefix, MetaData())

    @property
    def newest(self) -> str:
        """The prefix that was taken last."""
        return self._taken[-1]

    def _made(self) -> str:
        prefix = f"t{secrets.token_hex(4)}_"
        drive(SQLAlchemyStore(self.engine, prefix=prefix, timeout=PATIENCE).migrate())
        return prefix

    def blocking(self, **options: Any) -> SQLAlchemyStore:
        """A new store for a manager that blocks."""
        prefix = self.take()
        options = {"prefix": prefix, "metadata": self.of(prefix), "timeout": PATIENCE, **options}
        return SQLAlchemyStore(self.engine, **options)

    def awaited(self, **options: Any) -> SQLAlchemyStore:
        """A new store for the running event loop."""
        engine = awaiting_engine(self.awaiting_url.render_as_string(hide_password=False))
        prefix = self.take()
        options = {"prefix": prefix, "metadata": self.of(prefix), "timeout": PATIENCE, **options}
        return OwnEngine(engine, **options)

    def give_back(self) -> None:
        """Empty all that were taken."""
        with self.engine.begin() as connection:
            for prefix in self._taken:
                store = SQLAlchemyStore(self.engine, prefix=prefix, metadata=self.of(prefix))
                for table in store.tables.all:
                    connection.execute(delete(table))
        self._free += self._taken
        self._taken = []

    def close(self) -> None:
        """Delete them."""
        for prefix in self._free + self._taken:
            SQLAlchemyStore(self.engine, prefix=prefix).metadata.drop_all(self.engine)
        self.engine.dispose()


@pytest.fixture(scope="module")
def sqlite_tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    path: Path = tmp_path_factory.mktemp("sqlite") / "app.db"
    databases = Databases(f"sqlite:///{path}", "sqlite+aiosqlite")
    yield databases
    databases.close()


@pytest.fixture(scope="module")
def postgres_tables(postgres: PostgresServer) -> Iterator[Databases]:
    url = postgres.url().partition("?")[0].replace("postgresql://", "postgresql+psycopg://")
    databases = Databases(url, "postgresql+asyncpg")
    yield databases
    databases.close()


@pytest.fixture(scope="module")
def mariadb_tables(mariadb_url: str) -> Iterator[Databases]:
    url = mariadb_url.replace("mariadb://", "mariadb+pymysql://")
    databases = Databases(url, "mariadb+aiomysql")
    yield databases
    databases.close()


@pytest.fixture(params=["sqlite", "postgres", pytest.param("mariadb", marks=pytest.mark.thorough)])
def databases(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """Each database in turn, MariaDB with --thorough; what a test takes of it is emptied."""
    found: Databases = request.getfixturevalue(f"{request.param}_tables")
    yield found
    found.give_back()
