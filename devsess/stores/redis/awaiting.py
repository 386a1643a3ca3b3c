"""Connections that let the event loop go on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from attrs import define, field
from redis.exceptions import RedisError, ResponseError

from devsess._runtime.fork import after_fork
from devsess._runtime.loops import ByLoop
from devsess.stores.redis.lines import (
    Command,
    Listening,
    LostError,
    Pool,
    Server,
    closed,
    is_lost,
    left,
    unavailable,
)

T = TypeVar("T")

# Seconds to look for messages that came together with one.
_AT_ONCE = 0.001


@define
class _Own:
    """The connections of one event loop."""

    pools: dict[Server, Pool] = field(factory=dict)
    listening: Listening | None = None


class AwaitingLines:
    """
    For AsyncSessionManager: it connects inside the running loop, at its first request.

    Args: as BlockingLines.
    """

    def __init__(self, make: Callable[[Server], Any], *, timeout: float, size: int) -> None:
        self._make, self._timeout, self._size = make, timeout, size
        self._is_closed = False
        # The driver's connections close themselves, when nobody has them any more.
        self._own = ByLoop(_Own, id)
        after_fork(self, lambda lines: lines._own.disown())

    @property
    def timeout(self) -> float:
        """See Lines.timeout."""
        return self._timeout

    def _opened(self) -> _Own:
        if self._is_closed:
            raise closed()
        return self._own.here()

    def _pool(self, server: Server) -> Pool:
        pools = self._opened().pools
        if server not in pools:
            pools[server] = Pool(asyncio.BoundedSemaphore(self._size))
        return pools[server]

    async def exchange(
        self, server: Server, commands: Sequence[Command], *, is_read: bool
    ) -> list[Any]:
        """See Lines.exchange."""
        pool = self._pool(server)
        try:
            async with asyncio.timeout(left(self._timeout)), pool.room:
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
        own = self._opened()
        try:
            if own.listening is None or own.listening.server != server:
                await _stop_listening(own)
                async with asyncio.timeout(self._timeout):
                    own.listening = await self._subscribed(server, channel)
            else:
                await self._wait(own.listening, seconds)
        except (RedisError, OSError) as error:
            await _stop_listening(own)
            raise unavailable(error) from error
        except asyncio.CancelledError:
            await _stop_listening(own)
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

    async def close(self) -> None:
        """See Lines.close."""
        self._is_closed = True
        own = self._own.taken()
        if own is None:
            return
        connections = [it for pool in own.pools.values() for it in pool.free]
        if own.listening is not None:
            connections.append(own.listening.connection)
            own.listening = None
        # TLS says goodbye and waits for the answer, which a silent server never gives.
        with suppress(TimeoutError, RedisError):
            async with asyncio.timeout(self._timeout):
                for connection in connections:
                    await connection.disconnect()


async def _stop_listening(own: _Own) -> None:
    listening, own.listening = own.listening, None
    if listening is not None:
        await listening.connection.disconnect(nowait=True)
