"""A purge of devices in PostgreSQL: what is kept costs it one look, however many its batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from _needless import REASONS, change, devices, keep, purge, retention, signed_in
from _postgres import LATE, with_store
from attrs import evolve

from devsess.stores.base import OfDevice
from devsess.stores.postgres import needless
from devsess.testing import _rows as rows
from devsess.testing._rows import session_row, sign_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from servers.postgres import PostgresServer, Schemas

    from devsess.stores.postgres import PostgresStore

KEPT = 5
THOROUGH = pytest.mark.thorough


@pytest.fixture
def run(
    postgres: PostgresServer, postgres_schemas: Schemas
) -> Iterator[Callable[[Callable[[PostgresStore], Awaitable[None]]], None]]:
    """Does work with a new store."""
    schema = postgres_schemas.take()
    yield lambda work: with_store(postgres.url(), schema, work, timeout=LATE)
    postgres_schemas.give_back()


def _looks(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many devices each read of a purge gives, of those that it looks at one by one."""
    monkeypatch.setattr(needless, "LOOKED", 1)
    found = list[int]()
    ask = store._needless._ask

    async def counted(statement: str, values: Any) -> Any:
        answer = await ask(statement, values)
        found.append(len(answer))
        return answer

    monkeypatch.setattr(store._needless, "_ask", counted)
    return found


@pytest.mark.parametrize("reason", REASONS)
def test_each_device_is_looked_at_once(
    run: Any, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    """Those that a purge keeps, and those that it deletes: a batch goes on behind the last."""

    async def work(store: PostgresStore) -> None:
        await keep(store, reason, 0, KEPT)
        gone = [await signed_in(store, number) for number in range(100, 106)]
        await keep(store, reason, 200, KEPT)
        looks = _looks(store, monkeypatch)

        assert len(gone) / 2 < await purge(store, limit=2)
        assert 2 * KEPT == len(await devices(store))
        assert 2 * KEPT + len(gone) == sum(looks)

    run(work)


def test_two_purges_at_once_look_at_each_device_once_each(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch of one does not send the other back to the beginning."""

    async def work(store: PostgresStore) -> None:
        await keep(store, "named", 0, KEPT)
        for number in range(100, 108):
            await signed_in(store, number)
        await keep(store, "named", 200, KEPT)
        await purge(store, 99, evolve(retention(), devices_before=0.0))
        looks = _looks(store, monkeypatch)
        one, other = retention(), retention()
        done = [1, 1]
        while any(done):
            done = [await store.purge(it, limit=1) for it in (one, other)]

        assert 2 * KEPT == len(await devices(store))
        assert 2 * 2 * KEPT <= sum(looks) <= 2 * (2 * KEPT + 8)

    run(work)


@pytest.mark.parametrize("page", [2, 1_000, *(pytest.param(it, marks=THOROUGH) for it in (1, 3))])
@pytest.mark.parametrize("limit", [1, 1_000, pytest.param(4, marks=THOROUGH)])
def test_none_is_left_out(run: Any, monkeypatch: pytest.MonkeyPatch, page: int, limit: int) -> None:
    """Forgotten ones too, and those of one instant, at the edge of a page or of a batch."""
    monkeypatch.setattr(needless, "LOOKED", page)

    async def work(store: PostgresStore) -> None:
        for number in range(9):
            device = await signed_in(store, number)
            if number % 3 == 0:
                await store.end(rows.ending(OfDevice("user-1", device, forget=True)))
            elif number % 3 == 1:
                await change(store, device, name="mine")
        await purge(store, limit)

        assert [f"device-{number:03}" for number in (1, 4, 7)] == await devices(store)

    run(work)


def test_a_purge_looks_at_all_that_the_last_one_kept(run: Any) -> None:
    """Also one by the very same clock: an empty batch ends the way of the one before."""

    async def work(store: PostgresStore) -> None:
        device, wanted = await signed_in(store, 1), retention()
        for name in ("mine", None):
            await change(store, device, name=name)
            await purge(store, 9, wanted)

        assert [] == await devices(store)

    run(work)


def test_one_that_is_used_again_stays(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sign-in may come between the look and the write; the purge goes on to the others."""
    monkeypatch.setattr(needless, "LOOKED", 1)

    async def work(store: PostgresStore) -> None:
        for number in (1, 2):
            await signed_in(store, number)
        write, late = store._needless._write, iter([True])

        async def too_late(*arguments: Any) -> Any:
            if next(late, False):
                await sign_in(store, session_row("again", device="device-001"))
            return await write(*arguments)

        monkeypatch.setattr(store._needless, "_write", too_late)
        await purge(store, limit=1)

        assert ["device-001"] == await devices(store)

    run(work)
