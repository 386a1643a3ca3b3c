"""Stores of both ports on one server."""

from __future__ import annotations

from _redis import run
from servers.valkey import with_prefix

from devsess.stores.redis import RedisStore
from devsess.testing._rows import session_row, sign_in


def test_of_two_ports_each_reads_what_the_other_wrote(valkey_url: str) -> None:
    """Blocking and awaited stores share all data."""
    url = with_prefix(valkey_url)
    blocking, awaiting = RedisStore(url), RedisStore(url, is_awaited=True)

    async def scenario() -> None:
        await sign_in(blocking, session_row("a"))
        await sign_in(awaiting, session_row("b"))
        for store in (blocking, awaiting):
            assert [session_row("a"), session_row("b")] == await store.list("user-1")
        for store in (blocking, awaiting):
            await store.close()

    run(scenario())
