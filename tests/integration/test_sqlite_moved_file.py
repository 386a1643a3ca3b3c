"""A manager whose database file was exchanged for another, or is gone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from _sqlite_helpers import MARKS, look_now, use_mark, without_log

from devsess import Grant, SessionManager, SessionRevokedError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "k" * 32


@pytest.fixture(autouse=True, params=MARKS)
def mark(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    use_mark(request.param, monkeypatch)
    return str(request.param)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@pytest.fixture
def sessions(path: Path) -> Iterator[SessionManager]:
    with SessionManager(path, keys=SECRET) as manager:
        yield manager


def exchange(path: Path, grant: Grant) -> None:
    """Move another file to *path*: a copy in which the session of *grant* was revoked."""
    other = path.with_name("other.db")
    with closing(sqlite3.connect(path)) as live:
        live.execute("VACUUM INTO ?", [str(other)])
    with SessionManager(other, keys=SECRET) as elsewhere:
        assert elsewhere.revoke(grant.session.id)
    without_log(other)
    without_log(path)
    other.replace(path)


@pytest.mark.parametrize("fresh", [False, True], ids=["first time", "fresh"])
def test_a_row_is_read_from_the_file_that_is_there(
    sessions: SessionManager, path: Path, fresh: bool
) -> None:
    """A validation that reads the row reads it from the file at the path, within a second."""
    grant = sessions.login("user-xyz")
    if fresh:
        sessions.validate(grant.access_token)
    exchange(path, grant)
    look_now(sessions._store)

    with pytest.raises(SessionRevokedError):
        sessions.validate(grant.access_token, fresh=fresh)


def test_a_file_that_is_away_is_not_made_anew(path: Path) -> None:
    """Whatever is opened while it is away finds nothing, leaves nothing, and opens it later."""
    with SessionManager(path, keys=SECRET) as sessions:
        away = path.with_name("away.db")
        path.rename(away)
        with pytest.raises(StoreUnavailableError):
            sessions.get("unknown")  # the first read opens the first reader
        assert not path.exists()
        away.rename(path)
        assert sessions.get("unknown") is None


def test_a_reader_meets_no_other_file(sessions: SessionManager, path: Path) -> None:
    """One opened before the exchange is noticed does not answer from the new file."""
    grant = sessions.login("user-xyz")
    connections = sessions._store._opened  # type: ignore[attr-defined]
    exchange(path, grant)
    known = len(connections._all)

    with pytest.raises(StoreUnavailableError, match="being moved"):
        connections._grow()
    assert known == len(connections._all)


def test_once_missed_a_file_is_looked_for(sessions: SessionManager, path: Path) -> None:
    """From when a write found it gone, no read answers from it, however soon."""
    grant = sessions.login("user-xyz")
    sessions.validate(grant.access_token)
    path.rename(path.with_name("away.db"))
    with pytest.raises(StoreUnavailableError):
        sessions.login("user-xyz")
    with pytest.raises(StoreUnavailableError):
        sessions.validate(grant.access_token)


def test_a_row_is_not_read_from_a_file_that_is_gone(sessions: SessionManager, path: Path) -> None:
    """A validation that reads the row is no answer from a file that was deleted."""
    grant = sessions.login("user-xyz")
    path.unlink()
    look_now(sessions._store)

    with pytest.raises(StoreUnavailableError, match="missing"):
        sessions.validate(grant.access_token)
