"""Stores over the tests' PostgreSQL server, and programs that use them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from devsess.stores.postgres import PostgresStore
from devsess.testing._rows import session_row, sign_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from servers.postgres import PostgresServer

T = TypeVar("T")

# By default the one through which its contract runs by default.
both_ports = pytest.mark.parametrize(
    "is_awaited",
    [
        pytest.param(False, id="blocking"),
        pytest.param(True, id="awaiting", marks=pytest.mark.thorough),
    ],
)
# Seconds: enough for an answer on a busy machine, and soon over where none comes.
TIMEOUT = 1.0
# What a call may take that ends after TIMEOUT; without a limit it would never end.
LATE = 20.0
# What the documentation tells an administrator to grant.
GRANTS = """
GRANT USAGE ON SCHEMA {s} TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {s} TO {role};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {s} TO {role};
"""


def with_store(
    url: str, schema: str, work: Callable[[PostgresStore], Awaitable[T]], **how: Any
) -> T:
    """The result of *work* with a store, which is closed then."""

    async def run() -> T:
        store = PostgresStore(url, schema=schema, **{"timeout": TIMEOUT, **how})
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


def filled(server: PostgresServer, schema: str, *session_ids: str) -> None:
    """Make the tables in *schema*, and sessions of user-1."""

    async def fill(store: PostgresStore) -> None:
        await store.migrate()
        await sign_in(store, *(session_row(it, device=f"d-{it}") for it in session_ids))

    with_store(server.url(), schema, fill, timeout=30.0)
