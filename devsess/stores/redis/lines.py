"""
Connections to servers, in two colours: one blocks its thread, one lets the event loop go on.

They use the driver's connections, not its clients or pools: those repeat a command whose
answer was lost, and a script that ends sessions may then run twice.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

from attrs import define, field, frozen
from redis.exceptions import RedisError, ResponseError

from devsess._runtime.fork import after_fork
from devsess.errors import StoreUnavailableError

T = TypeVar("T")
Command = Sequence[str | bytes]


@frozen
class Server:
    """Where a server listens, and whether it is a Sentinel."""

    host: str
    port: int
    is_sentinel: bool = False


class Lines(Protocol):
    """The requests that a store sends to servers."""

    async def exchange(
        self, server: Server, commands: Sequence[Command], *, is_read: bool
    ) -> list[Any]:
        """
        The answers to *commands*, sent in one go; an error of the server is an answer too.

        A read is sent again once where the server had closed a connection that was open.

        Raises:
            StoreUnavailableError: If they did not come in time; the commands may have run.
        """
        ...

    async def together(self, calls: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
        """The results of *calls*, at once where that is possible."""
        ...

    async def listen(self, server: Server, channel: str, seconds: float) -> None:
        """
        Return at the next message of *channel*, or after *seconds*.

        Raises:
            StoreUnavailableError: If the connection broke.
        """
        ...

    async def close(self) -> None:
        """Release the connections; closing twice is fine."""
        ...


class _LostError(Exception):
    """A connection that was open before is closed: nothing says whether the command ran."""


def unavailable(error: BaseException) -> StoreUnavailableError:
    """The error of a store whose server did not answer; a password is in none of its words."""
    return StoreUnavailableError(f"the server did not answer: {type(error).__name__}")


@define
class _Pool:
    """Connections to one server that are free, and the room for more."""

    room: Any
    free: list[Any] = field(factory=list)


class BlockingLines:
    """
    For SessionManager: its coroutines never suspend.

    Args:
        make: Makes a connection, still to be connected.
        timeout: Seconds within which answers must come: waiting for a connection,
            connecting, sending and reading together.
        size: The most connections to one server.
    """

    def __init__(self, make: Callable[[Server], Any], *, timeout: float, size: int) -> None:
        self._make, self._timeout, self._size = make, timeout, size
        self._forget()
        after_fork(self, BlockingLines._forget)

    def _forget(self) -> None:
        # In a forked child the connections are the parent's: they are left open, and unused.
        self._abandoned = getattr(self, "_pools", None)
        self._pools: dict[Server, _Pool] = {}
        self._lock = threading.Lock()
        self._listening: Any = None
        self._is_closed = False

    def _pool(self, server: Server) -> _Pool:
        with self._lock:
            if self._is_closed:
                raise StoreUnavailableError("this store was closed")
            if server not in self._pools:
                self._pools[server] = _Pool(threading.BoundedSemaphore(self._size))
            return self._pools[server]

    async def exchange(
        self, server: Server, commands: Sequence[Command], *, is_read: bool
    ) -> list[Any]:
        """See Lines.exchange."""
        deadline = time.monotonic() + self._timeout
        pool = self._pool(server)
        if not pool.room.acquire(timeout=self._timeout):
            raise StoreUnavailableError("no connection became free in time")
        try:
            try:
                return self._asked(pool, server, commands, deadline)
            except _LostError as error:
                if not is_read:
                    raise unavailable(error) from error
                pool.free.clear()
                return self._asked(pool, server, commands, deadline)
        except (RedisError, OSError, _LostError) as error:
            raise unavailable(error) from error
        finally:
            pool.room.release()

    def _asked(
        self, pool: _Pool, server: Server, commands: Sequence[Command], deadline: float
    ) -> list[Any]:
        connection, is_reused = self._taken(pool, server)
        try:
            self._limit(connection, deadline)
            connection.connect()
            self._limit(connection, deadline)
            connection.send_packed_command(connection.pack_commands(commands))
            answers = [self._answer(connection, deadline) for _ in commands]
        except BaseException as error:
            connection.disconnect()
            if is_reused and isinstance(error, (RedisError, OSError)) and _is_lost(error):
                raise _LostError from error
            raise
        pool.free.append(connection)
        return answers

    def _taken(self, pool: _Pool, server: Server) -> tuple[Any, bool]:
        while pool.free:
            try:
                connection = pool.free.pop()
            except IndexError:
                break
            if _is_quiet(connection):
                return connection, True
            connection.disconnect()
        return self._make(server), False

    def _limit(self, connection: Any, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.socket_timeout = connection.socket_connect_timeout = left
        if connection._sock is not None:
            connection._sock.settimeout(left)

    def _answer(self, connection: Any, deadline: float) -> Any:
        self._limit(connection, deadline)
        try:
            return connection.read_response(disable_decoding=True)
        except ResponseError as error:
            return error

    async def together(self, calls: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
        """One after the other."""
        return [await each for each in calls]

    async def listen(self, server: Server, channel: str, seconds: float) -> None:
        """See Lines.listen."""
        try:
            if self._listening is None or self._listening[0] != server:
                self._listening = server, self._subscribed(server, channel)
                return
            connection = self._listening[1]
            connection._sock.settimeout(self._timeout)
            if connection.can_read(timeout=seconds):
                connection.read_response(disable_decoding=True)
        except (RedisError, OSError) as error:
            self._listening = None
            raise unavailable(error) from error

    def _subscribed(self, server: Server, channel: str) -> Any:
        connection = self._make(server)
        deadline = time.monotonic() + self._timeout
        self._limit(connection, deadline)
        connection.connect()
        connection.send_command("SUBSCRIBE", channel)
        connection.read_response(disable_decoding=True)
        return connection

    async def close(self) -> None:
        """See Lines.close."""
        with self._lock:
            self._is_closed = True
            pools, self._pools = self._pools, {}
        for pool in pools.values():
            while pool.free:
                pool.free.pop().disconnect()
        if self._listening is not None:
            self._listening[1].disconnect()
            self._listening = None


def _is_lost(error: BaseException) -> bool:
    """Whether *error* says that the connection was closed, and not that time ran out."""
    return "timeout" not in type(error).__name__.lower()


def _is_quiet(connection: Any) -> bool:
    """Whether an idle connection is as it was left: neither closed nor with an answer in it."""
    try:
        return not connection.can_read(timeout=0)
    except (RedisError, OSError):
        return False


class AwaitingLines:
    """
    For AsyncSessionManager: it connects inside the running loop, at its first request.

    Args: as BlockingLines.
    """

    def __init__(self, make: Callable[[Server], Any], *, timeout: float, size: int) -> None:
        self._make, self._timeout, self._size = make, timeout, size
        self._pools: dict[Server, _Pool] = {}
        self._owner: object = None
        self._listening: Any = None
        self._is_closed = False

    def _pool(self, server: Server) -> _Pool:
        if self._is_closed:
            raise StoreUnavailableError("this store was closed")
        owner = (os.getpid(), asyncio.get_running_loop())
        if self._owner != owner:  # another loop, or a forked child: its own connections
            self._abandoned = self._pools, self._listening
            self._pools, self._listening, self._owner = {}, None, owner
        if server not in self._pools:
            self._pools[server] = _Pool(asyncio.BoundedSemaphore(self._size))
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
                except _LostError:
                    if not is_read:
                        raise
                    pool.free.clear()
                    return await self._asked(pool, server, commands)
        except (RedisError, OSError, _LostError) as error:  # OSError: TimeoutError too
            raise unavailable(error) from error

    async def _asked(self, pool: _Pool, server: Server, commands: Sequence[Command]) -> list[Any]:
        connection, is_reused = self._make(server), False
        while pool.free:
            found = pool.free.pop()
            if not found._reader.at_eof():
                connection, is_reused = found, True
                break
            await found.disconnect(nowait=True)
        try:
            await connection.connect()
            await connection.send_packed_command(connection.pack_commands(commands))
            answers = [await self._answer(connection) for _ in commands]
        except BaseException as error:
            await connection.disconnect(nowait=True)
            if is_reused and isinstance(error, (RedisError, OSError)) and _is_lost(error):
                raise _LostError from error
            raise
        pool.free.append(connection)
        return answers

    async def _answer(self, connection: Any) -> Any:
        try:
            return await connection.read_response(disable_decoding=True)
        except ResponseError as error:
            return error

    async def together(self, calls: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
        """All at once."""
        if len(calls) == 1:
            return [await calls[0]]
        return await asyncio.gather(*calls)

    async def listen(self, server: Server, channel: str, seconds: float) -> None:
        """See Lines.listen."""
        self._pool(server)  # of this loop and process
        try:
            if self._listening is None or self._listening[0] != server:
                async with asyncio.timeout(self._timeout):
                    self._listening = server, await self._subscribed(server, channel)
                return
            await self._listening[1].read_response(disable_decoding=True, timeout=seconds)
        except (RedisError, OSError) as error:
            self._listening = None
            raise unavailable(error) from error

    async def _subscribed(self, server: Server, channel: str) -> Any:
        connection = self._make(server)
        await connection.connect()
        await connection.send_command("SUBSCRIBE", channel)
        await connection.read_response(disable_decoding=True)
        return connection

    async def close(self) -> None:
        """See Lines.close."""
        self._is_closed = True
        pools, self._pools = self._pools, {}
        if self._owner != (os.getpid(), asyncio.get_running_loop()):
            return
        for pool in pools.values():
            while pool.free:
                await pool.free.pop().disconnect()
        if self._listening is not None:
            await self._listening[1].disconnect()
            self._listening = None
