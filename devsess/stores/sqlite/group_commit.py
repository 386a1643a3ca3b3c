"""
Group commit: threads that wait to write share one transaction, and so one wait for the disk.

A commit waits for the disk, and meanwhile other threads come to write. Whichever gets the write
lock next does the work of all of them, in the order in which they came, and each goes on once
that is committed. Each is written whole or not at all: where the work of one fails, nothing of
the others is written either, and each does its own in a transaction of its own.

Not for the main thread, in which a signal may raise an error between any two steps.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from enum import Enum
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from devsess._runtime.mutex import with_lock
from devsess._runtime.waited import note_moved

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from devsess._runtime import mutex

T = TypeVar("T")

# What one transaction takes at most, and the seconds after which it takes no more: other
# processes wait for its end.
_MOST = 64
_LONG = 0.01
# Seconds after which a thread that nobody woke looks for itself.
_LOOK_EVERY = 0.05


class NotInTimeError(Exception):
    """Other threads kept the write lock for too long; nothing was written."""


class TakenBackError(Exception):
    """A transaction of several failed by the work of another; nothing was written."""


class _Outcome(Enum):
    OPEN = "open"
    COMMITTED = "committed"
    TAKEN_BACK = "taken back"


class _Group:
    """The writes of one transaction."""

    def __init__(self) -> None:
        self.members: list[_Write[Any]] = []
        self.outcome = _Outcome.OPEN

    def add(self, member: _Write[Any]) -> None:
        self.members.append(member)
        member.group = self

    def close(self) -> None:
        """A group that is not committed by now is taken back; all its threads go on."""
        if self.outcome is _Outcome.OPEN:
            self.outcome = _Outcome.TAKEN_BACK
        for member in self.members:
            member.wake()


class _Write(Generic[T]):
    """The write of one thread; its answer is there once the group is committed."""

    def __init__(self, work: Callable[[sqlite3.Cursor], T]) -> None:
        self._work = work
        self._woken = Lock()
        self._woken.acquire()
        self.group: _Group | None = None
        self.answer: T

    @property
    def outcome(self) -> _Outcome:
        return _Outcome.OPEN if self.group is None else self.group.outcome

    def do(self, db: sqlite3.Cursor) -> None:
        self.answer = self._work(db)

    def wait(self, seconds: float) -> None:
        """Until it is woken, or so long."""
        self._woken.acquire(timeout=seconds)

    def wake(self) -> None:
        """End its wait, also one that is yet to begin."""
        with suppress(RuntimeError):  # it was woken already
            self._woken.release()


class GroupCommit:
    """
    The threads that wait for a write lock.

    Args:
        lock: The write lock.
        transaction: Does work in one, under the lock, after it waited for other processes as
            many seconds as it is given; or raises, and has written nothing.
    """

    def __init__(
        self,
        lock: mutex.Lock,
        transaction: Callable[[float, Callable[[sqlite3.Cursor], None]], None],
    ) -> None:
        self._lock = lock
        self._transaction = transaction
        self._waiting: deque[_Write[Any]] = deque()

    def do(self, work: Callable[[sqlite3.Cursor], T], deadline: float) -> T:
        """
        The result of *work*, done in one transaction with that of other threads.

        Args:
            work: Can be done anew, if it was taken back.
            deadline: By the monotonic clock.

        Raises:
            NotInTimeError: If other threads kept the lock.
            TakenBackError: If the work of another failed.
        """
        mine = _Write(work)
        self._waiting.append(mine)
        try:
            self._until_done(mine, deadline)
        except BaseException:  # what has raised is not written later
            while not self._withdraw(mine) and mine.outcome is _Outcome.OPEN:
                mine.wait(_LOOK_EVERY)
            raise
        if mine.outcome is _Outcome.OPEN:
            raise NotInTimeError
        if mine.outcome is _Outcome.TAKEN_BACK:
            raise TakenBackError
        return mine.answer

    def wake_next(self) -> None:
        """
        Wake the thread that came first; to be called whenever the lock was released.

        A thread that finds the lock held is in the queue by then, so that its holder finds it.
        """
        if self._waiting:
            with suppress(IndexError):  # it has just been taken
                self._waiting[0].wake()

    def _until_done(self, mine: _Write[Any], deadline: float) -> None:
        """Until it is done, or, at the deadline, is in nobody's hands."""
        while mine.outcome is _Outcome.OPEN:
            left = max(0.0, deadline - time.monotonic())
            if self._lead(mine, left):
                continue
            if not left and self._withdraw(mine):
                return
            mine.wait(min(left or _LOOK_EVERY, _LOOK_EVERY))

    def _lead(self, mine: _Write[Any], seconds: float) -> bool:
        """Do all that waits, *mine* first, if the lock is free; whether it was."""
        held = False

        def work() -> bool:
            nonlocal held
            held = True
            return self._commit(mine, seconds)

        try:
            return with_lock(self._lock, 0.0, work, lambda: False)
        finally:
            if held:  # or a thread that waits would wake itself
                self.wake_next()

    def _commit(self, mine: _Write[Any], seconds: float) -> bool:
        # Done by the last holder of the lock, perhaps. Where an error struck that one before
        # it could say how it went, it has taken all back.
        if mine.outcome is _Outcome.OPEN:
            group = _Group()
            try:
                self._transaction(seconds, partial(self._do_all, mine, group))
                group.outcome = _Outcome.COMMITTED
            except TakenBackError:
                pass
            finally:
                group.close()
        return True

    def _do_all(self, mine: _Write[Any], group: _Group, db: sqlite3.Cursor) -> None:
        note_moved()
        group.add(mine)
        self._withdraw(mine)
        mine.do(db)
        until = time.monotonic() + _LONG
        while len(group.members) < _MOST and time.monotonic() < until:
            other = self._take(group)
            if other is None:
                return
            try:
                other.do(db)
            except Exception as error:
                raise TakenBackError from error

    def _take(self, group: _Group) -> _Write[Any] | None:
        """The next that waits, as one of *group*."""
        with suppress(IndexError):
            while True:
                found = self._waiting[0]
                group.add(found)  # first: whatever strikes here, it is told
                if self._withdraw(found):
                    return found
        return None

    def _withdraw(self, write: _Write[Any]) -> bool:
        """Take it out of the queue; whether it was there: of two that try, one does."""
        try:
            self._waiting.remove(write)
        except ValueError:
            return False
        return True
