"""
The two ways to the application's engine: one blocks its thread, one lets the event loop go on.

Each attempt of a call ends within the store's `timeout`. Blocking, a connection that is late is
shut down under its driver, if that shows its socket; awaited, its task is left to end by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from enum import Enum
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from devsess._runtime.fork import after_fork
from devsess._runtime.interrupted import OnceAThread
from devsess.errors import StoreUnavailableError
from devsess.stores.sqlalchemy.deadlines import Watchdog, connected, refuse_to_make
from devsess.stores.sqlalchemy.errors import foreign, meaning_of, unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, CursorResult, Executable
    from sqlalchemy.ext.asyncio import AsyncConnection

T = TypeVar("T")

# Runs a statement, once for each of the values if there are several.
Execute: TypeAlias = "Callable[..., Awaitable[CursorResult[Any]]]"
Work: TypeAlias = Callable[[Execute], Awaitable[T]]
Values: TypeAlias = "Sequence[dict[str, Any]] | dict[str, Any] | None"


class Isolation(Enum):
    """The isolation that a call needs."""

    READ = "each statement by itself"
    SNAPSHOT = "all statements see one instant"
    WRITE = "one transaction"


# SQLite isolates in one way only, and pysqlite begins by itself before the first write.
_LEVELS: dict[str, dict[Isolation, str]] = {
    "postgresql": {
        Isolation.READ: "AUTOCOMMIT",
        Isolation.SNAPSHOT: "REPEATABLE READ",
        Isolation.WRITE: "READ COMMITTED",
    },
    "mysql": {Isolation.SNAPSHOT: "REPEATABLE READ", Isolation.WRITE: "READ COMMITTED"},
    "mariadb": {Isolation.SNAPSHOT: "REPEATABLE READ", Isolation.WRITE: "READ COMMITTED"},
    "sqlite": {},
}


class Port(Protocol):
    """The connections of a store."""

    dialect: str
    is_awaited: bool

    async def run(self, work: Work[T], isolation: Isolation) -> T:
        """
        The answer of *work*, which runs statements over one connection.

        Raises:
            StoreUnavailableError: If there was no answer in time, or an error.
        """
        ...

    async def run_sync(self, work: Callable[[Connection], T]) -> T:
        """The answer of *work*, which is given a blocking connection; committed."""
        ...

    def is_of(self, engine: Engine) -> bool:
        """Whether *engine* has the same connections."""
        ...

    async def close(self) -> None:
        """Take no more calls. The engine is the application's, and stays as it is."""
        ...


class BlockingPort:
    """
    For SessionManager: its coroutines never suspend.

    A signal's handler is refused while its own thread asks: it would wait for ever for a lock of
    the engine's pool, and for the whole timeout for a row.
    """

    is_awaited = False

    def __init__(self, engine: Engine, timeout: float) -> None:
        self.dialect = _dialect(engine)
        self._engine, self._timeout = engine, timeout
        self._is_closed = False
        self._watchdog = Watchdog()
        refuse_to_make(engine)
        self._in_child()
        after_fork(self, BlockingPort._in_child)

    def _in_child(self) -> None:
        self._inside = OnceAThread()

    async def run(self, work: Work[T], isolation: Isolation) -> T:
        with self._connection(isolation) as connection:

            async def execute(statement: Executable, values: Values = None) -> CursorResult[Any]:
                return connection.execute(statement, values)

            if isolation is Isolation.SNAPSHOT:
                begin_on_sqlite(connection)
            answer = await work(execute)
            if isolation is Isolation.WRITE:
                connection.commit()
            return answer

    async def run_sync(self, work: Callable[[Connection], T]) -> T:
        with self._connection(Isolation.WRITE) as connection:
            answer = work(connection)
            connection.commit()
            return answer

    @contextmanager
    def _connection(self, isolation: Isolation) -> Iterator[Connection]:
        if self._is_closed:
            raise StoreUnavailableError("this store was closed")
        until = monotonic() + self._timeout
        level = _LEVELS[self.dialect].get(isolation)
        try:
            with (
                self._inside.entered(),
                connected(self._engine, until) as connection,
                self._watchdog.over(connection, until),
            ):
                if level is not None:
                    connection = connection.execution_options(isolation_level=level)
                yield connection
        except (SQLAlchemyError, UnicodeError, OSError) as error:
            raise meaning_of(error) from error

    def is_of(self, engine: Engine) -> bool:
        return engine.pool is self._engine.pool

    async def close(self) -> None:
        self._is_closed = True


class AwaitingPort:
    """For AsyncSessionManager."""

    is_awaited = True

    def __init__(self, engine: AsyncEngine, timeout: float) -> None:
        self.dialect = _dialect(engine.sync_engine)
        self._engine, self._timeout = engine, timeout
        self._is_closed = False
        self._late: set[asyncio.Task[Any]] = set()

    async def run(self, work: Work[T], isolation: Isolation) -> T:
        async def whole(connection: AsyncConnection) -> T:
            if isolation is Isolation.SNAPSHOT:
                await connection.run_sync(begin_on_sqlite)
            return await work(connection.execute)

        return await self._in_time(self._connected(whole, isolation))

    async def run_sync(self, work: Callable[[Connection], T]) -> T:
        return await self._in_time(
            self._connected(lambda connection: connection.run_sync(work), Isolation.WRITE)
        )

    async def _connected(
        self, work: Callable[[AsyncConnection], Awaitable[T]], isolation: Isolation
    ) -> T:
        level = _LEVELS[self.dialect].get(isolation)
        try:
            async with self._engine.connect() as connection:
                if level is not None:
                    await connection.execution_options(isolation_level=level)
                answer = await work(connection)
                if isolation is Isolation.WRITE:
                    await connection.commit()
                return answer
        except (SQLAlchemyError, UnicodeError, OSError) as error:
            raise meaning_of(error) from error

    async def _in_time(self, work: Coroutine[Any, Any, T]) -> T:
        """The answer of *work*; one that is late goes on by itself, and is not heard any more."""
        if self._is_closed:
            work.close()
            raise StoreUnavailableError("this store was closed")
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait([task], timeout=self._timeout)
        finally:
            if not task.done():
                self._let_go(task)
        if not task.done():
            raise StoreUnavailableError("the database did not answer in time")
        return task.result()

    def _let_go(self, task: asyncio.Task[Any]) -> None:
        self._late.add(task)
        task.add_done_callback(self._heard)
        task.cancel()

    def _heard(self, task: asyncio.Task[Any]) -> None:
        self._late.discard(task)
        if not task.cancelled():
            task.exception()  # nobody waits for it

    def is_of(self, engine: Engine) -> bool:
        return engine.pool is self._engine.sync_engine.pool

    async def close(self) -> None:
        self._is_closed = True


def port_of(engine: object, timeout: float) -> Port:
    """
    The way to *engine*.

    Raises:
        ConfigurationError: If it is no engine, or of a database that the store does not know.
    """
    if isinstance(engine, Engine) and not engine.dialect.is_async:
        return BlockingPort(engine, timeout)
    if isinstance(engine, AsyncEngine):
        return AwaitingPort(engine, timeout)
    raise foreign(engine)


def _dialect(engine: Engine) -> str:
    if engine.dialect.name not in _LEVELS:
        raise unknown(engine.dialect.name)
    return engine.dialect.name


def begin_on_sqlite(connection: Connection) -> None:
    """Begin, where it is SQLite: pysqlite would let each SELECT see an instant of its own."""
    if connection.dialect.name == "sqlite":
        driver: Any = connection.connection.driver_connection
        if not driver.in_transaction:
            connection.exec_driver_sql("BEGIN")
