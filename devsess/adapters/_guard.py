"""Live connections that end when their session ends: WebSockets, server-sent events, long jobs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeAlias

from devsess.errors import (
    DevsessError,
    SessionExpiredError,
    SessionNotFoundError,
    SessionRevokedError,
)

if TYPE_CHECKING:
    from types import TracebackType

    from devsess.models import Session

# Seconds between two looks: a read of one row each, for every open connection.
LOOK_INTERVAL = 1.0

Look: TypeAlias = "Callable[[], Session | None]"
AsyncLook: TypeAlias = "Callable[[], Awaitable[Session | None]]"
Over: TypeAlias = "Callable[[DevsessError], None]"


def judge(session: Session | None) -> None:
    """
    Check that a session that was looked up lives.

    Raises:
        SessionNotFoundError, SessionRevokedError, SessionExpiredError: If it does not.
    """
    if session is None:
        raise SessionNotFoundError("the session was deleted while its connection was open")
    if session.revoked:
        raise SessionRevokedError(
            "the session was revoked while its connection was open",
            reason=session.revoke_reason,
            revoked_at=session.revoked_at,
        )
    if not session.is_active:
        raise SessionExpiredError(
            "the session expired while its connection was open", expired_at=session.expires_at
        )


class Guard:
    """
    Says on demand whether the session still lives; looking is no activity of it.

    Args:
        look: Looks the session up.
        over: Is told why, before it is raised.
        every: Seconds between two looks, at least.
    """

    def __init__(self, look: Look, over: Over, every: float = LOOK_INTERVAL) -> None:
        self._look = look
        self._over = over
        self._every = every
        self._next = 0.0

    def check(self) -> None:
        """
        Go on, or raise; cheap enough for every message.

        Raises:
            InvalidSessionError: If the session ended.
            StoreUnavailableError: If nobody can say.
        """
        now = time.monotonic()
        if now < self._next:
            return
        try:
            judge(self._look())
        except DevsessError as reason:
            self._over(reason)
            raise
        self._next = now + self._every

    def __enter__(self) -> Guard:
        self.check()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing is held."""


class AsyncGuard:
    """
    Ends its block with the session: what the block awaits is cancelled, and the reason raised.

    Args: as for Guard.

    Raises:
        InvalidSessionError: From the block, when the session ended.
        StoreUnavailableError: From the block, when nobody could say any more.
    """

    def __init__(self, look: AsyncLook, over: Over, every: float = LOOK_INTERVAL) -> None:
        self._look = look
        self._over = over
        self._every = every
        self._reason: Exception | None = None

    async def __aenter__(self) -> AsyncGuard:
        judge(await self._look())
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that is awaited runs in a task
        self._task, self._cancelling = task, task.cancelling()
        self._watcher = asyncio.create_task(self._watch())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        came_late = not await self._watch_is_over()
        if self._reason is not None:
            # As asyncio.timeout does: only if the cancellation was ours alone.
            ours = self._task.uncancel() <= self._cancelling
            if ours and (kind is None or issubclass(kind, asyncio.CancelledError)):
                if isinstance(self._reason, DevsessError):
                    self._over(self._reason)
                raise self._reason from None
        if came_late:
            raise asyncio.CancelledError

    async def _watch_is_over(self) -> bool:
        """Stop watching; False if a cancellation came while that was waited for."""
        self._watcher.cancel()
        try:
            await asyncio.wait([self._watcher])
        except asyncio.CancelledError:
            return False
        return True

    async def _watch(self) -> None:
        try:
            while True:
                await asyncio.sleep(self._every)
                judge(await self._look())
        except Exception as reason:  # noqa: BLE001 - raised by the block: nothing goes on unguarded
            self._reason = reason
            self._task.cancel()
