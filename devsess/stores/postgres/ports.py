"""The two ways to a server: one blocks its thread, one lets the event loop go on."""

from __future__ import annotations

import asyncio
import math
import os
import threading
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool, PoolClosed, PoolTimeout

from devsess.errors import StoreUnavailableError
from devsess.stores.postgres.errors import LostError, meaning_of
from devsess.stores.postgres.limits import LimitedAsyncConnection, LimitedConnection
from devsess.stores.postgres.listening import IS_POOLED, AwaitingListener, BlockingListener
from devsess.stores.postgres.sockets import is_quiet

if TYPE_CHECKING:
    from devsess.stores.postgres.settings import Settings
    from devsess.stores.postgres.transaction import Batch, Rows, Statement

T = TypeVar("T")
Work = Callable[["Batch"], Awaitable[T]]
BlockingPool = ConnectionPool[LimitedConnection]
AwaitingPool = AsyncConnectionPool[LimitedAsyncConnection]

_BEGUN = (TransactionStatus.INTRANS, TransactionStatus.INERROR)
# Locks are waited for less long than answers, so that the server says it first. A process that
# is stopped in the middle of a transaction holds its locks no longer than that either.
_LIMITS = (
    "SELECT set_config('statement_timeout', %(ms)s, false), set_config('lock_timeout', %(ms)s,"
    " false), set_config('idle_in_transaction_session_timeout', %(ms)s, false)"
)


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

    async def listen(self, channel: str, seconds: float) -> None:
        """Return once there was a notification on *channel*, or after *seconds*."""
        ...

    async def close(self) -> None:
        """Close all connections; closing twice is fine."""
        ...


def connecting(settings: Settings) -> dict[str, Any]:
    """The arguments for a new connection."""
    # Whole seconds, and libpq takes less than two for two; the pool's limit is exact.
    found: dict[str, Any] = {"autocommit": True, "connect_timeout": math.ceil(settings.timeout)}
    if "application_name" not in settings.conninfo:
        found["application_name"] = "devsess"
    return found


def limits(settings: Settings) -> dict[str, str]:
    """The values of _LIMITS."""
    return {"ms": str(max(1, int(settings.timeout * 800)))}


class BlockingPort:
    """For SessionManager: its coroutines never suspend."""

    def __init__(self, settings: Settings, pool: BlockingPool | None = None) -> None:
        self._settings = settings
        self._given = pool
        self._pool = pool
        self._owner = os.getpid()
        self._opening = threading.Lock()
        self._abandoned: list[object] = []
        self._is_closed = False
        self._listener = BlockingListener(settings, connecting(settings))

    async def run(self, work: Work[T], *, is_read: bool = False) -> T:
        deadline = monotonic() + self._settings.timeout
        try:
            return await self._once(work, deadline)
        except LostError:
            if not is_read or monotonic() >= deadline:
                raise
            return await self._once(work, deadline)

    async def _once(self, work: Work[T], deadline: float) -> T:
        pool = self._opened()
        connection = _taken(pool, deadline, self._settings.pool_size)
        autocommit = connection.autocommit
        try:
            connection.deadline = deadline
            if not autocommit:
                connection.autocommit = True
            return await work(lambda statements: _sent(connection, statements))
        except (psycopg.Error, UnicodeError) as error:
            raise meaning_of(error, is_closed=connection.closed) from error
        finally:
            _put_back(pool, connection, autocommit=autocommit)

    def _opened(self) -> BlockingPool:
        if self._is_closed:
            raise StoreUnavailableError("this store was closed")
        if self._pool is not None and self._owner == os.getpid():
            return self._pool
        with self._opening:
            if self._owner != os.getpid():  # the parent's sockets: neither used nor closed here
                self._abandoned += [self._pool, self._given]
                self._pool, self._given, self._owner = None, None, os.getpid()
            if self._pool is None:
                self._pool = _blocking_pool(self._settings)
            return self._pool

    async def listen(self, channel: str, seconds: float) -> None:
        self._listener.listen(channel, seconds)

    async def close(self) -> None:
        self._is_closed = True
        self._listener.close()
        if self._pool is not None and self._given is None and self._owner == os.getpid():
            self._pool.close(timeout=1.0)


class AwaitingPort:
    """For AsyncSessionManager: it opens its pool inside the running loop."""

    def __init__(self, settings: Settings, pool: AwaitingPool | None = None) -> None:
        self._settings = settings
        self._given = pool
        self._pool = pool
        self._owner: tuple[int, object] | None = None
        self._abandoned: list[object] = []
        self._is_closed = False
        self._listener = AwaitingListener(settings, connecting(settings))

    async def run(self, work: Work[T], *, is_read: bool = False) -> T:
        deadline = monotonic() + self._settings.timeout
        try:
            return await self._once(work, deadline)
        except LostError:
            if not is_read or monotonic() >= deadline:
                raise
            return await self._once(work, deadline)

    async def _once(self, work: Work[T], deadline: float) -> T:
        pool = await self._opened()
        connection = await _awaited_taken(pool, deadline, self._settings.pool_size)
        autocommit = connection.autocommit
        try:
            connection.deadline = deadline
            if not autocommit:
                await connection.set_autocommit(True)
            return await work(lambda statements: _awaited_sent(connection, statements))
        except (psycopg.Error, UnicodeError) as error:
            raise meaning_of(error, is_closed=connection.closed) from error
        finally:
            await _awaited_put_back(pool, connection, autocommit=autocommit)

    async def _opened(self) -> AwaitingPool:
        if self._is_closed:
            raise StoreUnavailableError("this store was closed")
        here = (os.getpid(), asyncio.get_running_loop())
        if self._owner is None:
            self._owner = here
        if self._owner != here:  # of another loop or process: neither used nor closed here
            self._abandoned += [self._pool, self._given]
            self._pool, self._given, self._owner = None, None, here
        if self._pool is None:
            self._pool = _awaiting_pool(self._settings)
            await self._pool.open()
        return self._pool

    async def listen(self, channel: str, seconds: float) -> None:
        await self._listener.listen(channel, seconds)

    async def close(self) -> None:
        self._is_closed = True
        await self._listener.close()
        here = (os.getpid(), asyncio.get_running_loop())
        if self._pool is not None and self._given is None and self._owner == here:
            await self._pool.close(timeout=1.0)


def _pool_settings(settings: Settings) -> dict[str, Any]:
    # It gives up soon, and tries again as soon as somebody asks: with the pool's own five
    # minutes it would be growing less and less often while the server is down, and a minute after.
    return {
        "min_size": 1,
        "max_size": settings.pool_size,
        "open": False,
        "num_workers": 1,
        "timeout": settings.timeout,
        "reconnect_timeout": min(1.0, settings.timeout),
    }


def _blocking_pool(settings: Settings) -> BlockingPool:
    def configure(connection: LimitedConnection) -> None:
        connection.deadline = monotonic() + settings.timeout
        pid = connection.info.backend_pid
        [is_pooled] = connection.execute(IS_POOLED, (pid,)).fetchone() or [True]
        if is_pooled:
            connection.prepare_threshold = None
        else:
            connection.execute(_LIMITS, limits(settings))

    pool = ConnectionPool(
        settings.conninfo,
        connection_class=LimitedConnection,
        kwargs=connecting(settings),
        configure=configure,
        **_pool_settings(settings),
    )
    pool.open()
    return pool


def _awaiting_pool(settings: Settings) -> AwaitingPool:
    async def configure(connection: LimitedAsyncConnection) -> None:
        connection.deadline = monotonic() + settings.timeout
        pid = connection.info.backend_pid
        [is_pooled] = await (await connection.execute(IS_POOLED, (pid,))).fetchone() or [True]
        if is_pooled:
            connection.prepare_threshold = None
        else:
            await connection.execute(_LIMITS, limits(settings))

    return AsyncConnectionPool(
        settings.conninfo,
        connection_class=LimitedAsyncConnection,
        kwargs=connecting(settings),
        configure=configure,
        **_pool_settings(settings),
    )


def _taken(pool: BlockingPool, deadline: float, size: int) -> LimitedConnection:
    """A connection that the server has not closed: such a one would fail the call at once."""
    for _ in range(size + 1):
        try:
            connection = pool.getconn(deadline - monotonic())
        except (PoolTimeout, PoolClosed) as error:
            raise StoreUnavailableError(f"PostgreSQL gave no connection: {error}") from error
        if is_quiet(connection.pgconn):
            return connection
        connection.close()
        pool.putconn(connection)
    raise StoreUnavailableError("PostgreSQL closes every connection")


async def _awaited_taken(pool: AwaitingPool, deadline: float, size: int) -> LimitedAsyncConnection:
    for _ in range(size + 1):
        try:
            connection = await pool.getconn(deadline - monotonic())
        except (PoolTimeout, PoolClosed) as error:
            raise StoreUnavailableError(f"PostgreSQL gave no connection: {error}") from error
        if is_quiet(connection.pgconn):
            return connection
        await connection.close()
        await pool.putconn(connection)
    raise StoreUnavailableError("PostgreSQL closes every connection")


async def _sent(connection: LimitedConnection, statements: Sequence[Statement]) -> list[Rows]:
    cursors = [connection.cursor(row_factory=tuple_row) for _ in statements]
    if len(statements) == 1:
        cursors[0].execute(*_query(statements[0]))
    else:
        with connection.pipeline():
            for cursor, statement in zip(cursors, statements, strict=True):
                cursor.execute(*_query(statement))
    return [cursor.fetchall() if cursor.description else [] for cursor in cursors]


async def _awaited_sent(
    connection: LimitedAsyncConnection, statements: Sequence[Statement]
) -> list[Rows]:
    cursors = [connection.cursor(row_factory=tuple_row) for _ in statements]
    if len(statements) == 1:
        await cursors[0].execute(*_query(statements[0]))
    else:
        async with connection.pipeline():
            for cursor, statement in zip(cursors, statements, strict=True):
                await cursor.execute(*_query(statement))
    return [await cursor.fetchall() if cursor.description else [] for cursor in cursors]


def _query(statement: Statement) -> tuple[Any, Any]:
    text, values = statement
    return text, values or None


def _put_back(pool: BlockingPool, connection: LimitedConnection, *, autocommit: bool) -> None:
    """Give it back; where it is busy, or cannot undo what was begun, it is closed."""
    try:
        if connection.pgconn.transaction_status == TransactionStatus.ACTIVE:
            connection.close()
        elif connection.pgconn.transaction_status in _BEGUN:
            connection.rollback()
        if not autocommit and not connection.closed:
            connection.autocommit = False
    except psycopg.Error:
        connection.close()
    finally:
        connection.deadline = None
        pool.putconn(connection)


async def _awaited_put_back(
    pool: AwaitingPool, connection: LimitedAsyncConnection, *, autocommit: bool
) -> None:
    try:
        if connection.pgconn.transaction_status == TransactionStatus.ACTIVE:
            await connection.close()
        elif connection.pgconn.transaction_status in _BEGUN:
            await connection.rollback()
        if not autocommit and not connection.closed:
            await connection.set_autocommit(False)
    except psycopg.Error:
        await connection.close()
    finally:
        connection.deadline = None
        await pool.putconn(connection)
