"""
Every law of the manager holds blocking and awaited, in memory and in SQLite.

By default each test runs over one of each: the stores are held to their contract elsewhere.
"""

from __future__ import annotations

import asyncio
import inspect
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from devsess import AsyncSessionManager, SessionManager
from devsess.stores.memory import MemoryStore
from devsess.stores.sqlite import SQLiteStore
from devsess.testing import Awaited, FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"


class Blocking:
    """An AsyncSessionManager whose methods wait, so that one test serves both managers."""

    def __init__(self, runner: asyncio.Runner, manager: AsyncSessionManager) -> None:
        self._runner = runner
        self._manager = manager

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._manager, name)
        if not inspect.iscoroutinefunction(method):
            return method
        return lambda *args, **kwargs: self._runner.run(method(*args, **kwargs))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(
    params=[
        "blocking memory",
        pytest.param("blocking sqlite", marks=pytest.mark.thorough),
        "async sqlite",
        pytest.param("async awaited", marks=pytest.mark.thorough),
    ]
)
def make(
    request: pytest.FixtureRequest, tmp_path: Path, empty_database: Path, clock: FakeClock
) -> Iterator[Callable[..., Any]]:
    """Makes managers of one kind on one store."""
    kind, _, where = request.param.partition(" ")
    path = tmp_path / "s.db"
    if where == "sqlite":
        shutil.copy(empty_database, path)
    store: Any = SQLiteStore(path) if where == "sqlite" else MemoryStore()
    with asyncio.Runner() as runner:

        def make(**settings: Any) -> Any:
            settings = {"keys": SECRET, "clock": clock, **settings}
            if kind == "blocking":
                return SessionManager(store, **settings)
            given = Awaited(store) if where == "awaited" else store
            return Blocking(runner, AsyncSessionManager(given, **settings))

        yield make
        store.close()


@pytest.fixture
def sessions(make: Callable[..., Any]) -> Any:
    return make()
