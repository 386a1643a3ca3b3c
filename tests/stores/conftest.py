"""Servers for all tests of a folder that asks for them, and PostgreSQL's open transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from _sqlalchemy import databases, mariadb_tables, postgres_tables, sqlite_tables
from servers.mariadb import mariadb, mariadb_url
from servers.mongo import isolated_mongo, mongo, mongoeco
from servers.postgres import postgres, postgres_schemas
from servers.valkey import valkey_cluster, valkey_url

from devsess.stores import semantics
from devsess.testing import contract_log

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers.postgres import PostgresServer

__all__ = [
    "databases",
    "isolated_mongo",
    "mariadb",
    "mariadb_tables",
    "mariadb_url",
    "mongo",
    "mongoeco",
    "postgres",
    "postgres_schemas",
    "postgres_tables",
    "sqlite_tables",
    "valkey_cluster",
    "valkey_url",
]


@pytest.fixture
def shorter_log(monkeypatch: pytest.MonkeyPatch, thorough: bool) -> None:
    """To fill a store's log takes seconds."""
    if not thorough:
        monkeypatch.setattr(semantics, "LOG_KEPT", 1_000)
        monkeypatch.setattr(contract_log, "MANY", 1_001)


@pytest.fixture
def writers(postgres: PostgresServer) -> Iterator[list[psycopg.Connection]]:
    """Connections whose transactions end when a test says so."""
    with psycopg.connect(postgres.url()) as one, psycopg.connect(postgres.url()) as other:
        yield [one, other]
        one.rollback()
        other.rollback()
