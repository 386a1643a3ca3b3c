"""A purge of devices in PostgreSQL: what is kept costs it one look, however many its batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from _postgres import LATE, with_store
from attrs import evolve

from devsess.stores.base import ById, OfDevice
from devsess.stores.postgres import needless
from devsess.testing import _rows as rows
from devsess.testing._rows import DAY, T0, session_row, sign_in

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from servers.postgres import PostgresServer, Schemas

    from devsess.stores.calls import Retention
    from devsess.stores.postgres import PostgresStore

KEPT = 5
LATER = T0 + 40 * DAY
# Why a device is kept: what `put_device` changes, None for one whose session goes on.
REASONS: dict[str, dict[str, Any] | None] = {
    "named": {"name": "mine"},
    "trusted": {"trusted_until": LATER + DAY},
    "blocked": {"blocked": True},
    "used": None,
}


@pytest.fixture
def run(
    postgres: PostgresServer, postgres_schemas: Schemas
) -> Iterator[Callable[[Callable[[PostgresStore], Awaitable[None]]], None]]:
    """Does work with a new store."""
    schema = postgres_schemas.take()
    yield lambda work: with_store(postgres.url(), schema, work, timeout=LATE)
    postgres_schemas.give_back()


def retention() -> Retention:
    """Sessions are kept for a day, so that the one of a used device goes on."""
    return rows.retention(T0 + DAY, T0 + 9)


async def _signed_in(store: PostgresStore, number: int, *, ended: bool = True) -> str:
    device = f"device-{number:03}"
    await sign_in(store, session_row(f"s{number:03}", device=device))
    if ended:
        await store.end(rows.ending(ById(f"s{number:03}")))
    return device


async def _keep(store: PostgresStore, reason: str, first: int) -> None:
    changes = REASONS[reason]
    for number in range(first, first + KEPT):
        device = await _signed_in(store, number, ended=changes is not None)
        if changes is not None:
            await store.put_device("user-1", device, changes=changes, event=rows.UPDATED)


async def _purge(store: PostgresStore, limit: int) -> int:
    """Batches until nothing is left to do."""
    wanted, batches = retention(), 1
    while await store.purge(wanted, limit=limit):
        batches += 1
    return batches


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
        await _keep(store, reason, 0)
        gone = [await _signed_in(store, number) for number in range(100, 106)]
        await _keep(store, reason, 200)
        looks = _looks(store, monkeypatch)

        assert len(gone) / 2 < await _purge(store, limit=2)
        assert 2 * KEPT == len(await store.devices("user-1"))
        assert 2 * KEPT + len(gone) == sum(looks)

    run(work)


def test_two_purges_at_once_look_at_each_device_once_each(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch of one does not send the other back to the beginning."""

    async def work(store: PostgresStore) -> None:
        await _keep(store, "named", 0)
        for number in range(100, 108):
            await _signed_in(store, number)
        await _keep(store, "named", 200)
        while await store.purge(evolve(retention(), devices_before=0.0), limit=99):
            pass
        looks = _looks(store, monkeypatch)
        one, other = retention(), retention()
        done = [1, 1]
        while any(done):
            done = [await store.purge(it, limit=1) for it in (one, other)]

        assert 2 * KEPT == len(await store.devices("user-1"))
        assert 2 * 2 * KEPT <= sum(looks) <= 2 * (2 * KEPT + 8)

    run(work)


@pytest.mark.parametrize("page", [1, 2, 3, 1_000])
@pytest.mark.parametrize("limit", [1, 4, 1_000])
def test_none_is_left_out(run: Any, monkeypatch: pytest.MonkeyPatch, page: int, limit: int) -> None:
    """Forgotten ones too, and those of one instant, at the edge of a page or of a batch."""
    monkeypatch.setattr(needless, "LOOKED", page)

    async def work(store: PostgresStore) -> None:
        for number in range(9):
            device = await _signed_in(store, number)
            if number % 3 == 0:
                await store.end(rows.ending(OfDevice("user-1", device, forget=True)))
            elif number % 3 == 1:
                named = {"name": "mine"}
                await store.put_device("user-1", device, changes=named, event=rows.UPDATED)
        await _purge(store, limit)

        assert [f"device-{number:03}" for number in (1, 4, 7)] == [
            device.id for device in await store.devices("user-1")
        ]

    run(work)


def test_a_purge_looks_at_all_that_the_last_one_kept(run: Any) -> None:
    """Also one by the very same clock: an empty batch ends the way of the one before."""

    async def work(store: PostgresStore) -> None:
        device, wanted = await _signed_in(store, 1), retention()
        for name in ("mine", None):
            change = {"name": name}
            await store.put_device("user-1", device, changes=change, event=rows.UPDATED)
            while await store.purge(wanted, limit=9):
                pass

        assert [] == await store.devices("user-1")

    run(work)


def test_one_that_is_used_again_stays(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sign-in may come between the look and the write; the purge goes on to the others."""
    monkeypatch.setattr(needless, "LOOKED", 1)

    async def work(store: PostgresStore) -> None:
        for number in (1, 2):
            await _signed_in(store, number)
        write, late = store._needless._write, iter([True])

        async def too_late(*arguments: Any) -> Any:
            if next(late, False):
                await sign_in(store, session_row("again", device="device-001"))
            return await write(*arguments)

        monkeypatch.setattr(store._needless, "_write", too_late)
        await _purge(store, limit=1)

        assert ["device-001"] == [device.id for device in await store.devices("user-1")]

    run(work)
