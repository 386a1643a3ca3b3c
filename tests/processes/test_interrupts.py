"""An exception out of a signal's handler in the middle of a call leaves nothing behind."""

from __future__ import annotations

import re
import signal
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from _processes_helpers import FOLDER, SECRET, finished

if TYPE_CHECKING:
    from pathlib import Path

needs_timer = pytest.mark.skipif(
    not hasattr(signal, "setitimer"), reason="this platform has no timer signals"
)
dear = pytest.mark.thorough

# Interrupts of a process.
LEAST = 21


@pytest.fixture
def seconds(thorough: bool) -> float:
    """How long a process is struck."""
    return 3.0 if thorough else 1.0


@needs_timer
@pytest.mark.parametrize("seed", [0, *(pytest.param(it, marks=dear) for it in (1, 2, 3))])
def test_nothing_is_lost(tmp_path: Path, seed: int, seconds: float) -> None:
    """Interrupts at random moments cost no lock, no reader and no transaction."""
    path = tmp_path / "s.db"
    code, out, err = finished(FOLDER / "_interrupted.py", path, SECRET, seed, seconds, LEAST)
    assert 0 == code, err
    [strikes] = re.findall(r"as ever, after (\d+) interrupts", out)
    assert int(strikes) >= LEAST


@needs_timer
@pytest.mark.parametrize("seed", [0, *(pytest.param(it, marks=dear) for it in (1, 2))])
def test_no_session_is_half_ended(tmp_path: Path, seed: int, seconds: float) -> None:
    """Interrupts at random moments of endings of many leave all ended or all alive, each once."""
    path = tmp_path / "s.db"
    code, out, err = finished(FOLDER / "_interrupted_ending.py", path, SECRET, seed, seconds, LEAST)
    assert 0 == code, err
    [strikes] = re.findall(r"each ended once, after (\d+) interrupts", out)
    assert int(strikes) >= LEAST
    with closing(sqlite3.connect(path)) as db:
        unwritten = "SELECT (SELECT count(*) FROM endings), count(*) FROM sessions"
        assert [(0, 0)] == db.execute(f"{unwritten} WHERE revoked_at IS NULL").fetchall()
