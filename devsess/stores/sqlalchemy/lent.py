"""
The store over connections that another library holds, and whose transactions that begins and ends.

Statements are made and read by SQLAlchemy, and run over the library's own connection of the driver.
No commit, rollback or closing by SQLAlchemy reaches it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from devsess.errors import StoreUnavailableError
from devsess.stores.sqlalchemy.calls import Calls
from devsess.stores.sqlalchemy.errors import meaning_of
from devsess.stores.sqlalchemy.ports import Isolation, Work
from devsess.stores.sqlalchemy.schema import tables_for
from devsess.stores.sqlalchemy.store import SQLAlchemyStore

if TYPE_CHECKING:
    from sqlalchemy import Connection, CursorResult, Engine, Executable

    from devsess.stores.sqlalchemy.ports import Values

T = TypeVar("T")


class Lender(Protocol):
    """
    A library's connections to one database.

    Attributes:
        dialect: The database, as SQLAlchemy names it: "sqlite" or "postgresql".
    """

    dialect: str

    def lend(self, isolation: Isolation) -> AbstractContextManager[Any]:
        """
        The driver's connection of this thread.

        A write or a snapshot is given one in a transaction, which is committed with the block,
        or in a savepoint if a transaction is open. For a read none is begun.

        Raises:
            StoreUnavailableError: If there is none, or its transaction cannot begin or end.
        """
        ...


class LentPort:
    """For SessionManager: its coroutines never suspend."""

    is_awaited = False

    def __init__(self, lender: Lender) -> None:
        self.dialect = lender.dialect
        self._lender = lender
        self._lent = threading.local()
        self._engine = _engine(lender.dialect, lambda: _Lent(self._lent.driver))
        self._is_closed = False

    async def run(self, work: Work[T], isolation: Isolation) -> T:
        with self._connection(isolation) as connection:

            async def execute(statement: Executable, values: Values = None) -> CursorResult[Any]:
                return connection.execute(statement, values)

            return await work(execute)

    async def run_sync(self, work: Callable[[Connection], T]) -> T:
        with self._connection(Isolation.WRITE) as connection:
            return work(connection)

    @contextmanager
    def _connection(self, isolation: Isolation) -> Iterator[Connection]:
        if self._is_closed:
            raise StoreUnavailableError("this store was closed")
        try:
            with self._lender.lend(isolation) as driver:
                self._lent.driver = driver
                with self._engine.connect() as connection:
                    yield connection
        except (SQLAlchemyError, UnicodeError, OSError) as error:
            raise meaning_of(error) from error

    def is_of(self, engine: Engine) -> bool:
        return engine is self._engine

    async def close(self) -> None:
        self._is_closed = True


class LentStore(SQLAlchemyStore):
    """
    A store over the connections of *lender*.

    It has no `timeout` of its own: how long a call may wait is the library's to say.
    """

    def __init__(self, lender: Lender) -> None:
        Calls.__init__(self, tables_for(), LentPort(lender))


class _Lent:
    """A driver's connection, of which SQLAlchemy ends nothing and which it does not set up."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    def _nothing(self, *_: object, **__: object) -> None: ...

    commit = rollback = close = create_function = add_notice_handler = _nothing


def _engine(dialect: str, connect: Callable[[], _Lent]) -> Engine:
    options: dict[str, Any] = {"poolclass": NullPool, "pool_reset_on_return": None}
    if dialect == "sqlite":
        return create_engine("sqlite://", creator=connect, **options)
    # Its types are looked up over a connection of the driver's own class.
    options["use_native_hstore"] = False
    return create_engine("postgresql+psycopg://", creator=connect, **options)
