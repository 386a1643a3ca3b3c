"""
Connections to the primary alone, with a limit of time on everything that they do.

psycopg has none: of a server that falls silent no answer comes, be there a
statement_timeout, keepalives or `asyncio.timeout`, which first tries to cancel on the server.
So each wait of a connection looks at a deadline, and drops the connection when it has passed.
"""

from __future__ import annotations

import math
from asyncio import CancelledError
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import TYPE_CHECKING, Any, Self, TypeVar

from psycopg import AsyncConnection, Connection, OperationalError, waiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg.abc import PQGen, PQGenConn

T = TypeVar("T")

# A standby may be behind, and would show a revoked session as it was. libpq finds out while it
# connects, and goes on to the next host; from version 14 on the server says it unasked.
_TO_THE_PRIMARY = {"target_session_attrs": "read-write"}

# Seconds between two looks at the deadline, at most.
_INTERVAL = 0.1


class LateError(OperationalError):
    """No answer came in time; the connection is closed."""


# Until when the connection that is being made must be there.
_UNTIL: ContextVar[float] = ContextVar("until", default=math.inf)


@contextmanager
def connecting(until: float) -> Iterator[None]:
    """Connections that are made inside must be there at *until*, on the monotonic clock."""
    token = _UNTIL.set(until)
    try:
        yield
    finally:
        _UNTIL.reset(token)


class LimitedConnection(Connection[tuple[Any, ...]]):
    """
    A blocking connection whose waits end at `deadline`.

    Attributes:
        deadline: On the monotonic clock; None sets no limit. It may move on during a wait.
    """

    deadline: float | None = None
    # psycopg warns where a connection is collected that is open, unless it is a pool's: ours are.
    _pool = None

    @classmethod
    def connect(cls, conninfo: str = "", **arguments: Any) -> Self:
        """See psycopg.Connection.connect."""
        return super().connect(conninfo, **arguments | _TO_THE_PRIMARY)

    @classmethod
    def _connect_gen(cls, conninfo: str = "", **arguments: Any) -> PQGenConn[Self]:
        return _limited_start(super()._connect_gen(conninfo, **arguments), _UNTIL.get())

    def wait(self, gen: PQGen[T], interval: float = _INTERVAL, timeout: float | None = None) -> T:
        """See psycopg.Connection.wait."""
        if timeout is not None:  # psycopg's own, such as of a cancellation
            return super().wait(gen, interval, timeout)
        try:
            return waiting.wait(_limited(gen, self), self.pgconn.socket, interval)
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            self.pgconn.finish()  # the answer may still come
            raise


class LimitedAsyncConnection(AsyncConnection[tuple[Any, ...]]):
    """`LimitedConnection`, awaited; a cancelled wait closes the connection at once."""

    deadline: float | None = None
    _pool = None

    @classmethod
    async def connect(cls, conninfo: str = "", **arguments: Any) -> Self:
        """See psycopg.AsyncConnection.connect."""
        return await super().connect(conninfo, **arguments | _TO_THE_PRIMARY)

    @classmethod
    def _connect_gen(cls, conninfo: str = "", **arguments: Any) -> PQGenConn[Self]:
        return _limited_start(super()._connect_gen(conninfo, **arguments), _UNTIL.get())

    async def wait(
        self, gen: PQGen[T], interval: float = _INTERVAL, timeout: float | None = None
    ) -> T:
        """See psycopg.AsyncConnection.wait."""
        if timeout is not None:
            return await super().wait(gen, interval, timeout)
        try:
            return await waiting.wait_async(_limited(gen, self), self.pgconn.socket, interval)
        except (CancelledError, KeyboardInterrupt, SystemExit, GeneratorExit):
            self.pgconn.finish()
            raise


def _limited(gen: PQGen[T], connection: LimitedConnection | LimitedAsyncConnection) -> PQGen[T]:
    """*gen*, until the deadline of *connection*, which may move on meanwhile."""
    if connection.deadline is None:
        return (yield from gen)
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            # Also where an answer drips, and something is there.
            if monotonic() >= connection.deadline:
                connection.pgconn.finish()
                raise LateError("the server did not answer in time")
            wanted = gen.send(ready)
    except StopIteration as end:
        answer: T = end.value
        return answer


def _limited_start(gen: PQGenConn[T], until: float) -> PQGenConn[T]:
    """*gen*, which connects, until then."""
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if monotonic() >= until:
                gen.close()
                raise LateError("the server did not answer in time")
            wanted = gen.send(ready)
    except StopIteration as end:
        made: T = end.value
        return made
