"""
Connections to servers, in two colours: one blocks its thread, one lets the event loop go on.

They use the driver's connections, not its clients or pools: those repeat a command whose
answer was lost, and a script that ends sessions may then run twice.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar

from attrs import define, field, frozen
from redis.exceptions import BusyLoadingError, RedisError

from devsess.errors import StoreUnavailableError

T = TypeVar("T")
Command = Sequence[str | bytes]

# Seconds without a message after which a listener asks whether the server is still there.
QUIET = 15.0


# Until when all that is being asked may take, on the monotonic clock.
_UNTIL: ContextVar[float] = ContextVar("until", default=math.inf)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """All exchanges inside take so long together; less, where one `within` is inside another."""
    token = _UNTIL.set(min(_UNTIL.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _UNTIL.reset(token)


def left(timeout: float) -> float:
    """
    The seconds that an exchange may take, which is not more than *timeout*.

    Raises:
        StoreUnavailableError: If there are none.
    """
    seconds = min(timeout, _UNTIL.get() - time.monotonic())
    if seconds <= 0:
        raise StoreUnavailableError("there was no answer in time")
    return seconds


def shares(servers: Sequence[Server], timeout: float) -> Iterator[tuple[Server, float]]:
    """Each of *servers* with its share of the time, of which as much is left at the end."""
    for place, server in enumerate(servers):
        yield server, left(timeout) / (len(servers) - place + 1)


@frozen
class Server:
    """Where a server listens, and whether it is a Sentinel."""

    host: str
    port: int
    is_sentinel: bool = False


class Lines(Protocol):
    """The requests that a store sends to servers."""

    @property
    def timeout(self) -> float:
        """Seconds within which an exchange has its answers."""
        ...

    async def exchange(
        self, server: Server, commands: Sequence[Command], *, is_read: bool
    ) -> list[Any]:
        """
        The answers to *commands*, sent in one go; an error of the server is an answer too.

        A read is sent again once where the server had closed a connection that was open.

        Raises:
            StoreUnavailableError: If they did not come in time; the commands may have run.
        """
        ...

    async def together(self, calls: Sequence[Callable[[], Coroutine[Any, Any, T]]]) -> list[T]:
        """The results of *calls*, at once where that is possible."""
        ...

    async def listen(self, server: Server, channel: str, seconds: float) -> None:
        """
        Return at the next message of *channel*, or after *seconds*.

        The first call returns at once: messages may have come before it. One caller at a time.

        Raises:
            StoreUnavailableError: If the connection broke.
        """
        ...

    async def close(self) -> None:
        """Release the connections; closing twice is fine."""
        ...


class LostError(Exception):
    """A connection that was open before is closed: nothing says whether the command ran."""


def is_lost(error: BaseException) -> bool:
    """Whether *error* says that a connection was closed, and not that time ran out."""
    is_late = "timeout" in type(error).__name__.lower()
    is_answer = isinstance(error, BusyLoadingError)
    return isinstance(error, (RedisError, OSError)) and not is_late and not is_answer


def unavailable(error: BaseException) -> StoreUnavailableError:
    """The error of a store whose server did not answer; no word of it is a secret."""
    return StoreUnavailableError(f"the server did not answer: {type(error).__name__}")


def closed() -> StoreUnavailableError:
    """The error of a call after `close`."""
    return StoreUnavailableError("this store was closed")


@define
class Pool:
    """Connections to one server that are free, and the room for more: permits, or a semaphore."""

    room: Any
    free: list[Any] = field(factory=list)


@define
class Listening:
    """
    A connection that has subscribed.

    Attributes:
        heard_at: When a message came last, by a monotonic clock.
        asked_at: When the server was asked whether it is there, if it has not answered yet.
    """

    server: Server
    connection: Any
    heard_at: float
    asked_at: float | None = None

    def is_question_due(self, now: float) -> bool:
        """Whether to ask the server now."""
        return self.asked_at is None and now - self.heard_at > QUIET

    def is_message(self, answer: Any, now: float) -> bool:
        """Note what was heard; whether it is a message, and not the answer to a question."""
        self.heard_at, self.asked_at = now, None
        return isinstance(answer, list) and answer[0] == b"message"
