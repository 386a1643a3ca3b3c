"""
A manager within a transaction of the application's.

An operation that returns stands or falls with the transaction: its events are notified, and the
manager's memory hears of it, at the commit. One that raises commits what it wrote by itself,
and so does a failed sign-in that is recorded: a rollback must not bring a thief back.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from attrs import evolve

from devsess._runtime import operations
from devsess._runtime.cache import Cache
from devsess._runtime.core import Core
from devsess._runtime.notify import notify, notify_async
from devsess.errors import DevsessError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from devsess._runtime.drive import OperationFunction
    from devsess._runtime.notify import OnEvent
    from devsess._runtime.plain import Seen
    from devsess.models import Client, Session
    from devsess.operations.operation import Operation
    from devsess.stores.capabilities import Joined
    from devsess.stores.rows import EventRow

P = ParamSpec("P")
T = TypeVar("T")


class JoinedCore(Core):
    """
    The core of a manager within a transaction: it remembers nothing, for that may be undone.

    Args:
        core: Of the manager outside, whose memory hears of it at the commit.
        joined: The transaction.
        on_event: The application's function.
        outside: Makes a write of the manager outside, in no transaction.
        is_async: Whether its answer is awaited.
    """

    is_joined = True

    def __init__(
        self,
        core: Core,
        joined: Joined,
        on_event: OnEvent | None,
        outside: Callable[..., Awaitable[None] | None],
        *,
        is_async: bool,
    ) -> None:
        vars(self).update(vars(core))
        self.cache = Cache(evolve(core.policy, cache_size=0), self._elapsed)
        self._outside, self._joined = core, joined
        self._on_event, self._is_async, self._write_outside = on_event, is_async, outside

    def dropping_changed(self, write: OperationFunction[P, T]) -> OperationFunction[P, T]:
        """*write*, as a part of the transaction if it returns."""
        is_apart = write is operations.record_failure

        async def as_part(op: Operation, /, *args: P.args, **kwargs: P.kwargs) -> T:
            await self._joined.begin()
            try:
                result = await write(op, *args, **kwargs)
            except BaseException as error:
                await self._undone(op, error)
                raise
            # As a whole: written again as it was, two failures would be counted from one number.
            again = partial(self._write_outside, write, *args, **kwargs)
            if is_apart and await self._joined.put_off(again):
                op.events.clear()  # they are notified then
                return result
            await self._joined.keep(self._heard([*op.events]))
            op.events.clear()  # else the runner would notify them now
            return result

        return as_part

    async def _undone(self, op: Operation, error: BaseException) -> None:
        """Write apart the writes of *op*, if it found a reason to refuse; else drop them."""
        with suppress(StoreUnavailableError):  # the transaction is lost, and its savepoint with it
            await self._joined.undo()
        if isinstance(error, DevsessError) and not isinstance(error, StoreUnavailableError):
            # Until a late write is done, memory may learn what was true before it.
            await self._joined.write_apart(self._outside.cache.doubt)
            self._outside.cache.doubt()
        else:
            op.events.clear()

    async def validate(
        self,
        op: Operation,
        token: str,
        client: Client | None,
        *,
        stale: bool,
        fresh: bool,
        touch: bool,
        seen: Seen | None = None,
    ) -> Session:
        """As Core, without a touch: that would be written beside the transaction, and wait."""
        del touch
        return await super().validate(
            op, token, client, stale=stale, fresh=fresh, touch=False, seen=seen
        )

    def heard_by_all(self, end: OperationFunction[P, T]) -> OperationFunction[P, T]:
        """As `dropping_changed`: a store that joins transactions has no readers under leases."""
        return self.dropping_changed(end)

    def _heard(self, events: list[EventRow]) -> Callable[[], Awaitable[None] | None]:
        """A call for the commit."""

        def at_commit() -> Awaitable[None] | None:
            self._outside.cache.doubt()
            if self._is_async:
                return notify_async(events, self._on_event)
            notify(events, self._on_event)
            return None

        return at_commit
