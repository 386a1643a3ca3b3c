"""To take a connection and to give it back, in both colours."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, TypeAlias

import psycopg
from psycopg.pq import TransactionStatus

from devsess.errors import StoreUnavailableError
from devsess.stores.postgres.sockets import is_open

if TYPE_CHECKING:
    from psycopg_pool import AsyncConnectionPool, ConnectionPool

    from devsess.stores.postgres.limits import LimitedAsyncConnection, LimitedConnection
    from devsess.stores.postgres.pools import AwaitingConnections, BlockingConnections

# Ours, or the application's own.
BlockingPool: TypeAlias = "BlockingConnections | ConnectionPool[LimitedConnection]"
AwaitingPool: TypeAlias = "AwaitingConnections | AsyncConnectionPool[LimitedAsyncConnection]"

_BEGUN = (TransactionStatus.INTRANS, TransactionStatus.INERROR)


def take(pool: BlockingPool, deadline: float) -> LimitedConnection:
    """
    A connection that the server has not closed: such a one would fail the call at once.

    Raises:
        StoreUnavailableError: If there is none before *deadline*.
    """
    while True:
        try:
            connection = pool.getconn(deadline - monotonic())
        except psycopg.Error as error:
            raise _none(error) from error
        if is_open(connection.pgconn):
            return connection
        connection.close()
        pool.putconn(connection)


async def take_awaited(pool: AwaitingPool, deadline: float) -> LimitedAsyncConnection:
    """See `take`."""
    while True:
        try:
            connection = await pool.getconn(deadline - monotonic())
        except psycopg.Error as error:
            raise _none(error) from error
        if is_open(connection.pgconn):
            return connection
        await connection.close()
        await pool.putconn(connection)


def _none(error: psycopg.Error) -> StoreUnavailableError:
    [text, *_] = str(error).splitlines() or [type(error).__name__]
    return StoreUnavailableError(f"PostgreSQL gave no connection: {text}")


def put_back(pool: BlockingPool, connection: LimitedConnection, *, autocommit: bool) -> None:
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


async def put_back_awaited(
    pool: AwaitingPool, connection: LimitedAsyncConnection, *, autocommit: bool
) -> None:
    """See `put_back`."""
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
