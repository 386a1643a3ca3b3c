"""LAW: no validation succeeds that began after an ending returned, in any process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from _processes_helpers import FOLDER, ROOT, SECRET, needs_fork
from dict_store.ports import BlockingPort
from dict_store.server import DictServer
from dict_store.store import DictStore

from devsess import Grant, Policy, SessionManager

LEASE = 0.5
# So long that a loaded machine reacts within it.
LONG = 20.0
OVER = LEASE * 1.005 + 0.05


@pytest.fixture
def server() -> Iterator[DictServer]:
    server = DictServer()
    yield server
    server.close()


@pytest.fixture
def sessions(server: DictServer) -> Iterator[SessionManager]:
    policy = Policy(acknowledged=True, lease=LEASE)
    with SessionManager(DictStore(BlockingPort(server.address)), keys=SECRET, policy=policy) as it:
        yield it


@pytest.fixture
def hold(server: DictServer, request: pytest.FixtureRequest) -> Any:
    """Starts a process that holds a lease for a token, and does a task."""

    def start(token: str, task: str, lease: float = LEASE) -> subprocess.Popen[str]:
        script = FOLDER / "_leaseholder.py"
        arguments = [server.address[1], SECRET, token, lease, task]
        process = subprocess.Popen(
            [sys.executable, "-W", "error", str(script), *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(ROOT / "docs" / "examples")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        request.addfinalizer(lambda: end(process))
        return process

    return start


def end(process: subprocess.Popen[str]) -> None:
    """End *process* and its children, which hold the same pipes."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)


def seasoned(sessions: SessionManager) -> Grant:
    """A sign-in, once the log's history is older than any lease."""
    grant = sessions.login("ada")
    while True:
        sessions.validate(grant.access_token)
        other = sessions.login("bob")
        before = sessions.metrics().waits_in_vain
        sessions.revoke(other.session)
        if sessions.metrics().waits_in_vain == before:
            return grant


def readers(server: DictServer) -> set[str]:
    """The ids in the register."""
    answer: Any = server.answer("scan", "reader/")
    return {key.partition("/")[2] for key in answer[1]}


def line(process: subprocess.Popen[str]) -> str:
    """The next line that *process* prints."""
    assert process.stdout is not None
    text = process.stdout.readline()
    assert text, process.stderr and process.stderr.read()
    return text.strip()


def refused(process: subprocess.Popen[str], returned_at: float) -> None:
    """Expect that no validation of *process* succeeded that began after *returned_at*."""
    latest, error = line(process).split()
    assert "SessionRevokedError" == error
    assert float(latest) <= returned_at


def test_a_process_that_hears(sessions: SessionManager, hold: Any) -> None:
    """A running process hears, and the ending need not wait for its lease."""
    grant = seasoned(sessions)
    process = hold(grant.access_token, "loop", LONG)
    assert "ready held" == line(process)
    in_vain = sessions.metrics().waits_in_vain
    assert sessions.revoke(grant.session)
    returned_at = time.monotonic()

    refused(process, returned_at)
    assert in_vain == sessions.metrics().waits_in_vain


@pytest.mark.thorough
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="this platform stops no process")
def test_a_process_that_is_stopped(sessions: SessionManager, hold: Any) -> None:
    """A process that was stopped for three leases answers nothing from before, and goes on."""
    grant = seasoned(sessions)
    process = hold(grant.access_token, "loop")
    assert "ready held" == line(process)
    process.send_signal(signal.SIGSTOP)
    begun = time.monotonic()
    assert sessions.revoke(grant.session)
    returned_at = time.monotonic()
    assert returned_at - begun >= OVER - LEASE / 3  # its latest renewal was as old at most
    time.sleep(max(0.0, begun + 3 * LEASE - time.monotonic()))
    process.send_signal(signal.SIGCONT)

    refused(process, returned_at)
    assert 0 == process.wait(30)


def test_a_process_that_is_killed(sessions: SessionManager, hold: Any, server: DictServer) -> None:
    """A killed process delays one ending by a lease; then the others take it off the register."""
    grant = seasoned(sessions)
    process = hold(grant.access_token, "loop")
    assert "ready held" == line(process)
    process.kill()
    process.wait(30)
    begun, in_vain = time.monotonic(), sessions.metrics().waits_in_vain
    assert sessions.revoke(grant.session)
    assert time.monotonic() - begun >= OVER - 0.001
    assert in_vain + 1 == sessions.metrics().waits_in_vain

    other = sessions.login("ada")
    deadline = time.monotonic() + 30
    while sessions.metrics().expelled == 0 and time.monotonic() < deadline:
        sessions.validate(other.access_token)
    assert 1 == sessions.metrics().expelled
    assert 1 == len(readers(server))
    assert sessions.revoke(other.session)
    assert in_vain + 1 == sessions.metrics().waits_in_vain


@needs_fork
def test_a_process_that_forks(sessions: SessionManager, hold: Any) -> None:
    """A child inherits no lease; it takes one of its own, and both hear."""
    grant = seasoned(sessions)
    process = hold(grant.access_token, "fork", LONG)
    ready = [line(process), line(process)]
    assert ["ready held", "ready over"] == sorted(ready)
    in_vain = sessions.metrics().waits_in_vain
    assert sessions.revoke(grant.session)
    returned_at = time.monotonic()

    refused(process, returned_at)
    refused(process, returned_at)
    assert 0 == process.wait(30)
    assert in_vain == sessions.metrics().waits_in_vain


@pytest.mark.thorough
def test_a_process_that_exits(sessions: SessionManager, hold: Any, server: DictServer) -> None:
    """A process that exits without closing its manager has left the register."""
    grant = seasoned(sessions)
    process = hold(grant.access_token, "exit")
    _, err = process.communicate(timeout=30)

    assert (0, "") == (process.returncode, err)
    assert len(readers(server)) <= 1  # the test's own
