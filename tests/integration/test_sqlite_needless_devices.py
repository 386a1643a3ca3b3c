"""A purge of devices in SQLite: what is kept costs a purge one look, however many its batches."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from devsess.stores.base import ById, OfDevice
from devsess.stores.sqlite import SQLiteStore, needless
from devsess.testing import _rows as rows
from devsess.testing._rows import DAY, T0

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from devsess.stores.calls import Retention

KEPT = 12
LATER = T0 + 40 * DAY
# Why a device is kept: what `put_device` changes, None for one whose session goes on.
REASONS: dict[str, dict[str, Any] | None] = {
    "named": {"name": "mine"},
    "trusted": {"trusted_until": LATER + DAY},
    "blocked": {"blocked": True},
    "used": None,
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    with closing(SQLiteStore(tmp_path / "s.db")) as opened:
        yield opened


def retention() -> Retention:
    """Sessions are kept for a day, so that the one of a used device goes on."""
    return rows.retention(T0 + DAY, T0 + 9)


def _sign_in(store: SQLiteStore, number: int, *, ended: bool = True) -> str:
    device = f"device-{number:03}"
    store.insert(rows.login(rows.session_row(f"s{number:03}", device=device)))
    if ended:
        store.end(rows.ending(ById(f"s{number:03}")))
    return device


def _keep(store: SQLiteStore, reason: str, first: int) -> None:
    changes = REASONS[reason]
    for number in range(first, first + KEPT):
        device = _sign_in(store, number, ended=changes is not None)
        if changes is not None:
            store.put_device("user-1", device, changes=changes, event=rows.UPDATED)


def _purge(store: SQLiteStore, limit: int) -> int:
    """Batches until nothing is left to do."""
    wanted, batches = retention(), 1
    while store.purge(wanted, limit=limit):
        batches += 1
    return batches


def _looks(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many devices each read of a purge gives."""
    found = list[int]()
    ask = store._needless._ask

    def counted(statement: str, values: tuple[object, ...]) -> Any:
        answer = ask(statement, values)
        found.append(len(answer))
        return answer

    monkeypatch.setattr(store._needless, "_ask", counted)
    return found


@pytest.mark.parametrize("reason", REASONS)
def test_each_device_is_looked_at_once(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    """Those that a purge keeps, and those that it deletes: a batch goes on behind the last."""
    monkeypatch.setattr(needless, "LOOKED", 1)
    _keep(store, reason, 0)
    gone = [_sign_in(store, number) for number in range(100, 106)]
    _keep(store, reason, 200)
    looks = _looks(store, monkeypatch)

    assert _purge(store, limit=2) > len(gone) / 2
    assert 2 * KEPT == len(store.devices("user-1"))
    assert 2 * KEPT + len(gone) == sum(looks)


def test_a_forgotten_device_with_sessions_is_looked_at_once(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is kept until they are deleted, and a purge ends although it is."""
    monkeypatch.setattr(needless, "LOOKED", 1)
    for number in range(KEPT):
        device = _sign_in(store, number, ended=False)
        store.end(rows.ending(OfDevice("user-1", device, forget=True), T0 + DAY - 1))
    looks = _looks(store, monkeypatch)

    _purge(store, limit=2)
    assert KEPT <= sum(looks) <= 2 * KEPT  # they are old ones too
    assert KEPT == len(store.list("user-1"))


def test_two_purges_at_once_go_on_from_their_own_place(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batch by batch in turn, each looks once at what is kept; the rest is deleted by either."""
    monkeypatch.setattr(needless, "LOOKED", 1)
    _keep(store, "named", 0)
    gone = [_sign_in(store, number) for number in range(100, 106)]
    _keep(store, "named", 200)
    looks = _looks(store, monkeypatch)
    purges = [retention(), retention()]

    while purges:
        purges = [it for it in purges if store.purge(it, limit=2)]

    assert 2 * 2 * KEPT + len(gone) == sum(looks)


@pytest.mark.parametrize("page", [1, 2, 3, 1_000])
@pytest.mark.parametrize("limit", [1, 4, 1_000])
def test_none_is_left_out(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch, page: int, limit: int
) -> None:
    """Forgotten ones too, and those of one instant, at the edge of a page or of a batch."""
    monkeypatch.setattr(needless, "LOOKED", page)
    for number in range(9):
        device = _sign_in(store, number)
        if number % 3 == 0:
            store.end(rows.ending(OfDevice("user-1", device, forget=True)))
        elif number % 3 == 1:
            store.put_device("user-1", device, changes={"name": "mine"}, event=rows.UPDATED)
    _purge(store, limit)

    assert [f"device-{number:03}" for number in (1, 4, 7)] == [
        device.id for device in store.devices("user-1")
    ]
    assert 0 == sum(store.purge(rows.retention(LATER, T0 + 9), limit=9) for _ in range(2))


def test_a_purge_looks_at_all_that_the_last_one_kept(store: SQLiteStore) -> None:
    """Also one by the very same clock: an empty batch ends the way of the one before."""
    device, wanted = _sign_in(store, 1), retention()
    store.put_device("user-1", device, changes={"name": "mine"}, event=rows.UPDATED)
    while store.purge(wanted, limit=1):
        pass
    store.put_device("user-1", device, changes={"name": None}, event=rows.UPDATED)

    while store.purge(wanted, limit=9):
        pass

    assert [] == store.devices("user-1")


def test_one_that_is_used_again_stays(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sign-in may come between the look and the write; the purge goes on to the others."""
    monkeypatch.setattr(needless, "LOOKED", 1)
    for number in (1, 2):
        _sign_in(store, number)
    transaction = store._needless._transaction

    def too_late(work: Any, wanted: Any, keys: Any) -> Any:
        if keys == [1]:
            store.insert(rows.login(rows.session_row("again", device="device-001")))
        return transaction(work, wanted, keys)

    monkeypatch.setattr(store._needless, "_transaction", too_late)
    _purge(store, limit=1)

    assert ["device-001"] == [device.id for device in store.devices("user-1")]


def test_a_device_goes_with_the_last_session_of_the_batch(store: SQLiteStore) -> None:
    """Its sessions are deleted first, so that it is not looked at while it has one."""
    for number in range(4):
        _sign_in(store, number)
    _purge(store, limit=3)

    assert [] == store.devices("user-1")
    assert [] == store.list("user-1")


def test_other_sessions_of_the_account_are_not_looked_at(store: SQLiteStore) -> None:
    """A program's account may have sessions by the thousand, each on a device of its own."""
    opened = store._opened
    assert opened is not None
    for statement in (needless._STALE, needless._FORGOTTEN, needless._DELETE):
        plan = opened.writer.execute(f"EXPLAIN QUERY PLAN {statement}", [0] * statement.count("?"))
        steps = [step[-1] for step in plan.fetchall()]
        assert "SEARCH s USING COVERING INDEX sessions_device (device_key=?)" in steps
        assert not any(step.startswith("SCAN") or "TEMP" in step for step in steps), steps
