"""
The two ways to ask MongoDB: one blocks its thread, one lets the event loop go on.

They differ in two lines, since PyMongo's two clients have the same methods.

The driver may send a single write twice (`retryWrites`, on by default), which is safe: the
server knows it by the session and its txnNumber and carries it out once. In a transaction
it sends nothing twice but the commit, which names its transaction by the same number.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

import pymongo
from attrs import define, frozen
from pymongo.errors import BulkWriteError, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from devsess._runtime.fork import after_fork
from devsess.errors import StoreUnavailableError
from devsess.stores.as_json import UnreadableRowError
from devsess.stores.base import StoreBusyError

if TYPE_CHECKING:
    from devsess.stores.mongodb.url import Place

T = TypeVar("T")
Document: TypeAlias = dict[str, Any]
Filter: TypeAlias = Mapping[str, Any]

_MAJORITY = WriteConcern("majority")
_LINEARIZABLE = ReadConcern("linearizable")
# Between two tries of a transaction that others overtook, at most, in seconds.
_LONGEST_PAUSE = 0.05
_HINTS = {
    13: "the user lacks a right",
    18: "the credentials were refused",
    20: "transactions need a replica set; one of a single member will do",
}
# The codes of a write conflict, and of a document that two transactions insert at once.
_CONFLICTS = (112, 11000)


class MovedError(Exception):
    """What was read does not fit together: something was written in between. Read again."""


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
    owner: object
    collections: Collections


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
        self._opened: _Opened | None = None
        self._abandoned: list[_Opened] = []
        self._is_closed = False
        self._clock: tuple[datetime, float] | None = None
        self._stream: tuple[object, int, Any] | None = None
        self._lock = Lock()
        after_fork(self, Port._in_child)

    # What differs.

    def _owner(self) -> object:
        """The event loop that a client belongs to; None where it belongs to none."""
        raise NotImplementedError

    async def _had(self, answer: Any) -> Any:
        """The result of a method of the driver."""
        raise NotImplementedError

    async def pause(self, seconds: float) -> None:
        raise NotImplementedError

    # Connections.

    def _open(self) -> Collections:
        """The collection; after a fork, or in another event loop, over a client of its own."""
        if self._is_closed:
            raise StoreUnavailableError("this store was closed")
        owner = self._owner()
        opened = self._opened
        if opened is None or opened.owner is not owner:
            with self._lock:
                opened = self._opened
                if opened is None or opened.owner is not owner:
                    self._abandon()
                    opened = self._opened = _Opened(owner, self._collections())
        return opened.collections

    def _abandon(self) -> None:
        """Keep a client that another process, or another event loop, may be using."""
        if self._opened is not None:
            self._abandoned.append(self._opened)
        self._opened = self._stream = None

    def _in_child(self) -> None:
        self._lock = Lock()  # another thread may have held it when the process forked
        self._abandon()

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
        opened, self._opened, self._stream = self._opened, None, None
        self._is_closed = True
        is_ours = opened is not None and self.place.client is None
        if opened is not None and is_ours and opened.owner is self._owner():
            await self._had(opened.collections.client.close())

    @contextmanager
    def within(self, seconds: float | None = None) -> Iterator[None]:
        """
        Bound all that is asked inside, together, and say what failed as StoreUnavailableError.

        The text says the kind of error alone: a driver's may hold addresses.
        """
        try:
            with pymongo.timeout(self.timeout if seconds is None else seconds):
                yield
        except UnreadableRowError as error:
            raise StoreUnavailableError(f"a row is damaged: {error}") from error
        except PyMongoError as error:
            raise StoreUnavailableError(f"MongoDB failed: {_named(error)}") from error

    # The server's clock, by which its TTL index deletes.

    async def read_clock(self) -> None:
        """Ask what time it is there; from then on it is counted here."""
        answer = await self._had(self._open().client.admin.command("hello"))
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
        return cast("list[Document]", await self._had(cursor.to_list()))

    async def aggregate(
        self, pipeline: Sequence[Filter], *, session: Any = None, is_sure: bool = False
    ) -> list[Document]:
        """The documents at the end of *pipeline*."""
        opened = self._open()
        collection = opened.sure if is_sure else opened.plain
        cursor = await self._had(collection.aggregate(list(pipeline), session=session))
        return cast("list[Document]", await self._had(cursor.to_list()))

    async def write(
        self, writes: Sequence[Any], *, session: Any = None, is_quick: bool = False
    ) -> Any:
        """Carry out *writes* in their order; the driver's BulkWriteResult."""
        opened = self._open()
        collection = opened.quick if is_quick else opened.plain
        return await self._had(collection.bulk_write(list(writes), session=session))

    async def change_one(self, where: Filter, change: Filter) -> Document | None:
        """Change the one document that *where* finds; as it is then, or None."""
        changed = self._open().plain.find_one_and_update(where, change, return_document=True)
        return cast("Document | None", await self._had(changed))

    async def create_indexes(self, indexes: Sequence[Any]) -> None:
        """Make those that are not there."""
        await self._had(self._open().plain.create_indexes(list(indexes)))

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
                if not _is_overtaken(error):
                    raise
                if time.monotonic() + pause > deadline:
                    raise StoreBusyError("other processes write; try again") from error
            await self.pause(random.uniform(0, pause))  # noqa: S311 - it spreads tries
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _attempt(self, work: Callable[[Any], Awaitable[T]]) -> T:
        session = self._open().client.start_session()
        try:
            await self._had(
                session.start_transaction(
                    read_concern=ReadConcern("snapshot"),
                    write_concern=_MAJORITY,
                    read_preference=ReadPreference.PRIMARY,
                )
            )
            answer = await work(session)
            await self._had(session.commit_transaction())
            return answer
        finally:
            await self._had(session.end_session())  # aborts what was not committed

    async def next_change(self, document: str, seconds: float) -> bool:
        """
        Whether *document* has changed since this returned last, waiting so long at most.

        The first call listens from then on.
        """
        collections = self._open()
        wait = max(1, int(1_000 * seconds))
        try:
            if self._stream is None or self._stream[:2] != (collections, wait):
                self._stream = (collections, wait, await self._listen(collections, document, wait))
            return await self._had(self._stream[2].try_next()) is not None
        except BaseException:
            self._stream = None
            raise

    async def _listen(self, collections: Collections, document: str, wait: int) -> Any:
        old = self._stream[2] if self._stream else None
        stream = collections.plain.watch(
            [
                {"$match": {"documentKey._id": document}},
                {"$project": {"_id": 1, "operationType": 1, "documentKey": 1, "ns": 1}},
            ],
            max_await_time_ms=wait,
            resume_after=None if old is None else old.resume_token,
        )
        if old is not None:
            await self._had(old.close())
        return await self._had(stream)


class BlockingPort(Port):
    """For SessionManager: its coroutines never suspend, so that no event loop is needed."""

    _client_class = pymongo.MongoClient

    def _owner(self) -> object:
        return None

    async def _had(self, answer: Any) -> Any:
        return answer

    async def pause(self, seconds: float) -> None:
        time.sleep(seconds)


class AwaitingPort(Port):
    """For AsyncSessionManager; it connects at its first request, inside the running loop."""

    _client_class = pymongo.AsyncMongoClient

    def _owner(self) -> object:
        return asyncio.get_running_loop()

    async def _had(self, answer: Any) -> Any:
        return await answer if isinstance(answer, Awaitable) else answer

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def _named(error: PyMongoError) -> str:
    code = getattr(error, "code", None)
    if code is None:
        return type(error).__name__
    hint = _HINTS.get(code)
    return f"{type(error).__name__}, code {code}" + (f": {hint}" if hint else "")


def _is_overtaken(error: Exception) -> bool:
    """Whether nothing was committed, and another try may be."""
    if isinstance(error, MovedError):
        return True
    if not isinstance(error, PyMongoError) or error.has_error_label(
        "UnknownTransactionCommitResult"
    ):
        return False
    if error.has_error_label("TransientTransactionError"):
        return True
    codes = [error.code] if isinstance(error, OperationFailure) else []
    if isinstance(error, BulkWriteError):
        codes = [it["code"] for it in error.details.get("writeErrors", ())]
    return any(code in _CONFLICTS for code in codes)
