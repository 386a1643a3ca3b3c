"""
The connections of a process, in both colours.

Made by the call that needs one, in its own time: a server that is down is found at once, and so is
one that is up again. psycopg's own pool connects in the background: a call waits for all of
its time first, and an event loop that ends meanwhile waits for ever. A pool that the
application has already is used as it is.
"""

from __future__ import annotations

import asyncio
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING

from psycopg import OperationalError

from devsess._runtime.interrupted import Permits
from devsess.stores.postgres import poolers

if TYPE_CHECKING:
    from devsess.stores.postgres.hosts import Hosts
    from devsess.stores.postgres.limits import LimitedAsyncConnection, LimitedConnection
    from devsess.stores.postgres.settings import Settings

# Seconds after which an unused connection is closed: on the way, firewalls forget it.
_MAX_IDLE = 300.0
# Less than an answer is waited for, so that the server says it first, and why. A process that is
# stopped in the middle of a transaction holds its locks no longer than that either. And every
# statement finds its rows by a key: to plan it for each value takes longer than to run it.
# Not behind a pooler: its sessions are other programs' too.
_LIMITS = (
    "SELECT set_config('lock_timeout', %(lock)s, false), set_config('statement_timeout', %(ms)s,"
    " false), set_config('idle_in_transaction_session_timeout', %(ms)s, false),"
    " set_config('jit', 'off', false),"
    " set_config('plan_cache_mode', 'force_generic_plan', false)"
)


def _limits(settings: Settings) -> dict[str, str]:
    milliseconds = settings.timeout * 1_000
    return {"lock": str(int(milliseconds * 0.6) + 1), "ms": str(int(milliseconds * 0.8) + 1)}


class BlockingConnections:
    """
    Connections for threads; the methods that it has in common with psycopg_pool's.

    No lock guards them: each step is one of a deque's, and a signal's handler may come between two.
    """

    def __init__(self, settings: Settings, hosts: Hosts) -> None:
        self._settings, self._hosts = settings, hosts
        self._places = Permits(settings.pool_size)
        self._free: deque[tuple[float, LimitedConnection]] = deque()
        self._is_closed = False
        self._is_pooled = False

    def getconn(self, timeout: float) -> LimitedConnection:
        """
        The connection that was used last, or a new one.

        Raises:
            psycopg.OperationalError: If there is none after *timeout* seconds; at once, if this
                thread has all of them.
        """
        deadline = monotonic() + timeout
        if timeout <= 0 or not self._places.take(timeout):
            if self._places.are_mine():
                raise OperationalError("this thread is using all connections already")
            raise OperationalError("all connections are in use")
        try:
            return self._unused() or self._new(deadline)
        except BaseException:
            self._places.give()
            raise

    def _new(self, deadline: float) -> LimitedConnection:
        made = self._hosts.connect(deadline)
        made.deadline = deadline
        if not poolers.is_pooled(made):
            made.execute(_LIMITS, _limits(self._settings))
        else:
            made.prepare_threshold = None
            if not self._is_pooled:  # said once
                self._is_pooled = True
                poolers.warn(poolers.NOT_PREPARED)
        return made

    def putconn(self, connection: LimitedConnection) -> None:
        """Give one back, be it open or not."""
        if not connection.closed:
            self._free.append((monotonic(), connection))
        if self._is_closed:  # perhaps only just now: then nobody else closes this one
            self._close_free()
        self._places.give()

    def _unused(self) -> LimitedConnection | None:
        """The one that was used last; those that were not used for long are closed."""
        try:
            while self._free[0][0] < monotonic() - _MAX_IDLE:
                # If the old one was taken meanwhile, this closes a younger one, to no harm.
                self._free.popleft()[1].close()
            return self._free.pop()[1]
        except IndexError:
            return None

    def close(self) -> None:
        """Close those that are not in use, and the others when they are given back."""
        self._is_closed = True
        self._close_free()

    def _close_free(self) -> None:
        try:
            while True:
                self._free.pop()[1].close()
        except IndexError:
            return


class AwaitingConnections:
    """Connections for one event loop."""

    def __init__(self, settings: Settings, hosts: Hosts) -> None:
        self._settings, self._hosts = settings, hosts
        self._places = asyncio.Semaphore(settings.pool_size)
        self._free: deque[tuple[float, LimitedAsyncConnection]] = deque()
        self._is_closed = False
        self._is_pooled = False

    async def getconn(self, timeout: float) -> LimitedAsyncConnection:
        """See BlockingConnections."""
        deadline = monotonic() + timeout
        try:
            async with asyncio.timeout(timeout):
                await self._places.acquire()
                try:
                    await self._close_idle()
                    return self._free.pop()[1] if self._free else await self._new(deadline)
                except BaseException:
                    self._places.release()
                    raise
        except TimeoutError:
            raise OperationalError("there was no connection in time") from None

    async def _new(self, deadline: float) -> LimitedAsyncConnection:
        made = await self._hosts.connect_awaited(deadline)
        made.deadline = deadline
        if not await poolers.is_pooled_awaited(made):
            await made.execute(_LIMITS, _limits(self._settings))
        else:
            made.prepare_threshold = None
            if not self._is_pooled:  # said once
                self._is_pooled = True
                poolers.warn(poolers.NOT_PREPARED)
        return made

    async def putconn(self, connection: LimitedAsyncConnection) -> None:
        """See BlockingConnections."""
        if self._is_closed:
            await connection.close()
        elif not connection.closed:
            self._free.append((monotonic(), connection))
        self._places.release()

    async def _close_idle(self) -> None:
        while self._free and self._free[0][0] < monotonic() - _MAX_IDLE:
            await self._free.popleft()[1].close()

    async def close(self) -> None:
        """See BlockingConnections."""
        self._is_closed = True
        while self._free:
            await self._free.pop()[1].close()

    def let_go(self) -> None:
        """Close those that are not in use, though their event loop was closed."""
        self._is_closed = True
        while self._free:
            self._free.pop()[1].pgconn.finish()
