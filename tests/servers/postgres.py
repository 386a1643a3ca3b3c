"""A PostgreSQL server from a wheel, or the one that DEVSESS_TEST_POSTGRES_URL names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psycopg
import pytest

from benchmarks.servers.postgres import GivenServer, PostgresServer, new_schema, running

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PASSWORD", "PostgresServer", "Schemas", "new_schema", "running"]

URL = "DEVSESS_TEST_POSTGRES_URL"
PASSWORD = "a-Password-that-no-message-may-show"
EMPTY = """
DO $$ BEGIN IF to_regclass('{s}.meta') IS NOT NULL THEN
DELETE FROM {s}.sessions; DELETE FROM {s}.devices; DELETE FROM {s}.events;
DELETE FROM {s}.accounts; DELETE FROM {s}.endings; DELETE FROM {s}.erased;
DELETE FROM {s}.log; DELETE FROM {s}.history; DELETE FROM {s}.readers;
DELETE FROM {s}.items; DELETE FROM {s}.opened; DELETE FROM {s}.quarters;
DELETE FROM {s}.tallies; DELETE FROM {s}.spans;
DELETE FROM {s}.meta; INSERT INTO {s}.meta DEFAULT VALUES;
PERFORM setval('{s}.numbers', 0);
END IF; END $$
"""


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The server of all tests, which none of them stops; each takes a schema of its own."""
    if URL in os.environ:
        yield GivenServer(os.environ[URL])
    else:
        with running() as server:
            yield server


class Schemas:
    """
    Schemas for stores that must be new and empty; to empty one costs less than to make it.

    Args:
        server: Where they are made.
    """

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._own = psycopg.connect(server.url(), autocommit=True)  # one for all: a new one is dear
        self._free: list[str] = []
        self._taken: list[str] = []

    def take(self) -> str:
        """The name of one in which there is nothing, or no table at all."""
        self._taken.append(self._free.pop() if self._free else new_schema())
        return self._taken[-1]

    def give_back(self) -> None:
        """Empty all that were taken."""
        for schema in self._taken:
            self._own.execute(EMPTY.replace("{s}", schema).encode())
        self._free += self._taken
        self._taken = []

    def close(self) -> None:
        """Delete them."""
        self._own.close()
        for schema in self._free + self._taken:
            self._server.ask(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


@pytest.fixture(scope="session")
def postgres_schemas(postgres: PostgresServer) -> Iterator[Schemas]:
    """Schemas on it that are empty when they are taken."""
    schemas = Schemas(postgres)
    yield schemas
    schemas.close()
