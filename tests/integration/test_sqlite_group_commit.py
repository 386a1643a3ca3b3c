"""LAW: writes that wait share a transaction, and each is written whole or not at all."""

# The expected value stands first.

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from threading import Event
from typing import TYPE_CHECKING

import pytest

from devsess._runtime.mutex import Lock, new_lock
from devsess.errors import StoreUnavailableError
from devsess.stores.sqlite import SQLiteStore, group_commit
from devsess.stores.sqlite.group_commit import GroupCommit, NotInTimeError, TakenBackError
from devsess.testing import _rows as rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from pathlib import Path

Work = Callable[[sqlite3.Cursor], str]
PATIENCE = 60.0


class Transactions:
    """Stands for a database; what was committed together is one list."""

    def __init__(self) -> None:
        self.lock = new_lock()
        self.group = GroupCommit(self.lock, self._transaction)
        self.committed: list[list[str]] = []
        self.written: list[str] = []
        self.failure: BaseException | None = None

    def _transaction(self, seconds: float, work: Callable[[sqlite3.Cursor], None]) -> None:
        self.written = []
        with closing(sqlite3.connect(":memory:")) as db:
            work(db.cursor())
        if self.failure is not None:
            raise self.failure
        self.committed.append(self.written)

    def writes(self, name: str) -> Work:
        def work(_: sqlite3.Cursor) -> str:
            self.written.append(name)
            return name.upper()

        return work

    def fails(self, error: BaseException) -> Work:
        def work(_: sqlite3.Cursor) -> str:
            raise error

        return work


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Transactions:
    """A slow machine counts as quick: how long a transaction takes is a matter of one test."""
    monkeypatch.setattr(group_commit, "_LONG", math.inf)
    return Transactions()


@contextmanager
def waiting(group: GroupCommit, lock: Lock, works: Sequence[Work]) -> Iterator[list[Future[str]]]:
    """A thread for each of *works*; they wait for *lock* until the block is left, in this order."""
    with ThreadPoolExecutor(len(works)) as threads:
        with lock:
            futures = []
            for work in works:
                futures.append(threads.submit(group.do, work, time.monotonic() + PATIENCE))
                until(lambda: len(futures) <= len(group._waiting))
            yield futures
        group.wake_next()


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def errors_of(futures: Sequence[Future[str]]) -> list[type[BaseException] | None]:
    found = [future.exception(PATIENCE) for future in futures]
    return [None if error is None else type(error) for error in found]


def test_all_that_wait_are_committed_together(database: Transactions) -> None:
    """One transaction, in the order of their coming but for the one that does the work."""
    works = [database.writes(name) for name in "abcde"]

    with waiting(database.group, database.lock, works) as futures:
        assert [] == database.committed
    assert list("ABCDE") == [future.result(PATIENCE) for future in futures]
    [together] = database.committed
    assert list("abcde") == sorted(together)
    assert together[1:] == sorted(together[1:])


def test_a_thread_alone_does_not_wait_for_others(database: Transactions) -> None:
    assert "A" == database.group.do(database.writes("a"), time.monotonic() + PATIENCE)
    assert "B" == database.group.do(database.writes("b"), time.monotonic() + PATIENCE)
    assert [["a"], ["b"]] == database.committed


def test_a_failing_write_takes_the_others_back(database: Transactions) -> None:
    """Whoever leads, nothing of any is written, and only the one that failed hears its error."""
    works = [database.writes("a"), database.fails(ValueError("bad")), database.writes("c")]

    with waiting(database.group, database.lock, works) as futures:
        pass
    found = errors_of(futures)
    # The failing one may have come to lead, alone: then it took nobody with it.
    assert found[1] in {ValueError, TakenBackError}
    written = [name for together in database.committed for name in together]
    assert [name.upper() for name in written] == [
        future.result() for future, error in zip(futures, found, strict=True) if error is None
    ]


@pytest.mark.parametrize("error", [sqlite3.OperationalError("disk is full"), KeyboardInterrupt()])
def test_a_commit_that_fails_is_raised_once(database: Transactions, error: BaseException) -> None:
    """By the thread whose commit it was; the others are told that nothing was written."""
    database.failure = error

    with waiting(database.group, database.lock, [database.writes(it) for it in "abc"]) as futures:
        pass
    assert {type(error): 1, TakenBackError: 2} == {
        kind: errors_of(futures).count(kind) for kind in set(errors_of(futures))
    }
    assert [] == database.committed


def test_a_write_that_gave_up_is_never_written(database: Transactions) -> None:
    with database.lock, ThreadPoolExecutor(1) as threads:
        future = threads.submit(database.group.do, database.writes("a"), time.monotonic())
        assert [NotInTimeError] == errors_of([future])
    assert "B" == database.group.do(database.writes("b"), time.monotonic() + PATIENCE)
    assert [["b"]] == database.committed


def test_a_write_under_way_is_waited_for_past_its_deadline(database: Transactions) -> None:
    """It is written, and says so."""
    slow = Event()
    begun = Event()

    def leads(_: sqlite3.Cursor) -> str:
        database.written.append("a")
        return "A"

    def takes_long(_: sqlite3.Cursor) -> str:
        begun.set()
        assert slow.wait(PATIENCE)
        database.written.append("b")
        return "B"

    with ThreadPoolExecutor(2) as threads:
        with database.lock:
            first = threads.submit(database.group.do, leads, time.monotonic() + PATIENCE)
            until(lambda: 1 == len(database.group._waiting))
            deadline = time.monotonic() + 0.2
            other = threads.submit(database.group.do, takes_long, deadline)
            until(lambda: 2 == len(database.group._waiting))
        database.group.wake_next()
        assert begun.wait(PATIENCE)
        until(lambda: time.monotonic() > deadline + 0.1)
        assert not other.done()
        slow.set()
        assert ("A", "B") == (first.result(PATIENCE), other.result(PATIENCE))


@pytest.mark.parametrize(("name", "most"), [("_MOST", 2), ("_LONG", 0.0)])
def test_a_transaction_takes_no_more_than_others_can_wait_for(
    database: Transactions, monkeypatch: pytest.MonkeyPatch, name: str, most: float
) -> None:
    """At most so many writes, and none once it has taken long; the rest comes after it."""
    monkeypatch.setattr(group_commit, name, most)

    with waiting(database.group, database.lock, [database.writes(it) for it in "abcde"]) as futures:
        pass
    assert list("ABCDE") == [future.result(PATIENCE) for future in futures]
    assert max(1, int(most)) == max(map(len, database.committed))
    assert list("abcde") == sorted(name for together in database.committed for name in together)


def test_a_write_whose_leader_vanished_is_done_by_its_own_thread(database: Transactions) -> None:
    """It finds the lock free and itself in a group of which nobody says how it went."""
    with waiting(database.group, database.lock, [database.writes("a")]) as futures:
        assert database.group._take(group_commit._Group()) is not None
    assert "A" == futures[0].result(PATIENCE)
    assert [["a"]] == database.committed


# Over a file.


@pytest.fixture
def file(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SQLiteStore]:
    monkeypatch.setattr(group_commit, "_LONG", math.inf)
    store = SQLiteStore(path, timeout=PATIENCE)
    yield store
    store.close()


def inserted_together(store: SQLiteStore, names: Sequence[str]) -> list[BaseException | None]:
    """The error of each insertion; the threads wait for a writer, and then go on at once."""
    with ThreadPoolExecutor(len(names) + 1) as threads:
        held, go_on = Event(), Event()

        def holds() -> None:
            with store._write_lock:
                held.set()
                assert go_on.wait(PATIENCE)
            store._group.wake_next()

        threads.submit(holds)
        assert held.wait(PATIENCE)
        futures = [
            threads.submit(store.insert, rows.login(rows.session_row(name))) for name in names
        ]
        until(lambda: len(store._group._waiting) == len(names))
        go_on.set()
        return [future.exception(PATIENCE) for future in futures]


def begun(store: SQLiteStore) -> list[str]:
    """The transactions that the writer begins from now on."""
    statements: list[str] = []
    assert store._opened is not None
    store._opened.writer.connection.set_trace_callback(
        lambda text: statements.append(text) if text.startswith("BEGIN") else None
    )
    return statements


def test_sign_ins_that_wait_are_one_transaction(file: SQLiteStore) -> None:
    names = [f"s{number}" for number in range(8)]
    transactions = begun(file)

    assert [None] * 8 == inserted_together(file, names)
    assert 1 == len(transactions)
    assert all(file.get(name) is not None for name in names)


def test_a_sign_in_that_fails_fails_alone(file: SQLiteStore) -> None:
    """All others are written, each once."""
    file.insert(rows.login(rows.session_row("taken")))

    errors = inserted_together(file, ["s1", "s2", "taken", "s3", "s4"])
    assert [None, None, ValueError, None, None] == [it and type(it) for it in errors]
    [user_id] = {row.user_id for row in [file.get("taken")] if row}
    assert {"s1", "s2", "s3", "s4", "taken"} == {row.id for row in file.list(user_id)}


def test_the_main_thread_writes_alone(file: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal that strikes there strikes no work of others, and none goes on behind its error."""
    monkeypatch.setattr(file, "_group", None)
    monkeypatch.setattr(file, "_locked", lambda seconds, work: work())

    file.insert(rows.login(rows.session_row("s1")))
    assert file.get("s1") is not None


def test_threads_that_wait_too_long_are_told(path: Path) -> None:
    store = SQLiteStore(path, timeout=0.05)
    with store._write_lock, ThreadPoolExecutor(1) as threads:
        future = threads.submit(store.insert, rows.login(rows.session_row("s1")))
        with pytest.raises(StoreUnavailableError, match="other threads write"):
            future.result(PATIENCE)
    assert store.get("s1") is None
    store.close()
