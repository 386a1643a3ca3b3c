"""
The runners of a feed: a daemon thread, or a task of the running loop.

The first validation that could use a feed starts one, also after a fork. It ends with its manager,
closed or not.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from threading import Thread
from typing import TYPE_CHECKING

from attrs import frozen

from devsess._runtime.drive import drive
from devsess._runtime.feed import Feed, Pace
from devsess._runtime.fork import after_fork
from devsess._runtime.interrupted import Flag
from devsess._runtime.mutex import is_mine, new_lock
from devsess._runtime.notify import log_error

if TYPE_CHECKING:
    import asyncio

    from devsess._runtime.leases import Member

# Seconds that a close waits for the end: a store that does not answer must not keep a process.
PATIENCE = 10.0
# The same as the process or its event loop ends.
LAST_PATIENCE = 1.0
_ENDED = "the feed of the change log has ended; the next validation starts it again"

# Makes a run. It must not refer to the manager, which could never be collected then.
MakeFeed = Callable[[Pace], Feed]


class ThreadPace:
    """The pace of a thread."""

    def __init__(self) -> None:
        self._over = Flag()  # its end may come within any line, from the collector

    @property
    def is_over(self) -> bool:
        """See Pace.is_over."""
        return self._over.is_set

    async def sleep(self, seconds: float) -> None:
        """See Pace.sleep."""
        self._over.wait(seconds)

    def end(self) -> None:
        """The feed must end."""
        self._over.set()


@frozen(eq=False)
class _ThreadRun:
    feed: Feed
    pace: ThreadPace
    thread: Thread
    abandon: weakref.finalize[[], ThreadFeed]

    def is_alive(self) -> bool:
        return self.thread.is_alive()


class ThreadFeed:
    """
    Runs a feed in a thread of its own, whenever it is needed.

    Args:
        make: Makes a run.
    """

    def __init__(self, make: MakeFeed) -> None:
        self._make = make
        self._is_closed = False
        self._run: _ThreadRun | None = None
        self._lock = new_lock()
        after_fork(self, ThreadFeed._disown)

    @property
    def member(self) -> Member | None:
        """The member that runs now, or ran last."""
        return None if self._run is None else self._run.feed.member

    def start(self) -> None:
        """Run, unless it does; if there can be no more threads, the next call tries again."""
        if self._is_closed or (self._run is not None and self._run.is_alive()):
            return
        if is_mine(self._lock):  # a signal's handler asks while its own thread starts one
            return
        with self._lock:
            if self._is_closed or (self._run is not None and self._run.is_alive()):
                return
            if self._run is not None:
                self._run.abandon.detach()
            self._run = run = self._made()
            if self._is_closed:  # by a signal's handler
                return
            with suppress(RuntimeError):
                run.thread.start()
                if run.feed.member.is_registered:
                    _leave_at_exit(self)

    def _made(self) -> _ThreadRun:
        pace = ThreadPace()
        feed = self._make(pace)
        thread = Thread(target=_run, args=(feed,), name="devsess-feed", daemon=True)
        # A manager that was never closed leaves no thread behind.
        abandon = weakref.finalize(self, pace.end)
        abandon.atexit = False
        return _ThreadRun(feed, pace, thread, abandon)

    def end(self) -> None:
        """Have the run end soon."""
        if self._run is not None:
            self._run.pace.end()

    def join(self, seconds: float) -> None:
        """Wait until it has ended."""
        if self._run is not None and self._run.is_alive():
            self._run.thread.join(seconds)

    def close(self) -> None:
        """End for good: the lease is given up, and the reader has left."""
        with self._lock:
            self._is_closed = True
        self.end()
        self.join(PATIENCE)

    def _disown(self) -> None:
        """In a forked child: the thread is the parent's."""
        self._lock = new_lock()
        if self._run is not None:
            self._run.feed.member.disown()
        self._run = None


def _run(feed: Feed) -> None:
    try:
        drive(feed.run())
    except Exception:  # noqa: BLE001 - it is logged
        log_error(_ENDED)


_registered: weakref.WeakSet[ThreadFeed] = weakref.WeakSet()


def _leave_at_exit(feed: ThreadFeed) -> None:
    """Leave the register as the process ends, so that no ending waits for it."""
    import atexit

    if not _registered:
        atexit.unregister(_leave_all)
        atexit.register(_leave_all)
    _registered.add(feed)


def _leave_all() -> None:
    feeds = [*_registered]
    for feed in feeds:
        feed.end()
    for feed in feeds:
        feed.join(LAST_PATIENCE / len(feeds))


class TaskPace:
    """The pace of a task, which is cancelled where it waits."""

    is_over = False

    async def sleep(self, seconds: float) -> None:
        """See Pace.sleep."""
        import asyncio

        await asyncio.sleep(seconds)


@frozen(eq=False)
class _TaskRun:
    feed: Feed
    pace: TaskPace
    task: asyncio.Task[None]
    loop: asyncio.AbstractEventLoop
    abandon: weakref.finalize[[asyncio.AbstractEventLoop, asyncio.Task[None]], TaskFeed]

    def is_alive(self) -> bool:
        return not self.task.done()

    def stop_waiting(self) -> None:
        if self.feed.is_waiting:
            self.task.cancel()


class TaskFeed:
    """
    Runs a feed as a task of the running loop, whenever it is needed.

    Of loops that run at the same time, in threads of their own, one runs it for all. A loop that
    stands still keeps no memory current: the next one takes over.

    Args:
        make: Makes a run.
    """

    def __init__(self, make: MakeFeed) -> None:
        self._make = make
        self._is_closed = False
        self._run: _TaskRun | None = None
        self._lock = new_lock()
        after_fork(self, TaskFeed._disown)

    @property
    def member(self) -> Member | None:
        """See ThreadFeed.member."""
        return None if self._run is None else self._run.feed.member

    def start(self) -> None:
        """Run, unless it does so on a loop that is running."""
        if self._is_closed or self._is_running():
            return
        if is_mine(self._lock):  # a signal's handler asks while its own thread starts one
            return
        with self._lock:
            if not (self._is_closed or self._is_running()):
                self._begin(self._ended())

    def _is_running(self) -> bool:
        run = self._run
        return run is not None and run.is_alive() and run.loop.is_running()

    def _begin(self, before: Member | None) -> None:
        import asyncio

        loop, pace = asyncio.get_running_loop(), TaskPace()
        feed = self._make(pace)
        # In a context of its own: that of a request would live as long.
        task = loop.create_task(_follow(feed, before), context=Context())
        # A loop that is closed with tasks under way must not log this one: no caller awaits it.
        setattr(task, "_log_destroy_pending", False)  # noqa: B010 - no stub has it
        abandon = weakref.finalize(self, _cancel, loop, task)
        abandon.atexit = False
        self._run = _TaskRun(feed, pace, task, loop, abandon)

    async def close(self) -> None:
        """See ThreadFeed.close."""
        import asyncio

        with self._lock:  # another loop's thread may be in the midst of a start
            self._is_closed = True
        run = self._run
        if run is None or not run.is_alive():
            return
        if run.loop is not asyncio.get_running_loop():
            if (member := self._ended()) is not None:
                await member.leave()
            return
        run.pace.is_over = True
        run.stop_waiting()
        await asyncio.wait([run.task], timeout=PATIENCE)

    def _ended(self) -> Member | None:
        """The member of a run on another loop, which is yet to leave; it answers nothing more."""
        run, self._run = self._run, None
        if run is None:
            return None
        run.abandon.detach()  # it refers to the loop, which may have ended
        if not run.is_alive():
            return None
        run.feed.member.stop()
        run.pace.is_over = True
        with suppress(RuntimeError):  # the loop is closed
            run.loop.call_soon_threadsafe(run.stop_waiting)
        return run.feed.member

    def _disown(self) -> None:
        """In a forked child: the loop is the parent's."""
        self._lock = new_lock()
        run, self._run = self._run, None
        if run is not None:
            run.feed.member.disown()
            run.pace.is_over = True
            run.abandon.detach()


async def _follow(feed: Feed, before: Member | None) -> None:
    import asyncio

    try:
        if before is not None:
            await before.leave()
        await feed.run()
    except asyncio.CancelledError:  # by `close`, or as the loop ends: leave all the same
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_PATIENCE):
                await feed.member.leave()
    except Exception:  # noqa: BLE001 - it is logged
        log_error(_ENDED)


def _cancel(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    with suppress(RuntimeError):  # the loop is closed
        loop.call_soon_threadsafe(task.cancel)
