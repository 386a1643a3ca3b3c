"""A network and a server that fail: always StoreUnavailableError, in time, and it works again."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest
from _postgres import LATE, TIMEOUT, both_ports, filled, with_store
from servers.postgres import running

from devsess._runtime.drive import drive
from devsess.errors import StoreUnavailableError
from devsess.stores.base import ALL, ById
from devsess.stores.calls import StoreBusyError
from devsess.stores.postgres import PostgresStore
from devsess.stores.postgres.writes import LOCK_ACCOUNT
from devsess.testing import Proxy
from devsess.testing import _rows as rows
from devsess.testing._rows import session_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from servers.postgres import PostgresServer, Schemas

    from devsess.stores.postgres.transaction import Transaction


@pytest.fixture
def schema(postgres: PostgresServer, postgres_schemas: Schemas) -> Iterator[str]:
    schema = postgres_schemas.take()
    filled(postgres, schema, "a", "b")
    yield schema
    postgres_schemas.give_back()


@pytest.fixture
def proxy(postgres: PostgresServer) -> Iterator[Proxy]:
    with Proxy(postgres.address) as proxy:
        yield proxy


BREAKS: dict[str, Callable[[Proxy], None]] = {
    "silent": Proxy.drop_all,
    "cut": lambda proxy: proxy.cut_replies(3),
    "no reply": Proxy.drop_replies,
    "late": lambda proxy: proxy.delay_replies(TIMEOUT * 3),
    "down": Proxy.refuse,
}


@both_ports
@pytest.mark.parametrize(
    "name",
    ["silent", "cut", *(pytest.param(it, marks=pytest.mark.thorough) for it in [*BREAKS][2:])],
)
def test_no_answer_is_no_sign_out(
    postgres: PostgresServer, schema: str, proxy: Proxy, name: str, is_awaited: bool
) -> None:
    """A call that gets no answer says so in time, and the next one after it is answered."""

    async def work(store: PostgresStore) -> None:
        assert await store.get("a") is not None
        BREAKS[name](proxy)
        begun = monotonic()
        for call in (store.get("a"), store.end(rows.ending(ById("b")))):
            with pytest.raises(StoreUnavailableError):
                await call
        assert monotonic() - begun < LATE
        proxy.heal()
        await _answered(store)

    with_store(postgres.url(port=proxy.address[1]), schema, work, is_awaited=is_awaited)


@both_ports
def test_an_answer_that_drips_is_none(
    postgres: PostgresServer, schema: str, proxy: Proxy, is_awaited: bool
) -> None:
    """Where something arrives all the time, a call ends in time all the same."""

    async def work(store: PostgresStore) -> None:
        assert await store.get("a") is not None
        proxy.drip_replies(0.05)
        begun = monotonic()
        with pytest.raises(StoreUnavailableError):
            await store.get("a")  # more than a thousand bytes
        assert monotonic() - begun < LATE
        proxy.heal()
        await _answered(store)

    url = postgres.url(port=proxy.address[1])
    with_store(url, schema, work, is_awaited=is_awaited, timeout=0.5)


async def _answered(store: PostgresStore) -> None:
    """Ask until the store is as it was, for a while."""
    until = monotonic() + LATE
    while True:
        try:
            assert await store.get("a") is not None
        except StoreUnavailableError:
            assert monotonic() < until
        else:
            return


@both_ports
def test_a_lost_reply_is_of_a_write_that_was_done_once(
    postgres: PostgresServer, schema: str, proxy: Proxy, is_awaited: bool
) -> None:
    """The caller hears that it is not known; the write is there, and no second one."""

    async def work(store: PostgresStore) -> None:
        await store.get("a")
        proxy.cut_replies()
        with pytest.raises(StoreUnavailableError):
            await store.add_event(rows.UPDATED)
        proxy.heal()
        await _answered(store)
        events = (await store.events("user-1", limit=9)).items
        assert 1 == [event.type for event in events].count(rows.UPDATED.type)

    with_store(postgres.url(port=proxy.address[1]), schema, work, is_awaited=is_awaited)


@both_ports
def test_a_server_that_is_down_at_first(
    postgres: PostgresServer, schema: str, proxy: Proxy, is_awaited: bool
) -> None:
    """The store is made all the same; calls raise until the server is there."""
    proxy.refuse()

    async def work(store: PostgresStore) -> None:
        with pytest.raises(StoreUnavailableError):
            await store.get("a")
        with pytest.raises(StoreUnavailableError):
            await store.wait(0.1)
        proxy.heal()
        await _answered(store)

    with_store(postgres.url(port=proxy.address[1]), schema, work, is_awaited=is_awaited)


@both_ports
def test_connections_that_the_server_closed_are_not_used(
    postgres: PostgresServer, schema: str, proxy: Proxy, is_awaited: bool
) -> None:
    """A read and a write after it work at once, each with another connection."""

    async def work(store: PostgresStore) -> None:
        for _ in range(3):
            await store.get("a")
            proxy.cut()
            assert await store.get("a") is not None
            proxy.cut()
            await store.add_event(rows.UPDATED)

    with_store(postgres.url(port=proxy.address[1]), schema, work, is_awaited=is_awaited)


@both_ports
def test_a_connection_lost_between_two_statements_is_said_once(
    postgres: PostgresServer,
    schema: str,
    proxy: Proxy,
    caplog: pytest.LogCaptureFixture,
    is_awaited: bool,
) -> None:
    """The call raises, and the driver does not write to standard error beside it."""

    async def work(store: PostgresStore) -> None:
        async def cut(db: Transaction) -> None:
            await db.ask("SELECT 1")
            proxy.cut()
            await db.ask_all(("SELECT 2", ()), ("SELECT 3", ()))

        with pytest.raises(StoreUnavailableError, match="did not answer"):
            await store.write(cut)
        await _answered(store)

    with_store(postgres.url(port=proxy.address[1]), schema, work, is_awaited=is_awaited)
    assert [] == [it.getMessage() for it in caplog.records if it.name == "psycopg"]


def test_a_cancelled_call_leaves_no_answer_behind(
    postgres: PostgresServer, schema: str, proxy: Proxy
) -> None:
    """The next call on an event loop gets its own answer, not that of the one before."""

    async def work(store: PostgresStore) -> None:
        await store.get("a")
        proxy.delay_replies(0.1)
        for _ in range(3):
            begun = monotonic()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await store.get("a")
            assert monotonic() - begun < TIMEOUT
            row = await store.get("b")
            assert row is not None
            assert "b" == row.id

    with_store(postgres.url(port=proxy.address[1]), schema, work, is_awaited=True, timeout=30.0)


@both_ports
def test_a_full_pool_is_waited_for_in_time(
    postgres: PostgresServer, schema: str, is_awaited: bool
) -> None:
    """A call for which no connection becomes free is one that was not answered."""

    async def work(store: PostgresStore) -> None:
        async def holding(_: Transaction) -> None:
            with pytest.raises(StoreUnavailableError):
                await store.get("a")

        with suppress(StoreUnavailableError):  # its own time is nearly over then, too
            await store.write(holding)
        await _answered(store)

    with_store(postgres.url(pool_size=1), schema, work, is_awaited=is_awaited)


STATES = {
    "53100": StoreUnavailableError,  # the disk is full
    "53300": StoreUnavailableError,  # too many connections
    "25006": StoreUnavailableError,  # a server that is read only
    "57P03": StoreUnavailableError,  # it is starting
    "55P03": StoreBusyError,  # a lock was not given
    "40001": StoreBusyError,  # undone for the sake of another
    "40P01": StoreBusyError,
}


@both_ports
def test_each_error_of_the_server_has_a_meaning(
    postgres: PostgresServer, schema: str, is_awaited: bool
) -> None:
    """An error is never an answer; what another write was in the way of is busy."""

    async def work(store: PostgresStore) -> None:
        await store.get("a")
        for state, expected in STATES.items():
            raises = f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$"
            with pytest.raises(StoreUnavailableError) as caught:
                await store.batch((raises, ()))
            assert expected is StoreUnavailableError or isinstance(caught.value, expected)
        assert await store.get("a") is not None

    with_store(postgres.url(), schema, work, is_awaited=is_awaited)


def test_what_was_undone_is_tried_again(postgres: PostgresServer, schema: str) -> None:
    """A transaction that the server undid is done three times at most, from its beginning."""
    tries: list[int] = []

    async def work(store: PostgresStore) -> None:
        async def fail_once(db: Transaction) -> None:
            tries.append(1)
            if len(tries) < 2:
                await db.ask("DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END $$")

        await store.write(fail_once)

    with_store(postgres.url(), schema, work)
    assert 2 == len(tries)


@both_ports
def test_a_lock_that_is_held_is_waited_for_in_time(
    postgres: PostgresServer, schema: str, is_awaited: bool
) -> None:
    """A sign-in behind another write of its account is refused as busy, and nothing is written."""

    async def work(store: PostgresStore) -> None:
        await store.get("a")
        other = PostgresStore(postgres.url(), schema=schema, is_awaited=True, timeout=30.0)

        async def hold(db: Transaction) -> None:
            await db.ask(LOCK_ACCOUNT, ("user-1",))
            with pytest.raises(StoreBusyError):
                await store.insert(rows.login(session_row("c")))
            assert not await store.get("c")

        try:
            await other.write(hold)
        finally:
            await other.close()

    with_store(postgres.url(), schema, work, is_awaited=is_awaited)


def test_a_child_has_connections_of_its_own(postgres: PostgresServer, schema: str) -> None:
    """After a fork both processes are answered, and neither gets the other's answers."""

    async def work(store: PostgresStore) -> None:
        await store.get("a")
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = int(_ids(store, "ab" * 20) != [*"ab" * 20])
            finally:
                os._exit(code)
        found = _ids(store, "ba" * 20)
        assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert [*"ba" * 20] == found

    with_store(postgres.url(), schema, work)


def _ids(store: PostgresStore, ids: str) -> list[str | None]:
    """The ids of the rows with these ids, without an event loop."""
    found = [drive(store.get(it)) for it in ids]
    return [None if it is None else it.id for it in found]


def test_each_event_loop_has_its_own(postgres: PostgresServer, schema: str) -> None:
    """A store that outlives a loop works on the next."""
    store = PostgresStore(postgres.url(), schema=schema, is_awaited=True)

    for _ in range(2):
        assert asyncio.run(store.get("a")) is not None
    asyncio.run(store.close())


@both_ports
def test_a_restart_is_a_pause(is_awaited: bool) -> None:
    """A server that is restarted answers again; what it had is there; its log is another one."""
    with running() as server:
        filled(server, "devsess", "a")

        async def work(store: PostgresStore) -> None:
            position = (await store.changes(None)).position
            assert position == (await store.changes(position)).position
            for how in (2, 3):  # SIGINT, and SIGQUIT as in a crash
                server.restart(how)
                await _answered(store)
                found = await store.changes(position)
                assert ALL is found.ids
                position = found.position

        with_store(server.url(), "devsess", work, is_awaited=is_awaited)


@pytest.mark.parametrize("is_awaited", [False, True], ids=["blocking", "awaiting"])
def test_a_connection_in_use_is_closed_after_its_store(
    postgres: PostgresServer, schema: str, is_awaited: bool
) -> None:
    """As it is given back: nobody else would close it."""

    async def work(store: PostgresStore) -> None:
        port: Any = store.port
        pool = port._opened().pool if is_awaited else port._pool
        found = pool.getconn(TIMEOUT)
        connection = await found if is_awaited else found
        await store.close()
        assert not connection.closed
        given = pool.putconn(connection)
        if is_awaited:
            await given
        assert connection.closed

    with_store(postgres.url(), schema, work, is_awaited=is_awaited, timeout=LATE)
