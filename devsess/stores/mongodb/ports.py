"""
The two ways to ask MongoDB: one blocks its thread, one lets the event loop go on.

They differ in two lines, since PyMongo's two clients have the same methods.

The driver may send a single write twice (`retryWrites`, on by default), which is safe: the
server knows it by the session and its txnNumber and carries it out once. In a transaction
it sends nothing twice but the commit, which names its transaction by the same number.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import Context
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

import pymongo
from attrs import define, frozen
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from devsess._runtime.fork import after_fork
from devsess._runtime.interrupted import OnceAThread
from devsess._runtime.mutex import new_lock
from devsess.errors import StoreUnavailableError
from devsess.stores.as_json import UnreadableRowError
from devsess.stores.calls import StoreBusyError
from devsess.stores.mongodb.errors import MovedError, is_conflict, is_overtaken, named
from devsess.stores.mongodb.streams import Listener

if TYPE_CHECKING:
    from devsess.stores.mongodb.url import Place

T = TypeVar("T")
Document: TypeAlias = dict[str, Any]
Filter: TypeAlias = Mapping[str, Any]

_MAJORITY = WriteConcern("majority")
_LINEARIZABLE = ReadConcern("linearizable")
# Between two tries of a transaction that others overtook, at most, in seconds.
_LONGEST_PAUSE = 0.05
# The part of a call's time that is left to abort its transaction.
_ABORTS = 0.2


@frozen
class Collections:
    """
    One collection by what is promised of a call.

    Attributes:
        plain: Reads of what a majority has, writes that a majority has taken.
        sure: Reads that no deposed primary answers.
        quick: Writes that the primary alone has taken; a failover may lose them.
    """

    client: Any
    plain: Any
    sure: Any
    quick: Any


@define
class _Opened:
    """The client of one owner, and what listens over it."""

    collections: Collections
    listener: Listener | None = None


class Port:
    """
    The requests that a store sends to its server.

    Each raises StoreUnavailableError if no answer came; a write may have been carried out.

    Args:
        place: The server, or a client of the application's, and the collection.
    """

    _client_class: Any

    def __init__(self, place: Place) -> None:
        self.place = place
        self.timeout = place.timeout
        self._opened: dict[object, _Opened] = {}
        self._of_parent: list[object] = []  # kept, so that nothing is closed
        self._is_closed = False
        self._clock: tuple[datetime, float] | None = None
        self._lock = new_lock()
        self._inside = OnceAThread()
        after_fork(self, Port._in_child)

    # What differs.

    def _owner(self) -> object:
        """The event loop that a client belongs to; None where it belongs to none."""
        raise NotImplementedError

    def _is_over(self, owner: object) -> bool:
        """Whether *owner* is an event loop that was closed, so that its client serves nobody."""
        raise NotImplementedError

    async def had(self, answer: Any) -> Any:
        """The result of a method of the driver."""
        raise NotImplementedError

    async def pause(self, seconds: float) -> None:
        raise NotImplementedError

    async def _ended(self, session: Any) -> None:
        """
        End *session*, and abort what it has not committed.

        Outside of the call's own limit, which may be over: a transaction that stays open
        stands in the way of others for a minute.
        """
        raise NotImplementedError

    async def _released(self, client: Any) -> None:
        """Close *client*: to its end, whatever becomes of the caller."""
        raise NotImplementedError

    # Connections.

    def _open(self) -> Collections:
        return self._own().collections

    def _own(self) -> _Opened:
        """The owner's client; after a fork, or in another event loop, another one."""
        owner = self._owner()
        opened = self._opened.get(owner)
        if opened is not None and not self._is_closed:
            return opened
        with self._lock:
            if self._is_closed:
                raise StoreUnavailableError("this store was closed")
            if owner not in self._opened:
                self._let_go()
                self._opened[owner] = _Opened(self._collections())
            return self._opened[owner]

    def _let_go(self) -> None:
        """Drop the clients of event loops that were closed: nobody can close them any more."""
        for owner in [*self._opened]:
            if self._is_over(owner):
                del self._opened[owner]

    def _in_child(self) -> None:
        self._lock = new_lock()  # another thread may have held it when the process forked
        self._inside = OnceAThread()
        self._of_parent.append(self._opened)
        self._opened = {}

    def _collections(self) -> Collections:
        client = self.place.client
        if client is None:
            client = self._client_class(self.place.url, **self.place.limits())
        plain = client[self.place.database].get_collection(
            self.place.collection,
            read_preference=ReadPreference.PRIMARY,
            read_concern=ReadConcern("majority"),
            write_concern=_MAJORITY,
        )
        return Collections(
            client,
            plain,
            plain.with_options(read_concern=_LINEARIZABLE),
            plain.with_options(write_concern=WriteConcern(1)),
        )

    async def close(self) -> None:
        """Release the connections, unless the client is the application's; twice is fine."""
        with self._lock:  # nobody opens another client meanwhile
            self._is_closed = True
            self._let_go()
            opened = self._opened.pop(self._owner(), None)
        if opened is None:
            return
        if self.place.client is None:
            await self._released(opened.collections.client)
        elif opened.listener is not None:
            await opened.listener.close()

    @contextmanager
    def within(self, seconds: float | None = None) -> Iterator[None]:
        """
        Bound all that is asked inside, together, and say what failed as StoreUnavailableError.

        With no end of *seconds* the driver bounds each step of a request by its client's limits.
        The text says the kind of error alone: a driver's may hold addresses.
        """
        try:
            with pymongo.timeout(self._limit(seconds)):
                yield
        except UnreadableRowError as error:
            raise StoreUnavailableError(f"a row is damaged: {error}") from error
        except PyMongoError as error:
            raise StoreUnavailableError(f"MongoDB failed: {named(error)}") from error

    def _limit(self, seconds: float | None) -> float | None:
        if seconds is None:
            return self.timeout * (1 - _ABORTS)
        return None if seconds == math.inf else seconds

    # The server's clock, by which its TTL index deletes.

    async def read_clock(self) -> None:
        """Ask what time it is there; from then on it is counted here."""
        answer = await self.had(self._open().client.admin.command("hello"))
        self._clock = (answer["localTime"], time.monotonic())

    def server_time(self) -> datetime:
        """The time by the server's clock, in UTC without saying so, as the driver has it."""
        if self._clock is None:
            raise RuntimeError("the server's clock was not read")
        at, counted_from = self._clock
        return at + timedelta(seconds=time.monotonic() - counted_from)

    # Requests.

    async def find(
        self,
        where: Filter,
        *,
        sort: Sequence[tuple[str, int]] = (),
        limit: int = 0,
        skip: int = 0,
        fields: Mapping[str, Any] | None = None,
        session: Any = None,
        is_sure: bool = False,
    ) -> list[Document]:
        """The documents, at most *limit* if it is not 0."""
        opened = self._open()
        cursor = (opened.sure if is_sure else opened.plain).find(
            where, fields, sort=list(sort) or None, limit=limit, skip=skip, session=session
        )
        return cast("list[Document]", await self.had(cursor.to_list()))

    async def aggregate(
        self, pipeline: Sequence[Filter], *, session: Any = None, is_sure: bool = False
    ) -> list[Document]:
        """The documents at the end of *pipeline*."""
        opened = self._open()
        collection = opened.sure if is_sure else opened.plain
        cursor = await self.had(collection.aggregate(list(pipeline), session=session))
        return cast("list[Document]", await self.had(cursor.to_list()))

    async def write(
        self, writes: Sequence[Any], *, session: Any = None, is_quick: bool = False
    ) -> Any:
        """Carry out *writes* in their order; the driver's BulkWriteResult."""
        opened = self._open()
        collection = opened.quick if is_quick else opened.plain
        return await self.had(collection.bulk_write(list(writes), session=session))

    async def change_one(self, where: Filter, change: Filter) -> Document | None:
        """Change the one document that *where* finds; as it is then, or None."""
        changed = self._open().plain.find_one_and_update(where, change, return_document=True)
        return cast("Document | None", await self.had(changed))

    async def create_indexes(self, indexes: Sequence[Any]) -> None:
        """Make those that are not there."""
        await self.had(self._open().plain.create_indexes(list(indexes)))

    async def transaction(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """
        The result of *work* in one transaction; run again while others overtake it.

        A commit of which the result is not known is not tried again but by the driver.

        Raises:
            StoreBusyError: If others were faster for as long as the timeout.
        """
        deadline = time.monotonic() + self.timeout
        pause = 0.001
        while True:
            try:
                return await self._attempt(work)
            except (PyMongoError, MovedError) as error:
                if not is_overtaken(error):
                    raise
                if time.monotonic() + pause > deadline:
                    if is_conflict(error):
                        raise StoreBusyError("other processes write; try again") from error
                    raise
            await self.pause(random.uniform(0, pause))  # noqa: S311 - it spreads tries
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _attempt(self, work: Callable[[Any], Awaitable[T]]) -> T:
        session = self._open().client.start_session()
        try:
            await self.had(
                session.start_transaction(
                    read_concern=ReadConcern("snapshot"),
                    write_concern=_MAJORITY,
                    read_preference=ReadPreference.PRIMARY,
                )
            )
            answer = await work(session)
            await self.had(session.commit_transaction())
            return answer
        finally:
            await self._ended(session)

    async def next_change(self, document: str, seconds: float) -> bool:
        """
        Whether *document* has changed since this returned last, waiting so long at most.

        The first call listens from then on.
        """
        own = self._own()
        if own.listener is None:
            own.listener = Listener(own.collections.plain, self.had)
        try:
            return await own.listener.next_change(document, seconds)
        except BaseException:
            own.listener = None
            raise


class BlockingPort(Port):
    """For SessionManager: its coroutines never suspend, so that no event loop is needed."""

    _client_class = pymongo.MongoClient

    def _owner(self) -> object:
        return None

    def _is_over(self, owner: object) -> bool:
        del owner
        return False

    @contextmanager
    def within(self, seconds: float | None = None) -> Iterator[None]:
        """
        See Port.within.

        A signal's handler that comes while its own thread is inside is refused: it would wait for
        ever for a lock of the driver's that its thread holds.
        """
        with self._inside.entered(), super().within(seconds):
            yield

    async def had(self, answer: Any) -> Any:
        return answer

    async def pause(self, seconds: float) -> None:
        time.sleep(seconds)

    async def _ended(self, session: Any) -> None:
        def end() -> None:
            with pymongo.timeout(_ABORTS * self.timeout):
                session.end_session()

        Context().run(end)

    async def _released(self, client: Any) -> None:
        client.close()


class AwaitingPort(Port):
    """For AsyncSessionManager; it connects at its first request, inside the running loop."""

    _client_class = pymongo.AsyncMongoClient

    def _owner(self) -> object:
        return asyncio.get_running_loop()

    def _is_over(self, owner: object) -> bool:
        return cast("asyncio.AbstractEventLoop", owner).is_closed()

    async def had(self, answer: Any) -> Any:
        return await answer if isinstance(answer, Awaitable) else answer

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _ended(self, session: Any) -> None:
        async def end() -> None:
            with pymongo.timeout(_ABORTS * self.timeout):
                await session.end_session()

        await asyncio.create_task(end(), context=Context())

    async def _released(self, client: Any) -> None:
        self._closing = asyncio.create_task(client.close())
        await asyncio.shield(self._closing)
