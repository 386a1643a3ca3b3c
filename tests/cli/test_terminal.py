"""The devsess command in a terminal: a real one, as the system has it."""

from __future__ import annotations

import os
import shlex
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from _terminal import COMMAND, in_terminal, piped

from devsess import SessionManager
from devsess.testing import FakeClock

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
LONG_AGO = datetime.now(UTC) - timedelta(days=400)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "sessions.db"
    with SessionManager(path, keys=SECRET, clock=FakeClock(LONG_AGO)) as sessions:
        for number in range(3):
            sessions.login(f"user-{number}")
    return path


@pytest.mark.thorough
def test_long_work_shows_how_far_it_is(path: Path) -> None:
    """purge counts on standard error, where a person is looking."""
    code, shown = in_terminal("purge", "--store", str(path))
    assert 0 == code
    assert "purging" in shown
    assert "rows deleted" in shown


@pytest.mark.thorough
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


def test_a_reader_that_has_gone(path: Path) -> None:
    """Where nobody reads its output it ends without a word, as other programs do."""
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [*COMMAND, "history", "user-1", "--store", str(path)],
            stdout=write,
            stderr=subprocess.PIPE,
        )
    finally:
        os.close(write)
    assert (1, b"") == (done.returncode, done.stderr)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("command", ["export user-1 --store", "keys new", "--help", "keys --help"])
def test_an_output_that_is_full(path: Path, unbuffered: str, command: str) -> None:
    """Output that cannot be written is an error message, without a traceback."""
    given = [*command.split(), *([str(path)] if "--store" in command else [])]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, *given],
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert 3 == done.returncode
    assert b"devsess: No space left on device: standard output\n" == done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize(
    ("command", "code"),
    [("lisst", 2), ("list", 2), ("--lisst", 2), ("list user-1 --store absent.db", 3)],
)
@pytest.mark.parametrize("buffering", ["", "1"], ids=["buffered", "unbuffered"])
def test_an_error_that_nobody_can_read(command: str, code: int, buffering: str) -> None:
    """Where standard error is full the exit code says what is wrong."""
    environment = os.environ | {"PYTHONUNBUFFERED": buffering}
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*COMMAND, *command.split()], stderr=full, env=environment)
    assert code == done.returncode


@pytest.mark.parametrize(
    ("command", "closed", "code"),
    [
        ("history user-1", ">&-", 0),
        ("list user-9", ">&- 2>&-", 1),
        ("revoke --user user-1", "<&-", 1),
    ],
)
def test_a_stream_that_is_closed(path: Path, command: str, closed: str, code: int) -> None:
    """Output that nobody can read goes nowhere, and nobody says yes."""
    line = f"{shlex.join(COMMAND)} {command} --store {shlex.quote(str(path))} {closed}"
    done = subprocess.run(line, shell=True, stderr=subprocess.PIPE)
    assert code == done.returncode, done.stderr
    assert b"Traceback" not in done.stderr
