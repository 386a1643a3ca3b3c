"""Items in PostgreSQL: writes of one owner are in line, and none costs a sign-in or an error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import psycopg
import pytest
from _postgres import LATE, both_ports, with_store
from attrs import evolve

from devsess.errors import StoreUnavailableError
from devsess.stores.base import Inserted
from devsess.stores.calls import Full
from devsess.stores.items import MAX_BODY, Item
from devsess.stores.postgres import PostgresStore, items, writes
from devsess.testing import _rows as rows
from devsess.testing._rows import DAY, T0, login, session_row, sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers.postgres import PostgresServer, Schemas

    from devsess.stores.base import Insertion
    from devsess.stores.postgres.transaction import Batch, Rows, Statement, Transaction

Scenario: TypeAlias = Callable[[PostgresStore], Awaitable[None]]
Run: TypeAlias = Callable[[Scenario], None]

PROFILE = Item("profile", "user-1", "", "{}", 1, T0, T0 + DAY)
OTHERS = Item("velocity", "ä digest", "", "[]", 1, T0, T0 + DAY)
WAITING = (
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    " AND pid IN (SELECT pid FROM pg_stat_activity WHERE application_name = %s)"
)


@pytest.fixture
def schema(postgres_schemas: Schemas) -> Iterator[str]:
    yield postgres_schemas.take()
    postgres_schemas.give_back()


@pytest.fixture(params=[False, True], ids=["blocking", "awaiting"])
def run(request: pytest.FixtureRequest, postgres: PostgresServer, schema: str) -> Run:
    """Carries out a scenario with a store."""

    def carried_out(scenario: Scenario) -> None:
        url = postgres.url(application_name=schema)
        with_store(url, schema, scenario, is_awaited=request.param, timeout=LATE)

    return carried_out


class Counted(PostgresStore):
    """
    A store that counts.

    Attributes:
        round_trips: How often it has sent something.
    """

    round_trips = 0

    def _sending(self, batch: Batch) -> Batch:
        sending = super()._sending(batch)

        async def send(statements: Sequence[Statement]) -> list[Rows]:
            self.round_trips += 1
            return await sending(statements)

        return send


def _sign_in(number: int, *several: Item, **how: object) -> Insertion:
    row = session_row(f"s{number}", device=f"d{number}")
    return evolve(login(row, **how), items=several)


ACTED = session_row("acted", device="d-acted", impersonator=("s0", "admin"))
# Each costs no more for items, and for a session of somebody who acts as the user.
CALLS: dict[str, tuple[Callable[[PostgresStore], Awaitable[object]], int]] = {
    "what a sign-in reads": (
        lambda store: store.known_devices(
            "user-1", ids=("d0",), fingerprints=(b"f",), kinds=("profile", "held")
        ),
        1,
    ),
    "what a sign-in writes": (lambda store: store.insert(_sign_in(1, PROFILE, limit=2)), 1),
    "the same, and misses": (
        lambda store: store.insert(_sign_in(1, evolve(PROFILE, version=9), limit=2)),
        1,
    ),
    "a sign-in that ends another": (
        lambda store: store.insert(_sign_in(1, PROFILE, limit=1)),
        3,
    ),
    "a write": (lambda store: store.put_item(PROFILE), 1),
    "a read": (lambda store: store.items("profile", "user-1", limit=9), 1),
}


@pytest.mark.parametrize("name", CALLS)
def test_round_trips_of_items(postgres: PostgresServer, schema: str, name: str) -> None:
    """Items are read and written with what is read and written in any case."""
    call, expected = CALLS[name]

    async def run() -> None:
        store = Counted(postgres.url(), schema=schema, timeout=LATE)
        await sign_in(store, session_row("s0"), ACTED)
        before = store.round_trips
        await call(store)
        await store.close()
        assert expected == store.round_trips - before

    asyncio.run(run())


def test_a_damaged_impersonator(run: Run, postgres: PostgresServer, schema: str) -> None:
    """Such a session is not answered: without its impersonator it would be the user's own."""

    async def scenario(store: PostgresStore) -> None:
        await sign_in(store, ACTED)
        for damage in ("'{}'", "'{a}'", "'{a,NULL}'", "'{a,b,c}'"):
            postgres.ask(f"UPDATE {schema}.sessions SET impersonator = {damage}")
            with pytest.raises(StoreUnavailableError, match="damaged"):
                await store.get("acted")

    run(scenario)


def test_sign_ins_that_write_one_profile(postgres: PostgresServer, schema: str) -> None:
    """Of many at once each signs in, one of them writes, and the others say that they did not."""

    async def work(store: PostgresStore) -> None:
        await store.migrate()
        for version in (1, 2):
            new = evolve(PROFILE, version=version)
            sign_ins = [_sign_in(10 * version + it, new) for it in range(8)]
            answers = await asyncio.gather(*map(store.insert, sign_ins))

            missed = Inserted(missed=("profile",))
            assert (1, 7) == (answers.count(Inserted()), answers.count(missed))
            assert [new] == await store.items("profile", "user-1", limit=9)
        assert 16 == len(await store.list("user-1"))

    with_store(postgres.url(pool_size=8), schema, work, is_awaited=True, timeout=LATE)


def test_writes_of_each_others_items(postgres: PostgresServer, schema: str) -> None:
    """Each would delete the other's: they are in line, no error comes, and one is left."""

    async def work(store: PostgresStore) -> None:
        await store.migrate()
        for kind in "abcdefgh":
            both = [evolve(PROFILE, kind=kind, key=key) for key in "xy"]
            sign_in = store.insert(_sign_in(ord(kind), *both))
            await asyncio.gather(*map(store.put_item, both), sign_in, *map(store.put_item, both))
            assert 1 == len(await store.items(kind, "user-1", limit=9))

    with_store(postgres.url(pool_size=8), schema, work, is_awaited=True, timeout=LATE)


async def _waits_for(
    postgres: PostgresServer,
    schema: str,
    first: Callable[[Transaction], Awaitable[object]],
    then: Callable[[PostgresStore], Awaitable[object]],
    owner: str = "user-1",
) -> object:
    """The answer of *then*, which comes while *first*, of *owner*, is done and not committed."""
    url = postgres.url(application_name=schema)
    one, other = (
        PostgresStore(url, schema=schema, is_awaited=True, timeout=LATE) for _ in range(2)
    )

    async def write(db: Transaction) -> asyncio.Task[object]:
        await first(db)
        await db.ask("SELECT 1")
        task = asyncio.ensure_future(then(other))
        while postgres.ask(WAITING, schema) != [(1,)]:
            assert not task.done(), "it did not wait"
            await asyncio.sleep(0.01)
        return task

    task = await one.write(write, (writes.LOCK_ACCOUNT, (owner,)))
    answer = await task
    await one.close()
    await other.close()
    return answer


MEETINGS: dict[str, tuple[Callable[[PostgresStore], Awaitable[object]], object]] = {
    "a sign-in": (
        lambda store: store.insert(_sign_in(2, PROFILE)),
        Inserted(missed=("profile",)),
    ),
    "a sign-in that ends another": (
        lambda store: store.insert(_sign_in(2, PROFILE, limit=1, evict=False)),
        Full((session_row("s1", device="d1"),)),
    ),
    "a write": (lambda store: store.put_item(PROFILE), False),
    "the next write": (lambda store: store.put_item(evolve(PROFILE, version=2)), True),
}


@pytest.mark.parametrize("name", MEETINGS)
def test_a_write_waits_for_a_sign_in(postgres: PostgresServer, schema: str, name: str) -> None:
    """And is compared with what that one has written."""
    then, expected = MEETINGS[name]

    async def work(store: PostgresStore) -> None:
        await store.migrate()

        async def first(db: Transaction) -> object:
            return await writes.insert(db, _sign_in(1, PROFILE))

        assert expected == await _waits_for(postgres, schema, first, then)

    with_store(postgres.url(), schema, work, timeout=LATE)


def test_a_sign_in_waits_for_the_owners_of_its_items(postgres: PostgresServer, schema: str) -> None:
    """So what it says of an item of another owner is true when it is said."""

    async def work(store: PostgresStore) -> None:
        await sign_in(store, session_row("s0"))

        async def first(db: Transaction) -> None:
            for statement in items.put(OTHERS, 1):
                db.put(*statement)

        def then(other: PostgresStore) -> Awaitable[object]:
            return other.insert(_sign_in(1, OTHERS, PROFILE, limit=1))

        answer = await _waits_for(postgres, schema, first, then, OTHERS.owner)
        assert isinstance(answer, Inserted)
        assert (1, ("velocity",)) == (len(answer.ended), answer.missed)

    with_store(postgres.url(), schema, work, timeout=LATE)


def test_a_sign_in_that_ends_others_writes_items(run: Run) -> None:
    """The longer way compares versions too, one after the other."""

    async def scenario(store: PostgresStore) -> None:
        await sign_in(store, session_row("s0"))
        answer = await store.insert(_sign_in(1, PROFILE, limit=1))
        assert isinstance(answer, Inserted)
        assert (1, ()) == (len(answer.ended), answer.missed)
        answer = await store.insert(_sign_in(2, PROFILE, limit=1))
        assert isinstance(answer, Inserted)
        assert (1, ("profile",)) == (len(answer.ended), answer.missed)
        second, third, fifth = (evolve(PROFILE, version=it) for it in (2, 3, 5))
        answer = await store.insert(_sign_in(3, second, third, fifth, limit=1))
        assert isinstance(answer, Inserted)
        assert (1, ("profile",)) == (len(answer.ended), answer.missed)
        assert [third] == await store.items("profile", "user-1", limit=9)

    run(scenario)


def test_items_of_several_owners(run: Run) -> None:
    """A sign-in may write more than one, of others too; each is missed by itself."""

    async def scenario(store: PostgresStore) -> None:
        await store.put_item(OTHERS)
        both = evolve(OTHERS, version=2), PROFILE
        assert Inserted() == await store.insert(_sign_in(1, *both))
        assert Inserted(missed=("profile",)) == await store.insert(
            _sign_in(2, evolve(OTHERS, version=3), PROFILE)
        )
        assert [evolve(OTHERS, version=3)] == await store.items("velocity", "ä digest", limit=9)
        assert Inserted(missed=("velocity",)) == await store.insert(_sign_in(3, OTHERS))

    run(scenario)


def test_a_sign_in_keeps_one_of_a_kind(run: Run) -> None:
    """Where others of its kind are there, those that end first go: it may be itself."""

    async def scenario(store: PostgresStore) -> None:
        for key, until in (("short", T0), ("long", T0 + 2 * DAY)):
            await store.put_item(evolve(PROFILE, key=key, until=until), most=2)
        assert Inserted() == await store.insert(_sign_in(1, PROFILE))
        [left] = await store.items("profile", "user-1", limit=9)
        assert "long" == left.key

    run(scenario)


def test_a_write_that_does_not_fit_deletes_nothing(run: Run) -> None:
    """Beyond *most* items go with one that is written, and with no other."""

    async def scenario(store: PostgresStore) -> None:
        both = [evolve(PROFILE, key=key) for key in "ab"]
        for it in both:
            await store.put_item(it, most=2)
        assert not await store.put_item(both[0])
        assert not await store.put_item(evolve(PROFILE, key="c", version=2))
        assert both == await store.items("profile", "user-1", limit=9)

    run(scenario)


def test_a_body_that_is_too_long_signs_nobody_in(run: Run) -> None:
    """It is refused before anything is written."""

    async def scenario(store: PostgresStore) -> None:
        with pytest.raises(ValueError, match="characters"):
            await store.insert(_sign_in(1, evolve(PROFILE, body="é" * (MAX_BODY + 1))))
        assert await store.get("s1") is None

    run(scenario)


@pytest.mark.parametrize("strange", ["a\0b", "\ud800"], ids=["nul", "surrogate"])
@pytest.mark.parametrize("column", ["kind", "owner", "key", "body"])
def test_a_text_that_cannot_be_kept(run: Run, column: str, strange: str) -> None:
    """It is refused where it is written, and there is nothing where it is read."""
    change: dict[str, Any] = {column: strange}
    new = evolve(PROFILE, **change)

    async def scenario(store: PostgresStore) -> None:
        for call in (store.put_item(new), store.insert(_sign_in(1, new))):
            with pytest.raises(ValueError, match="cannot keep"):
                await call
        assert await store.get("s1") is None
        assert [] == await store.items(new.kind, new.owner, limit=9)

    run(scenario)


@contextmanager
def _held(postgres: PostgresServer, schema: str, key: str) -> Iterator[None]:
    """The item of that key, in the hands of another transaction."""
    with psycopg.connect(postgres.url()) as other:
        other.execute(f"SELECT 1 FROM {schema}.items WHERE key = '{key}' FOR UPDATE".encode())
        yield


@both_ports
def test_a_purge_passes_over_what_is_held(
    postgres: PostgresServer, schema: str, is_awaited: bool
) -> None:
    """It waits for no other write, and the next one finds what it left."""

    async def scenario(store: PostgresStore) -> None:
        for key in "abc":
            await store.put_item(evolve(PROFILE, key=key, until=T0), most=9)
        retention = rows.retention(T0, T0 - DAY)
        with _held(postgres, schema, "b"):
            assert 2 == await store.purge(retention, limit=9)
        assert [1, 0] == [await store.purge(retention, limit=9) for _ in range(2)]

    with_store(postgres.url(), schema, scenario, is_awaited=is_awaited, timeout=LATE)


def test_an_erasure_waits_for_a_write_and_takes_it(postgres: PostgresServer, schema: str) -> None:
    """An item of before goes with it; a version that follows it finds nothing to follow."""

    async def work(store: PostgresStore) -> None:
        await store.migrate()

        async def first(db: Transaction) -> object:
            return await writes.insert(db, _sign_in(1, PROFILE))

        erased = await _waits_for(
            postgres, schema, first, lambda it: it.erase(rows.erasure("user-1"))
        )
        assert 4 == erased
        assert not await store.put_item(evolve(PROFILE, version=2))
        assert [] == await store.items("profile", "user-1", limit=9)

    with_store(postgres.url(), schema, work, timeout=LATE)
