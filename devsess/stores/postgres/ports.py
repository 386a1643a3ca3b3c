"""The two ways to a server: one blocks its thread, one lets the event loop go on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import psycopg
from attrs import frozen
from psycopg.rows import tuple_row

from devsess._runtime.fork import after_fork
from devsess._runtime.interrupted import OnceAThread
from devsess._runtime.loops import ByLoop
from devsess.errors import StoreUnavailableError
from devsess.stores.postgres import lending, pipelines
from devsess.stores.postgres.errors import LostError, meaning_of
from devsess.stores.postgres.hosts import Hosts
from devsess.stores.postgres.listening import AwaitingListener, BlockingListener
from devsess.stores.postgres.pools import (
    AwaitingConnections,
    BlockingConnections,
)
from devsess.stores.postgres.watching import Watch

if TYPE_CHECKING:
    from psycopg import AsyncCursor, Cursor

    from devsess.stores.postgres.lending import AwaitingPool, BlockingPool
    from devsess.stores.postgres.limits import LimitedAsyncConnection, LimitedConnection
    from devsess.stores.postgres.settings import Settings
    from devsess.stores.postgres.transaction import Batch, Rows, Statement

T = TypeVar("T")
Work = Callable[["Batch"], Awaitable[T]]


class Port(Protocol):
    """The connections of a store."""

    async def run(self, work: Work[T], *, is_read: bool = False) -> T:
        """
        The answer of *work*, which sends statements over one connection, in autocommit.

        *is_read* allows to do it once more where the first connection was lost.

        Raises:
            StoreUnavailableError: If there was no answer in time, or an error.
        """
        ...

    async def run_long(self, work: Work[T], name: str) -> T:
        """
        As `run`, but no limit of time, while the server is seen at work on it.

        *work* must begin with `watching.UNLIMITED`, and this *name*.

        Raises:
            StoreUnavailableError: If the server fell silent, or there was an error.
            StoreBusyError: If a lock was not given.
        """
        ...

    async def listen(self, channel: str, seconds: float) -> None:
        """Return once there was a notification on *channel*, or after *seconds*."""

    async def pause(self, seconds: float) -> None:
        """Return after *seconds*; no connection is taken meanwhile."""

    async def close(self) -> None:
        """Close all connections; closing twice is fine."""


class _Port:
    """The law of both ports: a read whose connection was lost is sent once more, in time."""

    _settings: Settings
    _hosts: Hosts

    async def run(self, work: Work[T], *, is_read: bool = False) -> T:
        """See Port.run."""
        deadline = monotonic() + self._settings.timeout
        try:
            return await self._once(work, deadline)
        except LostError:
            if not is_read or monotonic() >= deadline:
                raise
            return await self._once(work, deadline)

    async def run_long(self, work: Work[T], name: str) -> T:
        """See Port.run_long."""
        timeout = self._settings.timeout
        return await self._once(work, monotonic() + timeout, Watch(name, timeout, self._hosts))

    async def _once(self, work: Work[T], deadline: float, watch: Watch | None = None) -> T:
        raise NotImplementedError


class BlockingPort(_Port):
    """
    For SessionManager: its coroutines never suspend.

    A signal's handler that comes while its own thread writes may read, and is refused what it
    writes: it might wait for a row that its thread has locked. Through the application's own pool
    all is refused, in the midst of any call: the last connection may be its thread's, and the
    pool's queue of tasks has a lock that nobody may take twice.
    """

    def __init__(self, settings: Settings, pool: BlockingPool | None = None) -> None:
        self._settings, self._hosts = settings, Hosts(settings)
        self._given = pool
        self._pool = BlockingConnections(self._settings, self._hosts) if pool is None else pool
        self._inside = OnceAThread()
        self._abandoned: list[object] = []  # kept, so that nothing is closed
        self._is_closed = False
        self._listener = BlockingListener(settings.timeout, self._hosts)
        after_fork(self, BlockingPort._in_child)

    def _in_child(self) -> None:
        """The parent's sockets are neither used nor closed here; nor are its threads here."""
        self._abandoned += [self._pool, self._listener]
        self._given, self._inside = None, OnceAThread()
        self._pool = BlockingConnections(self._settings, self._hosts)
        self._listener = BlockingListener(self._settings.timeout, self._hosts)

    async def run(self, work: Work[T], *, is_read: bool = False) -> T:
        """See Port.run."""
        if is_read and self._given is None:
            return await super().run(work, is_read=True)
        with self._inside.entered():
            return await super().run(work, is_read=is_read)

    async def run_long(self, work: Work[T], name: str) -> T:
        """See Port.run_long."""
        with self._inside.entered():
            return await super().run_long(work, name)

    async def _once(self, work: Work[T], deadline: float, watch: Watch | None = None) -> T:
        pool = self._opened()
        connection = lending.take(pool, deadline)
        autocommit = connection.autocommit
        try:
            connection.deadline = deadline
            if not autocommit:
                connection.autocommit = True
            with nullcontext() if watch is None else watch.over(connection):
                return await work(lambda statements: _sent(connection, statements))
        except (psycopg.Error, UnicodeError) as error:
            raise meaning_of(error, is_closed=connection.closed) from error
        finally:
            lending.put_back(pool, connection, autocommit=autocommit)

    def _opened(self) -> BlockingPool:
        if self._is_closed:
            raise StoreUnavailableError("this store was closed")
        return self._pool

    async def listen(self, channel: str, seconds: float) -> None:
        self._listener.listen(channel, seconds)

    async def pause(self, seconds: float) -> None:
        sleep(seconds)

    async def close(self) -> None:
        self._is_closed = True
        self._listener.close()
        if self._given is None:
            self._pool.close()


@frozen
class _Own:
    """The connections of one event loop."""

    pool: AwaitingPool
    listener: AwaitingListener
    is_given: bool

    def let_go(self) -> None:
        """Close them, though their loop was closed."""
        self.listener.let_go()
        if isinstance(self.pool, AwaitingConnections):
            self.pool.let_go()


class AwaitingPort(_Port):
    """For AsyncSessionManager: it opens its pool inside the running loop."""

    def __init__(self, settings: Settings, pool: AwaitingPool | None = None) -> None:
        self._settings, self._hosts = settings, Hosts(settings)
        self._given = pool  # of the loop that asks first
        self._is_closed = False
        self._own = ByLoop(self._made, _Own.let_go)
        after_fork(self, AwaitingPort._in_child)

    def _in_child(self) -> None:
        self._given = None
        self._own.disown()

    def _made(self) -> _Own:
        given, self._given = self._given, None
        listener = AwaitingListener(self._settings.timeout, self._hosts)
        pool = given or AwaitingConnections(self._settings, self._hosts)
        return _Own(pool, listener, is_given=given is not None)

    async def _once(self, work: Work[T], deadline: float, watch: Watch | None = None) -> T:
        pool = self._opened().pool
        connection = await lending.take_awaited(pool, deadline)
        autocommit = connection.autocommit
        try:
            connection.deadline = deadline
            if not autocommit:
                await connection.set_autocommit(True)
            async with nullcontext() if watch is None else watch.over_awaited(connection):
                return await work(lambda statements: _sent_awaited(connection, statements))
        except (psycopg.Error, UnicodeError) as error:
            raise meaning_of(error, is_closed=connection.closed) from error
        finally:
            await lending.put_back_awaited(pool, connection, autocommit=autocommit)

    def _opened(self) -> _Own:
        if self._is_closed:
            raise StoreUnavailableError("this store was closed")
        return self._own.here()

    async def listen(self, channel: str, seconds: float) -> None:
        await self._opened().listener.listen(channel, seconds)

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def close(self) -> None:
        self._is_closed = True
        own = self._own.taken()
        if own is not None:
            await own.listener.close()
            if not own.is_given:
                await own.pool.close()


async def _sent(connection: LimitedConnection, statements: Sequence[Statement]) -> list[Rows]:
    cursors = [connection.cursor(row_factory=tuple_row) for _ in statements]
    if len(statements) == 1:
        cursors[0].execute(*_query(statements[0]))
    else:
        with pipelines.pipeline(connection):
            for cursor, statement in zip(cursors, statements, strict=True):
                cursor.execute(*_query(statement))
    return [cursor.fetchall() if _has_rows(cursor) else [] for cursor in cursors]


async def _sent_awaited(
    connection: LimitedAsyncConnection, statements: Sequence[Statement]
) -> list[Rows]:
    cursors = [connection.cursor(row_factory=tuple_row) for _ in statements]
    if len(statements) == 1:
        await cursors[0].execute(*_query(statements[0]))
    else:
        async with pipelines.pipeline_awaited(connection):
            for cursor, statement in zip(cursors, statements, strict=True):
                await cursor.execute(*_query(statement))
    return [await cursor.fetchall() if _has_rows(cursor) else [] for cursor in cursors]


def _has_rows(cursor: Cursor[Any] | AsyncCursor[Any]) -> bool:
    # Its description would say so too, but is made each time: it costs more than the query.
    return cursor.pgresult is not None and cursor.pgresult.nfields > 0


def _query(statement: Statement) -> tuple[Any, Any]:
    text, values = statement
    return text, values or None
