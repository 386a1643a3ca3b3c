"""Connections that block their thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from redis.exceptions import RedisError, ResponseError

from devsess._runtime.fork import after_fork
from devsess._runtime.interrupted import Permits
from devsess.errors import StoreUnavailableError
from devsess.stores.redis.limits import limit
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


class BlockingLines:
    """
    For SessionManager: its coroutines never suspend.

    No lock guards the connections: each step is one of a dict's or a list's, and a signal's handler
    may come between two.

    Args:
        make: Makes a connection, still to be connected.
        timeout: Seconds within which answers must come: waiting for a connection,
            connecting, sending and reading together.
        size: The most connections to one server.
    """

    def __init__(self, make: Callable[[Server], Any], *, timeout: float, size: int) -> None:
        self._make, self._timeout, self._size = make, timeout, size
        self._pools: dict[Server, Pool] = {}
        self._listening: Listening | None = None
        self._is_closed = False
        after_fork(self, BlockingLines._in_child)

    @property
    def timeout(self) -> float:
        """See Lines.timeout."""
        return self._timeout

    def _in_child(self) -> None:
        # The connections are the parent's: they are left open here, and never used.
        self._of_parent = self._pools, self._listening
        self._pools, self._listening = {}, None

    def _pool(self, server: Server) -> Pool:
        if self._is_closed:
            raise closed()
        found = self._pools.get(server)
        return found or self._pools.setdefault(server, Pool(Permits(self._size)))

    async def exchange(
        self, server: Server, commands: Sequence[Command], *, is_read: bool
    ) -> list[Any]:
        """See Lines.exchange."""
        seconds = left(self._timeout)
        deadline = time.monotonic() + seconds
        pool = self._pool(server)
        if not pool.room.take(seconds):
            if pool.room.are_mine():
                raise StoreUnavailableError("this thread is using all connections already")
            raise StoreUnavailableError("no connection became free in time")
        try:
            try:
                return self._asked(pool, server, commands, deadline)
            except LostError:
                if not is_read:
                    raise
                self._drop(pool)
                return self._asked(pool, server, commands, deadline)
        except (RedisError, OSError, LostError) as error:
            raise unavailable(error) from error
        finally:
            pool.room.give()

    def _asked(
        self, pool: Pool, server: Server, commands: Sequence[Command], deadline: float
    ) -> list[Any]:
        found = self._free(pool)
        connection = self._make(server) if found is None else found
        try:
            limit(connection, deadline)
            connection.connect()
            connection.send_packed_command(connection.pack_commands(commands))
            answers = [self._answer(connection) for _ in commands]
        except BaseException as error:
            connection.disconnect()
            if found is not None and is_lost(error):
                raise LostError from error
            raise
        pool.free.append(connection)
        if self._is_closed:  # meanwhile: then nobody else closes this one
            self._drop(pool)
        return answers

    def _free(self, pool: Pool) -> Any:
        """A connection that is open and has no answer left in it, or None."""
        while True:
            try:
                connection = pool.free.pop()
            except IndexError:
                return None
            try:
                if not connection.can_read(timeout=0):
                    return connection
            except (RedisError, OSError):
                pass  # the server has closed it
            connection.disconnect()

    def _drop(self, pool: Pool) -> None:
        while pool.free:
            try:
                pool.free.pop().disconnect()
            except IndexError:
                return  # another thread took it

    def _answer(self, connection: Any) -> Any:
        try:
            return connection.read_response(disable_decoding=True)
        except ResponseError as error:
            return error

    async def together(self, calls: Sequence[Callable[[], Coroutine[Any, Any, T]]]) -> list[T]:
        """One after the other."""
        return [await each() for each in calls]

    async def listen(self, server: Server, channel: str, seconds: float) -> None:
        """See Lines.listen."""
        if self._is_closed:
            raise closed()
        try:
            if self._listening is None or self._listening.server != server:
                self._stop_listening()
                self._listening = self._subscribed(server, channel)
            else:
                self._wait(self._listening, seconds)
        except (RedisError, OSError) as error:
            self._stop_listening()
            raise unavailable(error) from error

    def _subscribed(self, server: Server, channel: str) -> Listening:
        connection = self._make(server)
        limit(connection, time.monotonic() + self._timeout)
        connection.connect()
        connection.send_command("SUBSCRIBE", channel)
        connection.read_response(disable_decoding=True)
        return Listening(server, connection, time.monotonic())

    def _wait(self, listening: Listening, seconds: float) -> None:
        now = time.monotonic()
        until = now + seconds
        while True:
            if listening.asked_at is not None and now - listening.asked_at > self._timeout:
                raise TimeoutError
            if listening.is_question_due(now):
                limit(listening.connection, now + self._timeout)
                listening.connection.send_command("PING")
                listening.asked_at = now
            limit(listening.connection, max(now, until) + self._timeout)
            if not listening.connection.can_read(timeout=max(0.0, until - now)):
                return
            limit(listening.connection, time.monotonic() + self._timeout)
            answer = listening.connection.read_response(disable_decoding=True)
            now = time.monotonic()
            if listening.is_message(answer, now):
                until = now  # those that came with it are read too

    def _stop_listening(self) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.connection.disconnect()

    async def close(self) -> None:
        """See Lines.close."""
        self._is_closed = True
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            self._drop(pool)
        self._stop_listening()
