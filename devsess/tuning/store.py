"""A database beside the user's own in which traffic is replayed; deleted afterwards."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from copy import copy
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from attrs import frozen

from devsess.errors import ConfigurationError
from devsess.manager import SessionManager
from devsess.policy import Policy
from devsess.stores.open import file_of
from devsess.testing.clock import FakeClock
from devsess.tuning.clients import SimulatedClient, client, sign_in
from devsess.tuning.traffic import sessions_of

if TYPE_CHECKING:
    from devsess.tokens.keys import Keys
    from devsess.tuning.traffic import Traffic

# A step that scatters any number of sessions evenly over a span.
_GOLDEN = 0.6180339887498949


@frozen
class Replica:
    """
    A copy of the filled database, for one replay.

    Attributes:
        here: The manager that is measured.
        other: Another process's manager, which revokes.
        clients: By the session's name.
        clock: Of both managers; it stands where the traffic begins.
    """

    here: SessionManager
    other: SessionManager
    clients: dict[str, SimulatedClient]
    clock: FakeClock


class ReplayStore:
    """
    A database in which the sessions of the traffic are signed in, copied for each replay.

    Args:
        folder: Where it is kept.
        traffic: To be replayed.
        keys: For all tokens.
    """

    def __init__(self, folder: Path, traffic: Traffic, keys: Keys) -> None:
        self._folder, self._keys = folder, keys
        self._clients = self._signed_in(sessions_of(traffic))

    def _signed_in(self, names: Sequence[str]) -> dict[str, SimulatedClient]:
        """Scattered, so that neither refreshes nor touches come all at once."""
        found: dict[str, SimulatedClient] = {}
        clock, policy = FakeClock(), Policy()
        with SessionManager(self._folder / "filled.db", keys=self._keys, clock=clock) as sessions:
            for index, name in enumerate(names):
                at = -policy.access_lifetime * _scattered(index)
                clock.advance(at)
                found[name] = one = sign_in(sessions, f"user-{index}", client(index), at)
                # The square: when a session is touched and refreshes must not be related.
                seen = max(at, -policy.touch_interval * _scattered(index * index))
                clock.advance(seen - at)
                one.use(sessions)
                clock.advance(-seen)
        return found

    @contextmanager
    def replica(self, policy: Policy) -> Iterator[Replica]:
        """A fresh copy, opened twice, as by two processes; the first has *policy*."""
        from devsess.stores.sqlite import SQLiteStore

        with TemporaryDirectory(dir=self._folder) as folder:
            path = Path(folder) / "replayed.db"
            shutil.copyfile(self._folder / "filled.db", path)
            clients = {name: copy(one) for name, one in self._clients.items()}
            with closing(SQLiteStore(path)) as store, closing(SQLiteStore(path)) as other:
                clock = FakeClock()
                here = SessionManager(store, keys=self._keys, policy=policy, clock=clock)
                yield Replica(
                    here, SessionManager(other, keys=self._keys, clock=clock), clients, clock
                )


@contextmanager
def replay_store(location: str, traffic: Traffic, keys: Keys) -> Iterator[ReplayStore]:
    """
    A store for *traffic* in a folder beside the file at *location*, which is not opened.

    Args:
        location: A path or `sqlite:///file.db`.
        traffic, keys: As in ReplayStore.

    Raises:
        ConfigurationError: If *location* is no file: no other process sees a store in memory,
            and staleness is about what another process has revoked.
        OSError: If nothing can be written beside the file.
    """
    path = file_of(location)
    if path is None:
        raise ConfigurationError(
            "traffic is replayed on SQLite, not on memory://, which no other process sees: "
            "use a path, or sqlite:///file.db"
        )
    folder = Path(path).parent / f".devsess-tune-{token_hex(8)}"
    try:
        # Made inside the try: a signal right after it must not leave the folder behind.
        folder.mkdir(mode=0o700)
        yield ReplayStore(folder, traffic, keys)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _scattered(index: int) -> float:
    """A number from 0 to 1 for each *index*, evenly spread however many there are."""
    return index * _GOLDEN % 1
