"""Runners of a manager's operations: at once, or awaited."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar, cast

from devsess._runtime import operations
from devsess._runtime.drive import drive, in_thread, step, to_its_end, with_its_caller
from devsess._runtime.faces import AwaitingFace, BlockingFace
from devsess._runtime.feed_runners import TaskFeed, ThreadFeed
from devsess._runtime.fork import importing
from devsess._runtime.joining import JoinedCore
from devsess._runtime.locating import BoundedLocator, bounded
from devsess._runtime.notify import log_error, notify, notify_async
from devsess._runtime.threads import Threads
from devsess.errors import ConfigurationError, StoreUnavailableError
from devsess.models import Session
from devsess.stores.capabilities import capabilities_of
from devsess.stores.open import is_async

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from devsess._runtime.core import Core
    from devsess._runtime.currency import MakeRunner
    from devsess._runtime.drive import OperationCoroutine, OperationFunction
    from devsess._runtime.faces import Face
    from devsess._runtime.notify import OnEvent
    from devsess._runtime.plain import PlainWay, Seen
    from devsess.geo.locator import Locator
    from devsess.models import Client
    from devsess.operations.ending import AllEnded
    from devsess.stores.base import AsyncStore, Store
    from devsess.stores.rows import EventRow

P = ParamSpec("P")
T = TypeVar("T")

# For reads, and as many for writes; the SQLite store has as many readers.
_THREADS = 8

_ROWS_LEFT = "rows of ended sessions are not written yet; the next purge goes on"


def _load_parser() -> None:
    with importing:
        from devsess.devices.agents import load_parser

        load_parser()


class ManagerBase:
    """The parts of a manager, which its operations run on."""

    _make_runner: MakeRunner
    _write: Callable[..., Any]
    _awaits = False
    _is_closed = False

    def __init__(
        self,
        core: Core,
        store: Store | AsyncStore,
        locator: Locator | None,
        on_event: OnEvent | None,
    ) -> None:
        operations.load()
        self._core = core
        self._store = store
        self._locator = bounded(locator)
        self._on_event = on_event
        self._is_async = is_async(store)
        self._capabilities = capabilities_of(store)
        core.watch(self._capabilities, self._make_runner)
        self._plain = None if self._is_async else self._plain_way(cast("Store", store))

    @property
    def core(self) -> Core:
        """The parts that need no I/O: policy, keys, cache. For adapters."""
        return self._core

    def _plain_way(self, store: Store) -> PlainWay:
        """Validations without an operation, which may wait where this manager may."""
        return self._core.plain_way(store, may_wait=True)

    def _plainly(
        self, now: float, token: str, client: Client | None, *, stale: bool, fresh: bool
    ) -> Session | Seen | None:
        """As PlainWay.validate; None where there is no such way, or the row is to be read anew."""
        if self._plain is None:
            return None
        if fresh:
            return self._plain.unchanged(token, client, now)
        return self._plain.validate(token, client, now, stale=stale)

    def _within(self, transaction: object) -> Self:
        """This manager within a transaction of the application's."""
        joining = self._capabilities.joining
        if joining is None:
            raise ConfigurationError(
                "this store joins no transactions; SQLAlchemyStore(engine) joins the application's"
            )
        joined = joining.join(transaction)
        other = copy(self)
        other._core = JoinedCore(
            self._core, joined, self._on_event, self._write, is_async=self._awaits
        )
        other._store = cast("AsyncStore", joined)
        other._capabilities = capabilities_of(joined)
        return other

    def _refuse_if_closed(self) -> None:
        """An app that is started again would answer each request by 503."""
        if self._is_closed:
            raise ConfigurationError(
                "this manager was closed, and stays so: make a new one each time that the app is"
                " made, or start the app once for all tests"
            )

    def _forget_memory(self) -> None:
        """A closed manager answers nothing, not even from memory, and keeps no threads."""
        self._is_closed = True
        self._core.cache.clear()
        if isinstance(self._locator, BoundedLocator):
            self._locator.close()


class Runner(ManagerBase):
    """Runs operations in the caller's thread: the calls of its store block."""

    _make_runner = ThreadFeed

    def _read(self, operation: OperationFunction[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of *operation* at this instant."""
        return self._read_at(self._core.now(), operation, *args, **kwargs)

    def _write(self, operation: OperationFunction[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """As `_read`; the cache holds no row that it changed when this returns."""
        return self._read(self._core.dropping_changed(operation), *args, **kwargs)

    def _end(self, operation: OperationFunction[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """As `_write`; no process answers from a memory of before when this returns."""
        return self._read(self._core.heard_by_all(operation), *args, **kwargs)

    def _read_at(
        self, now: float, operation: OperationFunction[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        events: list[EventRow] = []
        op = self._core.operation(self._face(), events, now)
        try:
            return drive(operation(op, *args, **kwargs))
        finally:
            if events:
                notify(events, self._on_event)

    def _validated(
        self,
        now: float,
        token: str,
        client: Client | None,
        *,
        stale: bool,
        fresh: bool,
        touch: bool,
    ) -> Session:
        """A session that memory did not answer with, as Core.validate."""
        seen = self._plainly(now, token, client, stale=stale, fresh=fresh)
        if isinstance(seen, Session):
            return seen
        options = {"stale": stale, "fresh": fresh, "touch": touch}
        return self._read_at(now, self._core.validate, token, client, **options, seen=seen)

    def _face(self) -> Face:
        parts = (self._capabilities, self._core.times, self._locator)
        if self._is_async:
            return AwaitingFace(cast("AsyncStore", self._store), *parts, None)
        return BlockingFace(cast("Store", self._store), *parts)

    def _warm(self) -> None:
        _load_parser()

    def _settle_rest(self, own: int | None = None) -> None:
        """Write the rows that endings cover, in batches; an error leaves them ended."""
        # Within a transaction nothing is covered before the commit; a purge writes them.
        size = 0 if self._core.is_joined else None
        try:
            while size != 0:  # each batch is an operation of its own, with its events
                size = self._write(operations.settle, own, size)
        except StoreUnavailableError:
            log_error(_ROWS_LEFT)

    def _end_and_settle(
        self, end: OperationFunction[P, AllEnded], /, *args: P.args, **kwargs: P.kwargs
    ) -> Sequence[str]:
        """End sessions, and write the rows that *end* has left."""
        ended = self._end(end, *args, **kwargs)
        if ended.following is not None:
            self._settle_rest(ended.following)
        return ended.ids

    def _close(self) -> None:
        if self._core.is_joined:  # the manager outside goes on
            return
        try:
            self._core.currency.close()
            if self._is_async:
                drive(cast("AsyncStore", self._store).close())
            else:
                cast("Store", self._store).close()
        finally:
            self._forget_memory()


class AsyncRunner(ManagerBase):
    """
    Runs operations on an event loop.

    Over a blocking store, reads begin on the loop, where most end; those that
    have to wait go on in a thread, and writes begin there.
    """

    _make_runner = TaskFeed
    _awaits = True

    def __init__(
        self,
        core: Core,
        store: Store | AsyncStore,
        locator: Locator | None,
        on_event: OnEvent | None,
    ) -> None:
        super().__init__(core, store, locator, on_event)
        # Apart: writes may wait for a lock, all at once, and reads must not wait for them.
        self._reading = Threads("devsess-read", _THREADS)
        self._writing = Threads("devsess-write", _THREADS)

    async def _read(
        self, operation: OperationFunction[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The result of *operation* at this instant."""
        return await self._read_at(self._core.now(), operation, *args, **kwargs)

    async def _write(
        self, operation: OperationFunction[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `_read`; the cache holds no row that it changed when this returns."""
        return await self._written(self._core.dropping_changed(operation), *args, **kwargs)

    async def _end(
        self, operation: OperationFunction[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `_write`; no process answers from a memory of before when this returns."""
        return await self._written(self._core.heard_by_all(operation), *args, **kwargs)

    def _plain_way(self, store: Store) -> PlainWay:
        return self._core.plain_way(store, may_wait=False)

    async def _validated(
        self,
        now: float,
        token: str,
        client: Client | None,
        *,
        stale: bool,
        fresh: bool,
        touch: bool,
    ) -> Session:
        """A session that memory did not answer with, as Core.validate."""
        seen = self._plainly(now, token, client, stale=stale, fresh=fresh)
        if isinstance(seen, Session):
            return seen
        options = {"stale": stale, "fresh": fresh, "touch": touch}
        return await self._read_at(now, self._core.validate, token, client, **options, seen=seen)

    async def _written(
        self, write: OperationFunction[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if self._is_async:
            return await self._awaited(self._core.now(), write, *args, **kwargs)
        events: list[EventRow] = []
        op = self._core.operation(self._blocking(may_wait=True), events, self._core.now())
        begin = partial(write, op, *args, **kwargs)
        return await to_its_end(self._in_thread(self._writing, lambda: drive(begin()), events))

    async def _read_at(
        self, now: float, operation: OperationFunction[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if self._is_async:
            return await self._awaited(now, operation, *args, **kwargs)
        events: list[EventRow] = []
        face = self._blocking(may_wait=False)
        running = operation(self._core.operation(face, events, now), *args, **kwargs)
        try:
            done = step(running)
        except Exception:
            await self._handed_over(events)
            raise
        if done is None:
            face.may_wait = True
            go_on = partial(drive, running)
            return await to_its_end(self._in_thread(self._reading, go_on, events))
        await self._handed_over(events)
        return done.result

    def _blocking(self, *, may_wait: bool) -> BlockingFace:
        parts = (self._capabilities, self._core.times, self._locator)
        face = BlockingFace(cast("Store", self._store), *parts)
        face.may_wait = may_wait
        return face

    async def _awaited(
        self, now: float, operation: OperationFunction[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        events: list[EventRow] = []
        parts = (self._capabilities, self._core.times, self._locator)
        face = AwaitingFace(cast("AsyncStore", self._store), *parts, self._reading)
        op = self._core.operation(face, events, now)
        return await self._finished(self._notified(partial(operation, op, *args, **kwargs), events))

    async def _finished(self, work: Coroutine[object, object, T]) -> T:
        """The result of *work*, which a caller that goes away does not stop."""
        if self._core.is_joined:  # or two would use the application's session at once
            return await with_its_caller(work)
        return await to_its_end(work)

    # Tasks of their own: events are notified even if the caller goes away half-way.

    async def _handed_over(self, events: list[EventRow]) -> None:
        if events:
            await to_its_end(notify_async(events, self._on_event))

    async def _notified(
        self, begin: Callable[[], OperationCoroutine[T]], events: list[EventRow]
    ) -> T:
        try:
            return await begin()
        finally:
            await notify_async(events, self._on_event)

    async def _in_thread(
        self, threads: Threads, work: Callable[[], T], events: list[EventRow]
    ) -> T:
        try:
            return await in_thread(threads, work)
        finally:
            await notify_async(events, self._on_event)

    async def _warm(self) -> None:
        await to_its_end(in_thread(self._reading, _load_parser))

    async def _settle_rest(self, own: int | None = None) -> None:
        """Write the rows that endings cover, in batches; an error leaves them ended."""
        size = 0 if self._core.is_joined else None
        try:
            while size != 0:  # each batch is an operation of its own, with its events
                size = await self._write(operations.settle, own, size)
        except StoreUnavailableError:
            log_error(_ROWS_LEFT)

    async def _end_and_settle(
        self, end: OperationFunction[P, AllEnded], /, *args: P.args, **kwargs: P.kwargs
    ) -> Sequence[str]:
        """End sessions, and write the rows that *end* has left."""
        # A task of its own: the rows follow, with their events, even if the caller goes away.
        return await self._finished(self._ended(partial(self._end, end, *args, **kwargs)))

    async def _ended(self, end: Callable[[], OperationCoroutine[AllEnded]]) -> Sequence[str]:
        ended = await end()
        if ended.following is not None:
            await self._settle_rest(ended.following)
        return ended.ids

    async def _close(self) -> None:
        if self._core.is_joined:
            return
        try:
            await self._core.currency.close_async()
            if self._is_async:
                await cast("AsyncStore", self._store).close()
                self._reading.close()  # a locator's
            else:
                await to_its_end(self._closed(cast("Store", self._store)))
        finally:
            self._forget_memory()

    async def _closed(self, store: Store) -> None:
        await in_thread(self._writing, store.close)
        self._reading.close()
        self._writing.close()
