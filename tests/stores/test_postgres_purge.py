"""A purge deletes no more at once than it was asked to, however the server plans its statements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from _postgres import LATE, with_store

from devsess.stores.postgres import upkeep
from devsess.stores.postgres.rows import SESSION
from devsess.testing import _rows as rows
from devsess.testing._rows import T0, session_row, sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers.postgres import PostgresServer, Schemas

    from devsess.stores.postgres import PostgresStore

# The server takes another way once it has counted the rows, which it does when it likes.
PLANS = {
    "its own choice": "",
    "nested loops": "-c%20enable_hashjoin%3Doff%20-c%20enable_mergejoin%3Doff",
    "other joins": "-c%20enable_nestloop%3Doff",
}


@pytest.fixture
def schema(postgres_schemas: Schemas) -> Iterator[str]:
    yield postgres_schemas.take()
    postgres_schemas.give_back()


@pytest.mark.parametrize("plan", PLANS)
def test_no_plan_deletes_more_than_the_limit(
    postgres: PostgresServer, schema: str, plan: str
) -> None:
    """In tables that were counted full, and in some that were counted empty, as in new ones."""

    async def work(store: PostgresStore) -> None:
        await store.migrate()
        for is_counted_full in (False, True, False):
            await _fill(store)
            if is_counted_full:
                postgres.ask(f"ANALYZE {tables}")
            batches = []
            while done := await store.purge(rows.retention(T0 + 9, T0 + 5), limit=3):
                batches.append(done)
            assert 3 >= max(batches)
            assert 28 == sum(batches)
            postgres.ask(f"ANALYZE {tables}")

    tables = ", ".join(f"{schema}.{it}" for it in ("sessions", "devices", "events"))
    with_store(postgres.url(options=PLANS[plan]), schema, work, timeout=LATE)


def test_a_batch_does_not_read_the_table_whole(postgres: PostgresServer, schema: str) -> None:
    """Rows to end are found again by their place: joined by id, a batch costs more among more."""

    async def work(store: PostgresStore) -> None:
        await _fill(store)

    with_store(postgres.url(), schema, work, timeout=LATE)
    names = ", ".join(SESSION[1:])
    made_up = f"(SELECT * FROM {schema}.sessions LIMIT 1) s, generate_series(1, 20000) n"
    statement = upkeep._LAPSED.replace("{s}", schema)
    for number, name in enumerate(("now", "limit", "reason"), 1):
        statement = statement.replace(f"%({name})s", f"${number}")
    with psycopg.connect(postgres.url(), autocommit=True) as db:
        for each in (
            f"INSERT INTO {schema}.sessions (id, {names}) SELECT 'n' || n, {names} FROM {made_up}",
            f"ANALYZE {schema}.sessions",
            "SET plan_cache_mode = force_generic_plan",
            f"PREPARE lapse (float8, bigint, text) AS {statement}",
        ):
            db.execute(each.encode())
        plan = "\n".join(it for (it,) in db.execute("EXPLAIN EXECUTE lapse (1, 3, 'expired')"))
    assert "Tid Scan" in plan
    assert 1 == plan.count("on sessions s"), plan


async def _fill(store: PostgresStore) -> None:
    for number in range(7):
        row = session_row(f"s{number}", device=f"d{number}", idle_expires_at=T0 + 1)
        await sign_in(store, row)
