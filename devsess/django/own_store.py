"""
The store over the project's own connection, and within its transactions.

Each operation that joins a transaction stands in a savepoint. One that returns is kept there. One
that raises, since it found a thief or a stranger, is undone, and what it wrote is written again by
itself when the transaction has ended: no rollback undoes it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import transaction

from devsess._runtime.drive import drive
from devsess.django.lending import ConnectionApart, OwnConnection, meanings
from devsess.django.transactions import Kept, Watch, watch_of
from devsess.errors import ConfigurationError, StoreUnavailableError
from devsess.stores.as_json import UnreadableRowError
from devsess.stores.sqlalchemy import log, migrating
from devsess.stores.sqlalchemy.calls import Calls
from devsess.stores.sqlalchemy.lent import LentStore
from devsess.stores.sqlalchemy.ports import How
from devsess.stores.sqlalchemy.unit import Unit

if TYPE_CHECKING:
    from devsess.lifecycle import Activity
    from devsess.stores.sqlalchemy.calls import In
    from devsess.stores.sqlalchemy.ports import Execute

T = TypeVar("T")

# Each statement sees what was committed before it; in a snapshot, ended sessions would look live.
_ISOLATION = "read committed"


class OwnStore(LentStore):
    """
    A store in the tables of the database *alias*, over the connections of Django.

    Attributes:
        connection: Where it is lent its connections.
        apart: The same over a connection of its own for each call.
        on_late: Called after a write that had to wait for the end of a transaction.
    """

    def __init__(self, alias: str) -> None:
        self.connection = OwnConnection(alias)
        super().__init__(self.connection)
        self.apart = LentStore(ConnectionApart(alias))
        self.on_late: Callable[[], None] | None = None

    def write_late(self, work: In[Any]) -> None:
        """Write what no rollback may undo."""
        drive(self.write(work))
        if self.on_late is not None:
            self.on_late()

    @property
    def wrapper(self) -> Any:
        """Django's object for the connection of this thread."""
        return self.connection.wrapper

    @property
    def is_within(self) -> bool:
        """Whether this thread is in a transaction, that of a test included."""
        return bool(self.wrapper.in_atomic_block)

    @property
    def is_open(self) -> bool:
        """Whether this thread is in a transaction of the project's."""
        return self.is_within and watch_of(self.wrapper).is_open

    def join(self, transaction: object) -> JoinedStore:
        """See SupportsJoining: a connection of Django's, as `django.db.connections` has it."""
        if transaction is not self.wrapper:
            raise ConfigurationError("this is not Django's connection that the store is over")
        return JoinedStore(self)


class _JoinedUnit(Unit):
    """A unit that draws numbers over another connection: they need not be in order."""

    apart: Calls | None = None

    async def draw(self) -> int:
        return await super().draw() if self.apart is None else await self.apart.draw()


class JoinedStore(Calls):
    """A store within the transaction that is open: see the module, and SupportsJoining."""

    def __init__(self, own: OwnStore) -> None:
        self.tables, self.port = own.tables, own.port
        self._own, self._wrapper = own, own.wrapper
        self._watch: Watch = watch_of(self._wrapper)
        self._begin_operation()

    @property
    def _is_tested(self) -> bool:
        """Whether a test's transaction is around: each time, for `bound` may have come earlier."""
        return bool(self._watch.tests)

    @property
    def _draws_apart(self) -> bool:
        # On SQLite another connection would wait for this transaction, once it has written.
        return self.port.dialect == "postgresql" and not self._is_tested

    def _begin_operation(self) -> None:
        self._calls: list[In[Any]] = []
        self._logged: list[str | None] = []
        self._savepoint: Any = None
        self._is_open = False

    # SupportsJoining.

    async def begin(self) -> None:
        """An operation begins: in a savepoint."""
        self._begin_operation()
        await self._check()
        self._is_open = self._watch.is_open
        self._savepoint = self._entered()

    async def keep(self, at_commit: Callable[[], Awaitable[None] | None]) -> None:
        """It has returned: its writes stand or fall with the transaction."""
        self._left(None)
        kept = Kept(self, self._logged, at_commit)
        if self._is_open:
            self._watch.keep(kept)
        else:  # a test's own, which is never committed
            kept()

    async def undo(self) -> None:
        """It has raised: nothing of it stays in the transaction."""
        if self._savepoint is not None:
            self._left(_UndoneError())

    async def write_apart(self) -> None:
        """Write what was undone by itself, as soon as the transaction has ended."""
        for work in self._calls:
            self._watch.put_off(partial(self._own.write_late, work))
        self._watch.write_apart()

    async def put_off(self, again: Callable[[], Awaitable[None] | None]) -> bool:
        """Do it again as soon as the transaction has ended."""
        if not self._is_open:
            return False
        await self.undo()
        self._watch.put_off(again)
        return True

    def _entered(self) -> Any:
        savepoint = transaction.atomic(using=self._wrapper.alias)
        with meanings(self._wrapper):
            savepoint.__enter__()
        return savepoint

    def _left(self, error: BaseException | None) -> None:
        savepoint, self._savepoint = self._savepoint, None
        with meanings(self._wrapper):
            savepoint.__exit__(None if error is None else type(error), error, None)

    async def _check(self) -> None:
        """Once for each transaction: see `_ISOLATION`."""
        # atomic() within a transaction by hand commits nothing.
        if not (self._wrapper.in_atomic_block and self._wrapper.commit_on_exit):
            raise ConfigurationError(
                "devsess joins the transactions of atomic(), and of no set_autocommit(False)"
            )
        if self._watch.is_checked or self.port.dialect == "sqlite":
            return
        with self._own.connection.lend(How.READ) as driver, self._wrapper.wrap_database_errors:
            [level] = driver.execute("SHOW transaction_isolation").fetchone()
        if level != _ISOLATION:
            raise ConfigurationError(
                f"this transaction is in {level}, and devsess joins those in {_ISOLATION}"
            )
        self._watch.is_checked = True

    # How calls run.

    async def check(self) -> None:
        if self._own.is_ready:
            return
        if self._draws_apart:
            await self._own.apart.check()
            self._own.is_ready = True
        elif not await self.run(migrating.is_ready, How.READ):
            await self.run(migrating.put_first_rows, How.WRITE)

    async def write(self, work: In[T], *, waits: bool = True) -> T:
        # One write is part of nothing, and the manager calls it as a read: the use of a ticket,
        # which no rollback may undo.
        if self._savepoint is None:
            store = self._own if self._is_tested else self._own.apart
            return await store.write(work, waits=waits)
        await self.check()
        self._calls.append(work)
        return await self.run(work, How.WRITE, waits=waits)

    async def run(self, work: In[T], how: How, *, waits: bool = True) -> T:
        async def whole(execute: Execute) -> T:
            is_write = how is How.WRITE
            db = _JoinedUnit(
                self.tables, execute, self.port.dialect, is_write=is_write, waits=waits
            )
            db.apart = self._own.apart if self._draws_apart else None
            answer = await work(db)
            if self._is_tested:
                await log.append(db, db.logged)
            else:
                self._logged += db.logged
            return answer

        await self._check()
        try:
            return await self.port.run(whole, How.READ)  # within the savepoint that is there
        except UnreadableRowError as error:
            raise StoreUnavailableError(f"a row is damaged: {error}") from error

    async def touch(
        self, session_id: str, activity: Activity, *, bound: bool, presented: int | None = None
    ) -> bool:
        """Nothing: the next validation outside of the transaction moves the activity."""
        del session_id, activity, bound, presented
        return True

    async def pending(self) -> list[str]:
        """See Store.pending."""
        return await self._own.pending()

    async def migrate(self) -> list[str]:
        """See Store.migrate: within the transaction, as Django's own migrations are."""
        return await self._own.migrate()

    async def close(self) -> None:
        """Nothing: it ends with the transaction."""


class _UndoneError(Exception):
    """Makes a savepoint roll back."""
