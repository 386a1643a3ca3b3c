"""A store that several processes use, and a manager on it in this one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from _processes_helpers import SECRET

from devsess import SessionManager


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
def sessions(path: Path) -> Iterator[SessionManager]:
    with SessionManager(path, keys=SECRET) as sessions:
        yield sessions
