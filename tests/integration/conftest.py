"""A SQLite store on a file of its own, and every mark that it may compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from _sqlite_helpers import MARKS, use_mark

from devsess.stores.sqlite import SQLiteStore
from devsess.testing import _rows as rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=MARKS)
def mark(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each mark in turn."""
    use_mark(request.param, monkeypatch)
    return str(request.param)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    """One session in it; it waits for other writers for 50 ms."""
    store = SQLiteStore(path, timeout=0.05)
    store.insert(rows.login(rows.session_row("s1")))
    yield store
    store.close()
