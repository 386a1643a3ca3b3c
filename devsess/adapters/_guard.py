"""Live connections that end when their session ends: WebSockets, server-sent events, long jobs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import frozen

from devsess.errors import (
    DevsessError,
    SessionExpiredError,
    SessionNotFoundError,
    SessionRevokedError,
    StoreUnavailableError,
    TokenExpiredError,
)

if TYPE_CHECKING:
    from types import TracebackType

    from devsess.models import Session

# Seconds between two looks: a read of one row each, for every open connection.
LOOK_INTERVAL = 1.0

# Seconds between two looks where a deadline is nearer than clocks agree.
_SOON = 0.001


@frozen
class Watched:
    """
    The session that a guard is for.

    Attributes:
        look: Reads it from the store; on ASGI to be awaited.
        current: The session as its own request knows it; a step-up changes it.
        now: Seconds since the epoch, by the manager's clock.
        ended_by: Called with the reason, before that is raised.
    """

    look: Callable[[], Any]
    current: Callable[[], Session]
    now: Callable[[], float]
    ended_by: Callable[[DevsessError], None]

    def judge(self, session: Session | None) -> float:
        """
        Check that the session and its token still live, and return the deadline.

        Raises:
            SessionNotFoundError, SessionRevokedError, SessionExpiredError: If it does not.
            TokenExpiredError: If a step-up ended the token it was opened with.
        """
        if session is None:
            raise SessionNotFoundError("the session was deleted while its connection was open")
        if session.revoked:
            raise SessionRevokedError(
                "the session was revoked while its connection was open",
                reason=session.revoke_reason,
                revoked_at=session.revoked_at,
            )
        if not session.is_active and session.expires_at.timestamp() > self.now():
            raise SessionRevokedError(
                "the session that began this impersonation has ended", reason="impersonator"
            )
        if not session.is_active:
            raise SessionExpiredError(
                "the session expired while its connection was open", expired_at=session.expires_at
            )
        if session.auth_time != self.current().auth_time:
            raise TokenExpiredError("a newer sign-in took the place of this connection's token")
        return session.expires_at.timestamp()


class Guard:
    """
    Checks on demand that the session still lives; a check is no activity.

    Args:
        watched: The session.
        every: The least seconds between two looks; the deadline is checked in between.
    """

    def __init__(self, watched: Watched, every: float = LOOK_INTERVAL) -> None:
        self._watched = watched
        self._every = every
        self._next = 0.0
        self._deadline = 0.0

    def check(self) -> None:
        """
        Go on, or raise; cheap enough for every message.

        Raises:
            InvalidSessionError: If the session ended.
            StoreUnavailableError: If the store did not answer.
        """
        now = time.monotonic()
        if now < self._next and self._watched.now() < self._deadline:
            return
        try:
            self._deadline = self._watched.judge(self._watched.look())
        except DevsessError as reason:
            self._watched.ended_by(reason)
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
    Ends its block with the session: cancels the block's await and raises the reason.

    Args: as for Guard.

    Raises:
        InvalidSessionError: From the block, when the session ended.
        StoreUnavailableError: From the block, when the store did not answer.
    """

    def __init__(self, watched: Watched, every: float = LOOK_INTERVAL) -> None:
        self._watched = watched
        self._every = every
        self._reason: Exception | None = None

    async def __aenter__(self) -> AsyncGuard:
        deadline = self._watched.judge(await self._watched.look())
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that is awaited runs in a task
        self._task, self._cancelling = task, task.cancelling()
        self._watcher = asyncio.create_task(self._watch(deadline))
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
                    self._watched.ended_by(self._reason)
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

    async def _watch(self, deadline: float) -> None:
        try:
            while True:
                left = max(_SOON, deadline - self._watched.now())
                await asyncio.sleep(min(self._every, left))
                deadline = self._watched.judge(await self._look())
        except Exception as reason:  # noqa: BLE001 - raised by the block: nothing goes on unguarded
            self._reason = reason
            self._task.cancel()

    async def _look(self) -> Session | None:
        try:
            session: Session | None = await self._watched.look()
        except asyncio.CancelledError:
            if self._watcher.cancelling():
                raise
            # The store's own, as of a driver that was closed: taken for ours, it would
            # end the watch alone, and the block would go on unguarded.
            raise StoreUnavailableError("the store cancelled the look at the session") from None
        return session
