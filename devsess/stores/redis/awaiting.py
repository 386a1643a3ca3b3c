"""Connections that let the event loop go on."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from redis.exceptions import RedisError, ResponseError

from devsess.stores.redis.lines import (
    Command,
    Listening,
    LostError,
    Pool,
    Server,
    closed,
    is_lost,
    unavailable,
)

T = TypeVar("T")

# Seconds to look for messages that came together with one.
_AT_ONCE = 0.001


class AwaitingLines:
    """
    For AsyncSessionManager: it connects inside the running loop, at its first request.

    Args: as BlockingLines.
    """

    def __init__(self, make: Callable[[Server], Any], *, timeout: float, size: int) -> None:
        self._make, self._timeout, self._size = make, timeout, size
        self._pools: dict[Server, Pool] = {}
        self._listening: Listening | None = None
        self._owner: object = None
        self._is_closed = False

    def _pool(self, server: Server) -> Pool:
        if self._is_closed:
            raise closed()
        owner = (os.getpid(), asyncio.get_running_loop())
        if self._owner != owner:  # another loop, or a forked child: connections of its own
            self._of_others = self._pools, self._listening
            self._pools, self._listening, self._owner = {}, None, owner
        if server not in self._pools:
            self._pools[server] = Pool(asyncio.BoundedSemaphore(self._size))
        return self._pools[server]

    async def exchange(
        self, server: Server, commands: Sequence[Command], *, is_read: bool
    ) -> list[Any]:
        """See Lines.exchange."""
        pool = self._pool(server)
        try:
            async with asyncio.timeout(self._timeout), pool.room:
                try:
                    return await self._asked(pool, server, commands)
                except LostError:
                    if not is_read:
                        raise
                    while pool.free:
                        await pool.free.pop().disconnect(nowait=True)
                    return await self._asked(pool, server, commands)
        except (RedisError, OSError, LostError) as error:  # OSError: TimeoutError too
            raise unavailable(error) from error

    async def _asked(self, pool: Pool, server: Server, commands: Sequence[Command]) -> list[Any]:
        found = await self._free(pool)
        connection = self._make(server) if found is None else found
        try:
            await connection.connect()
            await connection.send_packed_command(connection.pack_commands(commands))
            answers = [await self._answer(connection) for _ in commands]
        except BaseException as error:  # a cancelled request's too: its answer is still to come
            await connection.disconnect(nowait=True)
            if found is not None and is_lost(error):
                raise LostError from error
            raise
        pool.free.append(connection)
        return answers

    async def _free(self, pool: Pool) -> Any:
        """A connection that the server has not closed, or None."""
        while pool.free:
            connection = pool.free.pop()
            if connection.is_connected and not connection._reader.at_eof():
                return connection
            await connection.disconnect(nowait=True)
        return None

    async def _answer(self, connection: Any) -> Any:
        try:
            return await connection.read_response(disable_decoding=True)
        except ResponseError as error:
            return error

    async def together(self, calls: Sequence[Callable[[], Coroutine[Any, Any, T]]]) -> list[T]:
        """All at once."""
        if len(calls) == 1:
            return [await calls[0]()]
        found: list[T] = []
        for each in await asyncio.gather(*(it() for it in calls), return_exceptions=True):
            if isinstance(each, BaseException):
                raise each
            found.append(each)
        return found

    async def listen(self, server: Server, channel: str, seconds: float) -> None:
        """See Lines.listen."""
        self._pool(server)  # of this loop and process
        try:
            if self._listening is None or self._listening.server != server:
                await self._stop_listening()
                async with asyncio.timeout(self._timeout):
                    self._listening = await self._subscribed(server, channel)
            else:
                await self._wait(self._listening, seconds)
        except (RedisError, OSError) as error:
            await self._stop_listening()
            raise unavailable(error) from error
        except asyncio.CancelledError:
            await self._stop_listening()
            raise

    async def _subscribed(self, server: Server, channel: str) -> Listening:
        connection = self._make(server)
        try:
            await connection.connect()
            await connection.send_command("SUBSCRIBE", channel)
            await connection.read_response(disable_decoding=True)
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        return Listening(server, connection, time.monotonic())

    async def _wait(self, listening: Listening, seconds: float) -> None:
        now = time.monotonic()
        until = now + seconds
        while True:
            if listening.asked_at is not None and now - listening.asked_at > self._timeout:
                raise TimeoutError
            if listening.is_question_due(now):
                await listening.connection.send_command("PING")
                listening.asked_at = now
            answer = await listening.connection.read_response(
                disable_decoding=True, timeout=max(_AT_ONCE, until - now)
            )
            now = time.monotonic()
            if answer is None:
                return
            if listening.is_message(answer, now):
                until = now  # those that came with it are read too

    async def _stop_listening(self) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            await listening.connection.disconnect(nowait=True)

    async def close(self) -> None:
        """See Lines.close."""
        self._is_closed = True
        pools, self._pools = self._pools, {}
        if self._owner != (os.getpid(), asyncio.get_running_loop()):
            return
        connections = [it for pool in pools.values() for it in pool.free]
        if self._listening is not None:
            connections.append(self._listening.connection)
            self._listening = None
        # TLS says goodbye and waits for the answer, which a silent server never gives.
        with suppress(TimeoutError, RedisError):
            async with asyncio.timeout(self._timeout):
                for connection in connections:
                    await connection.disconnect()
