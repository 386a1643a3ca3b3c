"""Where traffic is replayed: a store beside the user's own, deleted afterwards."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from copy import copy
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol

from attrs import frozen

from devsess.errors import ConfigurationError, StoreUnavailableError
from devsess.keys import Keys
from devsess.lifecycle import Activity
from devsess.manager import SessionManager
from devsess.policy import Policy
from devsess.stores._url import file_of
from devsess.tuning.clock import BEGIN, TrafficClock
from devsess.tuning.traffic import Traffic
from devsess.tuning.visitors import Visitor, all_signed_in, scattered

if TYPE_CHECKING:
    from devsess.stores.base import Store

MEMORY = "memory://"
# Worlds in memory cannot be copied: all that sign in do so again for about so many of them.
SIGNED_IN_ANEW = 12


@frozen
class World:
    """
    A store in which the sessions of the traffic are signed in, for one replay.

    Attributes:
        store: For the manager that is measured.
        other: The same sessions, as another process would open them.
        visitors: By the session's name.
        keys: Of both managers.
    """

    store: Store
    other: Store
    visitors: dict[str, Visitor]
    keys: Keys

    def age(self, policy: Policy) -> None:
        """Let the last activity of each session lie at most one touch interval back."""
        begin = BEGIN.timestamp()
        for index, visitor in enumerate(self.visitors.values()):
            # As a step of its own: how often they refresh and are touched is not related.
            seen = begin - policy.touch_interval * (1 - scattered(index * index))
            activity = Activity(seen, seen, seen + policy.idle_timeout)
            self.store.touch(visitor.grant.session.id, activity, bound=True)

    def managers(
        self, policy: Policy, clock: TrafficClock
    ) -> tuple[SessionManager, SessionManager]:
        """One that is measured, and another that revokes; the world closes their stores."""
        here = SessionManager(self.store, keys=self.keys, policy=policy, clock=clock)
        return here, SessionManager(self.other, keys=self.keys, clock=clock)


class Ground(Protocol):
    """
    Where one traffic can be replayed again and again from the same beginning.

    Attributes:
        traffic: What can be replayed: requests of sessions that could be signed in in time.
        readers: Whether the store has readers to choose the number of.
    """

    traffic: Traffic
    readers: bool

    def world(self, readers: int | None = None) -> AbstractContextManager[World]:
        """A fresh world; *readers* connections read at the same time, or the store's default."""
        ...


class MemoryGround:
    """Worlds in memory, each signed in anew."""

    readers = False

    def __init__(self, traffic: Traffic, keys: Keys, seconds: float) -> None:
        self.traffic = traffic
        self._keys = keys
        self._seconds = seconds / SIGNED_IN_ANEW
        with self.world() as world:
            self.traffic = traffic.of_first(len(world.visitors))
        self._seconds = math.inf  # the same ones, however long it takes this time

    @contextmanager
    def world(self, readers: int | None = None) -> Iterator[World]:
        """See Ground.world."""
        from devsess.stores.memory import MemoryStore

        del readers
        with closing(MemoryStore()) as store:
            visitors = _filled(store, self.traffic, self._keys, self._seconds)
            yield World(store, store, visitors, self._keys)


class SQLiteGround:
    """Worlds in copies of one file that has been filled once."""

    readers = True

    def __init__(self, folder: Path, traffic: Traffic, keys: Keys, seconds: float) -> None:
        from devsess.stores.sqlite import SQLiteStore

        self._folder = folder
        self._keys = keys
        with closing(SQLiteStore(folder / "filled.db")) as store:
            self._visitors = _filled(store, traffic, keys, seconds)
        self.traffic = traffic.of_first(len(self._visitors))

    @contextmanager
    def world(self, readers: int | None = None) -> Iterator[World]:
        """See Ground.world."""
        from devsess.stores.sqlite import SQLiteStore

        with TemporaryDirectory(dir=self._folder) as folder:
            path = Path(folder) / "replayed.db"
            _copied(self._folder / "filled.db", path)
            store = SQLiteStore(path) if readers is None else SQLiteStore(path, readers=readers)
            with closing(store), closing(SQLiteStore(path)) as other:
                visitors = {name: copy(visitor) for name, visitor in self._visitors.items()}
                yield World(store, other, visitors, self._keys)


@contextmanager
def ground(location: str, traffic: Traffic, keys: Keys, seconds: float) -> Iterator[Ground]:
    """
    Where *traffic* can be replayed as on the store at *location*, which is not opened.

    For a file it is a folder beside it, on the same disk, deleted in the end.

    Args:
        location: A path, `sqlite:///file.db` or `memory://`.
        traffic: Cut before the first session that could not be signed in in time.
        keys: For all tokens.
        seconds: How long signing in may take.

    Raises:
        ConfigurationError: If *location* is neither.
        StoreUnavailableError: If nothing can be written beside the file.
    """
    if location == MEMORY:
        yield MemoryGround(traffic, keys, seconds)
        return
    path = file_of(location)
    if path is None:
        raise ConfigurationError(
            "traffic is replayed on SQLite or in memory: use a path, sqlite:///file.db or memory://"
        )
    folder = Path(path).parent / f".devsess-tune-{token_hex(8)}"
    try:
        # Made in here: a signal that comes right after it must find what removes it.
        _make(folder)
        yield SQLiteGround(folder, traffic, keys, seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise StoreUnavailableError(
            f"the replay needs a folder beside the store, in {folder.parent}: {error.strerror}"
        ) from error


def _copied(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        raise StoreUnavailableError(
            f"the replay needs room beside the store: {error.strerror}"
        ) from error


def _filled(store: Store, traffic: Traffic, keys: Keys, seconds: float) -> dict[str, Visitor]:
    clock = TrafficClock()
    sessions = SessionManager(store, keys=keys, clock=clock)
    return all_signed_in(sessions, traffic.sessions, traffic.devices, clock, seconds)
