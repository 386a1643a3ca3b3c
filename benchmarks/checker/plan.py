"""The facts that all processes of a check know from its start, and the managers that they make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attrs import field, frozen

from benchmarks.checker.board import Board
from benchmarks.checker.managers import Awaiting, Blocking, Clock, Face
from benchmarks.checker.settings import Settings
from devsess import AsyncSessionManager, Policy, SessionManager
from devsess.stores.sqlite import walindex

# Seconds between two touches, which are writes of the validating processes, and where memory
# answers: no entry outlives its next touch.
TOUCH_EVERY, RARELY = 0.2, 10.0
# What two clocks differ by, and what that needs of a policy (as docs/sessions.md says).
APART = 60.0
# No token ends of its age while a check runs.
LIFETIME = 86_400.0


@frozen
class Plan:
    """
    The facts that all processes know.

    Attributes:
        settings: The choices of the check.
        folder: Where the board is.
        secret: The managers' key.
        url: Where the store is.
        through: The same behind a proxy, for the processes that validate.
    """

    settings: Settings
    folder: Path
    secret: str = field(repr=False)
    url: str
    through: str

    def board(self) -> Board:
        """The memory that they share; more slots than a run gets to."""
        chosen = self.settings
        slots = 50_000 + chosen.validations // 5
        return Board(self.folder / "board", slots, len(chosen.kinds), 2 * chosen.threads)

    def validating(self, process: int) -> Face:
        """The manager of a validating process; the clocks of two differ."""
        ahead = (APART if process % 2 else 0.0) if self.settings.are_apart else 0.0
        return self._face(self.settings.kinds[process], self.through, ahead)

    def ending(self, kind: str) -> Face:
        """A manager that signs in and ends sessions."""
        return self._face(kind, self.url, 0.0)

    def _face(self, kind: str, url: str, ahead: float) -> Face:
        if self.settings.mark == "data_version":  # as where the wal-index cannot be looked at
            walindex._remap = lambda: None
        is_awaited = kind == "awaiting"
        store = self.settings.opened(url, is_awaited=is_awaited)
        how: dict[str, Any] = {"keys": self.secret, "policy": self._policy(), "clock": Clock(ahead)}
        if is_awaited:
            return Awaiting(AsyncSessionManager(store, **how))
        return Blocking(SessionManager(store, **how))

    def _policy(self) -> Policy:
        chosen = self.settings
        touch_every = TOUCH_EVERY if chosen.way == "asking" else RARELY
        common: dict[str, Any] = {"touch_interval": touch_every, "access_lifetime": LIFETIME}
        if chosen.are_apart:
            common["leeway"] = 1.5 * APART
        if chosen.way == "acknowledged":
            return Policy(acknowledged=True, lease=chosen.lease, **common)
        staleness = chosen.max_staleness if chosen.way == "following" else 0
        return Policy(max_staleness=staleness, **common)
