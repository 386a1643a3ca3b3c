"""PostgreSQL's change log: no entry is missed, whatever the order of the commits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import psycopg
import pytest
from _postgres import filled, with_store

from devsess.stores import semantics
from devsess.stores.base import ALL
from devsess.stores.postgres import log, reads
from devsess.stores.postgres.log import Position
from devsess.testing import _rows as rows
from devsess.testing._rows import changed_since, log_position

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers.postgres import PostgresServer, Schemas

    from devsess.stores.postgres import PostgresStore


@pytest.fixture
def schema(postgres: PostgresServer, postgres_schemas: Schemas) -> Iterator[str]:
    schema = postgres_schemas.take()
    filled(postgres, schema, "a", "b", "c")
    yield schema
    postgres_schemas.give_back()


def _append(writer: psycopg.Connection, schema: str, session_id: str) -> None:
    writer.execute(f"INSERT INTO {schema}.log (session_id) VALUES ('{session_id}')".encode())


def test_a_late_commit_is_not_missed(
    postgres: PostgresServer, schema: str, writers: list[psycopg.Connection]
) -> None:
    """A transaction that began first and ends last is behind the positions given out between."""
    early, late = writers

    async def work(store: PostgresStore) -> None:
        start = await log_position(store)
        _append(early, schema, "early")
        _append(late, schema, "late")
        late.commit()
        between = await store.changes(start)
        assert ("late",) == between.ids
        assert set() == await changed_since(store, between.position)
        early.commit()
        assert {"early"} == await changed_since(store, between.position)
        assert {"early", "late"} == await changed_since(store, start)

    with_store(postgres.url(), schema, work)


def test_what_is_undone_is_never_seen(
    postgres: PostgresServer, schema: str, writers: list[psycopg.Connection]
) -> None:
    """A transaction, or a part of one, that is rolled back leaves no entry."""
    writer, other = writers

    async def work(store: PostgresStore) -> None:
        start = await log_position(store)
        with writer.transaction():
            _append(writer, schema, "kept")
            writer.execute("SAVEPOINT part")
            _append(writer, schema, "undone")
            writer.execute("ROLLBACK TO part")
        _append(other, schema, "undone")
        other.rollback()
        assert {"kept"} == await changed_since(store, start)

    with_store(postgres.url(), schema, work)


def test_a_part_of_a_transaction_counts_as_the_whole(
    postgres: PostgresServer, schema: str, writers: list[psycopg.Connection]
) -> None:
    """An entry of a savepoint is behind a position that was given out before the commit."""
    writer, other = writers

    async def work(store: PostgresStore) -> None:
        start = await log_position(store)
        writer.execute("SELECT pg_current_xact_id()")
        writer.execute("SAVEPOINT part")
        _append(writer, schema, "inner")
        writer.execute("RELEASE part")
        _append(other, schema, "other")
        other.commit()
        between = (await store.changes(start)).position
        writer.commit()
        assert {"inner"} == await changed_since(store, between)

    with_store(postgres.url(), schema, work)


def test_a_purge_hides_nothing_of_a_transaction_that_runs(
    postgres: PostgresServer, schema: str, writers: list[psycopg.Connection]
) -> None:
    """A position that saw a writer run hears its entry after a purge, or ALL if it was deleted."""
    writer, other = writers

    async def work(store: PostgresStore) -> None:
        start = await log_position(store)
        _append(writer, schema, "running")
        between = await _after_change(store, "a", start)
        many = f"INSERT INTO {schema}.log (session_id) SELECT 'x' FROM generate_series(1, %s)"
        other.execute(many.encode(), (semantics.LOG_KEPT + 1,))
        other.commit()
        assert "all" == await changed_since(store, between)
        newest = await log_position(store)
        while await store.purge(rows.retention(), limit=20_000):
            pass
        assert "all" == await changed_since(store, start)
        assert set() == await changed_since(store, newest)
        writer.commit()
        assert {"running"} == await changed_since(store, newest)
        while await store.purge(rows.retention(), limit=20_000):
            pass
        assert "all" == await changed_since(store, newest)

    with_store(postgres.url(), schema, work, timeout=30.0)


async def _after_change(store: PostgresStore, session_id: str, start: object) -> object:
    await rows.update(store, session_id, {"claims": "{}"})
    return (await store.changes(start)).position


def test_a_foreign_transaction_that_runs_for_long_costs_no_all(
    postgres: PostgresServer, schema: str, writers: list[psycopg.Connection]
) -> None:
    """While any other program writes for hours, a trimmed log still names single sessions."""
    foreign, other = writers

    async def work(store: PostgresStore) -> None:
        foreign.execute("SELECT pg_current_xact_id()")
        many = f"INSERT INTO {schema}.log (session_id) SELECT 'x' FROM generate_series(1, %s)"
        other.execute(many.encode(), (semantics.LOG_KEPT + 1,))
        other.commit()
        position = await log_position(store)
        while await store.purge(rows.retention(), limit=20_000):
            pass
        await rows.update(store, "a", {"claims": "{}"})
        assert {"a"} == await changed_since(store, position)

    with_store(postgres.url(), schema, work, timeout=30.0)


def test_reads_are_planned_as_small(postgres: PostgresServer, schema: str) -> None:
    """Also on tables without statistics: above some cost PostgreSQL compiles each statement."""

    async def work(store: PostgresStore) -> None:
        here = Position.of(await log_position(store))
        known = {"user": "u", "digests": [], "ids": ["d"], "fingerprints": []}
        for statement, values in (
            log.ask_changes(here, here),
            (log.UNCHANGED, log.values_of(here)),
            (log.READERS_BEHIND, log.values_of(here)),
            (reads.GET, ("a",)),
            (reads.GET_UNCOVERED, ("a",)),
            (reads.LIST, ("user-1",)),
            (reads.KNOWN_DEVICES, known),
        ):
            [[plan], *_] = await store.ask(f"EXPLAIN {statement}", values)
            assert float(plan.partition("..")[2].split()[0]) < 10_000

    with_store(postgres.url(), schema, work)


def test_strange_positions_mean_all(postgres: PostgresServer, schema: str) -> None:
    """What is no position, of a server that was set back, or mangled, is answered with ALL."""

    async def work(store: PostgresStore) -> None:
        known = await log_position(store)
        assert isinstance(known, Position)
        for strange in (
            None,
            "x",
            (1, 2),
            Position("another", known.snapshot),
            Position(known.history, "9999999999:9999999999:"),
            Position(known.history, "no snapshot"),
        ):
            assert ALL is (await store.changes(strange)).ids

    with_store(postgres.url(), schema, work)


BREAKS_A_SILENCE = {
    "an entry": ("INSERT INTO {s}.log (session_id) VALUES ('s1')", {"s1"}),
    "an entry for all": ("INSERT INTO {s}.log (session_id) VALUES (NULL)", "all"),
    "another history": ("UPDATE {s}.history SET id = gen_random_uuid()", "all"),
    "no history": ("TRUNCATE {s}.history", "all"),
    "a purge": (
        "UPDATE {s}.meta SET log_cut = pg_current_xact_id(), log_cut_by = pg_current_snapshot()",
        "all",
    ),
}


@pytest.mark.parametrize("name", BREAKS_A_SILENCE)
def test_a_silence_ends(name: str, postgres: PostgresServer, schema: str) -> None:
    """A process that has heard of nothing for a while asks less, and hears of everything."""
    statement, expected = BREAKS_A_SILENCE[name]

    async def work(store: PostgresStore) -> None:
        position = await log_position(store)
        for _ in range(3):
            assert set() == await changed_since(store, position)
        await store.batch((statement, ()))
        assert expected == await changed_since(store, position)
        assert expected == await changed_since(store, position)

    with_store(postgres.url(), schema, work)


def test_a_silence_of_a_server_that_was_set_back(postgres: PostgresServer, schema: str) -> None:
    """Its next transactions have numbers that the position has seen already."""

    async def work(store: PostgresStore) -> None:
        known = await log_position(store)
        assert isinstance(known, Position)
        ahead = Position(known.history, "9999999999:9999999999:")
        store._quiet = ahead
        assert "all" == await changed_since(store, ahead)

    with_store(postgres.url(), schema, work)


def test_many_changes_mean_all(postgres: PostgresServer, schema: str) -> None:
    """Up to so many are named; of one more, dropping all is cheaper."""

    async def work(store: PostgresStore) -> None:
        for count, expected in ((semantics.LOG_READ, 1), (semantics.LOG_READ + 1, None)):
            start = await log_position(store)
            await store.batch(
                (
                    "INSERT INTO {s}.log (session_id) SELECT 'x' FROM generate_series(1, %s)",
                    (count,),
                )
            )
            found = (await store.changes(start)).ids
            assert expected == (None if found is ALL else len(found))

    with_store(postgres.url(), schema, work)


def test_an_emptied_history_is_another_one(postgres: PostgresServer, schema: str) -> None:
    """A crash empties the unlogged tables: ALL, no reader, no season, but the longest lease."""

    async def work(store: PostgresStore) -> None:
        renewal = await store.renew("reader", None, lease=2.5)
        await store.season(renewal.history)
        position = renewal.changes.position
        postgres.ask(f"TRUNCATE {schema}.history, {schema}.readers")
        assert ALL is (await store.changes(position)).ids
        behind = await store.readers_behind(position)
        assert renewal.history != behind.history
        assert ({}, False, 2.5) == (behind.beats, behind.is_seasoned, behind.lease)
        postgres.ask(f"TRUNCATE {schema}.history")
        again = await store.renew("reader", position, lease=1.0)
        assert ALL is again.changes.ids
        assert ["reader"] == [*(await store.readers_behind(again.changes.position)).beats]

    with_store(postgres.url(), schema, work)


def test_a_reader_is_registered_before_the_log_is_read(
    postgres: PostgresServer, schema: str, writers: list[psycopg.Connection]
) -> None:
    """While a renewal waits for the log, its registration is committed: no ending is in between."""
    writer, other = writers
    found = f"SELECT id, applied IS NULL FROM {schema}.readers".encode()

    async def work(store: PostgresStore) -> None:
        first = (await store.renew("reader", None, lease=2.0)).changes.position
        assert [("reader", True)] == other.execute(found).fetchall()
        writer.execute(f"LOCK TABLE {schema}.log IN ACCESS EXCLUSIVE MODE".encode())
        renewing = asyncio.create_task(store.renew("reader", first, lease=2.0))
        while other.execute(found).fetchall() != [("reader", False)]:
            assert not renewing.done()
            await asyncio.sleep(0.01)
        _append(writer, schema, "a")
        writer.commit()
        assert ("a",) == (await renewing).changes.ids
        assert {"reader"} == {*(await store.readers_behind(await log_position(store))).beats}

    other.autocommit = True
    with_store(postgres.url(), schema, work, is_awaited=True, timeout=30.0)


def test_readers_are_judged_by_what_they_have_seen(
    postgres: PostgresServer, schema: str, writers: list[psycopg.Connection]
) -> None:
    """A reader whose position is later in time, but saw a writer run, has not heard its entry."""
    writer, _ = writers

    async def work(store: PostgresStore) -> None:
        start = await log_position(store)
        _append(writer, schema, "early")
        applied = await _after_change(store, "a", start)
        await store.renew("reader", applied, lease=2.0)
        assert not (await store.readers_behind(applied)).beats
        writer.commit()
        position = (await store.changes(applied)).position
        assert {"reader"} == set((await store.readers_behind(position)).beats)
        await store.renew("reader", position, lease=2.0)
        assert not (await store.readers_behind(position)).beats

    with_store(postgres.url(), schema, work)
