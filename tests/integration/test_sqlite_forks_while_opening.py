"""LAW: a fork waits for a thread that opens or closes a file: a child would hang in SQLite."""

# The expected value stands first.

from __future__ import annotations

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest
from _sqlite_helpers import in_child, look_now, needs_fork, without_log

from devsess._runtime.fork import around_fork
from devsess.stores.sqlite import SQLiteStore, file
from devsess.stores.sqlite.connections import Connections

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

    def seen_by_a_child(self, work: Callable[[], object]) -> object:
        """Whether it was at it still in a child that was forked while another thread did *work*."""
        with ThreadPoolExecutor(1) as other:
            done = other.submit(work)
            self._begun.wait()
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
