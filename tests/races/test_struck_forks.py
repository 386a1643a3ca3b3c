"""LAW: a signal's handler that raises around a fork costs parent and child nothing."""

# The expected value stands first.

from __future__ import annotations

import os
import signal
import sys
import threading
from _thread import interrupt_main
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from _lines import Race, Strike, StruckError, at_each_line, outcome_of

from devsess._runtime import fork
from devsess._runtime.mutex import is_mine
from devsess.errors import StoreUnavailableError
from devsess.stores.sqlite import SQLiteStore, connections, schema, walindex
from devsess.testing import _rows as rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Seconds in which whatever is free is had; only what is lost takes so long.
PATIENCE = 1.0
# Exit codes of a child that has all it needs: the strike came there, too, or it did not.
STRUCK, WHOLE = 7, 8

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),
]


@pytest.fixture(autouse=True)
def reported(monkeypatch: pytest.MonkeyPatch) -> list[BaseException | None]:
    """What the interpreter reports and drops: whatever is raised around a fork."""
    found: list[BaseException | None] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda it: found.append(it.exc_value))
    return found


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[list[SQLiteStore]]:
    made = [SQLiteStore(tmp_path / f"{name}.db", timeout=PATIENCE) for name in "ab"]
    for store in made:
        store.insert(rows.login(rows.session_row("s1")))
        store.get("s1")  # opens a reader
    yield made
    for store in made:
        store.close()


def are_free(stores: list[SQLiteStore]) -> bool:
    """Whether another thread gets the imports' lock, and reads and writes in each store."""

    def use() -> bool:
        if not fork.importing.acquire(timeout=PATIENCE):
            return False
        fork.importing.release()
        for store in stores:
            store.add_event(rows.event_row())
            store.changes(None, wait=False)
        return all(store.get("s1") is not None for store in stores)

    with ThreadPoolExecutor(1) as other:
        return outcome_of(other.submit(use).result) is True


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def is_at_home(stores: list[SQLiteStore], inherited: list[object]) -> bool:
    """Whether a child has connections of its own, and finds nothing held."""
    theirs = [store._opened in inherited for store in stores]
    return not any(theirs) and not is_mine(fork.importing) and are_free(stores)


def forked(stores: list[SQLiteStore], is_struck: Callable[[], bool] = lambda: False) -> int:
    """A child that says how it is by its exit code."""
    inherited: list[object] = [store._opened for store in stores]
    child = os.fork()
    if child == 0:
        sys.settrace(None)
        signal.alarm(30)
        good = STRUCK if is_struck() else WHOLE
        os._exit(good if is_at_home(stores, inherited) else 1)
    return child


# The interpreter calls the hooks of others by itself; of a store's, each line counts.
EVERYWHERE = frozenset[str]()


def test_at_any_line(stores: list[SQLiteStore], thorough: bool) -> None:
    """No lock stays held in the parent, and the child's stores open connections of their own."""

    def play(race: Race) -> None:
        child, _ = race(lambda: forked(stores, lambda: race.place is not None), lambda: None)
        assert isinstance(child, int)
        code = ended(child)
        if code == STRUCK and race.place is None:
            race.place = "the child alone"
        assert code in (STRUCK, WHOLE)
        assert are_free(stores)

    at_each_line(play, 1 if thorough else 37, Strike, EVERYWHERE)
    assert {} == fork._under_way  # the next one that nothing strikes forgets what was left


def strike() -> None:
    raise StruckError


class Waits:
    """The imports' lock, for which a fork waits: once a signal's handler comes meanwhile."""

    def __init__(self, handler: Callable[[], None]) -> None:
        self._lock = fork.importing
        self._handler = handler
        self.waits = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lock, name)

    def acquire(self, *args: Any, **options: Any) -> bool:
        self.waits += 1
        if self.waits == 1:
            self._handler()
        return bool(self._lock.acquire(*args, **options))


def test_while_it_waits_for_an_import(
    stores: list[SQLiteStore],
    reported: list[BaseException | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The fork waits on: a child would wait for ever for a module that nobody imports there."""
    waits = Waits(strike)
    monkeypatch.setattr(fork, "importing", waits)
    assert WHOLE == ended(forked(stores))
    assert 2 == waits.waits
    assert [StruckError] == [*map(type, reported)]
    assert are_free(stores)


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="no such signal here")
def test_a_signal_while_another_thread_imports(
    stores: list[SQLiteStore], reported: list[BaseException | None]
) -> None:
    """The handler raises while the fork waits, and the fork begins when the import is over."""
    imports, is_over = threading.Event(), threading.Event()

    def load() -> None:
        with fork.importing:
            imports.set()
            is_over.wait()

    def handle(*_: object) -> None:
        is_over.set()
        strike()

    before = signal.signal(signal.SIGALRM, handle)
    thread = threading.Thread(target=load)
    thread.start()
    imports.wait()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        assert WHOLE == ended(forked(stores))
    finally:
        signal.signal(signal.SIGALRM, before)
        thread.join()
    assert [StruckError] == [*map(type, reported)]
    assert are_free(stores)


class Inside:
    """A thread that is inside a store while this one begins to fork, and for a moment longer."""

    def __init__(self, store: SQLiteStore) -> None:
        self.is_at_it = False
        self._begun, self._forks = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=store._locked, args=(PATIENCE, self._work))
        fork.around_fork(self, lambda it: it._forks.set(), id, id)
        self._thread.start()
        self._begun.wait()

    def _work(self) -> None:
        self.is_at_it = True
        self._begun.set()
        self._forks.wait(PATIENCE / 2)
        self.is_at_it = False

    def end(self) -> None:
        """Wait for it."""
        self._thread.join()


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="no such signal here")
def test_a_signal_that_came_just_before(
    stores: list[SQLiteStore], reported: list[BaseException | None]
) -> None:
    """Its handler runs at the first step of the fork, which waits for threads all the same."""
    before = signal.signal(signal.SIGUSR1, lambda *_: strike())
    inside = Inside(stores[0])
    # Called by the interpreter itself, and once: no step of Python's comes before the fork's own.
    os.register_at_fork(before=partial(next, map(interrupt_main, [signal.SIGUSR1]), None))
    try:
        child = os.fork()
        if child == 0:
            os._exit(STRUCK if inside.is_at_it else WHOLE)
    finally:
        inside.end()
        signal.signal(signal.SIGUSR1, before)
    assert WHOLE == ended(child)
    assert [StruckError] == [*map(type, reported)]
    assert are_free(stores)


class Forks:
    """A signal's handler that forks once, while its thread forks."""

    def __init__(self, fork_it: Callable[[], int]) -> None:
        self.child: int | None = None
        self._fork = fork_it
        fork.around_fork(self, Forks.once, id, id)  # which does nothing

    def once(self) -> None:
        if self.child is None:
            self.child = 0
            self.child = self._fork()


@pytest.mark.parametrize("returns", [True, False], ids=["returns", "stays"])
def test_a_handler_forks_within_a_fork(stores: list[SQLiteStore], returns: bool) -> None:
    """
    Its child has all its locks, whether it goes on with the outer fork or stays in the handler.

    One that stays would keep the imports' lock from its other threads.
    """
    handler = Forks(os.fork if returns else lambda: forked(stores))
    play_outer(stores, handler)


def test_a_handler_forks_while_the_fork_waits(
    stores: list[SQLiteStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For an import: the outer fork takes the lock in both processes, and gives it back in both."""
    handler = Forks(os.fork)
    monkeypatch.setattr(fork, "importing", Waits(handler.once))
    play_outer(stores, handler)


def play_outer(stores: list[SQLiteStore], handler: Forks) -> None:
    """The outer fork is played: a real one would hold a lock of concurrent.futures by then."""
    fork._before()
    fork._in_parent()
    fork._at_last()
    is_whole = {} == fork._under_way and are_free(stores)
    if not handler.child:
        os._exit(WHOLE if is_whole else 1)
    assert WHOLE == ended(handler.child)
    assert is_whole


# A step of an opening, by where it is called from.
STEPS = {
    "names": (connections, "check_names"),
    "index": (walindex, "proven"),
    "tables": (schema, "bring_up_to_date"),
}


def holds_locks(path: Path) -> bool:
    """Whether another process has the file open, by the lock that SQLite takes for that."""
    import fcntl

    with path.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)
        except OSError:
            return True
    return False


def is_refused(path: Path) -> bool:
    """Whether the file cannot be opened."""
    try:
        SQLiteStore(path).close()
    except StoreUnavailableError:
        return True
    return False


def opened_anew(path: Path, ends: int, told: int, waits: int, *, refused: bool) -> None:
    """In the child: its store writes, and stays open until the parent has looked."""
    try:
        signal.alarm(30)
        os.close(ends)
        store = SQLiteStore(path)
        store.insert(rows.login(rows.session_row("child")))
        os.write(told, b"anew" if refused and store.get("child") else b"gone on")
        os.read(waits, 1)
    finally:
        os._exit(0)


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_a_handler_forks_in_the_midst_of_an_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: tuple[Any, str]
) -> None:
    """The child has notes of its parent's locks, and none of these: it opens the file anew."""
    path = tmp_path / "a.db"
    SQLiteStore(path).close()
    work, children = getattr(*step), list[int]()
    (hears, told), (waits, ends) = os.pipe(), os.pipe()

    def forking(*args: Any) -> Any:
        if not children:
            children.append(os.fork())
        return work(*args)

    monkeypatch.setattr(*step, forking)
    refused = is_refused(path)
    if children == [0]:
        opened_anew(path, ends, told, waits, refused=refused)
    os.close(told)
    assert not refused
    assert b"anew" == os.read(hears, 9)
    assert holds_locks(path)
    os.close(ends)
    assert 0 == ended(children[0])
    os.close(hears)
    os.close(waits)
