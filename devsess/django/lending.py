"""Django's connections to one database, as a store of devsess borrows them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from django.db import Error, connections, transaction

from devsess._runtime.interrupted import OnceAThread
from devsess.errors import StoreUnavailableError
from devsess.stores.calls import StoreBusyError
from devsess.stores.sqlalchemy.ports import Isolation

# As `timeout` of the stores: a call that stands apart may wait for the transaction that it is of.
_PATIENCE = 5_000
_NAME = "_devsess_inside"


class OwnConnection:
    """
    The connection of this thread.

    Attributes:
        alias: The database's.
        dialect: See Lender.
    """

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.dialect: str = connections[alias].vendor

    @property
    def wrapper(self) -> Any:
        """Django's object for it."""
        return connections[self.alias]

    @contextmanager
    def lend(self, isolation: Isolation) -> Iterator[Any]:
        """See Lender."""
        wrapper = self.wrapper
        with meanings(wrapper):
            _check_is_whole(wrapper)
            if isolation is Isolation.READ:
                with wrapper.cursor():  # checks what Django checks, and connects
                    yield wrapper.connection
                return
            is_first = not wrapper.in_atomic_block
            with transaction.atomic(using=self.alias):
                if isolation is Isolation.SNAPSHOT and is_first and self.dialect == "postgresql":
                    with wrapper.cursor() as cursor:
                        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                yield wrapper.connection


class ConnectionApart:
    """
    A connection beside that of this thread, made for one call: no rollback of it undoes that.

    Attributes:
        dialect: See Lender.
    """

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self.dialect: str = connections[alias].vendor

    @contextmanager
    def lend(self, isolation: Isolation) -> Iterator[Any]:  # noqa: ARG002 - each call is a transaction
        """See Lender."""
        wrapper = connections[self._alias].copy()
        # Of a pool it would wait for one that another thread holds, which waits for this one's.
        wrapper.settings_dict["OPTIONS"].pop("pool", None)
        try:
            with meanings(wrapper):
                wrapper.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
                if self.dialect == "postgresql":
                    with wrapper.cursor() as cursor:
                        cursor.execute(f"SET LOCAL lock_timeout = {_PATIENCE}")
                yield wrapper.connection
                wrapper.commit()
        finally:
            wrapper.close()


def _check_is_whole(wrapper: Any) -> None:
    if wrapper.in_atomic_block and wrapper.needs_rollback:
        raise StoreUnavailableError(
            "this transaction failed before: leave its atomic block, and nothing of it is written"
        )


@contextmanager
def meanings(wrapper: Any) -> Iterator[None]:
    """
    Raise errors of Django as those of a store; a connection that is lost is made anew.

    A signal's handler is refused while its own thread is inside.
    """
    with inside(wrapper), _translated(wrapper):
        yield


def inside(wrapper: Any) -> AbstractContextManager[None]:
    """
    Around each use of a connection: psycopg's has a lock, for which a handler would wait for ever.

    Raises:
        StoreUnavailableError: If this thread uses it already, and a signal's handler came.
    """
    threads: OnceAThread = vars(wrapper).setdefault(_NAME, OnceAThread())
    return threads.entered()


@contextmanager
def _translated(wrapper: Any) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        wrapper.errors_occurred = True
        # One that works is kept: it may have settings, locks and cursors of the project's.
        if wrapper.connection is not None and not (wrapper.in_atomic_block or wrapper.is_usable()):
            wrapper.close()
        if not isinstance(error, Error):
            raise
        text = str(error).partition("\n")[0][:200]
        kind = StoreBusyError if "locked" in text else StoreUnavailableError
        raise kind(f"the database did not do it: {text}") from error
