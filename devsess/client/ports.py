"""
The two ways to run what `core` decides: in a thread, or on an event loop.

`core` is written once, as coroutines. Where one awaits a `Send`, it is handed back to httpx, which
sends the request. Over `Blocking` nothing else suspends it.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Protocol, TypeAlias

import anyio
import httpx

from devsess.client.challenges import StepUp

Proof: TypeAlias = httpx.Request | None
OnStepUp: TypeAlias = Callable[[StepUp], Proof | Awaitable[Proof]]
Work: TypeAlias = Coroutine[Any, Any, None]


class Send:
    """Await it for the answer to *request*; with *whole*, for its body too."""

    def __init__(self, request: httpx.Request, *, whole: bool = False) -> None:
        self.request = request
        self.whole = whole

    def __await__(self) -> Generator[Send, httpx.Response, httpx.Response]:
        return (yield self)


class Port(Protocol):
    """
    The waits of `core`, beside those for answers.

    Attributes:
        is_blocking: Whether they block the thread.
    """

    is_blocking: bool

    async def sleep(self, seconds: float) -> None:
        """Wait."""

    async def read(self, response: httpx.Response) -> None:
        """Read the body, so that the connection is free."""

    async def ask(self, question: OnStepUp, wanted: StepUp) -> Proof:
        """The application's answer to a challenge."""


class Blocking:
    """In a thread."""

    is_blocking = True

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    async def read(self, response: httpx.Response) -> None:
        response.read()

    async def ask(self, question: OnStepUp, wanted: StepUp) -> Proof:
        found = question(wanted)
        if not isinstance(found, httpx.Request) and found is not None:
            raise TypeError("on_step_up gives an httpx.Request or None; in a Client without await")
        return found


class OnLoop:
    """On the event loop of asyncio or trio."""

    is_blocking = False

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    async def read(self, response: httpx.Response) -> None:
        await response.aread()

    async def ask(self, question: OnStepUp, wanted: StepUp) -> Proof:
        found = question(wanted)
        return await found if inspect.isawaitable(found) else found


def until_sent(work: Work, answer: httpx.Response | None) -> Send | None:
    """Go on with blocking *work*, until it sends a request; None at its end."""
    try:
        step = work.send(answer)
    except StopIteration:
        return None
    if not isinstance(step, Send):
        raise RuntimeError("blocking work has suspended")
    return step


class UntilSent:
    """Await it as `until_sent`; all other waits of *work* are handed on to the event loop."""

    def __init__(self, work: Work, answer: httpx.Response | None) -> None:
        self._work = work
        self._answer = answer

    def __await__(self) -> Generator[Any, Any, Send | None]:
        value: object = self._answer
        error: BaseException | None = None
        while True:
            try:
                step = self._work.send(value) if error is None else self._work.throw(error)
            except StopIteration:
                return None
            if isinstance(step, Send):
                return step
            value, error = None, None
            try:
                value = yield step
            except BaseException as raised:  # noqa: BLE001 - it is the work's, a cancellation too
                error = raised
