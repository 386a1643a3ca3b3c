"""Writes of one account are in line: a sign-in waits for what another write is about to commit."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from _postgres import LATE, with_store

from devsess.stores.base import Everyone, Inserted, OfDevice, OfUser, Refused
from devsess.stores.calls import Full
from devsess.stores.postgres import PostgresStore, endings, writes
from devsess.testing import _rows as rows
from devsess.testing._rows import session_row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers.postgres import PostgresServer, Schemas

    from devsess.stores.calls import InsertAnswer, Target
    from devsess.stores.postgres.transaction import Transaction

BLOCKED = (
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    " AND pid IN (SELECT pid FROM pg_stat_activity WHERE application_name = %s)"
)
TARGETS: dict[str, tuple[Target, type | Refused]] = {
    "account": (OfUser("user-1"), Refused.CUT_OFF),
    "everyone": (Everyone(), Refused.CUT_OFF),
    "device": (OfDevice("user-1", "device-1"), Refused.BLOCKED),
    "other account": (OfUser("user-2"), Inserted),
}


@pytest.fixture
def schema(postgres: PostgresServer, postgres_schemas: Schemas) -> Iterator[str]:
    yield postgres_schemas.take()
    postgres_schemas.give_back()


class Meeting:
    """A write that is done and not committed, when a sign-in comes."""

    def __init__(self, postgres: PostgresServer, schema: str) -> None:
        self._postgres = postgres
        self._name = schema
        url = postgres.url(application_name=schema)
        how = {"schema": schema, "is_awaited": True, "timeout": LATE}
        self.first = PostgresStore(url, **how)  # type: ignore[arg-type]
        self.second = PostgresStore(url, **how)  # type: ignore[arg-type]

    async def arrives(self, *, waits: bool, **how: object) -> asyncio.Task[InsertAnswer]:
        """A sign-in that has come as far as it gets."""
        late = rows.login(session_row("late"), **how)
        task = asyncio.create_task(self.second.insert(late))
        while not (self.is_blocked() if waits else task.done()):
            assert not (waits and task.done()), "it did not wait"
            await asyncio.sleep(0.01)
        return task

    def is_blocked(self) -> bool:
        return self._postgres.ask(BLOCKED, self._name) == [(1,)]


@pytest.mark.parametrize("name", TARGETS)
def test_a_sign_in_waits_for_an_ending(postgres: PostgresServer, schema: str, name: str) -> None:
    """And is refused by it; one of another account's it neither waits for nor hears of."""
    target, expected = TARGETS[name]

    async def run(store: PostgresStore) -> InsertAnswer:
        await rows.sign_in(store, session_row("a"))
        meeting = Meeting(postgres, schema)

        async def write(db: Transaction) -> asyncio.Task[InsertAnswer]:
            await endings.end(db, rows.ending(target))
            await db.ask("SELECT 1")
            return await meeting.arrives(waits=expected is not Inserted)

        task = await meeting.first.write(write, endings.lock(target))
        answer = await task
        await meeting.first.close()
        await meeting.second.close()
        return answer

    found = with_store(postgres.url(), schema, run, timeout=LATE)
    assert expected is found or (isinstance(expected, type) and isinstance(found, expected))


def test_a_sign_in_counts_one_before_it(postgres: PostgresServer, schema: str) -> None:
    """Of two that come at once to an account with one place, the second finds it full."""

    async def run(store: PostgresStore) -> InsertAnswer:
        await store.migrate()
        meeting = Meeting(postgres, schema)

        async def write(db: Transaction) -> asyncio.Task[InsertAnswer]:
            await writes.insert(db, rows.login(session_row("first")))
            await db.ask("SELECT 1")
            return await meeting.arrives(waits=True, limit=1, evict=False)

        task = await meeting.first.write(write, (writes.LOCK_ACCOUNT, ("user-1",)))
        answer = await task
        await meeting.first.close()
        await meeting.second.close()
        return answer

    assert Full((session_row("first"),)) == with_store(postgres.url(), schema, run, timeout=LATE)


def test_an_ending_waits_for_a_sign_in(postgres: PostgresServer, schema: str) -> None:
    """And ends the session that was being written; so does one of everyone."""
    for target in (OfUser("user-1"), Everyone()):

        async def run(store: PostgresStore, target: Target = target) -> None:
            await store.migrate()
            number = await store.ending_number("user-1")
            meeting = Meeting(postgres, schema)
            row = session_row(f"s{number}", ending_number=number)

            async def write(db: Transaction) -> asyncio.Task[object]:
                await writes.insert(db, rows.login(row))
                await db.ask("SELECT 1")
                task: asyncio.Task[object] = asyncio.create_task(
                    meeting.second.end(rows.ending(target))
                )
                while not meeting.is_blocked():
                    assert not task.done(), "it did not wait"
                    await asyncio.sleep(0.01)
                return task

            await (await meeting.first.write(write, (writes.LOCK_ACCOUNT, ("user-1",))))
            found = await store.get(row.id)
            assert found is not None
            assert "lost" == found.reason
            await meeting.first.close()
            await meeting.second.close()

        with_store(postgres.url(), schema, run, timeout=LATE)
