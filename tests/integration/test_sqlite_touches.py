"""A touch waits for nobody, and is written all the same."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, contextmanager
from threading import Event, Thread
from threading import enumerate as enumerate_threads
from typing import TYPE_CHECKING, Any

import pytest

from devsess import Client, Policy, SessionManager
from devsess.errors import StoreUnavailableError, TokenExpiredError
from devsess.stores.calls import StoreBusyError
from devsess.stores.sqlite import SQLiteStore
from devsess.testing import FakeClock
from devsess.testing import _rows as rows
from devsess.testing._rows import T0

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
# Seconds that the stores below wait for others; a touch takes none of them.
PATIENCE = 60.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.db"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """A write that SQLite takes for another process's."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def held(store: SQLiteStore) -> Iterator[None]:
    """Another thread writes, and takes its time."""
    inside, done = Event(), Event()

    def work() -> None:
        inside.set()
        done.wait()

    thread = Thread(target=store._locked, args=(PATIENCE, work))
    thread.start()
    inside.wait()
    try:
        yield
    finally:
        done.set()
        thread.join()


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether it holds before long."""
    until = time.monotonic() + PATIENCE
    while not holds() and time.monotonic() < until:
        time.sleep(0.01)
    return holds()


@pytest.mark.parametrize("by", ["another process", "another thread"])
def test_a_touch_waits_for_nobody(path: Path, by: str) -> None:
    """While anybody else writes it is refused at once, and written when they are done."""
    with closing(SQLiteStore(path, timeout=PATIENCE)) as store:
        store.insert(rows.login(rows.session_row("s1")))
        with locked(path) if by == "another process" else held(store):
            start = time.monotonic()
            with pytest.raises(StoreBusyError):
                store.touch("s1", rows.activity(T0 + 1), bound=False)
            with pytest.raises(StoreBusyError):
                store.touch("s1", rows.activity(T0 + 2), bound=True)
            with pytest.raises(StoreBusyError):
                store.touch("s1", rows.activity(T0 + 1), bound=False, presented=0)
            taken = time.monotonic() - start
            row = store.get("s1")
            assert row is not None
            assert T0 == row.last_seen_at

        assert taken < PATIENCE / 2
        assert eventually(lambda: store._late._thread is None)  # that is, it was written
        row = store.get("s1")
        assert row is not None
        assert (T0 + 2, True, True) == (row.last_seen_at, row.bound, row.presented)


def test_a_late_touch_is_dropped_in_the_end(path: Path) -> None:
    """It is tried for as long as a write would wait, and not a minute longer."""
    with closing(SQLiteStore(path, timeout=0.1)) as store:
        store.insert(rows.login(rows.session_row("s1")))
        with locked(path):
            with pytest.raises(StoreBusyError):
                store.touch("s1", rows.activity(T0 + 1), bound=False)
            assert eventually(lambda: len(store._late) == 0 and store._late._thread is None)
        row = store.get("s1")
        assert row is not None
        assert T0 == row.last_seen_at
        assert store.touch("s1", rows.activity(T0 + 1), bound=False)


def test_late_touches_are_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many sessions are remembered, and no more."""
    monkeypatch.setattr("devsess.stores.sqlite.late_touches._MOST", 3)
    with closing(SQLiteStore(path, timeout=PATIENCE)) as store:
        with locked(path):
            for number in range(9):
                with pytest.raises(StoreBusyError):
                    store.touch(f"s{number}", rows.activity(T0 + 1), bound=False)
            waiting = len(store._late)
        assert waiting <= 3
        assert eventually(lambda: store._late._thread is None)  # that is, it was written


def test_a_handler_touches_while_its_thread_does(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for nobody, its own thread least of all; of one session, the later is written."""
    with closing(SQLiteStore(path, timeout=PATIENCE)) as store:
        for session_id in ("s1", "s2"):
            store.insert(rows.login(rows.session_row(session_id)))

        def touch(session_id: str, at: float) -> None:
            with pytest.raises(StoreBusyError):
                store.touch(session_id, rows.activity(at), bound=at > T0 + 1)

        start = store._late._start
        for other in ("s1", "s2"):

            def struck(other: str = other) -> None:
                monkeypatch.setattr(store._late, "_start", start)
                touch(other, T0 + 2)
                start()

            with locked(path):
                monkeypatch.setattr(store._late, "_start", struck)
                touch("s1", T0 + 1)
                assert 1 == [it.name for it in enumerate_threads()].count("devsess-touch")
            assert eventually(lambda: store._late._thread is None)  # that is, it was written
            row = store.get(other)
            assert row is not None
            assert (T0 + 2, True) == (row.last_seen_at, row.bound)


def test_a_touch_that_failed_is_due_again_in_a_second(path: Path) -> None:
    """It fails no validation, and the answer is repeated from memory for a second at most."""
    clock = FakeClock()
    with SessionManager(SQLiteStore(path, timeout=PATIENCE), keys=SECRET, clock=clock) as sessions:
        grant = sessions.login("ada", Client(user_agent="curl/8.9"))
        own = Client(user_agent="curl/8.9", device_token=grant.device_token)
        clock.advance(400)
        with locked(path):
            assert grant.session.id == sessions.validate(grant.access_token, own).id
            tries = sessions.metrics().calls["touch"].count
            clock.advance(0.9)
            sessions.validate(grant.access_token, own)
            assert tries == sessions.metrics().calls["touch"].count
            clock.advance(0.2)
            sessions.validate(grant.access_token, own)
            assert tries + 1 == sessions.metrics().calls["touch"].count
        store = sessions._store
        assert isinstance(store, SQLiteStore)
        assert eventually(lambda: store._late._thread is None)  # that is, it was written
        row = store.get(grant.session.id)
        assert row is not None
        assert (True, clock.now().timestamp()) == (row.bound, row.last_seen_at)


def test_a_correction_waits_for_nobody_either(path: Path) -> None:
    """A validation corrects instants that a clock ahead wrote, when no other process writes."""
    clock = FakeClock()
    store = SQLiteStore(path, timeout=PATIENCE)
    with SessionManager(store, keys=SECRET, clock=clock) as sessions:
        grant = sessions.login("ada")
        clock.advance(600)
        sessions.validate(grant.access_token)
        clock.advance(-600)
        start = time.monotonic()
        with locked(path):
            ahead = sessions.validate(grant.access_token, fresh=True)
        assert time.monotonic() - start < PATIENCE / 2
        right = sessions.validate(grant.access_token, fresh=True)
    assert (600, 0) == tuple(
        (session.last_seen_at - clock.now()).total_seconds() for session in (ahead, right)
    )


def test_one_deadline_for_threads_and_processes(path: Path) -> None:
    """A write that waited for a thread waits for a process only as long as there is time left."""
    with closing(SQLiteStore(path, timeout=2.0)) as store, locked(path):
        waits: list[float] = []
        with held(store):
            late = Thread(target=_try_to_write, args=(store, waits))
            late.start()
            time.sleep(1.2)
        late.join()
    assert 1 == len(waits)
    assert 2.0 <= waits[0] < 2.0 + 1.0


def test_all_of_the_time_comes_back(path: Path) -> None:
    """A write that had no time left takes none from the next one."""
    with closing(SQLiteStore(path, timeout=0.1)) as store:
        assert store._opened is not None
        store._opened.wait_at_most(0.0)
        store.add_event(rows.event_row())
        assert [(100,)] == store._opened.writer.execute("PRAGMA busy_timeout").fetchall()


def _try_to_write(store: SQLiteStore, waits: list[float]) -> None:
    start = time.monotonic()
    try:
        store.add_event(rows.event_row())
    except StoreUnavailableError:
        waits.append(time.monotonic() - start)


def test_no_session_in_use_expires(path: Path) -> None:
    """Used every five minutes, each time while somebody writes, under NIST's strictest level."""
    clock, policy = FakeClock(), Policy.nist(3)
    store = SQLiteStore(path, timeout=PATIENCE)
    with SessionManager(store, keys=SECRET, policy=policy, clock=clock) as sessions:
        grant = sessions.login("ada")
        for _ in range(24):
            clock.advance(300)
            try:
                with locked(path):
                    assert grant.session.id == sessions.validate(grant.access_token).id
            except TokenExpiredError:
                grant = sessions.refresh(grant.refresh_token)
            # This takes a small part of the five minutes.
            assert eventually(lambda: store._late._thread is None)  # that is, it was written


class Struck:
    """A lock whose holder is interrupted in the moment in which it acquires it."""

    def __init__(self, lock: Any) -> None:
        self._lock = lock

    def acquire(self, *args: Any, **kwargs: Any) -> bool:
        self._lock.acquire(*args, **kwargs)
        raise KeyboardInterrupt

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lock, name)


def test_struck_as_it_is_acquired(path: Path) -> None:
    """A lock that was acquired by a call that did not return is released all the same."""
    with closing(SQLiteStore(path, timeout=PATIENCE)) as store:
        store.get("s1")
        assert store._opened is not None
        [reader] = store._opened.readers.all
        uses: list[tuple[object, str, Callable[[], object]]] = [
            (store, "_write_lock", lambda: store.add_event(rows.event_row())),
            (reader, "lock", lambda: store.get("s1")),
        ]
        for holder, name, use in uses:
            lock = getattr(holder, name)
            setattr(holder, name, Struck(lock))
            with pytest.raises(KeyboardInterrupt):
                use()
            setattr(holder, name, lock)
            other = Thread(target=use)
            other.start()
            other.join()
            assert not lock._is_owned()
        assert 1 == len(store._opened.readers.all)
