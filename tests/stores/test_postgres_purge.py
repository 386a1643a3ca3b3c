"""A purge deletes no more at once than it was asked to, however the server plans its statements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from _postgres import LATE, with_store

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


async def _fill(store: PostgresStore) -> None:
    for number in range(7):
        row = session_row(f"s{number}", device=f"d{number}", idle_expires_at=T0 + 1)
        await sign_in(store, row)
