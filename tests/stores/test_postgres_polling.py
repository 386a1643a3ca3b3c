"""Polling PostgreSQL for events: none is missed and none comes twice, in any order of commits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from _postgres import filled, with_store

from devsess.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers.postgres import PostgresServer, Schemas

    from devsess.stores.postgres import PostgresStore


@pytest.fixture
def schema(postgres: PostgresServer, postgres_schemas: Schemas) -> Iterator[str]:
    schema = postgres_schemas.take()
    filled(postgres, schema)
    yield schema
    postgres_schemas.give_back()


def _write(writer: psycopg.Connection, schema: str, reason: str) -> None:
    writer.execute(
        f"INSERT INTO {schema}.events (type, at, user_id, reason, new_device)"
        f" VALUES ('session_updated', 1750000000, 'user-1', '{reason}', false)".encode()
    )


async def _after(store: PostgresStore, position: str | None) -> tuple[list[str | None], str | None]:
    page = await store.poll(position, limit=9)
    return [event.reason for event in page], page.next


def test_a_late_commit_is_not_missed(
    postgres: PostgresServer, schema: str, writers: list[psycopg.Connection]
) -> None:
    """Events behind the beginning of an open transaction wait for its end, and come once."""
    early, late = writers

    async def work(store: PostgresStore) -> None:
        _, start = await _after(store, None)
        _write(early, schema, "early")
        _write(late, schema, "late")
        late.commit()
        found, between = await _after(store, start)
        early.commit()
        assert ([], ["early", "late"]) == (found, (await _after(store, between))[0])
        assert ["early", "late"] == (await _after(store, start))[0]

    with_store(postgres.url(), schema, work)


def test_numbers_that_were_drawn_early_hide_nothing(
    postgres: PostgresServer, schema: str, writers: list[psycopg.Connection]
) -> None:
    """A transaction that began late and drew its number first does not come before the other."""
    one, other = writers

    async def work(store: PostgresStore) -> None:
        _, start = await _after(store, None)
        one.execute("SELECT pg_current_xact_id()")
        _write(other, schema, "lower number")
        other.commit()
        _write(one, schema, "higher number")
        one.commit()
        page = await store.poll(start, limit=1)
        assert ["higher number"] == [it.reason for it in page]
        assert ["lower number"] == (await _after(store, page.next))[0]

    with_store(postgres.url(), schema, work)


def test_what_is_undone_never_comes(
    postgres: PostgresServer, schema: str, writers: list[psycopg.Connection]
) -> None:
    """A transaction that is rolled back holds back nothing and leaves nothing."""
    writer, other = writers

    async def work(store: PostgresStore) -> None:
        _write(writer, schema, "undone")
        _write(other, schema, "kept")
        other.commit()
        writer.rollback()
        assert ["kept"] == (await _after(store, None))[0]

    with_store(postgres.url(), schema, work)


def test_events_of_before_come_first(
    postgres: PostgresServer, schema: str, writers: list[psycopg.Connection]
) -> None:
    """Events that were written before the schema kept their transactions are the oldest ones."""
    writer, _ = writers

    async def work(store: PostgresStore) -> None:
        _write(writer, schema, "new")
        writer.commit()
        _write(writer, schema, "old")
        writer.execute(f"UPDATE {schema}.events SET xid = NULL WHERE reason = 'old'".encode())
        writer.commit()
        first = await store.poll(None, limit=1)
        assert ["old"] == [it.reason for it in first]
        assert ["new"] == (await _after(store, first.next))[0]

    with_store(postgres.url(), schema, work)


def test_a_position_of_another_server(postgres: PostgresServer, schema: str) -> None:
    """A transaction that this server has not begun yet gave no position."""

    async def work(store: PostgresStore) -> None:
        with pytest.raises(ValueError, match="another server"):
            await store.poll(f"{2**60}-1", limit=1)

    with_store(postgres.url(), schema, work)


def test_a_dump_of_another_server_is_found(
    postgres: PostgresServer, schema: str, writers: list[psycopg.Connection]
) -> None:
    """Its transactions are still to come here: their events would wait for them, unseen."""
    writer, _ = writers

    async def work(store: PostgresStore) -> None:
        _write(writer, schema, "moved")
        writer.execute(f"UPDATE {schema}.events SET xid = '{2**60}'".encode())
        _write(writer, schema, "new")
        writer.commit()
        with pytest.raises(ConfigurationError, match="set xid to NULL"):
            await store.poll(None, limit=9)
        writer.execute(f"UPDATE {schema}.events SET xid = NULL".encode())
        writer.commit()
        assert ["moved", "new"] == (await _after(store, None))[0]

    with_store(postgres.url(), schema, work)
