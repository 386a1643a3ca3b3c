"""The facts that all processes of a check know from its start, and the managers that they make."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from attrs import frozen

from benchmarks.checker.board import Board
from devsess import AsyncSessionManager, Policy, SessionManager
from devsess._runtime.clock import elapsed
from devsess.stores.open import open_store
from devsess.stores.sqlite import walindex

if TYPE_CHECKING:
    from devsess import Session

WAYS = ("asking", "following", "acknowledged")
KINDS = ("blocking", "awaiting")

# Seconds between two touches, which are writes of the validating processes, and where memory
# answers: no entry outlives its next touch.
TOUCH_EVERY, RARELY = 0.2, 10.0
# What two clocks differ by, and what that needs of a policy (as docs/sessions.md says).
APART = 60.0
# No validation fails of a slow machine, and no token of its age.
PATIENCE, LIFETIME = 30.0, 86_400.0


class Clock:
    """The clock of a machine that is so many seconds ahead; elapsed time is as everywhere."""

    def __init__(self, ahead: float) -> None:
        self._ahead = timedelta(seconds=ahead)

    def now(self) -> datetime:
        """See devsess's Clock."""
        return datetime.now(UTC) + self._ahead

    def elapsed(self) -> float:
        """See devsess's Clock."""
        return elapsed()


class Face(Protocol):
    """A manager of either kind, whose validations are awaited."""

    manager: Any

    async def validate(self, token: str) -> Session: ...

    async def pause(self, seconds: float) -> None:
        """Let others run, for that long."""
        ...

    async def call(self, method: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """The answer of a method of the manager, while the loop goes on."""
        ...


class Blocking:
    """A SessionManager; its validations never suspend."""

    def __init__(self, manager: SessionManager) -> None:
        self.manager = manager

    async def validate(self, token: str) -> Session:
        return self.manager.validate(token)

    async def pause(self, seconds: float) -> None:
        if seconds:
            time.sleep(seconds)

    async def call(self, method: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        import asyncio

        return await asyncio.to_thread(method, *args, **kwargs)


class Awaiting:
    """An AsyncSessionManager."""

    def __init__(self, manager: AsyncSessionManager) -> None:
        self.manager = manager

    async def validate(self, token: str) -> Session:
        return await self.manager.validate(token)

    async def pause(self, seconds: float) -> None:
        import asyncio

        await asyncio.sleep(seconds)

    async def call(
        self, method: Callable[..., Awaitable[Any]], /, *args: Any, **kwargs: Any
    ) -> Any:
        return await method(*args, **kwargs)


@frozen
class Plan:
    """
    The facts that all processes know.

    Attributes:
        folder: Where the board is.
        secret: The managers' key.
        url: Where the store is.
        through: The same behind a proxy, for the processes that validate.
        way: How they are current.
        max_staleness: In seconds, where they follow.
        lease: In seconds, where endings are acknowledged.
        kinds: Of each validating process, the kind of its manager.
        validations, revocations: At least so many.
        rounds: How often each fault is injected, at least.
        are_apart: Whether the clocks of the processes differ by a minute.
        mark: Of a SQLite file.
        pauses: Seconds between two rounds of a validating thread, in turn.
        pace: Seconds between two endings.
        threads: Of each validating process.
        refusals: How often each of them must find a session ended.
        again: Of a hundred endings, those of a session that was ended before by a process
            which died while it waited for the others to hear.
        opened: Opens the store at a URL; another function for one that is broken.
    """

    folder: Path
    secret: str
    url: str
    through: str
    way: str
    max_staleness: float
    lease: float
    kinds: tuple[str, ...]
    validations: int
    revocations: int
    rounds: int
    are_apart: bool
    mark: str
    pauses: tuple[float, ...]
    pace: float
    threads: int
    refusals: int
    again: int
    opened: Callable[..., Any] = open_store

    @property
    def span(self) -> float:
        """Seconds for which memory may answer without news."""
        return self.max_staleness if self.way == "following" else self.lease

    def board(self) -> Board:
        """The memory that they share; more slots than a run gets to."""
        slots = 50_000 + self.validations // 5
        return Board(self.folder / "board", slots, len(self.kinds), 2 * self.threads)

    def validating(self, process: int) -> Face:
        """The manager of a validating process; the clocks of two differ."""
        ahead = (APART if process % 2 else 0.0) if self.are_apart else 0.0
        return self._face(self.kinds[process], self.through, ahead)

    def ending(self, kind: str) -> Face:
        """A manager that signs in and ends sessions."""
        return self._face(kind, self.url, 0.0)

    def _face(self, kind: str, url: str, ahead: float) -> Face:
        if self.mark == "data_version":  # as where the wal-index cannot be looked at
            walindex._remap = lambda: None
        is_awaited = kind == "awaiting"
        store = self.opened(url, is_awaited=is_awaited)
        how: dict[str, Any] = {"keys": self.secret, "policy": self._policy(), "clock": Clock(ahead)}
        if is_awaited:
            return Awaiting(AsyncSessionManager(store, **how))
        return Blocking(SessionManager(store, **how))

    def _policy(self) -> Policy:
        touch_every = TOUCH_EVERY if self.way == "asking" else RARELY
        common: dict[str, Any] = {"touch_interval": touch_every, "access_lifetime": LIFETIME}
        if self.are_apart:
            common["leeway"] = 1.5 * APART
        if self.way == "acknowledged":
            return Policy(acknowledged=True, lease=self.lease, **common)
        return Policy(max_staleness=self.max_staleness if self.way == "following" else 0, **common)
