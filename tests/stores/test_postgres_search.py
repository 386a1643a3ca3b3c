"""How PostgreSQL searches: by an index in the order of pages, whatever is known of the values."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from servers.postgres import new_schema

from devsess.stores.counting import MEASURES, QUARTER, Period
from devsess.stores.postgres import PostgresStore, polling, reads, statistics
from devsess.stores.searching import LOOKED, Filter, cursor_of
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
    """Notes how each statement was answered: the scans of tables, and the rows read."""

    scans: list[tuple[str, str, int]]

    async def ask(self, statement: str, values: Any = ()) -> Any:
        explained = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}"
        [[[found]]] = await super().ask(explained, values)
        self.scans += _scans(found["Plan"])
        return await super().ask(statement, values)


def _scans(plan: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    """The table of each scan below, its index, and how many rows it looked at."""
    for below in plan.get("Plans", ()):
        yield from _scans(below)
    index = plan.get("Index Name", "")
    if "Relation Name" in plan or index:
        gone = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
        looked = (plan["Actual Rows"] + gone) * plan["Actual Loops"]
        table = plan.get("Relation Name", index.partition("_")[0])
        yield table, index or plan["Node Type"], round(looked)


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


@pytest.mark.parametrize("name", SEARCHES)
def test_a_page_looks_at_few_rows(postgres: PostgresServer, filled: str, name: str) -> None:
    """By its own index alone, and in its order: more would be sorted, also of a heavy user."""
    index, search = SEARCHES[name]

    async def run() -> list[tuple[str, str, int]]:
        store = Explaining(postgres.url(), schema=filled, timeout=30.0, is_awaited=True)
        store.scans = []
        await search(store)
        await store.close()
        return store.scans

    scans = [it for it in asyncio.run(run()) if it[0] in ("sessions", "events")]
    assert scans
    for table, by, looked in scans:
        # Behind an index that is scanned too; and an event's session.
        is_second = by in ("Bitmap Heap Scan", "sessions_pkey")
        assert is_second or index in by, (table, by, looked)
        assert looked <= LOOKED, (table, by, looked)


def test_a_device_is_found_by_its_index(postgres: PostgresServer, filled: str) -> None:
    """Its few sessions alone are read, and may be sorted."""

    async def run() -> tuple[list[str], list[tuple[str, str, int]]]:
        store = Explaining(postgres.url(), schema=filled, timeout=30.0, is_awaited=True)
        store.scans = []
        page = await store.search(Filter(device_id="d3"), cutoffs=AT, limit=50)
        await store.close()
        return [row.id for row in page], store.scans

    found, scans = asyncio.run(run())
    assert [f"s{n}" for n in range(3, MANY + 1, 3_000)] == found
    used = {by for table, by, _ in scans if table == "sessions"} - {"Bitmap Heap Scan"}
    assert {"sessions_device"} == used


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


def test_statistics_look_at_what_is_ending_alone(postgres: PostgresServer, filled: str) -> None:
    """While no ending waits for its rows, how many sessions there are does not matter."""
    period = Period(bounds=(T0 - T0 % QUARTER, T0 - T0 % QUARTER + QUARTER), now=T0)
    with psycopg.connect(postgres.url(), autocommit=True) as db:
        for statement, values in statistics.asking(period):
            explained = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement.replace('{s}', filled)}"
            row = db.execute(explained.encode(), values).fetchone()
            assert row is not None
            of_sessions = [it for it in _scans(row[0][0]["Plan"]) if it[0] == "sessions"]
            assert "Seq Scan" not in {name for _, name, _ in of_sessions}, row
            assert 9 > sum(rows for _, _, rows in of_sessions)


def test_statistics_seek_the_quarters_of_each_day(postgres: PostgresServer, filled: str) -> None:
    """By the index, also where the plan was made for whatever values; no other day's are read."""
    days, columns = 90, ", ".join(MEASURES)
    statement = statistics._RANGES.replace("{s}", filled)
    for number, name in enumerate(("first", "behind"), 1):
        statement = statement.replace(f"%({name})s", f"${number}")
    zeros = ", ".join(["0"] * len(MEASURES))
    made = f"SELECT n, 0, {zeros} FROM generate_series(1, {days * 96}) n ORDER BY md5(n::text)"
    first = [96 * day for day in range(days)]
    bounds = f"'{{{', '.join(map(str, first))}}}', '{{{', '.join(map(str, first[1:]))}, 9999}}'"
    with psycopg.connect(postgres.url()) as db:
        for each in (
            f"INSERT INTO {filled}.quarters (quarter, slot, {columns}) {made}",
            *[f"UPDATE {filled}.quarters SET signed_in = signed_in + 1"] * 4,  # as they fill up
            f"ANALYZE {filled}.quarters",
            "SET LOCAL plan_cache_mode = force_generic_plan",
            f"PREPARE ranges (bigint[], bigint[]) AS {statement}",
        ):
            db.execute(each.encode())
        asked = f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE ranges ({bounds})"
        row = db.execute(asked.encode()).fetchone()
        assert row is not None
        found = [it for it in _scans(row[0][0]["Plan"]) if it[0] == "quarters"]
        db.rollback()
    assert "quarters_pkey" in {index for _, index, _ in found}
    assert "Seq Scan" not in {index for _, index, _ in found}


def test_events_look_up_their_own_sessions_alone(postgres: PostgresServer, filled: str) -> None:
    """A page of a history, or of a poll, does not read all sessions that have not ended."""
    asked: dict[str, tuple[object, ...]] = {
        reads.EVENTS: ("u0", 2**60, 1_000),
        polling.BEHIND: ("0", 0, 1_000),
    }
    with psycopg.connect(postgres.url(), autocommit=True) as db:
        for statement, values in asked.items():
            explained = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement.replace('{s}', filled)}"
            row = db.execute(explained.encode(), values).fetchone()
            assert row is not None
            by = {it for table, it, _ in _scans(row[0][0]["Plan"]) if table == "sessions"}
            assert {"sessions_pkey"} == by, row
