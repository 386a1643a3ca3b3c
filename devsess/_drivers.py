"""Run a flow: perform what it asks for, send it the answer, until it returns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import ParamSpec, TypeVar, cast

from devsess.flows import Call, Flow

P = ParamSpec("P")
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


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What *work* gives, in a thread, while the event loop goes on."""
    import asyncio

    return await asyncio.to_thread(work, *args, **kwargs)


async def to_its_end(work: Coroutine[object, object, T]) -> T:
    """What *work* gives; it is finished even if whoever waits for it goes away."""
    import asyncio

    return await asyncio.shield(asyncio.ensure_future(work))
