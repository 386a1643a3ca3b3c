"""What a batch of a purge costs in PostgreSQL follows from what it finds, not from what is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from _postgres import LATE, with_store

from devsess.stores.items import Item
from devsess.stores.postgres import needless, upkeep
from devsess.testing._rows import T0, session_row, sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers.postgres import PostgresServer

    from devsess.stores.postgres import PostgresStore

STATEMENTS = {
    "forgotten devices": needless._PARTS[0],
    "stale devices": needless._PARTS[1],
    "deleted devices": needless._DELETE,
    "dated sessions": upkeep._DATED[0],
    "dated events": upkeep._DATED[1],
    "dated devices": upkeep._DATED[3],
    "sessions that lapse": upkeep._LAPSED,
    "deleted sessions": upkeep._DELETE_SESSIONS,
    "deleted events": upkeep._DELETE_EVENTS,
    "deleted items": upkeep._DELETE_ITEMS,
}
# By the name of a value: its type, and one that is as good as any.
VALUES = {
    **dict.fromkeys(("user", "device", "reason"), ("text", "'x'")),
    **dict.fromkeys(("users", "devices"), ("text[]", "'{x}'")),
    **dict.fromkeys(("looked", "limit"), ("bigint", "500")),
    **dict.fromkeys(("now", "before", "at", "latest"), ("float8", "1")),
}
# Each has one row at first.
TABLES = ("devices", "sessions", "events", "items")
COLUMNS = (
    "SELECT column_name::text FROM information_schema.columns"
    " WHERE table_schema = %s AND table_name = %s AND is_identity = 'NO'"
)


@pytest.fixture(scope="module")
def schema(postgres: PostgresServer) -> Iterator[str]:
    """One whose tables are large, and have been counted."""
    name = "large"

    async def work(store: PostgresStore) -> None:
        await sign_in(store, session_row())
        await store.put_item(Item("profile", "user-1", "", "{}", 1, T0, T0 + 1))

    with_store(postgres.url(), name, work, timeout=LATE)
    with psycopg.connect(postgres.url(), autocommit=True) as db:
        for table in TABLES:
            db.execute(_multiplying(db, name, table))
            db.execute(f"ANALYZE {name}.{table}".encode())
        yield name
        db.execute(f"DROP SCHEMA {name} CASCADE".encode())


def _multiplying(db: psycopg.Connection, schema: str, table: str) -> bytes:
    """The statement that adds many rows like the one that is there, with ids of their own."""
    names = [name for (name,) in db.execute(COLUMNS, (schema, table))]
    own = {"id", "key", "device_id"}
    values = ", ".join("'n' || n" if it in own else f"t.{it}" for it in names)
    return (
        f"INSERT INTO {schema}.{table} ({', '.join(names)})"
        f" SELECT {values} FROM {schema}.{table} t, generate_series(1, 20000) n"
    ).encode()


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_reads_a_table_whole(postgres: PostgresServer, schema: str, name: str) -> None:
    """Each goes along an index, also where the server plans it without its values."""
    statement, given = STATEMENTS[name].replace("{s}", schema), list[tuple[str, str]]()
    for value, typed in VALUES.items():
        if f"%({value})s" in statement:
            given.append(typed)
            statement = statement.replace(f"%({value})s", f"${len(given)}")
    types, values = (", ".join(texts) for texts in zip(*given, strict=True))
    with psycopg.connect(postgres.url(), autocommit=True) as db:
        db.execute("SET plan_cache_mode = force_generic_plan")
        db.execute(f"PREPARE asked ({types}) AS {statement}".encode())
        plan = [it for (it,) in db.execute(f"EXPLAIN EXECUTE asked ({values})".encode())]

    whole = {f"Seq Scan on {table}" for table in TABLES}
    assert not any(it in step for it in whole for step in plan), "\n".join(plan)
