"""LAW: however many processes write the rows of one ending, each row ends once."""

# The expected value stands first.

from __future__ import annotations

import math
import signal
import sqlite3
from collections import Counter
from contextlib import closing
from subprocess import PIPE
from typing import TYPE_CHECKING, Any

import pytest
from _processes_helpers import FOLDER, SECRET, started

from devsess import EventType, SessionManager, SessionRevokedError

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import Popen

    from devsess import Grant

SETTLING = FOLDER / "_settling.py"
MANY = 120


def _signed_in(sessions: SessionManager) -> list[Grant]:
    return [sessions.login("user-xyz") for _ in range(MANY)]


def _ready(path: Path, *roles: str, enough: float = math.inf) -> list[Popen[str]]:
    processes = [started(SETTLING, path, SECRET, role, enough, stdin=PIPE) for role in roles]
    for process in processes:
        assert process.stdout is not None
        assert "ready\n" == process.stdout.readline()
    return processes


def _begin(process: Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def _printed(process: Popen[str], code: int = 0) -> list[list[str]]:
    """The lines that the process printed, once it has exited with *code*."""
    out, err = process.communicate("go\n", timeout=60)
    assert (code, "") == (process.returncode, err)
    return [line.split() for line in out.splitlines()]


def _check(sessions: SessionManager, path: Path, grants: list[Grant]) -> set[Any]:
    """All have ended, with one event each; the instants, reasons and actors of them."""
    for grant in grants:
        for fresh in (False, True):
            with pytest.raises(SessionRevokedError):
                sessions.validate(grant.access_token, fresh=fresh)
    history = sessions.history("user-xyz", limit=1000).items
    ends = [event for event in history if event.type is EventType.SESSION_REVOKED]
    listed = sessions.list("user-xyz", include_ended=True)
    expected = Counter(grant.session.id for grant in grants)
    assert expected == Counter(event.session_id for event in ends)
    assert expected == Counter(it.id for it in listed if it.revoke_reason == "stolen")
    with closing(sqlite3.connect(path)) as db:
        assert [(0,)] == db.execute("SELECT count(*) FROM endings").fetchall()
    return {(it.at, it.reason, it.actor) for it in ends} | {
        (it.revoked_at, "stolen", "ops") for it in listed
    }


@pytest.mark.thorough
def test_several_write_the_same_rows(path: Path) -> None:
    """Each end is written and emitted by one of three processes: one that ends, two that purge."""
    with SessionManager(path, keys=SECRET) as sessions:
        grants = _signed_in(sessions)
        processes = _ready(path, "end", "purge", "purge")
        for process in reversed(processes):
            _begin(process)
        printed = [_printed(process) for process in processes]

        assert 1 == len(_check(sessions, path, grants))
        written = Counter(line[0] for lines in printed for line in lines)
        assert Counter(grant.session.id for grant in grants) == written
        assert 1 == len({tuple(line[1:]) for lines in printed for line in lines})


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this platform cannot kill like that")
@pytest.mark.parametrize(
    "enough", [7, *(pytest.param(it, marks=pytest.mark.thorough) for it in (1, 40))]
)
def test_rows_that_killed_processes_left(path: Path, enough: int) -> None:
    """The one that ends is killed, then one that purges; a third writes the rest, each once."""
    with SessionManager(path, keys=SECRET) as sessions:
        grants, printed = _signed_in(sessions), list[str]()
        for role in ("end", "purge"):
            [process] = _ready(path, role, enough=enough)
            printed += [line[0] for line in _printed(process, -signal.SIGKILL)]
        [process] = _ready(path, "purge")
        printed += [line[0] for line in _printed(process)]

        assert 1 == len(_check(sessions, path, grants))
        # The batch is of two: of an odd number, the other end of the last was not emitted.
        assert (len(printed), MANY) == (len(set(printed)), len(printed) + 2 * (enough % 2))
