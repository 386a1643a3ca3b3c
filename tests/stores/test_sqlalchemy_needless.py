"""A purge of devices over SQLAlchemy: what is kept costs it one look, however many its batches."""

from __future__ import annotations

import asyncio
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from _needless import REASONS, change, devices, keep, purge, retention, signed_in
from attrs import evolve
from sqlalchemy import select, update

from devsess._runtime.drive import drive
from devsess.stores.base import ById, OfDevice
from devsess.stores.sqlalchemy import needless
from devsess.stores.sqlalchemy.schema import SLOTS
from devsess.stores.sqlalchemy.unit import Unit
from devsess.testing import _rows as rows
from devsess.testing._rows import DAY, T0, session_row, sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _sqlalchemy import Databases

    from devsess.stores.sqlalchemy import SQLAlchemyStore

KEPT = 5
THOROUGH = pytest.mark.thorough


@pytest.fixture
def store(databases: Databases) -> SQLAlchemyStore:
    return databases.blocking()


def _looks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many devices each read of a purge gives, of those that it looks at one by one."""
    monkeypatch.setattr(needless, "LOOKED", 1)
    found = list[int]()
    look = needless.look

    async def counted(*arguments: Any) -> Any:
        answer = await look(*arguments)
        found.append(len(answer))
        return answer

    monkeypatch.setattr(needless, "look", counted)
    return found


@pytest.mark.parametrize("reason", REASONS)
def test_each_device_is_looked_at_once(
    store: SQLAlchemyStore, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    """Those that a purge keeps, and those that it deletes: a batch goes on behind the last."""
    drive(keep(store, reason, 0, KEPT))
    gone = [drive(signed_in(store, number)) for number in range(100, 106)]
    drive(keep(store, reason, 200, KEPT))
    looks = _looks(monkeypatch)

    assert len(gone) / 2 < drive(purge(store, limit=2))
    assert 2 * KEPT == len(drive(devices(store)))
    assert 2 * KEPT + len(gone) == sum(looks)


def test_two_purges_at_once_look_at_each_device_once_each(
    store: SQLAlchemyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch of one does not send the other back to the beginning."""
    drive(keep(store, "named", 0, KEPT))
    for number in range(100, 108):
        drive(signed_in(store, number))
    drive(keep(store, "named", 200, KEPT))
    drive(purge(store, 99, evolve(retention(), devices_before=0.0)))
    looks = _looks(monkeypatch)
    one, other = retention(), retention()
    done = [1, 1]
    while any(done):
        done = [drive(store.purge(it, limit=1)) for it in (one, other)]

    assert 2 * KEPT == len(drive(devices(store)))
    assert 2 * 2 * KEPT <= sum(looks) <= 2 * (2 * KEPT + 8)


@pytest.mark.parametrize("page", [2, 1_000, *(pytest.param(it, marks=THOROUGH) for it in (1, 3))])
@pytest.mark.parametrize("limit", [1, 1_000, pytest.param(4, marks=THOROUGH)])
def test_none_is_left_out(
    store: SQLAlchemyStore, monkeypatch: pytest.MonkeyPatch, page: int, limit: int
) -> None:
    """Forgotten ones too, at the edge of a page, of a batch, or of a statement that deletes."""
    monkeypatch.setattr(needless, "LOOKED", page)
    monkeypatch.setattr(needless, "DELETED", 2)
    for number in range(9):
        device = drive(signed_in(store, number))
        if number % 3 == 0:
            drive(store.end(rows.ending(OfDevice("user-1", device, forget=True))))
        elif number % 3 == 1:
            drive(change(store, device, name="mine"))
    drive(purge(store, limit))

    assert [f"device-{number:03}" for number in (1, 4, 7)] == drive(devices(store))


def test_an_awaited_store_does_the_same(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One look at each device, and the needless ones are gone."""
    looks = _looks(monkeypatch)

    async def run() -> list[str]:
        store = databases.awaited()
        kept = await signed_in(store, 1)
        await change(store, kept, name="mine")
        for number in range(2, 6):
            await signed_in(store, number)
        await purge(store, 2)
        found = await devices(store)
        await store.close()
        return found

    assert ["device-001"] == asyncio.run(run())
    assert 5 == sum(looks)


def test_a_purge_looks_at_all_that_the_last_one_kept(store: SQLAlchemyStore) -> None:
    """Also one by the very same clock: an empty batch ends the way of the one before."""
    device, wanted = drive(signed_in(store, 1)), retention()
    for name in ("mine", None):
        drive(change(store, device, name=name))
        drive(purge(store, 9, wanted))

    assert [] == drive(devices(store))


@pytest.mark.parametrize("meanwhile", ["used", "named", "blocked"])
def test_one_that_is_needed_again_stays(
    store: SQLAlchemyStore, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    """A sign-in or a block may come between the look and the write; the purge goes on."""
    monkeypatch.setattr(needless, "LOOKED", 1)
    for number in (1, 2):
        drive(signed_in(store, number))
    drive(purge(store, 99, evolve(retention(), devices_before=0.0)))
    write, late = store._needless._write, iter([True])

    async def too_late(work: Any) -> Any:
        if next(late, False):
            changes = REASONS[meanwhile]
            if changes is None:
                await sign_in(store, session_row("again", device="device-001"))
            else:
                await change(store, "device-001", **changes)
        return await write(work)

    monkeypatch.setattr(store._needless, "_write", too_late)
    drive(purge(store, limit=1))

    assert ["device-001"] == drive(devices(store))


@pytest.fixture(params=["postgres", pytest.param("mariadb", marks=pytest.mark.thorough)])
def locking(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """The databases that do not lock the whole file for a write."""
    found: Databases = request.getfixturevalue(f"{request.param}_tables")
    yield found
    found.give_back()


def test_a_sign_in_does_not_lose_its_device(
    locking: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A purge may come between its look at the device and its write: its session was unreadable."""
    store, put = locking.blocking(), Unit.put_device
    drive(signed_in(store, 1))

    async def raced(db: Unit, before: Any, after: Any) -> None:
        with ThreadPoolExecutor(1) as other:
            other.submit(lambda: drive(purge(store, 9))).result(30)
        await put(db, before, after)

    monkeypatch.setattr(Unit, "put_device", raced)
    drive(sign_in(store, session_row("again", device="device-001", created_at=T0 + DAY)))
    found = drive(store.get("again"))

    assert found is not None
    assert "device-001" == found.device.id


def test_one_whose_account_signs_in_is_left_to_the_next_purge(
    locking: Databases,
) -> None:
    """A purge waits for no sign-in, nor for a transaction that stays open."""
    store = locking.blocking(timeout=5)
    drive(signed_in(store, 1))
    drive(sign_in(store, session_row("other", user_id="user-2", device="device-002")))
    drive(store.end(rows.ending(ById("other"))))
    slot = store.tables.locks.c.slot
    own, others = (zlib.crc32(it) % SLOTS for it in (b"user-1", b"user-2"))
    assert own != others
    with locking.engine.connect() as signing_in:
        signing_in.execute(select(slot).where(slot == own).with_for_update())
        drive(purge(store, limit=9))
        assert ["device-001"] == drive(devices(store))
        assert [] == drive(store.devices("user-2"))

    drive(purge(store, limit=9))
    assert [] == drive(devices(store))


def test_an_instant_is_set_back_beside_a_block(store: SQLAlchemyStore) -> None:
    """A device that a clock wrote which was ahead has the purge's instant, and else stays."""
    device, table = drive(signed_in(store, 1, ended=False)), store.tables.devices
    drive(change(store, device, blocked=True, name="mine"))
    with store.port._engine.begin() as connection:  # type: ignore[attr-defined]
        ahead = {"first_seen_at": T0 + 400 * DAY, "last_seen_at": T0 + 500 * DAY}
        connection.execute(update(table).values(ahead))
    drive(purge(store, 9))
    (found,) = drive(store.devices("user-1"))

    assert (T0 + DAY, T0 + DAY) == (found.first_seen_at, found.last_seen_at)
    assert (True, "mine") == (found.blocked, found.name)
