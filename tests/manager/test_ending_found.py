"""Ending what a search finds: each session is passed twice at most, and none is left."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from devsess import Client, Page, SessionManager
from devsess.operations.searching import READS
from devsess.stores.searching import LOOKED
from devsess.stores.sqlite import SQLiteStore
from devsess.testing import FakeClock

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
NETWORK = "102.89.77.0/24"


@pytest.fixture
def clock() -> FakeClock:
    """The clock of the managers."""
    return FakeClock()


@pytest.fixture
def sessions(tmp_path: Path, clock: FakeClock) -> Iterator[SessionManager]:
    """A manager with twelve sessions of one network."""
    with SessionManager(tmp_path / "sessions.db", keys=SECRET, clock=clock) as manager:
        for number in range(12):
            clock.advance(1)
            manager.login(f"user-{number}", Client(ip="102.89.77.1"))
        clock.advance(1)
        yield manager


def _batch(sessions: SessionManager, before: datetime, cursor: str | None) -> Page[str]:
    return sessions.revoke_found(ip=NETWORK, before=before, reason="attack", limit=3, cursor=cursor)


def _ended(sessions: SessionManager, before: datetime, cursor: str | None = None) -> list[str]:
    """All that end from there on."""
    page = _batch(sessions, before, cursor)
    found = [*page]
    while page.next is not None:
        page = _batch(sessions, before, page.next)
        found += page
    return found


def test_no_batch_begins_at_the_newest_again(
    sessions: SessionManager, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ending of n sessions is as long as n: but for a last look, which finds none."""
    places: list[str | None] = []
    search = SQLiteStore.search

    def noted(self: SQLiteStore, *args: Any, **kwargs: Any) -> Any:
        places.append(kwargs["cursor"])
        return search(self, *args, **kwargs)

    monkeypatch.setattr(SQLiteStore, "search", noted)

    assert 12 == len(set(_ended(sessions, clock.now())))
    assert 2 == places.count(None)
    assert len(set(places)) == len(places) - 1


def test_a_slow_sign_in_is_ended_too(
    sessions: SessionManager, tmp_path: Path, clock: FakeClock
) -> None:
    """It began before the preview, and was written once the walk had passed its place."""
    before = clock.now()
    page = _batch(sessions, before, None)
    slow = FakeClock(page_start(clock))
    with SessionManager(tmp_path / "sessions.db", keys=SECRET, clock=slow) as other:
        late = other.login("slow", Client(ip="102.89.77.9")).session.id

    assert late in _ended(sessions, before, page.next)
    assert not sessions.search(ip=NETWORK, state="live").items


def page_start(clock: FakeClock) -> datetime:
    """An instant between the newest session and the preview."""
    return datetime.fromtimestamp(clock.now().timestamp() - 0.5, clock.now().tzinfo)


def test_what_ends_or_begins_in_between_is_no_trouble(
    sessions: SessionManager, clock: FakeClock
) -> None:
    """One that another ended is not ended again, and one that began since lives on."""
    before = clock.now()
    page = _batch(sessions, before, None)
    oldest = sessions.search(ip=NETWORK, limit=50).items[-1]
    sessions.revoke(oldest, reason="logout")
    clock.advance(1)
    since = sessions.login("later", Client(ip="102.89.77.2")).session
    rest = _ended(sessions, before, page.next)

    assert 12 - 3 - 1 == len(rest)
    assert [since.id] == [it.id for it in sessions.search(ip=NETWORK, state="live")]


def test_one_that_stopped_may_begin_again(sessions: SessionManager, clock: FakeClock) -> None:
    """Without the cursor, which was lost: what is left ends, each once."""
    before = clock.now()
    first = [*_batch(sessions, before, None)]

    assert 12 == len({*first, *_ended(sessions, before)})
    assert [] == _ended(sessions, before)


def test_a_batch_looks_at_so_many(
    sessions: SessionManager, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where hardly any session matches, a page is empty, and says where to go on."""
    search = SQLiteStore.search

    def narrow(self: SQLiteStore, *args: Any, **kwargs: Any) -> Any:
        return search(self, *args, **{**kwargs, "looked": 1})

    monkeypatch.setattr(SQLiteStore, "search", narrow)
    page = sessions.revoke_found(ip="102.89.77.200", before=clock.now(), reason="x")

    assert READS < 12
    assert READS * LOOKED == 10_000
    assert ((), True) == (page.items, page.next is not None)


@pytest.mark.parametrize("cursor", ["", "x", "+x", "-!", "0"])
def test_a_mangled_cursor_is_refused(
    sessions: SessionManager, clock: FakeClock, cursor: str
) -> None:
    """Nothing is ended by it."""
    with pytest.raises(ValueError, match="cursor"):
        _batch(sessions, clock.now(), cursor)

    assert 12 == len(sessions.search(ip=NETWORK, state="live"))
