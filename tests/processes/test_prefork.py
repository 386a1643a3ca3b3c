"""LAW: a manager that was made before a server forks its workers works in each, and they agree."""

# The expected value stands first.

from __future__ import annotations

import json
from pathlib import Path

import pytest
from _processes_helpers import FOLDER, SECRET, finished, needs_fork

from devsess import SessionManager


@needs_fork
def test_a_prefork_server(tmp_path: Path) -> None:
    """A session that one worker revokes is refused by all and by the parent, even if cached."""
    path = tmp_path / "sessions.db"
    code, out, err = finished(FOLDER / "_prefork_server.py", path, SECRET)

    assert (0, "") == (code, err)
    outcomes = json.loads(out)
    everyone = 4
    assert ["before"] * everyone == outcomes["inherited"]
    assert outcomes["revoked"]
    assert ["SessionRevokedError"] * everyone == outcomes["after"]
    assert [[f"user-{number}"] * everyone for number in range(everyone)] == outcomes["crossed"]
    assert [True, *["SessionRevokedError"] * everyone] * everyone == outcomes["crossed after"]
    assert [0] * 3 == outcomes["ends"]
    assert "parent" == outcomes["parent"]
    with SessionManager(path, keys=SECRET) as sessions:
        assert 1 == len(sessions.list("parent"))


@needs_fork
@pytest.mark.parametrize("late", ["devsess.devices.agents", "user_agents"])
@pytest.mark.parametrize("way", ["sign in", "warm"])
def test_a_fork_while_a_thread_loads_what_is_loaded_late(
    tmp_path: Path, way: str, late: str
) -> None:
    """It waits for the thread: the child would wait for ever for a module that nobody imports."""
    script = FOLDER / "_forked_while_loading.py"
    assert (0, "0 1\n", "") == finished(script, tmp_path / "sessions.db", SECRET, way, late)
