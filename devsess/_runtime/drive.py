"""
Run an operation, a coroutine that reads and writes through its face of the store.

Blocking, it never suspends. On an event loop it suspends where it would have to
wait for the store, and goes on in a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from typing import TYPE_CHECKING, Concatenate, Generic, ParamSpec, TypeAlias, TypeVar

from attrs import frozen

if TYPE_CHECKING:
    from devsess._runtime.threads import Threads
    from devsess.operations.operation import Operation

T = TypeVar("T")

P = ParamSpec("P")

# An operation that runs, and one that has not begun: never awaited, a coroutine warns.
OperationCoroutine: TypeAlias = Coroutine[object, None, T]
OperationFunction: TypeAlias = "Callable[Concatenate[Operation, P], OperationCoroutine[T]]"


class Suspension:
    """An operation awaits this where it must not wait, and goes on where it may."""

    def __await__(self) -> Generator[Suspension, None, None]:
        yield self


SUSPENSION = Suspension()


@frozen
class Done(Generic[T]):
    """An operation has returned."""

    result: T


def step(operation: OperationCoroutine[T]) -> Done[T] | None:
    """Run *operation* up to its end, or to where it suspends: then None."""
    try:
        operation.send(None)
    except StopIteration as stop:
        return Done(stop.value)
    return None


def drive(operation: OperationCoroutine[T]) -> T:
    """
    The result of *operation*, which must not suspend.

    Raises:
        RuntimeError: If it does. It is closed: its clean-up has run.
    """
    try:
        operation.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    operation.close()
    raise RuntimeError("this store has to be awaited: use AsyncSessionManager")


# asyncio is imported where it is needed: blocking programs have no use for it, and
# it takes a quarter of the time that importing the package takes.


async def in_thread(threads: Threads, work: Callable[[], T]) -> T:
    """
    The result of *work*, done in one of *threads* while the event loop goes on.

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
    The result of *work*, which is finished even if the caller that waits for it is cancelled.

    An error that no caller waits for any more is dropped: asyncio would log one for
    every client that hangs up, and for every operation under way as the loop ends.
    """
    import asyncio

    task = asyncio.ensure_future(_outcome(work))
    await asyncio.wait([task])
    return _result(task.result())


async def with_its_caller(work: Coroutine[object, object, T]) -> T:
    """As `to_its_end`; a caller that is cancelled goes on once *work* is finished."""
    import asyncio

    task, cancelled = asyncio.ensure_future(_outcome(work)), False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError
    return _result(task.result())


def _result(outcome: Done[T] | Exception) -> T:
    if isinstance(outcome, Done):
        return outcome.result
    try:
        raise outcome
    finally:
        del outcome  # its traceback holds this frame


async def _outcome(work: Coroutine[object, object, T]) -> Done[T] | Exception:
    try:
        return Done(await work)
    except Exception as error:  # noqa: BLE001 - it is raised where the outcome is waited for
        return error
