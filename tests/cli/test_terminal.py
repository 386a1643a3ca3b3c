"""The devsess command in a terminal: a real one, as the system has it."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from devsess import SessionManager
from devsess.testing import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")

COMMAND = [sys.executable, "-W", "error", "-c", "from devsess.cli import main; main()"]
SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
LONG_AGO = datetime.now(UTC) - timedelta(days=400)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "sessions.db"
    with SessionManager(path, keys=SECRET, clock=FakeClock(LONG_AGO)) as sessions:
        for number in range(3):
            sessions.login(f"user-{number}")
    return path


def in_terminal(*arguments: str, typed: bytes = b"") -> tuple[int, str]:
    """The exit code of a command, and all it showed in its terminal."""
    ours, theirs = pty.openpty()
    os.write(ours, typed)
    try:
        process = subprocess.Popen(
            [*COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs
        )
    finally:
        os.close(theirs)
    shown = b""
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        try:
            while part := terminal.read(4096):
                shown += part
        except OSError:  # how Linux tells the end of a terminal
            pass
    return process.wait(), shown.decode()


def test_long_work_shows_how_far_it_is(path: Path) -> None:
    """purge counts on standard error, where a person is looking."""
    code, shown = in_terminal("purge", "--store", str(path))
    assert 0 == code
    assert "purging" in shown
    assert "rows deleted" in shown


def test_a_script_sees_no_progress(path: Path) -> None:
    """Piped, there is the answer and nothing else."""
    done = subprocess.run(
        [*COMMAND, "purge", "--store", str(path)], capture_output=True, text=True, check=True
    )
    assert "" == done.stderr
    assert done.stdout.endswith(" rows deleted\n")


def test_a_person_is_asked(path: Path) -> None:
    """Ending everybody's sessions takes a yes."""
    with SessionManager(path, keys=SECRET) as sessions:
        sessions.login("ada")
        code, shown = in_terminal("revoke-all", "--everyone", "--store", str(path), typed=b"n\n")
        assert 1 == code
        assert "End the sessions of all users? [y/N]" in shown
        assert sessions.list("ada")
