"""
A store with leases in this process, and managers over it whose feeds a test turns by hand.

No thread runs and the clock stands still. A hook on a call of the store is the place where
other processes do something.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from attrs import define

from devsess import AsyncSessionManager, Policy, SessionManager, StoreUnavailableError
from devsess._runtime.feed_runners import TaskFeed, ThreadFeed
from devsess.stores.base import ById, Changes
from devsess.stores.capabilities import Behind, Renewal
from devsess.stores.memory import MemoryStore
from devsess.testing import Awaited, FakeClock
from devsess.testing._rows import ending

if TYPE_CHECKING:
    from devsess._runtime.feed import Feed
    from devsess._runtime.feed_runners import MakeFeed
    from devsess._runtime.leases import Reader
P = ParamSpec("P")
T = TypeVar("T")

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
LEASE = 2.0
# Seconds that an ending waits for a reader that does not react.
OVER = LEASE * 1.005 + 0.05


@define
class Entry:
    """A reader in the register."""

    position: Any
    beat: int


class Network:
    """The server: its rows, the register of readers, and the log's history."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.rows = MemoryStore()
        self.sleep: Callable[[float], object] = self.clock.advance
        self.readers: dict[str, Entry] = {}
        self.history = "first"
        self.seasoned: str | None = None
        self.forgets_history = False  # as a store whose positions have no history does
        self.lease = 0.0
        self.calls: Counter[str] = Counter()
        # Called with the number of the call, before it is carried out, and after it was.
        self.before: dict[str, Callable[[int], object]] = {}
        self.after: dict[str, Callable[[int], object]] = {}
        self.down: set[str] = set()

    async def answer(self, name: str, work: Callable[[], T]) -> T:
        """The answer to a call."""
        self.calls[name] += 1
        number = self.calls[name]
        self.before.get(name, _nothing)(number)
        if name in self.down:
            raise StoreUnavailableError("the network is down")
        answer = work()
        self.after.get(name, _nothing)(number)
        return answer

    def end(self, session_id: str) -> None:
        """End a session, as a process does that waits for nobody."""
        self.rows.end(ending(ById(session_id), self.clock.now().timestamp()))

    def fail_over(self, history: str) -> None:
        """Another server takes over, with the rows and without the register."""
        self.history = history
        self.readers.clear()


def _nothing(_: int) -> None: ...


class LeasedStore(Awaited):
    """One process's store. Its positions have the history in them."""

    def __init__(self, network: Network) -> None:
        super().__init__(network.rows)
        self.network = network
        self._heard: object = None

    async def _do(
        self, name: str, method: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self.network.answer(name, lambda: method(*args, **kwargs))

    async def changes(self, position: object) -> Changes:
        return await self.network.answer("changes", lambda: self._changes(position))

    def _changes(self, position: Any) -> Changes:
        if self.network.forgets_history:
            return Changes(position, ())
        history, known = position or (None, None)
        found = self.network.rows.changes(known if history == self.network.history else None)
        return Changes((self.network.history, found.position), found.ids)

    async def renew(self, reader: str, position: Any, *, lease: float) -> Renewal:
        def work() -> Renewal:
            beat = self.network.calls["renew"]  # of all readers: none is given twice
            known = position if position and position[0] == self.network.history else None
            self.network.readers[reader] = Entry(known, beat)
            self.network.lease = max(self.network.lease, lease)
            changes = self._changes(position)
            self._heard = changes.position
            return Renewal(changes, self.network.history)

        return await self.network.answer("renew", work)

    async def leave(self, reader: str) -> None:
        await self.network.answer("leave", lambda: self.network.readers.pop(reader, None))

    async def readers_behind(self, position: Any) -> Behind:
        def work() -> Behind:
            network = self.network
            beats = {
                reader: entry.beat
                for reader, entry in network.readers.items()
                if not _has_reached(entry.position, position, network.history)
            }
            is_seasoned = network.seasoned == network.history
            return Behind(beats, network.history, is_seasoned, network.lease)

        return await self.network.answer("readers_behind", work)

    async def expel(self, reader: str, beat: int) -> None:
        def work() -> None:
            entry = self.network.readers.get(reader)
            if entry is not None and entry.beat == beat:
                del self.network.readers[reader]

        await self.network.answer("expel", work)

    async def season(self, history: str) -> None:
        def work() -> None:
            if history == self.network.history:
                self.network.seasoned = history

        await self.network.answer("season", work)

    async def wait(self, seconds: float) -> None:
        def work() -> None:
            if self._changes(self._heard).position == self._heard:
                self.network.sleep(seconds)

        await self.network.answer("wait", work)

    async def close(self) -> None:
        """The server goes on."""


def _has_reached(applied: Any, position: Any, history: str) -> bool:
    if not applied or not position or not applied[0] == position[0] == history:
        return False
    return bool(applied[1][0] == position[1][0] and applied[1][1] >= position[1][1])


class HandPace:
    """Pauses take no time, and are counted."""

    def __init__(self) -> None:
        self.is_over = False
        self.pauses: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


class _ByHand:
    """A feed that a validation starts, and that runs where a test turns it."""

    _make: MakeFeed
    feed: Feed | None = None

    @property
    def member(self) -> Any:
        return self.feed and self.feed.member

    def start(self) -> None:
        if self.feed is None:
            self.pace = HandPace()
            self.feed = self._make(self.pace)

    def turned(self) -> Feed:
        assert self.feed is not None, "no validation has started the feed"
        return self.feed


class HandThread(_ByHand, ThreadFeed):
    """Of the manager that blocks."""


class HandTask(_ByHand, TaskFeed):
    """Of the manager that is awaited."""


class BlockingByHand(SessionManager):
    _make_runner = HandThread


class AwaitingByHand(AsyncSessionManager):
    _make_runner = HandTask


MANAGERS = [BlockingByHand, AwaitingByHand]


async def done(answer: Any) -> Any:
    """The answer of a method of either manager."""
    return await answer if inspect.isawaitable(answer) else answer


class Process:
    """A manager with a store of its own, whose calls are awaited whichever it is."""

    def __init__(
        self,
        network: Network,
        kind: type[Any],
        *,
        store: Any = LeasedStore,
        **policy: Any,
    ) -> None:
        policy = policy or {"acknowledged": True, "lease": LEASE}
        self.network = network
        self.store: Any = store(network)
        self.manager: Any = kind(
            self.store, keys=SECRET, policy=Policy(**policy), clock=network.clock
        )

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.manager, name)

        async def called(*args: Any, **kwargs: Any) -> Any:
            return await done(method(*args, **kwargs))

        return called

    @property
    def feed(self) -> Any:
        return self.manager.core.currency._feed

    @property
    def reader(self) -> Reader:
        return cast("Reader", self.feed.member)

    @property
    def counts(self) -> tuple[int, int, int]:
        """Waits, those in vain, and readers expelled."""
        metrics = self.manager.core.metrics()
        return metrics.waits, metrics.waits_in_vain, metrics.expelled

    @property
    def lease(self) -> str:
        return str(self.manager.core.metrics().lease)

    def turn(self, times: int = 1) -> None:
        """Let the feed renew and wait so often; nothing in it suspends."""
        for _ in range(times):
            _finish(self.feed.turned().turn())

    def turn_until(self, holds: Callable[[], bool]) -> None:
        """Let the feed turn until that holds, which it must soon."""
        for _ in range(100):
            if holds():
                return
            self.turn()
        raise AssertionError("the feed has turned a hundred times")

    def run(self) -> None:
        """Let the feed run to its end."""
        _finish(self.feed.turned().run())

    async def with_lease(self, *tokens: str) -> Process:
        """Itself, once it holds a lease, has acknowledged everything, and knows *tokens*."""
        for token in tokens:
            await self.validate(token)
        self.turn(2)
        for token in tokens:
            await self.validate(token)
        assert "held" == self.lease
        return self

    async def is_asked(self, token: str) -> bool:
        """Whether a validation of *token* asks the store."""
        before = self.network.calls.total()
        await self.validate(token)
        return self.network.calls.total() > before


def _finish(work: Awaitable[None]) -> None:
    with_send = cast("Any", work)
    try:
        with_send.send(None)
    except StopIteration:
        return
    raise AssertionError("a call of this store has suspended")


def played(
    scenario: Callable[..., Awaitable[None]],
) -> Callable[..., None]:
    """A test from a scenario of a network and the class of the managers."""

    def test(kind: type[Any]) -> None:
        network = Network()
        network.seasoned = network.history
        asyncio.run(cast("Any", scenario)(network, kind))

    test.__name__, test.__doc__ = scenario.__name__, scenario.__doc__
    test.__module__ = scenario.__module__
    return test
