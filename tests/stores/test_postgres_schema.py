"""The tables of the PostgreSQL store: made once, by a role that may, and refused if newer."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from _postgres import GRANTS, with_store
from servers.postgres import new_schema

from devsess.errors import StoreUnavailableError
from devsess.stores.base import ById, Everyone, Inserted, OfUser
from devsess.stores.postgres import PostgresStore
from devsess.stores.postgres.schema import STEPS
from devsess.testing import _rows as rows
from devsess.testing._rows import session_row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers.postgres import PostgresServer


@pytest.fixture
def schema(postgres: PostgresServer) -> Iterator[str]:
    schema = new_schema()
    yield schema
    postgres.ask(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


@pytest.fixture
def role(postgres: PostgresServer) -> Iterator[str]:
    """A role that may connect, and nothing else."""
    name = f"role_{new_schema()}"
    postgres.ask(f"CREATE ROLE {name} LOGIN")
    yield name
    postgres.ask(f"DROP OWNED BY {name}")
    postgres.ask(f"DROP ROLE {name}")


def test_the_steps_are_listed_before_they_are_taken(postgres: PostgresServer, schema: str) -> None:
    """`pending` names them and changes nothing; `migrate` takes them once."""

    async def work(store: PostgresStore) -> None:
        assert [*STEPS] == await store.pending() == await store.pending()
        assert [] == postgres.ask("SELECT 1 FROM pg_namespace WHERE nspname = %s", schema)
        assert [*STEPS] == await store.migrate()
        assert [] == await store.pending() == await store.migrate()

    with_store(postgres.url(), schema, work)


def test_two_at_once_are_safe(postgres: PostgresServer, schema: str) -> None:
    """Each step is taken by one of those that begin together, and all go on."""
    start = Barrier(4)

    def migrate(_: int) -> list[str]:
        async def work(store: PostgresStore) -> list[str]:
            await store.pending()
            start.wait(30)
            return await store.migrate()

        return with_store(postgres.url(), schema, work, timeout=30.0)

    with ThreadPoolExecutor(4) as threads:
        taken = [*threads.map(migrate, range(4))]

    assert [*STEPS] == [step for steps in taken for step in steps]


def test_a_newer_schema_is_refused(postgres: PostgresServer, schema: str) -> None:
    """By each call, with the version of devsess that is needed."""

    async def work(store: PostgresStore) -> None:
        await store.migrate()
        postgres.ask(f"INSERT INTO {schema}.migrations VALUES ('9999_new', '7.8.9')")

    async def refused(store: PostgresStore) -> None:
        for call in (store.get("a"), store.migrate(), store.pending()):
            with pytest.raises(StoreUnavailableError, match=r"devsess 7\.8\.9 or later"):
                await call

    with_store(postgres.url(), schema, work)
    with_store(postgres.url(), schema, refused)


def test_a_role_without_rights_on_the_schema(
    postgres: PostgresServer, schema: str, role: str
) -> None:
    """Every kind of call works on tables that another role made, with the documented grants."""

    async def work(store: PostgresStore) -> None:
        assert [] == await store.migrate()
        assert Inserted() == await store.insert(rows.login(session_row("a")))
        second = rows.login(session_row("b", device="d2"), limit=1)
        assert isinstance(await store.insert(second), Inserted)
        assert await store.touch("b", rows.activity(rows.T0 + 1), bound=True)
        position = (await store.changes(None)).position
        await store.end(rows.ending(ById("b")))
        assert ("b",) == (await store.changes(position)).ids
        await store.end(rows.ending(OfUser("user-1"), at_once=0))
        await store.end(rows.ending(Everyone()))
        await store.settle(limit=9)
        await store.purge(rows.retention(rows.T0 + 99, rows.T0 + 99), limit=99)
        renewal = await store.renew("reader", position, lease=2.0)
        await store.season(renewal.history)
        assert (await store.readers_behind(None)).is_seasoned
        await store.expel("reader", 1)
        await store.leave("reader")
        assert await store.erase(rows.erasure())

    async def migrate(store: PostgresStore) -> None:
        await store.migrate()

    with_store(postgres.url(), schema, migrate)
    postgres.ask(GRANTS.replace("{s}", schema).replace("{role}", role))
    with_store(postgres.url(role), schema, work)


def test_a_role_that_may_not_make_the_tables(
    postgres: PostgresServer, schema: str, role: str
) -> None:
    """It hears what to do, and nothing is half made."""

    async def work(store: PostgresStore) -> None:
        with pytest.raises(StoreUnavailableError, match="permission denied"):
            await store.get("a")

    with_store(postgres.url(role), schema, work)
    assert [] == postgres.ask("SELECT 1 FROM pg_namespace WHERE nspname = %s", schema)


def test_a_schema_that_is_there_is_taken(postgres: PostgresServer, schema: str, role: str) -> None:
    """A role that owns the schema makes the tables, though it may not make schemas."""

    async def work(store: PostgresStore) -> None:
        assert await store.get("a") is None

    postgres.ask(f"CREATE SCHEMA {schema} AUTHORIZATION {role}")
    with_store(postgres.url(role), schema, work)


def test_a_database_in_another_encoding_is_refused(postgres: PostgresServer) -> None:
    """It cannot keep every name: better at once than at one person's sign-in."""
    name = new_schema()
    postgres.ask(
        f"CREATE DATABASE {name} ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    )
    try:
        store = PostgresStore(f"{postgres.url()}dbname={name}", is_awaited=True)
        with pytest.raises(ValueError, match="UTF8 is needed"):
            asyncio.run(store.get("a"))
        asyncio.run(store.close())
        del store
    finally:
        postgres.ask(f"DROP DATABASE {name} WITH (FORCE)")
