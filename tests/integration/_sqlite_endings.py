"""Helpers of the tests that interrupt an ending of many sessions half way."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

from devsess import EventType, InvalidSessionError, SessionManager
from devsess.operations.ending import LEFT_BEHIND
from devsess.stores.base import Ending
from devsess.stores.sqlite import SQLiteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from pathlib import Path

    import pytest

    from devsess import Event, Grant
    from devsess.testing import FakeClock

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
USER = "ada"
# More than are ended at once, in batches of two.
MANY = 5


def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have one session be more than are ended at once, two a batch, and no pause."""
    monkeypatch.setattr("devsess.operations.ending.Ending", partial(Ending, at_once=0))
    monkeypatch.setattr("devsess.operations.ending.BATCH", 2)
    monkeypatch.setattr("devsess.operations.ending.PAGE", 3)
    monkeypatch.setattr("devsess._runtime.faces._PAUSE", (0.0, 0.0))


class StruckError(Exception):
    """The exception that a signal's handler raises."""


class Moments:
    """
    Calls *strike* once: before or after one of the statements of a store's writer.

    Nothing else of a write is seen by anybody else: SQLite runs no Python inside one.
    """

    def __init__(self, store: SQLiteStore, moment: int, strike: Callable[[], object]) -> None:
        opened = store._opened
        assert opened is not None
        self._left = moment
        self._strike = strike
        self._cursor = opened.writer
        self.has_come = False
        self._opened = opened
        opened.writer = self  # type: ignore[assignment]

    def __enter__(self) -> Moments:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.writer = self._cursor

    def execute(self, *args: Any) -> Any:
        return self._between(self._cursor.execute, args)

    def executemany(self, *args: Any) -> Any:
        return self._between(self._cursor.executemany, args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def _between(self, work: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        self._pass()
        found = work(*args)
        self._pass()
        return found

    def _pass(self) -> None:
        self._left -= 1
        if self._left == -1:
            self.has_come = True
            self._strike()


def opened(
    path: Path, clock: FakeClock, on_event: Callable[[Event], object] | None = None
) -> SessionManager:
    """A manager whose store is its `_store`."""
    return SessionManager(SQLiteStore(path), keys=SECRET, clock=clock, on_event=on_event)


def store_of(sessions: SessionManager) -> SQLiteStore:
    store = sessions._store
    assert isinstance(store, SQLiteStore)
    return store


def signed_in(sessions: SessionManager, count: int = MANY, user_id: str = USER) -> list[Grant]:
    """That many sessions of an account, each in the cache."""
    grants = [sessions.login(user_id) for _ in range(count)]
    for grant in grants:
        sessions.validate(grant.access_token)
    return grants


def alive(grants: Iterable[Grant], *managers: SessionManager) -> set[str]:
    """Those of the sessions that any of the managers lets in, cached or not."""
    return {
        grant.session.id
        for grant in grants
        for sessions in managers
        for fresh in (False, True)
        if _is_let_in(sessions, grant.access_token, fresh=fresh)
    }


def _is_let_in(sessions: SessionManager, token: str, *, fresh: bool) -> bool:
    try:
        sessions.validate(token, fresh=fresh)
    except InvalidSessionError:
        return False
    return True


def purged_later(sessions: SessionManager, clock: FakeClock) -> None:
    """Have *sessions* write the rows that an ending left behind, once they are due."""
    clock.advance(LEFT_BEHIND)
    sessions.purge()


def ends(sessions: SessionManager, user_id: str = USER) -> dict[str, list[tuple[object, ...]]]:
    """How each session of the account ended: as it is listed, and each event of it, with actor."""
    found: dict[str, list[tuple[object, ...]]] = {
        it.id: [(it.revoked_at, it.revoke_reason)]
        for it in sessions.list(user_id, include_ended=True)
    }
    for event in _all_events(sessions, user_id):
        if event.type is EventType.SESSION_REVOKED:
            found[str(event.session_id)].append((event.at, event.reason, event.actor))
    return found


def ended_once(
    grants: Iterable[Grant], at: datetime, reason: str, actor: str | None
) -> dict[str, list[tuple[object, ...]]]:
    """The result of `ends` for sessions that one ending ended."""
    return {grant.session.id: [(at, reason), (at, reason, actor)] for grant in grants}


def _all_events(sessions: SessionManager, user_id: str) -> list[Event]:
    page = sessions.history(user_id)
    events = list(page.items)
    while page.next is not None:
        page = sessions.history(user_id, cursor=page.next)
        events += page.items
    return events


def left_behind(path: Path) -> tuple[int, int, str]:
    """Endings whose rows are to follow, rows unwritten that one covers, and SQLite's own check."""
    covered = (
        "SELECT count(*) FROM sessions s, meta LEFT JOIN accounts a USING (user_id)"
        " WHERE revoked_at IS NULL"
        " AND s.ending_number < max(meta.ending_number, coalesce(a.ending_number, 0))"
    )
    with closing(sqlite3.connect(path)) as db:
        [[pending]] = db.execute("SELECT count(*) FROM endings").fetchall()
        [[unwritten]] = db.execute(covered).fetchall()
        [[sound]] = db.execute("PRAGMA integrity_check").fetchall()
    return pending, unwritten, sound


ALL_DONE = (0, 0, "ok")
