"""
The store over the project's own connection, and within its transactions.

What an operation that raised has to write waits until the transaction has ended.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import transaction

from devsess._runtime.drive import drive
from devsess.django.lending import ConnectionApart, OwnConnection, inside, meanings
from devsess.django.transactions import Kept, Watch, watch_of
from devsess.errors import ConfigurationError
from devsess.stores.sqlalchemy import log
from devsess.stores.sqlalchemy.lent import LentStore
from devsess.stores.sqlalchemy.ports import Isolation
from devsess.stores.sqlalchemy.within import StoreWithin

if TYPE_CHECKING:
    from devsess.stores.sqlalchemy.calls import Calls
    from devsess.stores.sqlalchemy.ports import Work
    from devsess.stores.sqlalchemy.unit import Unit

T = TypeVar("T")

# Each statement sees what was committed before it; in a snapshot, ended sessions would look live.
_LEVEL = "read committed"


class OwnStore(LentStore):
    """
    A store in the tables of the database *alias*, over the connections of Django.

    Attributes:
        connection: Where it is lent its connections.
        apart: The same over a connection of its own for each call.
    """

    def __init__(self, alias: str) -> None:
        self.connection = OwnConnection(alias)
        super().__init__(self.connection)
        self.apart = LentStore(ConnectionApart(alias))

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


class JoinedStore(StoreWithin[OwnStore]):
    """A store within the transaction that is open: see the module, and SupportsJoining."""

    def __init__(self, outside: OwnStore) -> None:
        self._wrapper = outside.wrapper
        self._watch: Watch = watch_of(self._wrapper)
        super().__init__(outside)

    @property
    def _is_tested(self) -> bool:
        """Whether a test's transaction is around; one may begin after `bound` was called."""
        return bool(self._watch.tests)

    @property
    def _beside(self) -> Calls | None:
        # On SQLite another connection would wait for this transaction, once it has written.
        is_beside = self.port.dialect == "postgresql" and not self._is_tested
        return self._outside.apart if is_beside else None

    @property
    def _alone(self) -> Calls:
        return self._outside if self._is_tested else self._outside.apart

    def _begin_operation(self) -> None:
        super()._begin_operation()
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

    async def write_apart(self, on_late: Callable[[], object]) -> None:
        """Write what was undone by itself, as soon as the transaction has ended."""
        for work in self._calls:
            self._watch.put_off(partial(_drive, self._late(work, on_late)))
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
        """Once for each transaction: see `_LEVEL`."""
        with inside(self._wrapper):  # which is not known while it begins or ends
            is_atomic = self._wrapper.in_atomic_block and self._wrapper.commit_on_exit
        if not is_atomic:  # atomic() within a transaction by hand commits nothing
            raise ConfigurationError(
                "devsess joins the transactions of atomic(), and of no set_autocommit(False)"
            )
        if self._watch.is_checked or self.port.dialect == "sqlite":
            return
        with (
            self._outside.connection.lend(Isolation.READ) as driver,
            self._wrapper.wrap_database_errors,
        ):
            [level] = driver.execute("SHOW transaction_isolation").fetchone()
        if level != _LEVEL:
            raise ConfigurationError(
                f"this transaction is in {level}, and devsess joins those in {_LEVEL}"
            )
        self._watch.is_checked = True

    # How calls run.

    async def _run_whole(self, whole: Work[T], isolation: Isolation) -> T:  # noqa: ARG002 - in the savepoint
        await self._check()
        return await self.port.run(whole, Isolation.READ)

    async def _log(self, db: Unit) -> None:
        if self._is_tested:
            await log.append(db, db.logged)
        else:
            await super()._log(db)

    async def pending(self) -> list[str]:
        """See Store.pending."""
        return await self._outside.pending()

    async def migrate(self) -> list[str]:
        """See Store.migrate: within the transaction, as Django's own migrations are."""
        return await self._outside.migrate()


def _drive(call: Callable[[], Coroutine[Any, Any, None]]) -> None:
    drive(call())


class _UndoneError(Exception):
    """Makes a savepoint roll back."""
