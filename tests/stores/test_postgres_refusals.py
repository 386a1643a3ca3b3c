"""A server that is there and refuses: unavailable in time, and it works again by itself."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from contextlib import contextmanager, suppress
from threading import Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING

import psycopg
import pytest
from _postgres import LATE, both_ports, filled, with_store
from servers.postgres import PASSWORD, URL, new_schema, running

from benchmarks.servers import postgres as servers
from devsess.errors import StoreUnavailableError
from devsess.stores.base import ById
from devsess.stores.postgres import PostgresStore
from devsess.stores.postgres.writes import LOCK_ACCOUNT
from devsess.testing import _rows as rows
from devsess.testing._rows import login, session_row

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from servers.postgres import PostgresServer, Schemas

    from devsess.stores.postgres.transaction import Transaction

# PostgreSQL's files of its own log are so large: a limit below would stop the whole server.
_LIMIT = 16 * 2**20
# Pages of one row each, nearly as many as a file of that size holds.
_SPREAD = "ALTER TABLE {s}.events SET (fillfactor = 10)"
_FILL = (
    "INSERT INTO {s}.events (type, at, user_id, user_agent, new_device)"
    " SELECT 'login', 1, 'user-9', repeat('a', 900), false FROM generate_series(1, 2040)"
)


@pytest.fixture
def schema(postgres: PostgresServer, postgres_schemas: Schemas) -> Iterator[str]:
    schema = postgres_schemas.take()
    filled(postgres, schema, "a", "b")
    yield schema
    postgres_schemas.give_back()


async def _refused(store: PostgresStore, text: str) -> None:
    begun = monotonic()
    for call in (store.get("a"), store.end(rows.ending(ById("b"))), store.wait(0.0)):
        with pytest.raises(StoreUnavailableError, match=text):
            await call
    assert monotonic() - begun < LATE


@contextmanager
def _too_many(server: PostgresServer, role: str) -> Iterator[str]:
    server.ask(f"ALTER ROLE {role} CONNECTION LIMIT 0")
    yield "too many connections"
    server.ask(f"ALTER ROLE {role} CONNECTION LIMIT -1")


@contextmanager
def _barred(server: PostgresServer, role: str) -> Iterator[str]:
    server.ask(f"ALTER ROLE {role} NOLOGIN")
    yield "not permitted to log in"
    server.ask(f"ALTER ROLE {role} LOGIN")


@contextmanager
def _dropped(server: PostgresServer, role: str) -> Iterator[str]:
    server.ask(f"ALTER DATABASE {role} RENAME TO {role}_gone")
    yield "does not exist"
    server.ask(f"ALTER DATABASE {role}_gone RENAME TO {role}")


REFUSALS = {"too many connections": _too_many, "a barred role": _barred, "no database": _dropped}


@both_ports
@pytest.mark.parametrize("name", REFUSALS)
def test_a_connection_that_is_refused(
    postgres: PostgresServer, name: str, is_awaited: bool
) -> None:
    """The error is in the server's words; once it takes connections, calls are answered."""
    role = new_schema()
    postgres.ask(f"CREATE ROLE {role} LOGIN")
    postgres.ask(f"CREATE DATABASE {role} OWNER {role}")
    url = postgres.url(user=role).replace("/postgres?", f"/{role}?")

    async def work(store: PostgresStore) -> None:
        await rows.sign_in(store, session_row("a"))
        await _refuse(store)
        assert await store.get("a") is not None

    async def _refuse(store: PostgresStore) -> None:
        with psycopg.connect(postgres.url(), autocommit=True) as own:
            ends = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s"
            own.execute(ends, (role,))
        with REFUSALS[name](postgres, role) as text:
            await _refused(store, text)

    try:
        with_store(url, "devsess", work, is_awaited=is_awaited)
    finally:
        postgres.ask(f"DROP DATABASE {role} WITH (FORCE)")
        postgres.ask(f"DROP ROLE {role}")


@both_ports
def test_a_password_that_was_changed(
    postgres: PostgresServer, schema: str, is_awaited: bool
) -> None:
    """Connections that are open go on; new ones are refused until it is set back."""
    postgres.ask("DROP ROLE IF EXISTS guarded")
    postgres.ask(f"CREATE ROLE guarded LOGIN SUPERUSER PASSWORD '{PASSWORD}'")

    async def work(store: PostgresStore) -> None:
        assert await store.get("a") is not None
        postgres.ask("ALTER ROLE guarded PASSWORD 'another'")
        assert await store.get("a") is not None
        ends = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s"
        postgres.ask(ends, "guarded")
        await _refused(store, "password authentication failed")
        postgres.ask(f"ALTER ROLE guarded PASSWORD '{PASSWORD}'")
        assert await store.get("a") is not None

    try:
        url = postgres.url(user="guarded", password=PASSWORD)
        with_store(url, schema, work, is_awaited=is_awaited)
    finally:
        postgres.ask("DROP ROLE guarded")


@pytest.mark.skipif(
    shutil.which("prlimit") is None or URL in os.environ, reason="only Linux limits another process"
)
@both_ports
def test_a_file_that_cannot_grow(postgres: PostgresServer, schema: str, is_awaited: bool) -> None:
    """As on a full disk: a write fails whole, reads are answered, and it goes on with room."""
    for statement in (_SPREAD, _FILL):
        postgres.ask(statement.replace("{s}", schema))

    async def work(store: PostgresStore) -> None:
        [[pid]] = await store.ask("SELECT pg_backend_pid()")
        _limit(pid, _LIMIT)
        with suppress(StoreUnavailableError):
            for _ in range(999):  # what has room still
                await store.add_event(rows.UPDATED)
        for call in _writes(store):
            with pytest.raises(StoreUnavailableError, match="could not extend file"):
                await call()
        row = await store.get("a")
        assert row is not None
        assert (None, None) == (row.revoked_at, await store.get("new"))
        _limit(pid, "unlimited")
        for call in _writes(store):
            await call()

    with_store(postgres.url(pool_size=1), schema, work, is_awaited=is_awaited, timeout=LATE)
    postgres.ask(f"TRUNCATE {schema}.events")
    postgres.ask(f"ALTER TABLE {schema}.events RESET (fillfactor)")


def _limit(pid: int, size: object) -> None:
    """How far a file may grow that the session *pid* writes; its own user may say so."""
    command = ["prlimit", "--pid", str(pid), f"--fsize={size}:"]
    subprocess.run(command, check=True, user=servers._user(), timeout=LATE)


def _writes(store: PostgresStore) -> list[Callable[[], Awaitable[object]]]:
    return [
        lambda: store.end(rows.ending(ById("a"))),
        lambda: store.insert(login(session_row("new"))),
    ]


def test_two_writes_in_each_others_way(postgres: PostgresServer, schema: str) -> None:
    """The one that the server undoes is done again; each has taken place once."""

    async def run() -> None:
        how = {"schema": schema, "is_awaited": True, "timeout": LATE}
        stores = [PostgresStore(postgres.url(), **how) for _ in "ab"]  # type: ignore[arg-type]
        both = asyncio.Barrier(2)
        tries: list[str] = []

        async def cross(store: PostgresStore, first: str, then: str) -> None:
            async def work(db: Transaction) -> None:
                await db.ask(LOCK_ACCOUNT, (first,))
                tries.append(first)
                if len(tries) <= 2:
                    await both.wait()
                await db.ask(LOCK_ACCOUNT, (then,))
                db.put("UPDATE {s}.sessions SET generation = generation + 1 WHERE id = 'a'")

            await store.write(work)

        await asyncio.gather(cross(stores[0], "x", "y"), cross(stores[1], "y", "x"))
        row = await stores[0].get("a")
        assert (3, 2) == (len(tries), row and row.generation - session_row("a").generation)
        for store in stores:
            await store.close()

    asyncio.run(run())


@contextmanager
def _recovering(server: PostgresServer) -> Iterator[None]:
    """A standby without a primary, which lets nobody in."""
    signal_file = server.folder / "data" / "standby.signal"
    signal_file.touch()
    server._settings["hot_standby"] = "off"
    starting = Thread(target=_start, args=(server,))
    starting.start()
    _wait_until_it_refuses(server)
    yield
    assert server._process is not None
    server._process.send_signal(signal.SIGINT)
    starting.join(LATE)
    server.stop()
    signal_file.unlink()
    del server._settings["hot_standby"]


def _start(server: PostgresServer) -> None:
    with suppress(RuntimeError):  # it was stopped before it let anybody in
        server.start()


def _wait_until_it_refuses(server: PostgresServer) -> None:
    until = monotonic() + LATE
    while monotonic() < until:
        try:
            psycopg.connect(server.url()).close()
        except psycopg.OperationalError as error:
            if "FATAL" in str(error):
                return
        sleep(0.02)


@pytest.mark.thorough
@both_ports
def test_a_server_that_stops_or_starts(is_awaited: bool) -> None:
    """One that lets no one in any more, or not yet, is unavailable."""
    with running() as server:
        filled(server, "devsess", "a", "b")

        async def work(store: PostgresStore) -> None:
            with psycopg.connect(server.url()) as other:
                other.execute("SELECT 1")
                assert server._process is not None
                server._process.send_signal(signal.SIGTERM)
                _wait_until_it_refuses(server)
                await _refused(store, "shutting down")
            server.stop()
            server.start()
            assert await store.get("a") is not None
            server.stop()
            with _recovering(server):
                await _refused(store, "not accepting connections|starting up|not yet")
            server.start()
            assert await store.get("a") is not None

        with_store(server.url(), "devsess", work, is_awaited=is_awaited)
