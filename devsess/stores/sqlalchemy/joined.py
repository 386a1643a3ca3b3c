"""
The store within the transaction of an application's Session.

What an operation that raised has to write goes over another connection of the engine's, at once
where the database can do that; where the transaction still holds what it needs, as soon as that
has ended.

Entries of the log are written right before the commit, for the lock on their numbers would keep
others waiting for as long as the transaction is open.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from attrs import define, field
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session
from sqlalchemy.orm import Session, scoped_session
from sqlalchemy.util import await_only

from devsess.errors import ConfigurationError, StoreUnavailableError
from devsess.stores.sqlalchemy import log
from devsess.stores.sqlalchemy.calls import Calls
from devsess.stores.sqlalchemy.errors import meaning_of
from devsess.stores.sqlalchemy.ports import Isolation, begin_on_sqlite
from devsess.stores.sqlalchemy.unit import Unit
from devsess.stores.sqlalchemy.within import StoreWithin

if TYPE_CHECKING:
    from sqlalchemy import Connection, CursorResult, Executable
    from sqlalchemy.engine import NestedTransaction
    from sqlalchemy.orm import SessionTransaction

    from devsess.stores.sqlalchemy.calls import Call
    from devsess.stores.sqlalchemy.ports import Values, Work

T = TypeVar("T")
# Runs a function of the transaction's connection.
Runner: TypeAlias = "Callable[[Callable[[Connection], Any]], Awaitable[Any]]"
AtCommit: TypeAlias = "Callable[[], Awaitable[None] | None]"

# Each statement sees what was committed before it: see `unit` for its locks.
_LEVEL = "READ COMMITTED"


@define
class _Kept:
    """The writes of an operation, which are undone with the application's own savepoint."""

    owner: SessionTransaction | None
    logged: list[str | None] = field(factory=list)
    at_commit: list[AtCommit] = field(factory=list)


class JoinedStore(StoreWithin[Calls]):
    """A store within the transaction of a Session: see the module, and SupportsJoining."""

    def __init__(self, outside: Calls, session: Session, runner: Runner) -> None:
        super().__init__(outside)
        self._session, self._run_on = session, runner
        self._start_over()
        for name in ("before_commit", "after_commit", "after_transaction_end"):
            event.listen(session, name, getattr(self, f"_{name}"))

    def _start_over(self) -> None:
        self._kept: list[_Kept] = []
        self._at_end: list[AtCommit] = []
        self._committed: set[SessionTransaction] = set()
        self._is_checked = False
        self._begin_operation()

    @property
    def _beside(self) -> Calls | None:
        return None if self.port.dialect == "sqlite" else self._outside

    @property
    def _alone(self) -> Calls:
        return self._outside

    # SupportsJoining.

    async def begin(self) -> None:
        """An operation begins: in a savepoint."""
        self._begin_operation()
        self._savepoint = await self._on(self._prepared)

    async def keep(self, at_commit: AtCommit) -> None:
        """It has returned: its writes stand or fall with the transaction."""
        await self._on(lambda _: self._released())
        owner = self._session.get_nested_transaction() or self._session.get_transaction()
        self._kept.append(_Kept(owner, self._logged, [at_commit]))
        self._begin_operation()

    async def undo(self) -> None:
        """It has raised: nothing of it stays in the transaction."""
        if self._savepoint is not None and self._savepoint.is_active:
            await self._on(lambda _: self._undone())
        self._savepoint = None  # what a read corrects later is no part of this

    async def write_apart(self, on_late: Callable[[], object]) -> None:
        """Write what was undone over a connection of the store's own, now or at the end."""
        calls = self._calls
        self._begin_operation()
        # Elsewhere a savepoint that is undone keeps its locks: to write now would wait for oneself.
        if self.port.dialect == "postgresql":
            while calls:
                try:
                    await self._outside.write(calls[0])
                except StoreUnavailableError:
                    break
                calls = calls[1:]
        self._at_end += [self._late(it, on_late) for it in calls]

    async def put_off(self, again: AtCommit) -> bool:
        """Do it again, now or at the end: see `write_apart`."""
        await self.undo()
        self._begin_operation()
        if self.port.dialect == "postgresql":
            with suppress(StoreUnavailableError):
                waiting = again()
                if waiting is not None:
                    await waiting
                return True
        self._at_end.append(again)
        return True

    def _prepared(self, connection: Connection) -> NestedTransaction:
        self._check(connection)
        begin_on_sqlite(connection)
        return connection.begin_nested()

    def _check(self, connection: Connection) -> None:
        """Once for each transaction: in a snapshot, sessions that have ended would look live."""
        if self._is_checked:
            return
        if not self._outside.is_of(connection.engine):
            raise ConfigurationError("this session is bound to another engine than the store's")
        if connection.dialect.name != "sqlite":
            level = connection.get_isolation_level()
            if level != _LEVEL:
                raise ConfigurationError(
                    f"this transaction is in {level}, and devsess joins those in {_LEVEL}: "
                    f"create_engine(..., isolation_level={_LEVEL!r})"
                )
        self._is_checked = True

    def _released(self) -> None:
        if self._savepoint is not None:
            self._savepoint.commit()

    def _undone(self) -> None:
        if self._savepoint is not None:
            self._savepoint.rollback()

    # How calls run.

    async def _on(self, work: Callable[[Connection], T]) -> T:
        """The answer of *work* on the transaction's connection."""
        try:
            answer: T = await self._run_on(work)
        except (SQLAlchemyError, UnicodeError, OSError) as error:
            raise meaning_of(error) from error
        return answer

    async def _run_whole(self, whole: Work[T], isolation: Isolation) -> T:  # noqa: ARG002 - as the transaction
        def done(connection: Connection, statement: Executable, values: Values) -> Any:
            self._check(connection)
            return connection.execute(statement, values)

        async def execute(statement: Executable, values: Values = None) -> CursorResult[Any]:
            return await self._on(lambda connection: done(connection, statement, values))

        return await whole(execute)

    # The transaction's end.

    def _before_commit(self, session: Session) -> None:
        if session.in_nested_transaction():
            return
        logged = [it for kept in self._kept for it in kept.logged]
        if not logged:
            return
        # First: with the log's lock it waits for no row of the application's, which another
        # transaction may hold that waits for this lock.
        session.flush()
        connection = session.connection()

        async def execute(statement: Executable, values: Values = None) -> CursorResult[Any]:
            return connection.execute(statement, values)

        db = Unit(self.tables, execute, self.port.dialect, is_write=True)
        try:
            _done(log.append(db, logged))
        except SQLAlchemyError as error:
            raise meaning_of(error) from error
        for kept in self._kept:
            kept.logged.clear()

    def _after_commit(self, session: Session) -> None:
        ended = session.get_nested_transaction() or session.get_transaction()
        if ended is not None:
            self._committed.add(ended)

    def _after_transaction_end(self, _: Session, ended: SessionTransaction) -> None:
        is_committed = ended in self._committed
        if ended.parent is not None:
            if not is_committed:
                self._kept = [it for it in self._kept if it.owner is not ended]
            for each in self._kept:
                each.owner = ended.parent if each.owner is ended else each.owner
            return
        kept, at_end = self._kept if is_committed else [], self._at_end
        # A savepoint was open at the commit, which looked like that of the savepoint alone.
        missed = [it for each in kept for it in each.logged]
        self._start_over()
        if missed:
            at_end = [lambda: self._outside.write(_logging(missed)), *at_end]
        for call in at_end:
            try:
                self._called(call)
            except StoreUnavailableError:  # nobody waits for it, but an operator must know
                logging.getLogger("devsess").exception("an ending or event could not be written")
        for call in [it for each in kept for it in each.at_commit]:
            self._called(call)

    def _called(self, call: AtCommit) -> None:
        waiting = call()
        if waiting is not None:
            self._wait(waiting)

    def _wait(self, work: Awaitable[T]) -> T:
        if self.is_awaited:
            return await_only(work)
        assert isinstance(work, Coroutine)  # noqa: S101 - of a blocking port
        answer: T = _done(work)
        return answer


def join(outside: Calls, transaction: object) -> JoinedStore:
    """
    *outside* within the transaction of a Session or AsyncSession: the same one each time.

    Raises:
        ConfigurationError: If it is none, or of the other kind than the store's engine.
    """
    if isinstance(transaction, (scoped_session, async_scoped_session)):
        transaction = transaction()
    if isinstance(transaction, AsyncSession) and outside.is_awaited:
        session, runner = transaction.sync_session, _awaiting(transaction)
    elif isinstance(transaction, Session) and not outside.is_awaited:
        session, runner = transaction, _blocking(transaction)
    else:
        kind = "an AsyncSession" if outside.is_awaited else "a Session"
        raise ConfigurationError(f"bound takes {kind} here, not {type(transaction).__name__}")
    joined = session.info.get(outside)
    if not isinstance(joined, JoinedStore):
        joined = session.info[outside] = JoinedStore(outside, session, runner)
    return joined


def _logging(session_ids: list[str | None]) -> Call[None]:
    async def work(db: Unit) -> None:
        db.logged += session_ids

    return work


def _blocking(session: Session) -> Runner:
    async def run(work: Callable[[Connection], Any]) -> Any:
        return work(session.connection())

    return run


def _awaiting(session: AsyncSession) -> Runner:
    async def run(work: Callable[[Connection], Any]) -> Any:
        connection = await session.connection()
        return await connection.run_sync(work)

    return run


def _done(work: Coroutine[Any, Any, T]) -> T:
    """The result of *work*, which does not suspend."""
    try:
        work.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    raise RuntimeError("a blocking call has suspended")
