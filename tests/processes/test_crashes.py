"""LAW: a process that dies in mid-login takes nothing with it, and leaves the file usable."""

# The expected value stands first.

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from _dying import THREADS
from _processes_helpers import FOLDER, SECRET, finished, started

from devsess import SessionManager, SessionRevokedError

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "SIGKILL"), reason="this platform cannot kill like that"
)

DYING = FOLDER / "_dying.py"
ENDING = FOLDER / "_ending.py"


# Rows written by a login whose process dies there; the events are emitted at the end.
MOMENTS = {
    "BEGIN IMMEDIATE": 0,
    "INSERT INTO sessions": 0,
    "INSERT INTO events": 0,
    "COMMIT": 0,
    "emitted": 1,
}
# The commit comes after them, and leaves as little.
EARLY = {"BEGIN IMMEDIATE", "INSERT INTO sessions"}


@pytest.mark.parametrize(
    ("moment", "survive"),
    [
        pytest.param(*each, marks=pytest.mark.thorough) if each[0] in EARLY else each
        for each in MOMENTS.items()
    ],
)
def test_a_login_is_whole_or_never_was(
    sessions: SessionManager, path: Path, moment: str, survive: int
) -> None:
    """Killed before the commit, a login left nothing; killed after it, all of it is there."""
    before = sessions.login("user-abc")

    assert (-signal.SIGKILL, "", "") == finished(DYING, path, SECRET, moment)
    kept = sessions.export_user("user-xyz")
    assert [survive] * 3 == [len(kept[part]) for part in ("sessions", "devices", "events")]
    assert "user-abc" == sessions.validate(before.access_token, fresh=True).user_id
    assert sessions.validate(sessions.login("user-xyz").access_token).is_active
    assert _is_intact(path)


@pytest.mark.parametrize(
    "enough",
    [8, *(pytest.param(it, marks=pytest.mark.thorough) for it in (1, 2, 3, 5, 13, 21, 34))],
)
@pytest.mark.parametrize("mode", ["login", "logins"])
def test_granted_sessions_stay(
    sessions: SessionManager, path: Path, mode: str, enough: int
) -> None:
    """Killed at any moment, a process leaves every session that it handed out, and each whole."""
    granted = _killed_after(path, enough, mode)

    assert enough <= len(granted)
    for session_id, access_token in granted.items():
        assert session_id == sessions.validate(access_token).id
    users = [f"user-{number}" for number in range(5)]
    alive = {session.id for user in users for session in sessions.list(user)}
    assert granted.keys() <= alive
    # The last one of a thread may have been committed and not printed.
    assert len(alive) <= len(granted) + (1 if mode == "login" else THREADS)
    # Not a page of the history: until the kill arrives, any number may have been granted.
    events = [event for user in users for event in sessions.export_user(user)["events"]]
    created = [it["sessionId"] for it in events if it["type"] == "session_created"]
    assert (sorted(alive), alive) == (sorted(created), {it["sessionId"] for it in events})
    assert _is_intact(path)


@pytest.mark.thorough
def test_many_crashes_on_one_file(path: Path) -> None:
    """Nobody needs to clean up after a crash, however many there were."""
    granted: dict[str, str] = {}
    for number in range(5):
        granted |= _killed_after(path, 2 + number)

    with SessionManager(path, keys=SECRET) as sessions:
        for session_id, access_token in granted.items():
            assert session_id == sessions.validate(access_token).id
    assert _is_intact(path)


def _killed_after(path: Path, enough: int, mode: str = "login") -> dict[str, str]:
    """The sessions granted by a process that was killed at work, after *enough* logins."""
    process = started(DYING, path, SECRET, mode)
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        lines = [process.stdout.readline() for _ in range(enough)]
        process.kill()
        # Not by communicate(), which knows nothing of what readline() has read ahead.
        rest, err = process.stdout.read(), process.stderr.read()
    assert (-signal.SIGKILL, "") == (process.returncode, err)
    # A line without its end was cut off by the kill.
    whole = [line for line in [*lines, *rest.splitlines(keepends=True)] if line.endswith("\n")]
    return dict(line.split() for line in whole)


def _is_intact(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as db:
        return db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_an_ending_holds_though_its_process_died(sessions: SessionManager, path: Path) -> None:
    """Killed between two batches, all is ended; the next purge writes the rest, each once."""
    grants = [sessions.login("user-xyz") for _ in range(9)]

    assert (-signal.SIGKILL, "", "") == finished(ENDING, path, SECRET)
    for grant in grants:
        with pytest.raises(SessionRevokedError):
            sessions.validate(grant.access_token)
    with closing(sqlite3.connect(path)) as other:
        unwritten = "SELECT count(*) FROM sessions WHERE revoked_at IS NULL"
        assert (5,) == other.execute(unwritten).fetchone()
        # A minute later, any process may.
        other.execute("UPDATE endings SET at = at - 60")
        other.commit()
        sessions.purge()
        assert (0,) == other.execute(unwritten).fetchone()
        assert (0,) == other.execute("SELECT count(*) FROM endings").fetchone()
    ends = [event for event in sessions.history("user-xyz").items if event.reason == "stolen"]
    assert {grant.session.id for grant in grants} == {event.session_id for event in ends}
    assert 9 == len(ends)
