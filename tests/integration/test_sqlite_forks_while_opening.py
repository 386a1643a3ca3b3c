"""LAW: a fork waits for a thread that opens or closes a file: a child would hang in SQLite."""

# The expected value stands first.

from __future__ import annotations

import gc
import os
import shutil
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from socket import socketpair
from threading import Event, Thread
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import pytest
from _sqlite_helpers import in_child, look_now, needs_fork, without_log

from devsess._runtime import fork
from devsess._runtime.fork import around_fork
from devsess.stores.sqlite import SQLiteStore, file
from devsess.stores.sqlite.collected import Collected
from devsess.stores.sqlite.connections import Connections
from devsess.stores.sqlite.file_locks import is_held_open
from devsess.testing import _rows as rows

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [
    needs_fork,
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),
]


class Inside:
    """
    A call that is at work while another thread begins to fork, and for a moment longer.

    Attributes:
        is_at_it: Whether it is at work.
    """

    def __init__(self) -> None:
        self.is_at_it = False
        self._begun, self._forks = Event(), Event()
        around_fork(self, lambda it: it._forks.set(), id, id)

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """*call*, as it is watched."""

        def watched(*args: Any, **options: Any) -> Any:
            self.is_at_it = True
            self._begun.set()
            self._forks.wait()
            time.sleep(0.05)
            try:
                return call(*args, **options)
            finally:
                self.is_at_it = False

        return watched

    def seen_by_a_child(
        self, work: Callable[[], object], meanwhile: Callable[[], object] = int
    ) -> object:
        """
        Whether it was at it still in a child that was forked while another thread did *work*.

        *meanwhile* was done before the fork.
        """
        with ThreadPoolExecutor(1) as other:
            done = other.submit(work)
            self._begun.wait()
            meanwhile()
            seen = in_child(lambda: self.is_at_it)
            done.result()
        return seen


def test_a_thread_that_opens_a_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store is known to forks before it opens anything."""
    inside = Inside()
    monkeypatch.setattr(file, "Connections", inside.around(Connections))
    assert inside.seen_by_a_child(lambda: SQLiteStore(path).close()) is False


def test_a_thread_that_closes_its_store(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store lets nothing in until all is closed."""
    inside, store = Inside(), SQLiteStore(path)
    monkeypatch.setattr(store._opened, "close", inside.around(store._opened.close))  # type: ignore[union-attr]
    assert inside.seen_by_a_child(store.close) is False


def test_a_thread_that_finds_another_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old one is closed as the new one is opened."""
    inside = Inside()
    with closing(SQLiteStore(path)) as store:
        assert store._opened is not None
        monkeypatch.setattr(store._opened, "close", inside.around(store._opened.close))
        copy = Path(shutil.copy(path, path.with_suffix(".copy")))
        without_log(path)
        copy.replace(path)
        look_now(store)
        assert inside.seen_by_a_child(lambda: store.get("s1")) is False


# The bytes that a connection has locked for as long as it is open: their number, and the first.
SHARED = 510, 0x40000002


def are_shared(path: Path) -> bool:
    """Whether another process has those bytes locked; this one has no connection."""
    import fcntl

    with path.open("rb+") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, *SHARED)
        except BlockingIOError:
            return True
    return False


class Slow:
    """The cursor of a store's only reader, as the call that is at work."""

    def __init__(self, store: SQLiteStore, inside: Inside) -> None:
        assert store._opened is not None
        store.get("s1")
        [reader] = store._opened.readers.all
        self._cursor: Any = reader.cursor
        self.execute = inside.around(self._cursor.execute)
        reader.cursor = self  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


def test_a_thread_that_reads_while_its_store_is_closed(path: Path) -> None:
    """It reads to its end, and a child inherits nothing of the file."""
    inside, store = Inside(), SQLiteStore(path)
    store.insert(rows.login(rows.session_row("s1")))
    Slow(store, inside)
    found: list[object] = []
    assert inside.seen_by_a_child(lambda: found.append(store.get("s1")), store.close) is False
    assert [None] != found
    assert not is_held_open(str(path))


def test_a_read_that_takes_longer_than_a_fork_waits(path: Path) -> None:
    """The child has the locks that SQLite believes it to have, also when its parent has none."""
    reads, is_over = Event(), Event()
    store = SQLiteStore(path, timeout=0.05)

    def read(cursor: sqlite3.Cursor) -> int:
        reads.set()
        is_over.wait()
        return len(cursor.execute("SELECT 1").fetchall())

    assert store._opened is not None
    with ThreadPoolExecutor(1) as other:
        found = other.submit(store._opened.readers.do, read)
        reads.wait()
        store.close()
        mine, its = socketpair()
        child = os.fork()
        if child == 0:
            mine.close()
            its.send(b".")
            its.recv(1)  # until its parent closes the other end
            os._exit(0)
        assert b"." == mine.recv(1)
        is_over.set()
        assert 1 == found.result()
    assert not is_held_open(str(path))
    assert are_shared(path)
    mine.close()
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert not are_shared(path)
    its.close()


def test_a_thread_that_reads_while_its_file_is_replaced(path: Path) -> None:
    """As by the file that has taken its place."""
    inside = Inside()
    with closing(SQLiteStore(path)) as store:
        store.insert(rows.login(rows.session_row("s1")))
        Slow(store, inside)

        def replace() -> None:
            copy = Path(shutil.copy(path, path.with_suffix(".copy")))
            without_log(path)
            copy.replace(path)
            look_now(store)
            store.mark()

        assert inside.seen_by_a_child(lambda: store.get("s1"), replace) is False


class Destroyed:
    """An SQL function that is at work, as it were, when its connection closes."""

    def __init__(self, inside: Inside) -> None:
        self._work = inside.around(int)

    def __call__(self) -> None: ...

    def __del__(self) -> None:
        self._work()


@pytest.mark.filterwarnings("ignore:database .* a store was not closed:ResourceWarning")
def test_a_thread_that_collects_a_store(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was not closed: what closes its connections is inside SQLite too."""
    hooks, others = WeakKeyDictionary[object, Any](), fork._hooks
    monkeypatch.setattr(fork, "_hooks", hooks)
    inside = Inside()  # told first
    hooks.update(others)
    stores = [SQLiteStore(path)]
    assert stores[0]._opened is not None
    stores[0]._opened.writer.connection.create_function("none", 0, Destroyed(inside))

    def collect() -> None:
        stores.clear()
        gc.collect()

    assert inside.seen_by_a_child(collect) is False
    assert not is_held_open(str(path))


class Meanwhile:
    """What another thread does while this one forks."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._work = work
        around_fork(self, Meanwhile.do, id, id)

    def do(self) -> None:
        other = Thread(target=self._work)  # a fork holds a lock of concurrent.futures
        other.start()
        other.join()


@pytest.mark.filterwarnings("ignore:database .* a store was not closed:ResourceWarning")
def test_a_store_whose_collection_meets_a_fork(path: Path) -> None:
    """Its connections are closed after the fork; a child closes none, and takes their locks."""
    collected, seen = Collected(), list[bool]()
    connections = [sqlite3.connect(path, check_same_thread=False) for _ in range(2)]
    for connection in connections:
        connection.execute("PRAGMA journal_mode = WAL").fetchall()

    def collect() -> None:
        collected.close(str(path), connections)
        seen.append(is_held_open(str(path)))

    meanwhile = Meanwhile(collect)
    hear = socketpair()
    child = os.fork()
    if child == 0:
        connections.clear()
        gc.collect()
        hear[1].send(b"1" if is_held_open(str(path)) else b"0")
        hear[1].recv(1)
        os._exit(0)
    assert (b"1", [True], False) == (hear[0].recv(1), seen, is_held_open(str(path)))
    assert are_shared(path)
    hear[0].send(b".")
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert not are_shared(path)
    for end in hear:
        end.close()
    del meanwhile


def test_nobody_waits_for_a_store_that_closes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks without waiting is refused at once, however long the disk takes."""
    with ThreadPoolExecutor(2) as others:
        store, closes, is_over = SQLiteStore(path), Event(), Event()
        assert store._opened is not None
        whole = store._opened.close

        def close(**options: bool) -> None:
            closes.set()
            is_over.wait()
            whole(**options)

        monkeypatch.setattr(store._opened, "close", close)
        done = others.submit(store.close)
        closes.wait()
        error = others.submit(lambda: store.get("s1", wait=False)).exception(timeout=9)
        is_over.set()
        done.result()
    assert "this store was closed" in str(error)


@pytest.mark.thorough
@pytest.mark.parametrize("opens", [True, False], ids=["opens", "closes"])
def test_children_of_a_process_that_opens_and_closes(tmp_path: Path, opens: bool) -> None:
    """Each reads by a store that was open all the while."""
    with closing(SQLiteStore(tmp_path / "main.db")) as main, ThreadPoolExecutor(1) as other:
        for _ in range(20):
            stores: list[SQLiteStore] = []

            def open_all(stores: list[SQLiteStore] = stores) -> None:
                stores.extend(SQLiteStore(tmp_path / f"{number}.db") for number in range(12))

            def close_all(stores: list[SQLiteStore] = stores) -> None:
                while stores:
                    stores.pop().close()

            if not opens:
                open_all()
            work = other.submit(open_all if opens else close_all)
            while not work.done():
                assert in_child(lambda: main.get("s1")) is None
            close_all()
