"""A session's activity, read alone: all that changes without a word in the log."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from devsess import StoreUnavailableError
from devsess.stores.base import ById, Everyone, OfDevice, OfUser
from devsess.stores.rows import ActivityRow
from devsess.stores.sqlite import SQLiteStore
from devsess.testing import _rows as rows
from devsess.testing._rows import T0

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = [it.name for it in attrs.fields(ActivityRow)]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore(tmp_path / "sessions.db")
    store.insert(rows.login(rows.session_row()))
    yield store
    store.close()


def of_row(store: SQLiteStore) -> dict[str, Any]:
    return {name: getattr(store.get("s1"), name) for name in NAMES}


def test_it_is_as_in_the_row(store: SQLiteStore) -> None:
    """After a sign-in, a touch and a rotation; read at once too."""
    assert of_row(store) == attrs.asdict(store.activity("s1"))  # type: ignore[arg-type]
    store.touch("s1", rows.activity(T0 + 9), bound=True, presented=0)
    assert of_row(store) == attrs.asdict(store.activity("s1"))  # type: ignore[arg-type]
    changes = {"previous_generation": 0, "presented": False}
    store.rotate("s1", expected_generation=0, changes=changes, event=None)
    found = store.activity("s1", wait=False)
    assert (of_row(store), True, False, 1) == (
        *(attrs.asdict(found), found.bound, found.presented, found.generation),  # type: ignore
    )


@pytest.mark.parametrize("at_once", [0, 9])
@pytest.mark.parametrize(
    "target", [ById("s1"), OfDevice("user-1", "device-1"), OfUser("user-1"), Everyone()]
)
def test_an_ended_session_has_none(store: SQLiteStore, target: Any, at_once: int) -> None:
    """Whether its row is written as ended or covered."""
    store.end(rows.ending(target, at_once=at_once))
    assert store.activity("s1") is None


@pytest.mark.parametrize("session_id", ["", "nobody", "\ud800"])
def test_an_unknown_session_has_none(store: SQLiteStore, session_id: str) -> None:
    """Unknown and malformed ids."""
    assert store.activity(session_id) is None


@pytest.mark.parametrize("name", ["created_at", "last_seen_at", "generation", "bound"])
def test_a_damaged_one_is_no_answer(store: SQLiteStore, tmp_path: Path, name: str) -> None:
    """A column that holds another type of value."""
    with closing(sqlite3.connect(tmp_path / "sessions.db", isolation_level=None)) as db:
        db.execute(f"UPDATE sessions SET {name} = 'x'")
    with pytest.raises(StoreUnavailableError):
        store.activity("s1")
