"""A manager whose database file was exchanged for another, or is gone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from _sqlite_endings import store_of
from _sqlite_helpers import has_index, look_now, without_log

from devsess import Grant, SessionManager, SessionRevokedError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"


pytestmark = pytest.mark.usefixtures("mark")


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
    look_now(store_of(sessions))

    with pytest.raises(SessionRevokedError):
        sessions.validate(grant.access_token, fresh=fresh)


def test_a_file_that_is_away_is_not_made_again(path: Path) -> None:
    """While the file is away no reader opens or makes one; once it is back, reading goes on."""
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
    connections = store_of(sessions)._opened
    assert connections is not None
    exchange(path, grant)
    known = len(connections._all)

    with pytest.raises(StoreUnavailableError, match="being moved"):
        connections.readers.grow()
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
    look_now(store_of(sessions))

    with pytest.raises(StoreUnavailableError, match="missing"):
        sessions.validate(grant.access_token)


def seen_by(manager: SessionManager, grant: Grant) -> None:
    """Let *manager* answer for *grant* from memory, without asking the store for a while."""
    for _ in range(3):
        manager.validate(grant.access_token)


class TestTwoManagers:
    """Of one store: both notice the moved file, whichever is asked first."""

    @pytest.fixture
    def other(self, sessions: SessionManager) -> SessionManager:
        return SessionManager(sessions._store, keys=SECRET)

    def test_a_write_into_another_file_is_seen_by_both(
        self, sessions: SessionManager, other: SessionManager, path: Path
    ) -> None:
        """A revocation that went into the new file is seen at once, not half a second later."""
        grant, ended = sessions.login("user-xyz"), sessions.login("user-xyz")
        seen_by(other, grant)
        exchange(path, ended)

        assert sessions.revoke(grant.session.id)
        with pytest.raises(SessionRevokedError):
            other.validate(grant.access_token)

    def test_a_file_that_was_missed_is_missed_by_both(
        self, sessions: SessionManager, other: SessionManager, path: Path
    ) -> None:
        """From when the one found it gone, the other answers nothing; once it is back, both do."""
        grant = sessions.login("user-xyz")
        seen_by(other, grant)
        away = path.with_name("away.db")
        path.rename(away)
        with pytest.raises(StoreUnavailableError):
            sessions.login("user-xyz")
        with pytest.raises(StoreUnavailableError):
            other.validate(grant.access_token)

        away.rename(path)
        assert sessions.revoke(grant.session.id)
        with pytest.raises(SessionRevokedError):
            other.validate(grant.access_token)

    def test_a_store_that_was_closed_answers_nobody(
        self, sessions: SessionManager, other: SessionManager
    ) -> None:
        """Not even from memory, although only the other manager closed it."""
        grant = sessions.login("user-xyz")
        seen_by(other, grant)
        sessions.close()
        with pytest.raises(StoreUnavailableError, match="closed"):
            other.validate(grant.access_token)


@pytest.mark.parametrize("mark", ["wal-index"], indirect=True)
@has_index
def test_the_index_is_proven_again(sessions: SessionManager, path: Path) -> None:
    """A file that was away for a while, and is the same, is looked at as before."""
    sessions.login("user-xyz")
    away = path.with_name("away.db")
    path.rename(away)
    with pytest.raises(StoreUnavailableError):
        sessions.login("user-xyz")
    away.rename(path)
    assert "data_version" == sessions.metrics().mark
    sessions.login("user-xyz")
    assert "wal-index" == sessions.metrics().mark
