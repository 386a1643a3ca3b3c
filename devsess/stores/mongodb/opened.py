"""The parts that all calls of the store share: its port, its schema, and its transactions."""

from __future__ import annotations

import builtins
import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from devsess.errors import StoreUnavailableError
from devsess.stores.mongodb import schema
from devsess.stores.mongodb.errors import EmptiedError, MovedError
from devsess.stores.mongodb.ports import AwaitingPort, BlockingPort
from devsess.stores.mongodb.unit import Places, Unit

if TYPE_CHECKING:
    from devsess.stores.mongodb.url import Place

T = TypeVar("T")

# Reads that do not fit together because others write, before a call gives up.
_TRIES = 5


class Opened:
    """A collection of a MongoDB database, through one of the ports."""

    def __init__(self, place: Place, *, is_awaited: bool) -> None:
        self._port = (AwaitingPort if is_awaited else BlockingPort)(place)
        self._places = Places()
        self._is_ready = False

    async def _run(self, work: Callable[[], Awaitable[T]], seconds: float | None = None) -> T:
        """The result of *work*, begun again where what it read does not fit together."""
        with self._port.within(seconds):
            for _ in range(_TRIES):
                try:
                    if not self._is_ready:
                        await self._make_ready()
                    return await work()
                except MovedError:
                    continue
                except EmptiedError:
                    self._is_ready = False
        raise StoreUnavailableError("the collection holds what does not fit together")

    async def _transact(
        self, work: Callable[[Unit], Awaitable[T]], seconds: float | None = None
    ) -> T:
        """The result of *work* in one transaction, within the timeout or so many seconds."""

        async def attempt(session: object) -> T:
            unit = Unit(self._port, session, self._places)
            answer = await work(unit)
            await unit.flush()
            return answer

        return await self._run(lambda: self._port.transaction(attempt), seconds)

    async def _make_ready(self) -> None:
        await self._port.read_clock()
        await schema.migrate(self._port)
        self._is_ready = True

    async def pending(self) -> builtins.list[str]:
        """The steps that `migrate` would take."""
        with self._port.within():
            return await schema.pending(self._port)

    async def migrate(self) -> builtins.list[str]:
        """
        See Store.migrate.

        An index may take longer to be built than any timeout, so the client's own limits hold:
        they have an end for a server that is not found, or has gone, and none for an answer.
        """
        with self._port.within():
            await self._port.read_clock()
        with self._port.within(math.inf):
            steps = await schema.migrate(self._port)
        self._is_ready = True
        return steps

    async def close(self) -> None:
        """See Store.close."""
        await self._port.close()
