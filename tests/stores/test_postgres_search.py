"""How PostgreSQL searches: by an index in the order of pages, whatever is known of the values."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from servers.postgres import new_schema

from devsess.stores.postgres import PostgresStore
from devsess.stores.searching import Filter, cursor_of
from devsess.testing._rows import T0, cutoffs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from servers.postgres import PostgresServer

MANY = 20_000
# Users, devices and networks of very different sizes: user 0 has half of all sessions.
_DEVICES = """
INSERT INTO {s}.devices (user_id, id, label, kind, os, browser, first_seen_at, last_seen_at,
    blocked, forgotten)
SELECT 'u' || u, 'd' || d, 'Chrome', 'desktop', 'macOS', 'Chrome', 0, 0, false, false
FROM (SELECT DISTINCT CASE WHEN n % 2 = 0 THEN 0 ELSE n % 500 END u, n % 3000 d
    FROM generate_series(1, {many}) n) it
"""
_SESSIONS = """
INSERT INTO {s}.sessions (id, user_id, device_id, ip, network, created_at, last_seen_at, idle_from,
    idle_expires_at, absolute_expires_at, auth_time, amr, persistent, claims, salt, generation,
    bound, presented, levels, ending_number, revoked_at, reason, score)
SELECT 's' || n, 'u' || CASE WHEN n % 2 = 0 THEN 0 ELSE n % 500 END, 'd' || n % 3000,
    '10.0.' || n % 40 || '.' || n % 250, '10.0.' || n % 40 || '.0',
    {t} - n, {t} - n, {t}, {t} + 1e6, {t} + 2e6, 0, '{{pwd}}', false, '{{}}', '', 0, false,
    false, '[]', 0, CASE WHEN n % 3 = 0 THEN NULL ELSE {t} END, 'x', CASE WHEN n % 50 = 0 THEN n END
FROM generate_series(1, {many}) n
"""
_EVENTS = """
INSERT INTO {s}.events (type, at, user_id, session_id, new_device, actor)
SELECT 'authn_token_revoked', {t}, 'u' || n % 500, 's' || n, false,
    CASE WHEN n % 100 = 0 THEN 'ops' WHEN n % 3 = 0 THEN 'u' || n % 500 END
FROM generate_series(1, {many}) n
"""


class Explaining(PostgresStore):
    """Notes the plan of each statement that it asks."""

    plans: list[tuple[str, str]]

    async def ask(self, statement: str, values: Any = ()) -> Any:
        lines = await super().ask(f"EXPLAIN {statement}", values)
        self.plans.append((statement, "\n".join(line for (line,) in lines)))
        return await super().ask(statement, values)


@pytest.fixture(scope="module")
def filled(postgres: PostgresServer) -> Iterator[str]:
    """A schema with many sessions."""
    schema = new_schema()

    async def make() -> None:
        store = PostgresStore(postgres.url(), schema=schema, timeout=30.0, is_awaited=True)
        await store.migrate()
        await store.close()

    asyncio.run(make())
    with psycopg.connect(postgres.url(), autocommit=True) as db:
        for statement in (_DEVICES, _SESSIONS, _EVENTS):
            db.execute(statement.format(s=schema, many=MANY, t=T0).encode())
        db.execute(f"VACUUM ANALYZE {schema}.sessions, {schema}.devices, {schema}.events".encode())
        yield schema
        db.execute(f"DROP SCHEMA {schema} CASCADE".encode())


AT = cutoffs(T0 + 9)
BEHIND = cursor_of((T0 - 5_000, "s5000"))


def _search(wanted: Filter) -> Callable[[PostgresStore], Awaitable[object]]:
    return lambda store: store.search(wanted, cutoffs=AT, limit=50, cursor=BEHIND)


SEARCHES: dict[str, tuple[str, Callable[[PostgresStore], Awaitable[object]]]] = {
    "newest": ("sessions_created", _search(Filter())),
    "newest live": ("sessions_created", _search(Filter(is_ended=False))),
    "a day": ("sessions_created", _search(Filter(since=T0 - 9_000, until=T0 - 6_000))),
    "heavy user": ("sessions_user", _search(Filter(user_id="u0"))),
    "light user": ("sessions_user", _search(Filter(user_id="u3"))),
    "heavy user, ended": ("sessions_user", _search(Filter(user_id="u0", is_ended=True))),
    "heavy user, live": ("sessions_", _search(Filter(user_id="u0", is_ended=False))),
    "network": ("sessions_network", _search(Filter(network="10.0.3.0"))),
    "network, live": ("sessions_network", _search(Filter(network="10.0.3.0", is_ended=False))),
    "address": ("sessions_network", _search(Filter(network="10.0.3.0", ip="10.0.3.3"))),
    "queue": ("sessions_score", lambda store: store.queue(0, cutoffs=AT, limit=50)),
    "next of the queue": (
        "sessions_score",
        lambda store: store.queue(0, cutoffs=AT, limit=50, cursor=cursor_of((9_000, T0, "s1"))),
    ),
    "acts": ("events_acts", lambda store: store.acts(limit=50)),
}


def _sorted_by(plan: str) -> set[str]:
    return {re.sub(r"n_\d+", "n", key) for key in re.findall(r"Sort Key: (.+)", plan)}


@pytest.mark.parametrize("name", SEARCHES)
def test_a_page_is_read_in_order(postgres: PostgresServer, filled: str, name: str) -> None:
    """No table of sessions or events is read whole, and nothing is sorted, also for heavy users."""
    index, search = SEARCHES[name]

    async def run() -> list[tuple[str, str]]:
        store = Explaining(postgres.url(), schema=filled, timeout=30.0, is_awaited=True)
        store.plans = []
        await search(store)
        await store.close()
        return store.plans

    plans = asyncio.run(run())
    assert plans
    for statement, plan in plans:
        assert index in plan, (statement, plan)
        # The endings whose rows follow, hardly ever one, are sorted by number; and the few rows of
        # an address may be, of the 2,000 at most that are looked at.
        assert {"n.number"} >= _sorted_by(plan) or name == "address", (statement, plan)
        assert "Seq Scan on sessions" not in plan, (statement, plan)
        assert "Seq Scan on events" not in plan, (statement, plan)


def test_a_device_is_found_by_its_index(postgres: PostgresServer, filled: str) -> None:
    """Its few sessions alone are read, and may be sorted."""

    async def run() -> tuple[list[str], list[tuple[str, str]]]:
        store = Explaining(postgres.url(), schema=filled, timeout=30.0, is_awaited=True)
        store.plans = []
        page = await store.search(Filter(device_id="d3"), cutoffs=AT, limit=50)
        await store.close()
        return [row.id for row in page], store.plans

    found, plans = asyncio.run(run())
    assert [f"s{n}" for n in range(3, MANY + 1, 3_000)] == found
    assert all("sessions_device" in plan for _, plan in plans)


def test_a_search_is_bounded(postgres: PostgresServer, filled: str) -> None:
    """Of a network that has ten times as many, a page looks at 200 rows, and says where it was."""

    async def run() -> tuple[int, int]:
        store = PostgresStore(postgres.url(), schema=filled, timeout=30.0, is_awaited=True)
        wanted = Filter(network="10.0.3.0", ip="10.0.3.233")
        pages, found, cursor = 0, 0, None
        while pages == 0 or cursor is not None:
            page = await store.search(wanted, cutoffs=AT, limit=50, cursor=cursor, looked=200)
            pages, found, cursor = pages + 1, found + len(page), page.next
        counted = await store.count(wanted, cutoffs=AT)
        await store.close()
        assert counted in (found, 1_001)
        return pages, found

    pages, found = asyncio.run(run())
    assert (MANY // 40 // 200 + 1, 0) == (pages, found) or found
