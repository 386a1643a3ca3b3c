"""
The end of a transaction, as the store over Django's own connection needs it.

Django calls functions after a commit, and none before it, nor after a rollback. So each connection
that a call has joined has two of its methods wrapped: `commit`, to append to the store's log before
it, and `set_autocommit`, which ends each outermost `atomic()`, to write what no rollback may undo.

A `TestCase` is a transaction that is never committed. Within it a block of the project's stands
for the transaction, and what would wait for the commit is done at once.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from devsess._runtime.drive import drive
from devsess.errors import StoreUnavailableError
from devsess.stores.sqlalchemy import log
from devsess.stores.sqlalchemy.ports import Isolation
from devsess.stores.sqlalchemy.unit import Unit

if TYPE_CHECKING:
    from devsess.stores.sqlalchemy.calls import Calls
    from devsess.stores.sqlalchemy.ports import Execute

_NAME = "_devsess_watch"


@frozen(eq=False)
class Kept:
    """
    An operation that has returned, among the functions that Django calls after the commit.

    So it is dropped with a savepoint that is rolled back, as they are.
    """

    store: Calls = field(repr=False)
    logged: list[str | None]
    at_commit: Callable[[], Awaitable[None] | None] = field(repr=False)

    def __call__(self) -> None:
        self.at_commit()


@frozen(eq=False)
class _Apart:
    """A write that waits for the end of the transaction, be it a commit or a rollback."""

    write: Callable[[], object]
    tests: tuple[Any, ...]


class Watch:
    """
    The transactions of one connection.

    Attributes:
        is_checked: Whether the isolation of the open transaction was looked at.
    """

    def __init__(self, wrapper: Any) -> None:
        self.is_checked = False
        self._wrapper = wrapper
        self._apart: list[_Apart] = []
        self._commit, self._set_autocommit = wrapper.commit, wrapper.set_autocommit
        wrapper.commit, wrapper.set_autocommit = self._committing, self._switching

    @property
    def tests(self) -> tuple[Any, ...]:
        """The blocks of the test that runs within this transaction, if one does."""
        return tuple(it for it in self._wrapper.atomic_blocks if it._from_testcase)

    @property
    def is_open(self) -> bool:
        """Whether the project has a transaction open, beside that of a test."""
        return len(self.tests) < len(self._wrapper.atomic_blocks)

    @property
    def _is_manual(self) -> bool:
        """Whether a transaction of `set_autocommit(False)` is open, whose end nobody tells."""
        wrapper = self._wrapper
        return wrapper.connection is not None and not (wrapper.autocommit or self.tests)

    def keep(self, kept: Kept) -> None:
        """An operation stands or falls with the innermost block."""
        self._wrapper.on_commit(kept)

    def put_off(self, write: Callable[[], object]) -> None:
        """Call *write* as soon as the transaction has ended."""
        self._apart.append(_Apart(write, self.tests))

    def write_apart(self) -> None:
        """Write what was put off, if no transaction is open any more."""
        if not self._apart or self.is_open or self._is_manual:
            return
        apart, self._apart = self._apart, []
        for it in apart:
            if it.tests != self.tests:
                continue  # the test that it is of was undone
            try:
                it.write()
            except StoreUnavailableError:  # nobody waits for it, but an operator must know
                logging.getLogger("devsess").exception("an ending or event could not be written")

    def _committing(self) -> None:
        hooks = self._wrapper.run_on_commit
        ours = [it for it in hooks if isinstance(it[1], Kept)]
        if ours:
            # First: one of the project's that raises keeps those behind it from being called.
            self._wrapper.run_on_commit = ours + [it for it in hooks if it not in ours]
            self._log([it[1] for it in ours])
        self._commit()

    def _log(self, kept: list[Kept]) -> None:
        """Append to the log, whose lock would keep others waiting from here to the commit."""
        try:
            for store in dict.fromkeys(it.store for it in kept):
                ids = [each for it in kept if it.store is store for each in it.logged]
                drive(_append(store, ids))
        except BaseException:
            self._wrapper.rollback()
            raise

    def _switching(self, autocommit: bool, *args: Any, **kwargs: Any) -> None:
        self.is_checked = False
        try:
            self._set_autocommit(autocommit, *args, **kwargs)
        finally:
            if autocommit:
                self.write_apart()


def watch_of(wrapper: Any) -> Watch:
    """The one of a connection."""
    found = vars(wrapper).get(_NAME)
    if not isinstance(found, Watch):
        found = vars(wrapper)[_NAME] = Watch(wrapper)
    return found


async def _append(store: Calls, ids: list[str | None]) -> None:
    async def whole(execute: Execute) -> None:
        await log.append(Unit(store.tables, execute, store.port.dialect, is_write=True), ids)

    if ids:
        await store.port.run(whole, Isolation.READ)
