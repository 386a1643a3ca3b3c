"""
A store as operations see it: one `async def` for each call, whatever the store.

Calls are timed here. Over a blocking store on an event loop a face suspends
where the call might wait, and so decides what may run on the loop at all.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar, cast

from devsess._runtime.drive import SUSPENSION, in_thread
from devsess._runtime.notify import log_error
from devsess.geo.checked import checked
from devsess.stores.awaited import Awaited
from devsess.stores.base import Inserted
from devsess.stores.calls import StoreBusyError

if TYPE_CHECKING:
    from devsess._runtime.threads import Threads
    from devsess.geo.locator import Locator
    from devsess.lifecycle import Activity
    from devsess.metrics import CallTimes
    from devsess.models import Location
    from devsess.stores.base import AsyncStore, Changes, Insertion, Store
    from devsess.stores.calls import InsertAnswer
    from devsess.stores.capabilities import Capabilities
    from devsess.stores.rows import SessionRow

P = ParamSpec("P")
A = TypeVar("A")
A_contra = TypeVar("A_contra", contravariant=True)
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class _Read(Protocol[A_contra, T_co]):
    """A store's call that can be asked not to wait."""

    def __call__(self, subject: A_contra, /, *, wait: bool = True) -> T_co: ...


# The calls that may append to the change log. A sign-in does so where it ends sessions, which
# its answer names.
_LOGGED = frozenset({"update", "set_back", "end", "put_device", "erase"})

# The shortest and the longest pause, in seconds: other writers try the lock again after
# a tenth of a second at the latest.
_PAUSE = (0.01, 0.1)


class Face(Awaited):
    """
    A store and a locator, for one operation.

    Args:
        store: The store.
        capabilities: Its capabilities beside the protocol.
        times: Where the calls are counted.
        locator: Finds the place of an address, or None.

    Attributes:
        may_have_logged: Whether the operation may have appended to the change log.
    """

    may_have_logged = False

    def __init__(
        self,
        store: Store,
        capabilities: Capabilities,
        times: CallTimes,
        locator: Locator | None,
    ) -> None:
        super().__init__(store, capabilities)
        self._times = times
        self._locator = locator
        self._took = 0.0

    async def insert(self, insertion: Insertion) -> InsertAnswer:
        """See Store.insert."""
        answer = await super().insert(insertion)
        self.may_have_logged |= isinstance(answer, Inserted) and bool(answer.ended)
        return answer

    async def locate(self, ip: str | None) -> Location | None:
        """The location of *ip*; None if the locator fails, for that must keep nobody out."""
        if ip is None or self._locator is None:
            return None
        try:
            return checked(await self._found(self._locator, ip))
        except Exception:  # noqa: BLE001 - it is logged
            log_error("the locator failed; the session has no location")
            return None

    async def _found(self, locator: Locator, ip: str) -> Location | None:
        return locator.locate(ip)

    async def wait(self) -> None:
        """Go on where calls may wait."""

    async def pause(self) -> float:
        """Let others write, for as long as the last call kept them waiting; its seconds."""
        (shortest, longest), took = _PAUSE, self._took
        await self.sleep(min(max(took, shortest), longest))
        return took

    async def sleep(self, seconds: float) -> None:
        """Wait for so long; on an event loop others go on."""
        time.sleep(seconds)

    def _note(self, name: str, took: float) -> None:
        """Note a call that is over, whether it failed or not."""
        self._took = took
        self._times.add(name, took)
        self.may_have_logged |= name in _LOGGED


class BlockingFace(Face):
    """
    As Face, of a blocking store.

    Attributes:
        may_wait: False on an event loop's thread, until the operation goes on elsewhere.
    """

    may_wait = True

    async def _do(
        self, name: str, method: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if not self.may_wait:
            await SUSPENSION
        return self._timed(name, method, *args, **kwargs)

    def _timed(self, name: str, method: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        start = perf_counter()
        try:
            return method(*args, **kwargs)
        finally:
            self._note(name, perf_counter() - start)

    async def _read(self, name: str, method: _Read[A, T], subject: A) -> T:
        """On an event loop too, if it can be answered at once."""
        if not self.may_wait:
            try:
                return self._timed(name, method, subject, wait=False)
            except StoreBusyError:
                await SUSPENSION
        return self._timed(name, method, subject)

    async def changes(self, position: object) -> Changes:
        """See Store.changes."""
        return await self._read("changes", self.store.changes, position)

    async def get(self, session_id: str) -> SessionRow | None:
        """See Store.get."""
        return await self._read("get", self.store.get, session_id)

    async def stamp(self, session_id: str) -> int | None:
        """See SupportsStamps.stamp; None from a store that has none."""
        if self._stamps is None:
            return None
        return await self._read("stamp", self._stamps.stamp, session_id)

    async def touch(
        self, session_id: str, activity: Activity, *, bound: bool, presented: int | None = None
    ) -> bool:
        """See Store.touch: it never waits."""
        touch = self.store.touch
        return self._timed("touch", touch, session_id, activity, bound=bound, presented=presented)

    async def locate(self, ip: str | None) -> Location | None:
        """See Face.locate."""
        if ip is not None and self._locator is not None and not self.may_wait:
            await SUSPENSION
        return await super().locate(ip)

    async def wait(self) -> None:
        """See Face.wait."""
        if not self.may_wait:
            await SUSPENSION

    async def pause(self) -> float:
        """See Face.pause."""
        if not self.may_wait:
            await SUSPENSION
        return await super().pause()


class AwaitingFace(Face):
    """
    As Face, of a store whose calls are awaited.

    Args:
        threads: Where the locator is asked, so that an event loop goes on meanwhile;
            None where there is no event loop.
        others: As for Face.
    """

    def __init__(
        self,
        store: AsyncStore,
        capabilities: Capabilities,
        times: CallTimes,
        locator: Locator | None,
        threads: Threads | None,
    ) -> None:
        # The calls of both kinds of store are the same ones, but for being awaited.
        super().__init__(cast("Store", store), capabilities, times, locator)
        self._threads = threads

    async def _do(
        self, name: str, method: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        start = perf_counter()
        try:
            return await cast("Callable[P, Awaitable[T]]", method)(*args, **kwargs)
        finally:
            self._note(name, perf_counter() - start)

    async def _found(self, locator: Locator, ip: str) -> Location | None:
        if self._threads is None:
            return await super()._found(locator, ip)
        return await in_thread(self._threads, partial(locator.locate, ip))

    async def sleep(self, seconds: float) -> None:
        """See Face.sleep."""
        if self._threads is None:
            await super().sleep(seconds)
            return
        import asyncio  # late: blocking programs have no use for it

        await asyncio.sleep(seconds)
