"""
A connection that hears notifications, apart from the pool.

Behind a pooler nothing is heard: a wait takes all of its seconds there.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING

import psycopg

from devsess._runtime.interrupted import Flag
from devsess._runtime.mutex import new_lock
from devsess.errors import StoreUnavailableError
from devsess.stores.postgres import poolers
from devsess.stores.postgres.errors import meaning_of

if TYPE_CHECKING:
    from devsess.stores.postgres.hosts import Hosts
    from devsess.stores.postgres.limits import LimitedAsyncConnection, LimitedConnection

# Seconds after which a wait notices that the store was closed.
_SLICE = 0.5


class BlockingListener:
    """For the blocking port."""

    def __init__(self, timeout: float, hosts: Hosts) -> None:
        self._timeout, self._hosts = timeout, hosts
        self._lock = new_lock()
        self._closed = Flag()
        self._connection: LimitedConnection | None = None
        self._is_pooled = False

    def listen(self, channel: str, seconds: float) -> None:
        """
        Return once there was a notification on *channel*, or after *seconds*.

        At once, where the connection is new: what was notified before is lost.

        Raises:
            StoreUnavailableError: If nothing can be heard.
        """
        with self._lock:
            try:
                if self._is_new(channel):
                    return
                if self._is_pooled or self._connection is None:
                    self._closed.wait(seconds)
                else:
                    self._hear(self._connection, seconds)
            except psycopg.Error as error:
                self._drop()
                raise meaning_of(error, is_closed=True) from error

    def _is_new(self, channel: str) -> bool:
        if self._closed.is_set:
            raise StoreUnavailableError("this store was closed")
        if self._is_pooled or self._connection is not None:
            return False
        deadline = monotonic() + self._timeout
        made = self._connection = self._hosts.connect(deadline)
        made.deadline = deadline
        self._is_pooled = poolers.is_pooled(made)
        if self._is_pooled:
            poolers.warn(poolers.NOT_HEARD)
            self._drop()
        else:
            made.execute(f'LISTEN "{channel}"')
            made.deadline = None
        return True

    def _hear(self, connection: LimitedConnection, seconds: float) -> None:
        until = monotonic() + seconds
        while (left := until - monotonic()) > 0 and not self._closed.is_set:
            if [*connection.notifies(timeout=min(left, _SLICE), stop_after=1)]:
                return

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def close(self) -> None:
        """Close the connection, once nothing waits on it."""
        self._closed.set()
        with self._lock:
            self._drop()


class AwaitingListener:
    """For the awaiting port."""

    def __init__(self, timeout: float, hosts: Hosts) -> None:
        self._timeout, self._hosts = timeout, hosts
        self._loop: object = None
        self._connection: LimitedAsyncConnection | None = None
        self._is_pooled = False
        self._is_closed = False

    async def listen(self, channel: str, seconds: float) -> None:
        """See BlockingListener."""
        try:
            if await self._is_new(channel):
                return
            if self._is_pooled or self._connection is None:
                await asyncio.sleep(seconds)
            else:
                await self._hear(self._connection, seconds)
        except psycopg.Error as error:
            await self._drop()
            raise meaning_of(error, is_closed=True) from error

    async def _is_new(self, channel: str) -> bool:
        if self._is_closed:
            raise StoreUnavailableError("this store was closed")
        loop = asyncio.get_running_loop()
        if self._loop is loop:
            return False
        deadline = monotonic() + self._timeout
        self._connection = await self._hosts.connect_awaited(deadline)
        self._connection.deadline = deadline
        self._is_pooled = await poolers.is_pooled_awaited(self._connection)
        if self._is_pooled:
            poolers.warn(poolers.NOT_HEARD)
            await self._drop()
        else:
            await self._connection.execute(f'LISTEN "{channel}"')
            self._connection.deadline = None
        self._loop = loop
        return True

    async def _hear(self, connection: LimitedAsyncConnection, seconds: float) -> None:
        until = monotonic() + seconds
        while (left := until - monotonic()) > 0 and not self._is_closed:
            async for _ in connection.notifies(timeout=min(left, _SLICE), stop_after=1):
                return

    async def _drop(self) -> None:
        if self._connection is not None:
            await self._connection.close()
        self._connection, self._loop = None, None

    async def close(self) -> None:
        """Close the connection."""
        self._is_closed = True
        if self._loop is asyncio.get_running_loop():
            await self._drop()

    def let_go(self) -> None:
        """See AwaitingConnections.let_go."""
        if self._connection is not None:
            self._connection.pgconn.finish()
