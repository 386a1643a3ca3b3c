"""SQLAlchemyStore where something fails: silent and absent servers, damaged rows, held locks."""

from __future__ import annotations

import asyncio
from threading import Thread
from threading import enumerate as enumerate_threads
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import pytest
from _sqlalchemy import Databases, awaiting_engine, blocking_engine
from sqlalchemy import update

from devsess import StoreUnavailableError
from devsess._runtime.drive import drive
from devsess.stores.sqlalchemy import SQLAlchemyStore
from devsess.testing import Proxy
from devsess.testing import _rows as rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from servers.mariadb import MariaServer
    from servers.postgres import PostgresServer

TIMEOUT = 1.0
# Seconds within which two calls have ended that take no longer than TIMEOUT each.
LATE = 4 * TIMEOUT

BREAKS: dict[str, Callable[[Proxy], None]] = {"silent": Proxy.drop_all, "down": Proxy.refuse}


@pytest.fixture(
    params=[
        *("psycopg", "asyncpg"),
        *(pytest.param(it, marks=pytest.mark.thorough) for it in ("pymysql", "aiomysql")),
    ]
)
def broken(request: pytest.FixtureRequest) -> Any:
    """A driver, and the address of its server."""
    if request.param in ("psycopg", "asyncpg"):
        postgres: PostgresServer = request.getfixturevalue("postgres")
        tables: Databases = request.getfixturevalue("postgres_tables")
        return f"postgresql+{request.param}", postgres.address, tables
    mariadb: MariaServer = request.getfixturevalue("mariadb")
    tables = request.getfixturevalue("mariadb_tables")
    return f"mariadb+{request.param}", mariadb.address, tables


@pytest.mark.parametrize("name", BREAKS)
def test_no_answer_is_no_sign_out(broken: Any, name: str) -> None:
    """A call that gets no answer says so in time, and a later one is answered again."""
    driver, address, tables = broken
    is_awaited = driver.endswith(("asyncpg", "aiomysql"))
    prefix = tables.take()
    with Proxy(address) as proxy:
        url = tables.engine.url.set(drivername=driver, port=proxy.address[1])
        make = awaiting_engine if is_awaited else blocking_engine
        engine: Any = make(url)
        patient = SQLAlchemyStore(engine, prefix=prefix, timeout=60.0)
        store = SQLAlchemyStore(engine, prefix=prefix, timeout=TIMEOUT)

        async def work() -> None:
            await patient.insert(rows.login(rows.session_row("s1")))
            BREAKS[name](proxy)
            begun = monotonic()
            for call in (store.get("s1"), store.changes(None)):
                with pytest.raises(StoreUnavailableError):
                    await call
            assert monotonic() - begun < LATE
            proxy.heal()
            until = monotonic() + 30
            while monotonic() < until:
                try:
                    assert await store.get("s1") is not None
                    break
                except StoreUnavailableError:
                    continue
            else:
                pytest.fail("it is not answered again")
            if is_awaited:
                await engine.dispose()

        asyncio.run(work()) if is_awaited else drive(work())
        if not is_awaited:
            engine.dispose()
    tables.give_back()


def test_a_damaged_row_is_no_sign_out(databases: Databases) -> None:
    """A row that devsess never wrote is the database's fault, not the caller's."""
    store = databases.blocking()
    drive(store.insert(rows.login(rows.session_row("s1"))))
    for column in ("amr", "levels"):
        with databases.engine.begin() as connection:
            connection.execute(update(store.tables.sessions).values({column: "{no json"}))
        with pytest.raises(StoreUnavailableError, match="damaged"):
            drive(store.get("s1"))


def test_a_touch_waits_for_nobody(databases: Databases) -> None:
    """While another transaction holds the session, or the file, a touch is refused at once."""
    store = databases.blocking()
    drive(store.insert(rows.login(rows.session_row("s1"))))
    with databases.engine.connect() as connection:
        table = store.tables.sessions
        connection.execute(update(table).values(reason=table.c.reason))
        begun = monotonic()
        with pytest.raises(StoreUnavailableError):
            drive(store.touch("s1", rows.activity(rows.T0 + 9), bound=False))
        assert monotonic() - begun < 2
        connection.rollback()
    assert drive(store.touch("s1", rows.activity(rows.T0 + 9), bound=False))


def test_no_thread_is_left_behind(postgres_tables: Databases) -> None:
    """The thread that limits calls ends by itself, and the next call starts another."""
    store = postgres_tables.blocking()
    for _ in range(2):
        drive(store.get("s1"))
        assert "devsess-limit" in {it.name for it in enumerate_threads()}
        until = monotonic() + 30
        while _limits() and monotonic() < until:
            sleep(0.05)
        assert [] == _limits()
    postgres_tables.give_back()


@pytest.mark.parametrize("name", ["devsess-limit", "devsess-connect"])
def test_without_threads_no_call_goes_unlimited(
    postgres_tables: Databases, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It is refused, leaves nothing open, and the next one is limited again."""
    store = postgres_tables.blocking()
    drive(store.get("s1"))
    until = monotonic() + 30
    while _limits() and monotonic() < until:
        sleep(0.05)
    if name == "devsess-connect":
        postgres_tables.engine.dispose()
    start = Thread.start

    def fail(thread: Thread) -> None:
        if thread.name == name:
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as exhausted:
        exhausted.setattr(Thread, "start", fail)
        for _ in range(2):
            with pytest.raises(StoreUnavailableError, match="no thread"):
                drive(store.get("s1"))
    port: Any = store.port
    assert {} == port._watchdog._calls
    drive(store.get("s1"))
    assert 1 == len(_limits())
    postgres_tables.give_back()


def _limits() -> list[str]:
    return [it.name for it in enumerate_threads() if it.name == "devsess-limit"]
