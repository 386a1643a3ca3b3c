"""
Threads of our own, for calls that would make an event loop wait.

The loop's default executor is the application's: filled with writes that wait for a
lock, it would serve neither the application's own calls nor `getaddrinfo`. These
threads are started when they are needed, keep no interpreter alive, and a forked child
starts its own.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from devsess._runtime.fork import after_fork
from devsess._runtime.mutex import new_lock
from devsess._runtime.waited import Moves, note_waited
from devsess.errors import StoreUnavailableError

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")

_Tasks: TypeAlias = "SimpleQueue[Callable[[], None] | None]"


class Threads:
    """
    Up to *most* threads, which take one task after another.

    Args:
        name: Their name.
        most: How many there may be.
    """

    def __init__(self, name: str, most: int) -> None:
        self._name = name
        self._most = most
        self._start_over()
        after_fork(self, Threads._start_over)

    def submit(self, work: Callable[[], T]) -> Future[T]:
        """
        The result of *work*, done by a thread in the context of the caller.

        Raises:
            StoreUnavailableError: If there is no thread, and none can be started; it is not done.
        """
        from concurrent.futures import Future  # late: it is slow to import

        future: Future[T] = Future()
        begin = partial(copy_context().run, _waited, monotonic(), self._moves, work)
        self._tasks.put(partial(_do, future, begin))
        with self._starting:  # callers in many threads would each start the last one
            if not self._is_one_idle() and len(self._threads) < self._most:
                self._start(future)
        return future

    def _is_one_idle(self) -> bool:
        """Whether a thread waits for a task; then it counts as busy from here on."""
        try:
            self._idle.get_nowait()
        except Empty:
            return False
        return True

    def _start(self, future: Future[T]) -> None:
        thread = Thread(target=_work, args=(self._tasks, self._idle), name=self._name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the system has no more
            if self._threads:
                return  # those that there are will do it
            future.cancel()
            raise StoreUnavailableError(f"no thread for the store: {error}") from error
        self._threads.append(thread)

    def close(self) -> None:
        """End the threads once the submitted work is done; later work starts new ones."""
        self._dismiss()
        self._start_over()

    def _start_over(self) -> None:
        self._tasks: _Tasks = SimpleQueue()
        # A token for each thread that waits. No Semaphore: a signal's handler that submits in the
        # midst of `submit` would wait for ever for its lock.
        self._idle: SimpleQueue[None] = SimpleQueue()
        self._starting = new_lock()
        self._threads: list[Thread] = []
        self._moves = Moves()
        # A manager that was never closed leaves no threads behind.
        self._dismiss = weakref.finalize(self, _dismiss, self._tasks, self._threads)
        self._dismiss.atexit = False


def _dismiss(tasks: _Tasks, threads: list[Thread]) -> None:
    for _ in threads:
        tasks.put(None)


def _work(tasks: _Tasks, idle: SimpleQueue[None]) -> None:
    while (task := tasks.get()) is not None:
        task()
        del task  # or its objects would live until the next one comes
        idle.put(None)


def _waited(since: float, moves: Moves, work: Callable[[], T]) -> T:
    note_waited(since, moves)
    return work()


def _do(future: Future[T], work: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        answer = work()
    except BaseException as error:  # noqa: BLE001 - it is raised where the future is awaited
        future.set_exception(_for_asyncio(error))
    else:
        future.set_result(answer)


def _for_asyncio(error: BaseException) -> BaseException:
    """
    *error*, or a RuntimeError in its place.

    asyncio takes a CancelledError for a cancelled task, and cannot raise a StopIteration
    (PEP 479): before Python 3.12 its future is never done.
    """
    from concurrent.futures import CancelledError  # late: it is slow to import

    if not isinstance(error, (StopIteration, CancelledError)):
        return error
    wrong = RuntimeError(f"work raised {type(error).__name__}")
    wrong.__cause__ = error
    return wrong
