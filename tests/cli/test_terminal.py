"""The devsess command in a terminal: a real one, as the system has it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from _terminal import in_terminal, piped

from devsess import SessionManager
from devsess.testing import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
LONG_AGO = datetime.now(UTC) - timedelta(days=400)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "sessions.db"
    with SessionManager(path, keys=SECRET, clock=FakeClock(LONG_AGO)) as sessions:
        for number in range(3):
            sessions.login(f"user-{number}")
    return path


def test_long_work_shows_how_far_it_is(path: Path) -> None:
    """purge counts on standard error, where a person is looking."""
    code, shown = in_terminal("purge", "--store", str(path))
    assert 0 == code
    assert "purging" in shown
    assert "rows deleted" in shown


def test_a_script_sees_no_progress(path: Path) -> None:
    """Piped, there is the answer and nothing else."""
    done = piped("purge", "--store", str(path))
    assert b"" == done.stderr
    assert done.stdout.endswith(b" rows deleted\n")


def test_a_person_is_asked(path: Path) -> None:
    """Ending everybody's sessions takes a yes."""
    with SessionManager(path, keys=SECRET) as sessions:
        sessions.login("ada")
        code, shown = in_terminal("revoke-all", "--everyone", "--store", str(path), typed=b"n\n")
        assert 1 == code
        assert "End the sessions of all users? [y/N]" in shown
        assert sessions.list("ada")
