"""A pooler between a store and PostgreSQL gives each transaction another session."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from _postgres import LATE, both_ports, filled, with_store
from servers.pooler import PGBOUNCER, pooling

from devsess.stores.base import ALL, ById
from devsess.testing import _rows as rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers.postgres import PostgresServer, Schemas

    from devsess.stores.postgres import PostgresStore

# The small one always: its law is that of pgbouncer's mode for transactions.
MODES = ["small", *(["transaction", "session"] if PGBOUNCER else [])]


@pytest.fixture
def schema(postgres: PostgresServer, postgres_schemas: Schemas) -> Iterator[str]:
    schema = postgres_schemas.take()
    filled(postgres, schema, "a", "b", "c")
    yield schema
    postgres_schemas.give_back()


@both_ports
@pytest.mark.parametrize("mode", MODES)
def test_all_calls_work_behind_a_pooler(
    postgres: PostgresServer, schema: str, mode: str, is_awaited: bool
) -> None:
    """Many at once, of which each begins with a lock, get their own answers."""

    async def work(store: PostgresStore) -> None:
        for _ in range(9):
            row = await store.get("a")
            assert row is not None
            assert "a" == row.id
        position = (await store.changes(None)).position
        assert () == (await store.renew("reader", position, lease=1.0)).changes.ids
        await asyncio.gather(*(store.end(rows.ending(ById(it))) for it in "abc"))
        heard = (await store.changes(position)).ids
        assert heard is not ALL
        assert {*"abc"} == {*heard}
        assert 1 == len((await store.readers_behind((await store.changes(None)).position)).beats)
        assert 0 == await store.purge(rows.retention(), limit=9)
        assert 12 == await store.erase(rows.erasure())

    with pooling(postgres, mode) as port:
        how = {"is_awaited": is_awaited, "timeout": LATE}
        with_store(postgres.url(port=port), schema, work, **how)


@both_ports
@pytest.mark.parametrize("mode", MODES)
def test_a_pooler_is_found_at_opening(
    postgres: PostgresServer,
    schema: str,
    mode: str,
    is_awaited: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No session is changed, no statement prepared, a wait takes its seconds; the log says so."""

    async def work(store: PostgresStore) -> None:
        await asyncio.gather(*(store.get("a") for _ in range(20)))
        for _ in range(9):
            [[limit]] = await store.ask("SELECT current_setting('statement_timeout')")
            [[prepared]] = await store.ask("SELECT count(*) FROM pg_prepared_statements")
            assert ("0", 0) == (limit, prepared)
        await store.wait(0.01)
        await store.end(rows.ending(ById("a")))
        begun = asyncio.get_running_loop().time()
        await store.wait(0.3)
        assert asyncio.get_running_loop().time() - begun >= 0.3

    with pooling(postgres, mode) as port:
        how = {"is_awaited": is_awaited, "timeout": LATE}
        with_store(postgres.url(port=port), schema, work, **how)
    said = [it.getMessage() for it in caplog.records if "pooler" in it.getMessage()]
    assert ["not prepared", "not heard at once"] == [
        part for part in ("not prepared", "not heard at once") for it in said if part in it
    ]
