"""A stamp is one number for all that a row holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from devsess.stores.base import ById, OfDevice
from devsess.stores.sqlite import SQLiteStore
from devsess.testing import _rows as rows
from devsess.testing._rows import T0
from devsess.testing.contract_change import EVERY_COLUMN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore(tmp_path / "sessions.db")
    store.insert(rows.login(rows.session_row()))
    yield store
    store.close()


def test_the_stamp_of_an_unchanged_row_stays(store: SQLiteStore) -> None:
    """The same row has the same stamp each time it is asked for."""
    stamp = store.stamp("s1")
    assert stamp is not None
    assert stamp == store.stamp("s1") == store.stamp("s1", wait=False)


@pytest.mark.parametrize("column", sorted(EVERY_COLUMN))
def test_every_column_counts(store: SQLiteStore, column: str) -> None:
    """A change of any column of the session changes the stamp."""
    before = store.stamp("s1")
    changes = {column: EVERY_COLUMN[column]}
    assert store.update("s1", expected={}, changes=changes, event=rows.UPDATED)
    assert before != store.stamp("s1")


@pytest.mark.parametrize("change", [{"name": "Büro"}, {"trusted_until": T0 + 1}, {"blocked": True}])
def test_the_device_counts(store: SQLiteStore, change: dict[str, Any]) -> None:
    """Each change that a user makes to the device changes the stamp."""
    before = store.stamp("s1")
    assert store.put_device("user-1", "device-1", changes=change, event=rows.UPDATED)
    assert before != store.stamp("s1")


def test_touch_and_rotation_count(store: SQLiteStore) -> None:
    """Writes that the log does not name change the stamp all the same."""
    before = store.stamp("s1")
    store.touch("s1", rows.activity(T0 + 9), bound=False)
    touched = store.stamp("s1")
    store.rotate("s1", expected_generation=0, changes={}, event=None)
    assert 3 == len({before, touched, store.stamp("s1")})


@pytest.mark.parametrize("target", [ById("s1"), OfDevice("user-1", "device-1")])
def test_a_revoked_row_has_none(store: SQLiteStore, target: Any) -> None:
    """An ended session has no stamp, so that nothing equals it."""
    store.end(rows.ending(target))
    assert store.stamp("s1") is None


@pytest.mark.parametrize("session_id", ["", "nobody", "\ud800"])
def test_an_unknown_row_has_none(store: SQLiteStore, session_id: str) -> None:
    """Unknown and malformed ids have no stamp."""
    assert store.stamp(session_id) is None
