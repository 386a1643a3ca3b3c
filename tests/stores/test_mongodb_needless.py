"""A purge of devices in MongoDB: what is kept costs a purge one look, however many its batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from _needless import REASONS, change, devices, keep, purge, retention, signed_in
from attrs import evolve

from devsess._runtime.drive import drive
from devsess.stores.base import OfDevice
from devsess.stores.mongodb import MongoStore, needless
from devsess.testing import _rows as rows
from devsess.testing._rows import session_row, sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers.mongo import Server

KEPT = 3


@pytest.fixture
def store(mongo: Server) -> Iterator[MongoStore]:
    opened = MongoStore(mongo.place(), timeout=60)
    yield opened
    drive(opened.close())


def _looks(store: MongoStore, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many devices each request of a purge gives, of those that it looks at one by one."""
    monkeypatch.setattr(needless, "LOOKED", 1)
    found = list[int]()
    find = store._needless._find

    async def counted(where: Any, **how: Any) -> Any:
        answer = await find(where, **how)
        found.append(len([it for it in answer if "blocked" in it]))
        return answer

    monkeypatch.setattr(store._needless, "_find", counted)
    return found


@pytest.mark.parametrize("reason", REASONS)
def test_each_device_is_looked_at_once(
    store: MongoStore, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    """Those that a purge keeps, and those that it deletes: a batch goes on behind the last."""
    drive(keep(store, reason, 0, KEPT))
    gone = [drive(signed_in(store, number)) for number in range(100, 104)]
    drive(keep(store, reason, 200, KEPT))
    looks = _looks(store, monkeypatch)

    assert len(gone) / 2 < drive(purge(store, limit=2))
    assert 2 * KEPT == len(drive(devices(store)))
    assert 2 * KEPT + len(gone) == sum(looks)


def test_two_purges_at_once_look_at_each_device_once_each(
    store: MongoStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch of one does not send the other back to the beginning."""
    drive(keep(store, "named", 0, KEPT))
    for number in range(100, 104):
        drive(signed_in(store, number))
    drive(purge(store, 99, evolve(retention(), devices_before=0.0)))
    looks = _looks(store, monkeypatch)
    one, other = retention(), retention()
    done = [1, 1]
    while any(done):
        done = [drive(store.purge(it, limit=1)) for it in (one, other)]

    assert KEPT == len(drive(devices(store)))
    assert 2 * KEPT <= sum(looks) <= 2 * (KEPT + 4)


@pytest.mark.parametrize("page", [2, 1_000, pytest.param(1, marks=pytest.mark.thorough)])
@pytest.mark.parametrize("limit", [1, 1_000])
def test_none_is_left_out(
    store: MongoStore, monkeypatch: pytest.MonkeyPatch, page: int, limit: int
) -> None:
    """Forgotten ones too, and those of one instant, at the edge of a page or of a batch."""
    monkeypatch.setattr(needless, "LOOKED", page)
    for number in range(6):
        device = drive(signed_in(store, number))
        if number % 3 == 0:
            drive(store.end(rows.ending(OfDevice("user-1", device, forget=True))))
        elif number % 3 == 1:
            drive(change(store, device, name="mine"))
    drive(purge(store, limit))

    assert ["device-001", "device-004"] == drive(devices(store))


def test_a_purge_looks_at_all_that_the_last_one_kept(store: MongoStore) -> None:
    """Also one by the very same clock: an empty batch ends the way of the one before."""
    device, wanted = drive(signed_in(store, 1)), retention()
    for name in ("mine", None):
        drive(change(store, device, name=name))
        drive(purge(store, 9, wanted))

    assert [] == drive(devices(store))


def test_one_that_is_used_again_stays(store: MongoStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sign-in may come between the look and the write; the purge goes on to the others."""
    monkeypatch.setattr(needless, "LOOKED", 1)
    for number in (1, 2):
        drive(signed_in(store, number))
    transact, late = store._needless._transact, iter([True])

    async def too_late(work: Any) -> Any:
        if next(late, False):
            await sign_in(store, session_row("again", device="device-001"))
        return await transact(work)

    monkeypatch.setattr(store._needless, "_transact", too_late)
    drive(purge(store, limit=1))

    assert ["device-001"] == drive(devices(store))
