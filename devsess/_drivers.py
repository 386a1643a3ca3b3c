"""Run a flow: perform what it asks for, send it the answer, until it returns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar, cast

from devsess.flows import Call, Flow

if TYPE_CHECKING:
    from asyncio import Task

    from devsess._threads import Threads

T = TypeVar("T")


def run(flow: Flow[T], perform: Callable[[Call], object]) -> T:
    """The result of *flow*, each of its calls performed at once; errors are thrown into it."""
    try:
        call = next(flow)
        while True:
            try:
                answer = perform(call)
            except Exception as error:  # noqa: BLE001 - it is the flow's to judge
                call = flow.throw(error)
            else:
                call = flow.send(answer)
    except StopIteration as stop:
        return cast("T", stop.value)


async def run_async(flow: Flow[T], perform: Callable[[Call], Awaitable[object]]) -> T:
    """The result of *flow*, each of its calls awaited; errors are thrown into it."""
    try:
        call = next(flow)
        while True:
            try:
                answer = await perform(call)
            except Exception as error:  # noqa: BLE001 - it is the flow's to judge
                call = flow.throw(error)
            else:
                call = flow.send(answer)
    except StopIteration as stop:
        return cast("T", stop.value)


# asyncio is imported where it is needed: blocking programs have no use for it, and
# it takes a quarter of the time that importing the package takes.


async def in_thread(threads: Threads, work: Callable[[], T]) -> T:
    """
    What *work* gives, in one of *threads*, while the event loop goes on.

    For tasks of our own only: nothing but the loop's end cancels them, and then
    the loop waits until the work is done, so that its events are emitted.
    """
    import asyncio

    future = asyncio.wrap_future(threads.submit(work))
    while not future.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([future])
    return future.result()


async def to_its_end(work: Coroutine[object, object, T]) -> T:
    """
    What *work* gives; it is finished even if the caller that waits for it is cancelled.

    An error that nobody waits for any more is nobody's: asyncio would log it,
    once for every client that hangs up.
    """
    import asyncio

    task = asyncio.ensure_future(work)
    task.add_done_callback(_seen)
    await asyncio.wait([task])
    return task.result()


def _seen(task: Task[T]) -> None:
    if not task.cancelled():
        task.exception()
