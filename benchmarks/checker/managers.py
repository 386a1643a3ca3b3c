"""The managers of a check, of both kinds, and the clocks of its machines."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from devsess import AsyncSessionManager, SessionManager
from devsess._runtime.clock import elapsed

if TYPE_CHECKING:
    from devsess import Session


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
        return await asyncio.to_thread(method, *args, **kwargs)


class Awaiting:
    """An AsyncSessionManager."""

    def __init__(self, manager: AsyncSessionManager) -> None:
        self.manager = manager

    async def validate(self, token: str) -> Session:
        return await self.manager.validate(token)

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def call(
        self, method: Callable[..., Awaitable[Any]], /, *args: Any, **kwargs: Any
    ) -> Any:
        return await method(*args, **kwargs)
