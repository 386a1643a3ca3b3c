"""
A signal's handler at each line of what its thread is doing, as Python runs one between two lines.

The driver's own lines are not among them, but those of the standard library's locks and queues are.
"""

from __future__ import annotations

import queue
import sys
import threading
import traceback
from collections.abc import Callable, Collection
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import devsess

if TYPE_CHECKING:
    from types import FrameType

Work: TypeAlias = Callable[[], object]

# Seconds that a store of the tests waits, and half of what a thread may take: only one that waits
# for itself, or for a time that is up with the handler alone, takes that long.
PATIENCE = 20.0
_PACKAGE = Path(devsess.__file__).parent
_LIBRARY = (threading.__file__, queue.__file__)


def outcome_of(work: Work) -> object:
    """The result of *work*, or the exception it raises."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - it is the outcome
        return error


class Struck(threading.Thread):
    """
    A thread that does its work, with a handler before one line of it.

    Args:
        work: Its work.
        handler: The handler.
        number: Which line.
        files: The modules whose lines count, beside those of the locks and queues.

    Attributes:
        place: The line; None if the work was over before.
        outcome: Of the work.
        answer: Of the handler.
    """

    def __init__(self, work: Work, handler: Work, number: int, files: Collection[str]) -> None:
        super().__init__(daemon=True)
        self._work, self._handler, self._left = work, handler, number
        self._files = {*_LIBRARY, *(str(_PACKAGE / it) for it in files)}
        self.place: str | None = None
        self.outcome: object = None
        self.answer: object = None

    def run(self) -> None:
        sys.settrace(self._enter)
        try:
            self.outcome = outcome_of(self._work)
        finally:
            sys.settrace(None)

    def _enter(self, frame: FrameType, event: str, arg: object) -> Any:
        return self._line if frame.f_code.co_filename in self._files else None

    def _line(self, frame: FrameType, event: str, arg: object) -> Any:
        if event == "line":
            self._left -= 1
            if self._left == 0:
                self.place = f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"
                self.answer = outcome_of(self._handler)
        return self._line

    def finish(self) -> None:
        """Wait until it is done."""
        self.start()
        self.join(PATIENCE / 2)
        if self.is_alive() and self.ident is not None:
            stack = traceback.format_stack(sys._current_frames()[self.ident])
            raise TimeoutError(f"a handler at {self.place} waits:\n{''.join(stack[-8:])}")


def at_each_line(
    play: Callable[[], tuple[Work, Work, Callable[[Struck], object]]],
    files: Collection[str],
    step: int = 1,
) -> None:
    """
    Have the handler come once before each *step*-th line of the work.

    *play* sets up, and gives the work, its handler, and what checks how both went.
    """
    for number in count(1, step):
        work, handler, check = play()
        struck = Struck(work, handler, number, files)
        struck.finish()
        try:
            check(struck)
        except BaseException as error:
            error.add_note(f"the handler came at {struck.place}: {struck.answer!r}")
            raise
        if struck.place is None:
            assert number > 1, f"none of {files} ran"
            return
