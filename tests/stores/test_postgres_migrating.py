"""LAW: a migration takes the time that it needs; a call does not, nor does a silent server."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Thread, Timer
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from _postgres import LATE, TIMEOUT, both_ports, with_store
from click.testing import CliRunner
from servers.postgres import new_schema

from devsess.cli import main
from devsess.errors import StoreUnavailableError
from devsess.stores.calls import StoreBusyError
from devsess.stores.postgres import schema as tables
from devsess.stores.postgres.watching import UNLIMITED
from devsess.testing import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers.postgres import PostgresServer

    from devsess.stores.postgres import PostgresStore
    from devsess.stores.postgres.transaction import Batch

# Longer than a call may take, and than what is left of it once the server has shown that it lives.
LONG = TIMEOUT * 1.6
AT_WORK = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'devsess migrate%'"
LIMITS = "SELECT current_setting('statement_timeout'), current_setting('lock_timeout')"
LOST = "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%17 AS lost' AND state LIKE 'idle%'"
FIRST, *LATER = tables.STEPS
# Waits for the tables of a schema, and so everybody else behind it.
QUEUED = (
    "SELECT 1 FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
    " AND relation = '{}.sessions'::regclass"
)
# Of those that know how to notice that the client is gone.
NOTICES = (
    "SELECT 1 FROM pg_settings WHERE name = 'client_connection_check_interval'"
    " AND version() ~ 'linux'"
)
SLEEPS = f"{AT_WORK} AND wait_event = 'PgSleep'"


@pytest.fixture
def schema(postgres: PostgresServer) -> Iterator[str]:
    """A schema as the first version made it."""
    schema = new_schema()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tables, "STEPS", {FIRST: tables.STEPS[FIRST]})
        with_store(postgres.url(), schema, _migrated, timeout=LATE)
    yield schema
    postgres.ask("SELECT count(pg_terminate_backend(pid)) FROM (" + AT_WORK + ") AS mine")
    postgres.ask(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


@pytest.fixture
def proxy(postgres: PostgresServer) -> Iterator[Proxy]:
    with Proxy(postgres.address) as proxy:
        yield proxy


def _slow(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let a step of the schema take *seconds*."""
    step = tables.Step("0.1.0", f"SELECT pg_sleep({seconds})")
    monkeypatch.setattr(tables, "STEPS", tables.STEPS | {"9999_slow": step})


async def _migrated(store: PostgresStore) -> list[str]:
    return await store.migrate()


@contextmanager
def _locked(postgres: PostgresServer, statement: str, *values: object) -> Iterator[None]:
    """Hold the lock of *statement* during the block."""
    with psycopg.connect(postgres.url()) as db:
        db.execute(statement.encode(), values)
        yield
        db.rollback()


def _until(postgres: PostgresServer, question: str) -> None:
    """Wait until the answer has rows."""
    until = monotonic() + LATE
    while not postgres.ask(question):
        assert monotonic() < until
        sleep(0.02)


@both_ports
def test_a_step_may_take_longer_than_a_call(
    postgres: PostgresServer, schema: str, monkeypatch: pytest.MonkeyPatch, is_awaited: bool
) -> None:
    """Whatever limits the server has; and those of a call hold again when it is over."""
    _slow(monkeypatch, LONG)
    has_another = postgres.ask("SELECT 1 FROM pg_settings WHERE name = 'transaction_timeout'")
    url = postgres.url(options="-c%20transaction_timeout%3D1300" if has_another else "")

    async def work(store: PostgresStore) -> None:
        assert [*LATER, "9999_slow"] == await store.migrate()
        assert await store.get("a") is None
        assert [("801ms", "601ms")] == await store.ask(LIMITS)

    with_store(url, schema, work, is_awaited=is_awaited)


# Of another program, and of another migration.
ACCESS, MIGRATING = "LOCK {s}.sessions IN ACCESS SHARE MODE", tables._LOCK


@pytest.mark.parametrize(
    "lock",
    [
        pytest.param(ACCESS, id="program"),
        pytest.param(
            MIGRATING.replace("%s", "'devsess {s}'"), id="migration", marks=pytest.mark.thorough
        ),
    ],
)
def test_a_lock_may_be_waited_for_longer_than_a_call_takes(
    postgres: PostgresServer, schema: str, lock: str
) -> None:
    """`devsess migrate` waits for another program, or another migration, in several tries."""
    url = postgres.url(schema=schema, timeout=TIMEOUT)
    with ThreadPoolExecutor() as threads:
        with _locked(postgres, lock.replace("{s}", schema)):
            found = threads.submit(CliRunner().invoke, main, ["migrate", "--store", url, "--json"])
            _until(postgres, AT_WORK)
            sleep(LONG * 2)
            assert not found.done()
        assert LATER == json.loads(found.result(LATE).stdout)["steps"]


@both_ports
def test_readers_get_through_while_a_lock_is_waited_for(
    postgres: PostgresServer, schema: str, is_awaited: bool, thorough: bool
) -> None:
    """A transaction that is left open keeps the migration out, and nobody else."""
    url = postgres.url(options="-c%20lock_timeout%3D4s")
    with ThreadPoolExecutor() as threads, psycopg.connect(url, autocommit=True) as reader:
        with _locked(postgres, f"LOCK {schema}.sessions IN ACCESS SHARE MODE"):
            found = threads.submit(
                with_store, postgres.url(), schema, _migrated, is_awaited=is_awaited
            )
            for _ in range(3 if thorough else 1):
                _until(postgres, QUEUED.format(schema))
                reader.execute(f"SELECT FROM {schema}.sessions".encode())
            assert not found.done()
        assert found.result(LATE) == LATER


def test_a_step_ends_with_its_client(
    postgres: PostgresServer, schema: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It keeps nobody out for the sake of a client that was killed."""
    if not postgres.ask(NOTICES):
        pytest.skip("this server does not notice it")
    _slow(monkeypatch, LATE * 3)
    url = postgres.url(port=proxy.address[1])
    with ThreadPoolExecutor() as threads:
        found = threads.submit(with_store, url, schema, _migrated)
        _until(postgres, SLEEPS)
        proxy.cut()
        with pytest.raises(StoreUnavailableError):
            found.result(LATE)
    until = monotonic() + LATE
    while postgres.ask(SLEEPS):
        assert monotonic() < until
        sleep(0.1)


@both_ports
def test_a_server_that_falls_silent_meanwhile_is_noticed(
    postgres: PostgresServer,
    schema: str,
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
    is_awaited: bool,
) -> None:
    """Within the time of a call, though the step would have taken longer."""
    _slow(monkeypatch, LATE * 3)
    silent_at: list[float] = []

    def fall_silent() -> None:
        _until(postgres, AT_WORK)
        sleep(TIMEOUT / 2)
        proxy.drop_all()
        silent_at.append(monotonic())

    async def work(store: PostgresStore) -> None:
        with pytest.raises(StoreUnavailableError, match="did not answer in time"):
            await store.migrate()
        assert silent_at
        assert monotonic() - silent_at[0] < LATE

    thread = Thread(target=fall_silent)
    thread.start()
    with_store(postgres.url(port=proxy.address[1]), schema, work, is_awaited=is_awaited)
    thread.join()


@both_ports
def test_an_answer_that_was_lost_is_noticed(
    postgres: PostgresServer, schema: str, proxy: Proxy, is_awaited: bool
) -> None:
    """A server that has answered is not at work, though it lives."""

    def heal() -> None:
        _until(postgres, LOST)
        sleep(0.1)
        proxy.heal()

    healing = Thread(target=heal)
    end = Timer(LATE, proxy.cut)  # if nobody notices

    async def work(store: PostgresStore) -> None:
        async def lost(batch: Batch) -> None:
            unlimited = ("SET idle_in_transaction_session_timeout = 0", ())
            await batch([("BEGIN", ()), (UNLIMITED, {"name": "lost"}), unlimited])
            proxy.drop_replies()
            healing.start()
            end.start()
            await batch([("SELECT 17 AS lost", ())])

        with pytest.raises(StoreUnavailableError, match="did not answer in time"):
            await store.port.run_long(lost, "lost")
        assert not healing.is_alive()

    with_store(postgres.url(port=proxy.address[1]), schema, work, is_awaited=is_awaited)
    end.cancel()


@both_ports
def test_a_first_call_has_the_time_of_a_call(
    postgres: PostgresServer, schema: str, monkeypatch: pytest.MonkeyPatch, is_awaited: bool
) -> None:
    """It takes no step that is longer, says what does, and goes on once that was done."""
    with monkeypatch.context() as patched:
        _slow(patched, LATE * 3)

        async def refused(store: PostgresStore) -> None:
            with pytest.raises(
                StoreUnavailableError, match=r"lacks .*9999_slow: `devsess migrate`"
            ):
                await store.get("a")
            assert [*LATER, "9999_slow"] == await store.pending()

        with_store(postgres.url(), schema, refused, is_awaited=is_awaited)

    async def answered(store: PostgresStore) -> None:
        assert await store.get("a") is None

    with_store(postgres.url(), schema, answered, is_awaited=is_awaited, timeout=LATE)


@pytest.mark.parametrize("is_in_time", [False, True])
def test_a_first_call_beside_the_migration_of_another_process(
    postgres: PostgresServer, schema: str, is_in_time: bool
) -> None:
    """It waits for that one, and says so where it cannot wait any longer."""

    async def work(store: PostgresStore) -> Any:
        return await store.get("a")

    with ThreadPoolExecutor() as threads:
        with _locked(postgres, tables._LOCK, f"devsess {schema}"):
            timeout = LATE if is_in_time else TIMEOUT
            found = threads.submit(with_store, postgres.url(), schema, work, timeout=timeout)
            if is_in_time:
                sleep(TIMEOUT / 2)
                assert not found.done()
            else:
                with pytest.raises(StoreBusyError, match=r"another process .*`devsess migrate`"):
                    found.result(LATE)
        if is_in_time:
            assert found.result(LATE) is None
