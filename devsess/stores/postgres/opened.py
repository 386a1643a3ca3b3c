"""What all calls of the store share: its connections, its schema, and its transactions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from secrets import token_hex
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from attrs import evolve

from devsess.errors import ConfigurationError, StoreUnavailableError
from devsess.stores.calls import StoreBusyError
from devsess.stores.postgres import schema as tables
from devsess.stores.postgres.errors import UndoneError
from devsess.stores.postgres.limits import LimitedAsyncConnection, LimitedConnection
from devsess.stores.postgres.ports import AwaitingPort, BlockingPort, Work
from devsess.stores.postgres.settings import Settings, read_url
from devsess.stores.postgres.transaction import BEGIN, BEGIN_SNAPSHOT, Transaction
from devsess.stores.postgres.watching import UNLIMITED

if TYPE_CHECKING:
    from psycopg_pool import AsyncConnectionPool, ConnectionPool

    from devsess.stores.postgres.ports import Port
    from devsess.stores.postgres.transaction import Batch, Rows, Statement, Values

T = TypeVar("T")
GivenPool: TypeAlias = (
    "ConnectionPool[LimitedConnection] | AsyncConnectionPool[LimitedAsyncConnection]"
)
InTransaction = Callable[[Transaction], Awaitable[T]]

# How often a transaction is tried that the server undid for the sake of others.
_TRIES = 3
# Seconds between two tries of a migration to take its locks.
_PAUSE = 1.0
_LACKING = "the schema lacks {}: `devsess migrate` makes them in the time that they take"


class Opened:
    """
    A schema of a PostgreSQL database, through one of the ports.

    Args:
        given: The settings that come before those in the URL, by name.
        others: As for PostgresStore.
    """

    def __init__(
        self,
        url: str | None,
        pool: GivenPool | None,
        given: Mapping[str, Any],
        *,
        is_awaited: bool,
    ) -> None:
        if (url is None) == (pool is None):
            raise ConfigurationError("give a URL of PostgreSQL or a pool, not both")
        settings = evolve(Settings() if url is None else read_url(url), **given)
        if pool is not None:
            settings = _of_pool(pool, settings)
        self.schema = settings.schema
        self.channel = f"devsess_{settings.schema}"
        self._quoted = f'"{settings.schema}"'
        self._texts: dict[str, str] = {}
        self._is_current = False
        self.port: Port = _port(settings, pool, is_awaited=is_awaited)

    async def ask(self, statement: str, values: Values = ()) -> Rows:
        """The rows of one statement, which reads."""
        [rows] = await self.ask_all((statement, values))
        return rows

    async def ask_all(self, *statements: Statement) -> list[Rows]:
        """The rows of each of *statements*, which read, and are sent at once."""
        await self._check()
        return await self.port.run(lambda batch: self._sending(batch)(statements), is_read=True)

    async def batch(self, *statements: Statement) -> list[Rows]:
        """The rows of each of *statements*, which are sent at once, and once."""
        await self._check()
        return await self._tried(lambda batch: self._sending(batch)(statements))

    async def write(self, work: InTransaction[T], *first: Statement) -> T:
        """The answer of *work*, which happens whole or not at all; *first* takes its locks."""
        await self._check()
        return await self._whole(work, *first)

    async def view(self, work: InTransaction[T]) -> T:
        """The answer of *work*, which reads, and sees all of it as it was at one instant."""
        await self._check()
        return await self._whole(work, begin=BEGIN_SNAPSHOT)

    async def _whole(self, work: InTransaction[T], *first: Statement, begin: str = BEGIN) -> T:
        return await self._tried(self._transaction(work, *first, begin=begin))

    def _transaction(
        self, work: InTransaction[T], *first: Statement, begin: str = BEGIN
    ) -> Work[T]:
        async def whole(batch: Batch) -> T:
            db = Transaction(self._sending(batch), *first, begin=begin)
            answer = await work(db)
            await db.commit()
            return answer

        return whole

    async def _tried(self, work: Work[T], name: str | None = None) -> T:
        """
        The answer of *work*; what the server has undone is tried again, and nothing else.

        With a *name* it takes its time: see Port.run_long.
        """
        for _ in range(_TRIES - 1):
            try:
                return await self._run(work, name)
            except UndoneError:
                continue
        return await self._run(work, name)

    async def _run(self, work: Work[T], name: str | None) -> T:
        return await (self.port.run(work) if name is None else self.port.run_long(work, name))

    def _sending(self, batch: Batch) -> Batch:
        """*batch*, with the names of the schema and its channel in each statement."""

        async def send(statements: Sequence[Statement]) -> list[Rows]:
            return await batch([(self._text(text), values) for text, values in statements])

        return send

    def _text(self, statement: str) -> str:
        found = self._texts.get(statement)
        if found is None:
            found = statement.replace("{s}", self._quoted).replace("{channel}", self.channel)
            if len(self._texts) < 200:  # an update's text depends on its columns
                self._texts[statement] = found
        return found

    async def _check(self) -> None:
        """
        At the first call: take the steps that are lacking, in the time of this call.

        A request must not wait for as long as a step of a great schema takes: what stops its
        process then, such as a server's own limit of time, would undo the step, each time anew.
        """
        if self._is_current:
            return
        steps = await self.pending()
        if steps:
            try:
                await self._whole(self._taken)
            except StoreUnavailableError as error:
                raise type(error)(f"{error}; {_LACKING.format(', '.join(steps))}") from error
        self._is_current = True

    async def migrate(self) -> list[str]:
        """See Store.migrate; it takes the time that it needs."""
        steps = await self.pending()
        if steps:
            steps = await self._taken_in_turn()
        self._is_current = True
        return steps

    async def _taken_in_turn(self) -> list[str]:
        """
        The steps that were taken, once their locks were given.

        While another transaction holds them, all later calls wait behind this one. So each try is
        soon over, and lets the others pass.
        """
        name = f"devsess migrate {token_hex(8)}"
        work = self._transaction(self._taken, (UNLIMITED, {"name": name}))
        while True:
            try:
                return await self._tried(work, name)
            except UndoneError:
                raise
            except StoreBusyError:
                await self.port.pause(_PAUSE)

    async def _taken(self, db: Transaction) -> list[str]:
        return await tables.migrate(db, self.schema)

    async def pending(self) -> list[str]:
        """
        The names of the steps that `migrate` would take.

        Raises:
            StoreUnavailableError: If a newer devsess made the schema.
        """
        return await self._whole(lambda db: tables.pending(db, self.schema))

    async def close(self) -> None:
        """See Store.close."""
        await self.port.close()


def _of_pool(pool: GivenPool, settings: Settings) -> Settings:
    allowed = LimitedConnection, LimitedAsyncConnection
    if not issubclass(pool.connection_class, allowed):
        raise ConfigurationError(
            "make the pool with connection_class=devsess.stores.postgres.LimitedConnection, or "
            "LimitedAsyncConnection: other connections wait for ever where a server falls silent"
        )
    conninfo = pool.conninfo() if callable(pool.conninfo) else pool.conninfo
    if not isinstance(conninfo, str):
        raise ConfigurationError("the pool's conninfo must be a text or a plain function")
    return evolve(settings, conninfo=conninfo, pool_size=pool.max_size)


def _port(settings: Settings, pool: GivenPool | None, *, is_awaited: bool) -> Port:
    if pool is None:
        return AwaitingPort(settings) if is_awaited else BlockingPort(settings)
    from psycopg_pool import AsyncConnectionPool

    if isinstance(pool, AsyncConnectionPool):
        return AwaitingPort(settings, pool)
    return BlockingPort(settings, pool)
