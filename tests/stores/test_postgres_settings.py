"""URLs, settings, pools and secrets of the PostgreSQL store."""

from __future__ import annotations

import asyncio
import logging
import secrets
import sys
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from _both_managers import share_revocations
from _postgres import both_ports, filled, with_store
from psycopg import AsyncConnection, Connection
from psycopg_pool import AsyncConnectionPool, ConnectionPool
from servers.postgres import PASSWORD

from devsess import SessionManager
from devsess.errors import ConfigurationError, StoreUnavailableError
from devsess.stores.base import OfUser
from devsess.stores.counting import WEEK, Period
from devsess.stores.postgres import LimitedAsyncConnection, LimitedConnection, PostgresStore
from devsess.stores.postgres.settings import read_url
from devsess.testing import _rows as rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers.postgres import PostgresServer, Schemas

SECRET = secrets.token_urlsafe(32)
PERIOD = Period((rows.T0 // WEEK * WEEK, rows.T0 // WEEK * WEEK + WEEK), rows.T0)


@pytest.fixture
def schema(postgres: PostgresServer, postgres_schemas: Schemas) -> Iterator[str]:
    schema = postgres_schemas.take()
    filled(postgres, schema, "a")
    yield schema
    postgres_schemas.give_back()


def test_our_settings_stand_in_the_url() -> None:
    """All others are libpq's, as they stand."""
    table = {
        "postgresql://h/d": ("devsess", 5.0, 10),
        "postgres://h/d?timeout=2.5&sslmode=require": ("devsess", 2.5, 10),
        "postgresql://h/d?schema=a_1&pool_size=3": ("a_1", 5.0, 3),
    }
    for url, expected in table.items():
        found = read_url(url)
        assert expected == (found.schema, found.timeout, found.pool_size)
    url = "postgresql://u:p%40s+s@h:1/d?options=-c%20x%3D1&timeout=1&sslmode=verify-full"
    expected_text = "postgresql://u:p%40s+s@h:1/d?options=-c%20x%3D1&sslmode=verify-full"
    assert expected_text == read_url(url).conninfo


def test_an_argument_comes_before_the_url() -> None:
    """As with every store; what has no argument stays as the URL says."""
    url = "postgresql://h/d?schema=a&timeout=9&pool_size=3"
    for arguments, expected in (
        ({}, ("a", 9.0, 3)),
        ({"schema": "b"}, ("b", 9.0, 3)),
        ({"timeout": 2.0, "pool_size": 4}, ("a", 2.0, 4)),
    ):
        store: Any = PostgresStore(url, **arguments)
        found = store.port._settings
        assert expected == (found.schema, found.timeout, found.pool_size)


@pytest.mark.parametrize(
    "query",
    [
        *(
            "timeout=0",
            "timeout=-1",
            "timeout=inf",
            "timeout=1e10",
            "timeout=x",
            "pool_size=0",
            "pool_size=1.5",
        ),
        *("schema=", "schema=A", "schema=a;b", 'schema=a"', "schema=" + "a" * 49, "nonsense=1"),
    ],
)
def test_what_cannot_work_is_refused(query: str) -> None:
    """At once, and without the URL, which may hold a password."""
    with pytest.raises(ConfigurationError) as caught:
        PostgresStore(f"postgresql://user:{PASSWORD}@h/d?{query}")

    shown = "".join(traceback.format_exception(caught.value))
    assert PASSWORD not in shown.replace("user:{PASSWORD}", "")


def test_a_wrong_password_is_in_no_message(
    postgres: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor in the store's repr, nor in the log, for a role that needs another one."""
    postgres.ask("DROP ROLE IF EXISTS guarded")
    postgres.ask("CREATE ROLE guarded LOGIN PASSWORD 'another'")
    caplog.set_level(logging.DEBUG)
    url = postgres.url("guarded", password=PASSWORD)
    for is_awaited in (False, True):

        async def work(store: PostgresStore) -> str:
            with pytest.raises(StoreUnavailableError) as caught:
                await store.get("a")
            with pytest.raises(StoreUnavailableError):
                await store.wait(0.01)
            return f"{caught.value!r} {caught.value.__cause__!r} {store!r} {vars(store)!r}"

        shown = with_store(url, "devsess", work, is_awaited=is_awaited)
        assert "password authentication failed" in shown
        assert PASSWORD not in shown + caplog.text


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extra that installs it."""
    monkeypatch.setitem(sys.modules, "devsess.stores.postgres", None)

    with pytest.raises(ConfigurationError, match=r"pip install 'devsess\[postgres\]'"):
        SessionManager("postgresql://h/d", keys=SECRET)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_both_managers_take_a_url(postgres: PostgresServer, schema: str, scheme: str) -> None:
    """Each hears at once of the other's revocations."""
    url = postgres.url(schema=schema).replace("postgresql", scheme, 1)
    share_revocations(url)


@pytest.mark.parametrize("autocommit", [False, True])
def test_an_applications_pool_is_taken(
    postgres: PostgresServer, schema: str, autocommit: bool
) -> None:
    """Its connections come back as they were, and it is not closed with the store."""
    how: dict[str, Any] = {"min_size": 1, "max_size": 2, "kwargs": {"autocommit": autocommit}}
    with ConnectionPool(postgres.url(), connection_class=LimitedConnection, **how) as pool:

        async def work() -> None:
            store = PostgresStore(pool=pool, schema=schema)
            assert await store.get("a") is not None
            await store.end(rows.ending(OfUser("user-1")))
            await store.close()

        asyncio.run(work())
        with pool.connection() as connection:
            assert autocommit == connection.autocommit
            assert None is connection.deadline
            assert (1,) == connection.execute("SELECT 1").fetchone()

    async def awaited() -> None:
        kind = LimitedAsyncConnection
        async with AsyncConnectionPool(postgres.url(), connection_class=kind, **how) as own:
            store = PostgresStore(pool=own, schema=schema)
            assert await store.get("a") is not None
            await store.end(rows.ending(OfUser("user-1")))
            await store.close()
            async with own.connection() as connection:
                assert autocommit == connection.autocommit

    asyncio.run(awaited())


def test_a_snapshot_is_taken_when_prepared_statements_were_dropped(
    postgres: PostgresServer, schema: str
) -> None:
    """
    psycopg drops them after an ALTER, between two statements of the next batch.

    That is a query to the server, after which a transaction cannot be told its isolation.
    """
    how: dict[str, Any] = {"min_size": 1, "max_size": 1}
    with ConnectionPool(postgres.url(), connection_class=LimitedConnection, **how) as pool:

        async def work() -> None:
            store = PostgresStore(pool=pool, schema=schema)
            for _ in range(9):
                await store.get("a")  # is prepared
            calls = (store.export(limit=9), store.accounts(["user-1"]), store.statistics(PERIOD))
            for call in calls:
                with pool.connection() as connection, connection.pipeline():
                    connection.execute("SELECT 1", prepare=True)
                    connection.execute("ALTER DATABASE postgres RESET work_mem")
                await call
            await store.close()

        asyncio.run(work())


def test_a_pool_without_limits_is_refused() -> None:
    """Its connections would wait for ever; and a store has a URL or a pool."""
    blocking: Any = ConnectionPool("", connection_class=Connection, open=False)
    awaiting: Any = AsyncConnectionPool("", connection_class=AsyncConnection, open=False)
    for pool in (blocking, awaiting):
        with pytest.raises(ConfigurationError, match="LimitedConnection"):
            PostgresStore(pool=pool)
    for arguments in ({}, {"url": "postgresql://h/d", "pool": blocking}):
        with pytest.raises(ConfigurationError, match="not both"):
            PostgresStore(**arguments)


@both_ports
def test_a_read_only_server_is_unavailable_for_writes(
    postgres: PostgresServer, schema: str, is_awaited: bool
) -> None:
    """New connections are refused; over one that was there before, rows can still be read."""

    async def work(store: PostgresStore) -> None:
        assert await store.get("a") is not None
        await store.batch(("SET default_transaction_read_only = on", ()))
        for call in (
            store.end(rows.ending(OfUser("user-1"))),
            store.touch("a", rows.activity(rows.T0 + 9), bound=False),
            store.renew("reader", None, lease=1.0),
        ):
            with pytest.raises(StoreUnavailableError, match="read-only"):
                await call
        assert await store.get("a") is not None

    async def be_refused(store: PostgresStore) -> None:
        for call in (store.get("a"), store.wait(0.1), store.migrate()):
            with pytest.raises(StoreUnavailableError, match="read-only"):
                await call

    with_store(postgres.url(pool_size=1), schema, work, is_awaited=is_awaited)
    url = postgres.url(options="-c%20default_transaction_read_only%3Don")
    with_store(url, schema, be_refused, is_awaited=is_awaited)
