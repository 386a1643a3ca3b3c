"""Stores in a process that forks."""

# The expected value stands first.

from __future__ import annotations

import gc
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, cast
from weakref import ref

import pytest
from _sqlite_helpers import in_child, is_revoked, needs_fork, revoke

from devsess import SessionManager, StoreUnavailableError
from devsess._runtime.mutex import Lock, is_mine, new_lock
from devsess.stores.base import ALL, Inserted
from devsess.stores.memory import MemoryStore
from devsess.stores.sqlite import SQLiteStore
from devsess.stores.sqlite.pause import Pause
from devsess.stores.sqlite.readers import Readers
from devsess.testing import _rows as rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from sqlite3 import Cursor


pytestmark = pytest.mark.usefixtures("mark")


class _Forking:
    """A cursor in whose reading, once begun, a signal's handler forks."""

    def __init__(
        self, cursor: Cursor, children: list[int], first: Callable[[], object] = int
    ) -> None:
        self._cursor = cursor
        self._children = children
        self._first = first

    def execute(self, *args: Any) -> Cursor:
        found = self._cursor.execute(*args)
        if not self._children:
            self._first()
            self._children.append(os.fork())
        return found

    def close(self) -> None:
        self._cursor.close()


@needs_fork
class TestForking:
    def test_a_child_and_its_parent_hear_of_each_other(self, store: SQLiteStore) -> None:
        """Both sides of a fork work on, with connections of their own."""
        store.insert(rows.login(rows.session_row("s2")))
        mark, position = store.mark(), store.changes(None).position

        def work() -> object:
            changed = store.mark() != mark
            answer = changed, store.changes(position).ids is ALL, revoke(store, "s1")
            store.close()
            return answer

        assert (True, True, 1) == in_child(work)
        assert mark != store.mark()
        assert ("s1",) == store.changes(position).ids
        assert is_revoked(store, "s1")
        assert 1 == revoke(store, "s2")

    def test_a_worker_counts_from_nothing(self, path: Path) -> None:
        """Only the parent's metrics count its calls, so a sum over workers counts them once."""
        with SessionManager(path, keys="t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1") as sessions:
            token = sessions.login("ada").access_token
            for _ in range(3):
                sessions.validate(token)

            def work() -> object:
                found = sessions.metrics()
                return found.hits, found.misses, found.catch_ups, len(found.calls)

            assert (0, 0, 0, 0) == in_child(work)
            assert 2 == sessions.metrics().hits

    def test_a_child_leaves_the_parents_files_alone(self, store: SQLiteStore, path: Path) -> None:
        """A child closes nothing that it inherited, not even by collecting it."""
        inherited = _descriptors(path)

        def work() -> object:
            gc.collect()
            return _descriptors(path) >= inherited

        assert inherited
        assert in_child(work)
        revoke(store, "s1")
        other = SQLiteStore(path)
        assert is_revoked(other, "s1")
        other.close()

    def test_a_fork_in_the_middle_of_a_read(self, store: SQLiteStore) -> None:
        """A handler's child reads no more by inherited connections; the parent's read goes on."""
        for number in range(500):
            store.insert(rows.login(rows.session_row(f"more-{number}", device="d" * number)))
        opened, children = store._opened, list[int]()
        assert opened is not None
        store.get("s1")
        [reader] = opened.readers.all
        reader.cursor = cast("Cursor", _Forking(reader.cursor, children))
        try:
            found = len(store.list("user-1"))
        except StoreUnavailableError:
            found = -1
        if children == [0]:
            os._exit(7 if found == -1 and is_revoked(store, "s1") is False else 1)

        assert 501 == found
        assert [7] == [os.waitstatus_to_exitcode(os.waitpid(it, 0)[1]) for it in children]

    @pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
    def test_a_fork_in_the_middle_of_the_last_read(self, store: SQLiteStore, path: Path) -> None:
        """Of a store that another thread closes meanwhile: the child closes nothing either."""
        store.insert(rows.login(rows.session_row("s2")))
        opened, children = store._opened, list[int]()
        assert opened is not None
        store.get("s1")
        [reader] = opened.readers.all
        with ThreadPoolExecutor(1) as other:
            close = partial(lambda: other.submit(store.close).result())
            reader.cursor = cast("Cursor", _Forking(reader.cursor, children, close))
            try:
                found = len(store.list("user-1"))
            except StoreUnavailableError:
                found = -1
            if children == [0]:
                os._exit(7 if found == -1 and _descriptors(path) else 1)

        assert 2 == found
        assert [7] == [os.waitstatus_to_exitcode(os.waitpid(it, 0)[1]) for it in children]
        assert not _descriptors(path)

    @pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
    def test_a_lock_held_by_another_thread(self, store: SQLiteStore) -> None:
        """A child does not inherit the locks of threads that it does not have."""
        held, done = Event(), Event()

        def hold() -> None:
            with store._write_lock, store._watch_lock:
                held.set()
                done.wait()

        thread = Thread(target=hold)
        thread.start()
        held.wait()
        answer = in_child(lambda: (store.mark() is not None, revoke(store, "s1")))
        done.set()
        thread.join()

        assert (True, 1) == answer

    @pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
    def test_a_fork_waits_until_no_thread_is_inside_sqlite(
        self, path: Path, thorough: bool
    ) -> None:
        """A child that is forked from among reading and writing threads reads and writes too."""
        done = Event()
        with closing(SQLiteStore(path)) as store:
            store.insert(rows.login(rows.session_row("s1")))

            def read() -> None:
                while not done.is_set():
                    store.get("s1")

            def write() -> None:
                for number in count():
                    if done.is_set():
                        return
                    store.insert(rows.login(rows.session_row(f"w{number}")))

            threads = [Thread(target=work) for work in (read, read, write)]
            for thread in threads:
                thread.start()
            try:
                children = [f"c{number}" for number in range(20 if thorough else 6)]
                for name in children:
                    work = partial(store.insert, rows.login(rows.session_row(name)))
                    assert isinstance(in_child(work), Inserted)
            finally:
                done.set()
                for thread in threads:
                    thread.join()
            assert {"s1", *children} <= {row.id for row in store.list("user-1")}

    def test_a_fork_takes_away_a_reader_that_is_being_added(self, path: Path) -> None:
        """No thread is inside SQLite by a connection that came while the fork waited."""
        opening, opened = Event(), Event()

        def open_one() -> sqlite3.Connection:
            opening.set()
            opened.wait()
            return sqlite3.connect(path, check_same_thread=False)

        def hold(lock: Lock) -> None:
            opened.set()  # the fork waits from here on
            pause.hold(lock)

        readers = Readers(str(path), open_one, most=1, timeout=9.0)
        with ThreadPoolExecutor(1) as threads:
            found = threads.submit(readers.read, "SELECT 1", ())
            opening.wait()
            pause = paused(9.0)
            readers.pause(hold)
            held = [is_mine(reader.lock) for reader in readers.all]
            pause.end()
            assert [True] == held
            assert [(1,)] == found.result()
        readers.retire()

    def test_a_handler_reads_while_its_thread_opens_a_reader(self, path: Path) -> None:
        """It opens another one; where there can be no more, it gets an error at once."""
        answers: list[object] = []

        def open_one() -> sqlite3.Connection:
            try:
                answers.append(readers.read("SELECT 1", ()))
            except StoreUnavailableError:
                answers.append("busy")
            return sqlite3.connect(path)

        readers = Readers(str(path), open_one, most=2, timeout=9.0)
        found = readers.read("SELECT 2", ())
        readers.retire()

        # In the midst of the first, the handler opens the second; in the midst of that, none.
        assert (["busy", [(1,)]], [(2,)]) == (answers, found)

    def test_no_reader_is_added_in_a_pause(self, path: Path) -> None:
        """By the thread that forks itself: another one would read with it while it forks."""
        readers = Readers(str(path), lambda: sqlite3.connect(path), most=2, timeout=9.0)
        readers.grow()
        pause = paused(9.0)
        readers.pause(pause.hold)
        with pytest.raises(StoreUnavailableError, match="this thread is using it already"):
            readers.read("SELECT 1", ())
        assert 1 == len(readers.all)
        pause.end()
        assert [(1,)] == readers.read("SELECT 1", ())
        readers.retire()

    def test_a_fork_looks_for_connections_when_no_others_can_be_opened(self) -> None:
        """Those that it takes away are the ones that there are, under the write lock."""
        write_lock, asked = new_lock(), list[bool]()

        def opened() -> None:
            asked.append(is_mine(write_lock))

        pause = Pause(write_lock, new_lock(), opened, 9.0)
        pause.begin()
        pause.end()
        assert [True] == asked

    @pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
    def test_threads_fork_at_once(self, store: SQLiteStore, thorough: bool) -> None:
        """Each lets the others go on once it has forked."""
        times = 10 if thorough else 4

        def fork(_: int) -> list[object]:
            return [in_child(lambda: store.get("s1") is not None) for _ in range(times)]

        with ThreadPoolExecutor(3) as threads:
            assert [[True] * times] * 3 == list(threads.map(fork, range(3)))
        assert 1 == revoke(store, "s1")

    def test_a_handler_forks_while_its_thread_forks(self, store: SQLiteStore) -> None:
        """After both, other threads write as before."""
        store._pause()
        store._pause()
        store._go_on()
        store._go_on()
        with ThreadPoolExecutor(1) as other:
            assert None is other.submit(store.add_event, rows.event_row()).result()

    def test_the_inner_of_two_forks_ends_its_own_pause(self, path: Path) -> None:
        """What the outer one did not get in time, others have again as soon as the inner ends."""
        with closing(SQLiteStore(path, timeout=0.1)) as store, ThreadPoolExecutor(1) as other:
            other.submit(store._write_lock.acquire).result()
            store._pause()
            other.submit(store._write_lock.release).result()
            store._pause()
            store._go_on()
            assert is_mine(store._watch_lock)  # the outer one's, until that ends
            assert other.submit(store._write_lock.acquire, timeout=0.1).result()
            other.submit(store._write_lock.release).result()
            store._go_on()

    @pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
    def test_threads_that_forked_leave_nothing_behind(self, store: SQLiteStore) -> None:
        """A server's threads come and go."""
        with ThreadPoolExecutor(1) as other:
            assert other.submit(in_child, lambda: True).result()
        assert 0 == len(store._pauses)

    def test_worker_processes(self, store: SQLiteStore) -> None:
        """Pre-forked workers share a store that was opened before the fork."""
        context = get_context("fork")
        workers = [
            context.Process(target=_write_and_read, args=(store, f"w{number}"))
            for number in range(3)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

        assert [0] * 3 == [worker.exitcode for worker in workers]
        assert {"s1", "w0", "w1", "w2"} == {row.id for row in store.list("user-1")}

    def test_a_memory_store_is_not_shared(self) -> None:
        """A memory store refuses to work in a child, and goes on in its parent."""
        store = MemoryStore()
        store.insert(rows.login(rows.session_row("s1")))
        for write in (
            store.mark,
            lambda: store.get("s1"),
            lambda: store.changes(None),
            lambda: store.list("user-1"),
            lambda: store.purge(rows.retention(), limit=1),
        ):
            kind, message = in_child(write)

            assert "ConfigurationError" == kind
            assert "SQLite" in message

        assert store.get("s1") is not None

    def test_forgotten_stores_do_not_pile_up(self) -> None:
        """A store that is gone is not kept alive for forks to come."""
        gone = ref(MemoryStore())
        gc.collect()

        assert gone() is None


def paused(timeout: float) -> Pause:
    """A pause of no store's own locks."""
    return Pause(new_lock(), new_lock(), lambda: None, timeout)


def _descriptors(path: Path) -> set[int]:
    """This process's open descriptors of the file."""
    found = set()
    for file in Path("/dev/fd").iterdir():
        with suppress(OSError):
            if os.path.samestat(os.fstat(int(file.name)), path.stat()):
                found.add(int(file.name))
    return found


def _write_and_read(store: SQLiteStore, session_id: str) -> None:
    patient = SQLiteStore(store._path)
    patient.insert(rows.login(rows.session_row(session_id)))
    assert store.get(session_id) is not None
    patient.close()
    store.close()
