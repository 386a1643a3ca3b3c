"""
What all stores within a transaction of the application's have in common.

Each operation stands in a savepoint. One that returns is kept, and is written with the rest of the
transaction, or not at all. One that raises, since it found a thief or a stranger, is undone, and
what it wrote is written again outside of the transaction: no rollback of the application's undoes
it. How a savepoint is made, and how the transaction's end is noticed, is the subclass's to say.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from devsess.stores.sqlalchemy import migrating
from devsess.stores.sqlalchemy.calls import Calls
from devsess.stores.sqlalchemy.errors import EmptiedError
from devsess.stores.sqlalchemy.ports import Isolation
from devsess.stores.sqlalchemy.unit import Unit

if TYPE_CHECKING:
    from devsess.lifecycle import Activity
    from devsess.stores.sqlalchemy.calls import Call
    from devsess.stores.sqlalchemy.ports import Execute

T = TypeVar("T")
Outside = TypeVar("Outside", bound=Calls)


class _UnitWithin(Unit):
    """A unit that draws numbers beside the transaction, if it can: they need not be in order."""

    beside: Calls | None = None

    async def draw(self) -> int:
        return await super().draw() if self.beside is None else await self.beside.draw()


class StoreWithin(Calls, Generic[Outside]):
    """
    A store within a transaction: see the module, and SupportsJoining.

    Args:
        outside: The store, each of whose calls is a transaction by itself.
    """

    def __init__(self, outside: Outside) -> None:
        super().__init__(outside.tables, outside.port)
        self._outside = outside
        self._begin_operation()

    @property
    def _beside(self) -> Calls | None:
        """The store over a connection that does not wait for this transaction; None on SQLite."""
        raise NotImplementedError

    @property
    def _alone(self) -> Calls:
        """The store of writes that are part of no operation."""
        raise NotImplementedError

    def _begin_operation(self) -> None:
        self._calls: list[Call[Any]] = []
        self._logged: list[str | None] = []
        self._savepoint: Any = None

    async def check(self) -> None:
        if self._outside.is_ready:
            return
        beside = self._beside
        if beside is not None:
            await beside.check()
            self._outside.is_ready = True
        # Each time: a rollback would take these rows away again.
        elif not await self.run(migrating.is_ready, Isolation.READ):
            await self.run(migrating.put_first_rows, Isolation.WRITE)

    async def write(self, work: Call[T], *, waits: bool = True) -> T:
        # Two writes are part of no operation: the use of a ticket, which no rollback may undo, and
        # the correction by a read of instants that lie ahead.
        if self._savepoint is None:
            return await self._alone.write(work, waits=waits)
        await self.check()
        self._calls.append(work)
        try:
            return await self.run(work, Isolation.WRITE, waits=waits)
        except EmptiedError:
            self._outside.is_ready = False
            if self._beside is not None:
                self._beside.is_ready = False
            await self.check()
        return await self.run(work, Isolation.WRITE, waits=waits)

    def _unit(self, execute: Execute, *, is_write: bool, waits: bool) -> Unit:
        dialect = self.port.dialect
        db = _UnitWithin(self.tables, execute, dialect, is_write=is_write, waits=waits)
        db.beside = self._beside
        return db

    async def _log(self, db: Unit) -> None:
        self._logged += db.logged

    def _late(
        self, work: Call[Any], on_late: Callable[[], object]
    ) -> Callable[[], Coroutine[Any, Any, None]]:
        """A call for the time when the transaction has ended: it writes *work* by itself."""

        async def written() -> None:
            await self._outside.write(work)
            on_late()

        return written

    async def touch(
        self, session_id: str, activity: Activity, *, bound: bool, presented: int | None = None
    ) -> bool:
        """Nothing: the next validation outside of the transaction moves the activity."""
        del session_id, activity, bound, presented
        return True

    async def close(self) -> None:
        """Nothing: it ends with the transaction."""
