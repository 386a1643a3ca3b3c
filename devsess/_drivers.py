"""Run a flow: perform what it asks for, send it the answer, until it returns."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

from devsess.flows import Call, Flow

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
