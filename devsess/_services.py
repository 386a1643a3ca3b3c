"""Perform what flows ask for: by a store, a locator, and a list of events to tell."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import TYPE_CHECKING

from devsess.models import Event, Location
from devsess.rows import EventRow
from devsess.stores.base import AsyncStore, Store, StoreBusyError
from devsess.views import event_view

if TYPE_CHECKING:
    from devsess._core import OnEvent
    from devsess.flows import Call
    from devsess.geo import Locator
    from devsess.metrics import CallTimes

# The calls that no store answers.
_OURS = frozenset({"emit", "locate", "pause"})

# Seconds that a pause lasts at least, and at most: others look for the lock again
# after a tenth of a second at the latest.
_PAUSE = (0.01, 0.1)


class WouldBlockError(Exception):
    """This call cannot be answered at once; run the whole operation where it may wait."""


class Services:
    """What a manager performs calls with, whatever its store."""

    def __init__(self, locator: Locator | None, times: CallTimes) -> None:
        self._locator = locator
        self._times = times
        self._last = 0.0
        self.events: list[Event] = []

    def emit(self, row: EventRow) -> None:
        """Note an event; it is told when the operation is over."""
        self.events.append(event_view(row))

    @property
    def _pause(self) -> float:
        """Seconds: as long as the last call took, so that others write half of the time."""
        shortest, longest = _PAUSE
        return min(max(self._last, shortest), longest)

    def _took(self, name: str, start: float) -> None:
        self._last = perf_counter() - start
        self._times.add(name, self._last)

    def locate(self, ip: str) -> Location | None:
        """Where *ip* is; a locator that fails knows nothing, and keeps nobody out."""
        if self._locator is None:
            return None
        try:
            return self._locator.locate(ip)
        except Exception:  # noqa: BLE001 - it is logged
            log("the locator failed; the session has no location")
            return None


class Waiting(Services):
    """Calls are performed at once, however long they take."""

    def __init__(self, store: Store, locator: Locator | None, times: CallTimes) -> None:
        super().__init__(locator, times)
        self._store = store

    def pause(self) -> None:
        """Sleep, in the thread that works."""
        time.sleep(self._pause)

    def perform(self, call: Call) -> object:
        """The answer to *call*."""
        if call.name in _OURS:
            return getattr(self, call.name)(*call.args)
        start = perf_counter()
        try:
            return getattr(self._store, call.name)(*call.args, **call.kwargs)
        finally:
            self._took(call.name, start)


class Instant(Services):
    """Calls are performed without waiting, or not at all; for an event loop's thread."""

    def __init__(self, store: Store, times: CallTimes) -> None:
        super().__init__(None, times)
        self._store = store

    def perform(self, call: Call) -> object:
        """
        The answer to *call*.

        Raises:
            WouldBlockError: If it may have to wait.
        """
        if call.name == "emit":
            return getattr(self, call.name)(*call.args)
        if call.name == "mark":
            return self._store.mark()
        if call.name == "touch":  # which waits for nobody, wherever it is called
            return self._timed(call, call.kwargs)
        if call.name not in ("get", "stamp", "changes"):
            raise WouldBlockError
        try:
            return self._timed(call, {"wait": False})
        except StoreBusyError:
            raise WouldBlockError from None

    def _timed(self, call: Call, kwargs: Mapping[str, object]) -> object:
        start = perf_counter()
        try:
            return getattr(self._store, call.name)(*call.args, **kwargs)
        finally:
            self._took(call.name, start)


class Awaiting(Services):
    """Calls are awaited; a store behind a network has no mark, it is asked."""

    def __init__(self, store: AsyncStore, locator: Locator | None, times: CallTimes) -> None:
        super().__init__(locator, times)
        self._store = store

    async def perform(self, call: Call) -> object:
        """The answer to *call*."""
        if call.name in _ABSENT:
            return _ABSENT[call.name]()
        if call.name == "pause":
            await self._sleep()
            return None
        if call.name in _OURS:
            return getattr(self, call.name)(*call.args)
        start = perf_counter()
        try:
            return await getattr(self._store, call.name)(*call.args, **call.kwargs)
        finally:
            self._took(call.name, start)

    async def _sleep(self) -> None:
        import asyncio  # late: blocking programs have no use for it

        await asyncio.sleep(self._pause)


def no_mark() -> object:
    """A mark that equals none."""
    return object()


def _no_stamp() -> None:
    return None


# What an AsyncStore does not have: it is asked for what there is instead.
_ABSENT: dict[str, Callable[[], object]] = {"mark": no_mark, "stamp": _no_stamp}


def log(message: str) -> None:
    """Log the error that is being handled."""
    import logging  # late: it is not needed as long as nothing fails

    logging.getLogger("devsess").exception(message)


def tell(events: list[Event], on_event: OnEvent | None) -> None:
    """Hand *events* to the application; its errors are logged, for what happened has happened."""
    if on_event is None:
        return
    for event in events:
        try:
            on_event(event)
        except Exception:  # noqa: BLE001 - it is logged
            log(f"on_event failed for {event.type.value}")


async def tell_async(events: list[Event], on_event: Callable[[Event], object] | None) -> None:
    """As `tell`, awaiting an *on_event* that wants it."""
    if on_event is None:
        return
    for event in events:
        try:
            told = on_event(event)
            if hasattr(told, "__await__"):
                await told
        except Exception:  # noqa: BLE001 - it is logged
            log(f"on_event failed for {event.type.value}")
