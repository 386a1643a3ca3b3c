"""LAW: what a thread shares with handlers that interrupt it can be used in the midst of a use."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from types import FrameType

import pytest
from servers.striking import PATIENCE, Struck, Work, at_each_line, outcome_of

from devsess._runtime import interrupted
from devsess._runtime.drive import drive
from devsess._runtime.feed_runners import ThreadPace
from devsess._runtime.interrupted import Flag, OnceAThread, Permits
from devsess.errors import StoreUnavailableError

FILES = ("_runtime/interrupted.py",)


class StopError(Exception):
    """Raised by a handler."""


def used(permits: Permits) -> bool:
    """Whether one could be taken, and was given back."""
    found = permits.take(PATIENCE)
    if found:
        permits.give()
    return found


def all_of(permits: Permits) -> int:
    """How many can be taken."""
    taken = 0
    while permits.take(0.01):
        taken += 1
    for _ in range(taken):
        permits.give()
    return taken


@pytest.mark.parametrize("most", [1, 2])
def test_a_permit_is_taken_while_one_is_taken(most: int) -> None:
    """None is lost, none is given twice, and nobody waits for its own thread."""
    permits = Permits(most)

    def check(struck: Struck) -> None:
        assert struck.outcome is True
        assert struck.answer in ((True, None) if most > 1 else (True, False, None))
        assert most == all_of(permits)

    at_each_line(lambda: (lambda: used(permits), lambda: used(permits), check), FILES)


def test_a_thread_that_has_all_is_refused_at_once() -> None:
    """Another one waits."""
    permits = Permits(1)
    assert permits.take(0)
    begun = time.monotonic()
    assert not permits.take(PATIENCE)
    assert time.monotonic() - begun < PATIENCE / 2
    answers: list[bool] = []
    other = Thread(target=lambda: answers.append(used(permits)))
    other.start()
    permits.give()
    other.join()
    assert [True] == answers


def test_a_wait_that_an_exception_ends_counts_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither does one in vain: the thread may wait again."""
    permits = Permits(1)

    class Interrupted:
        def get(self, *_: object) -> None:
            raise StopError

    with monkeypatch.context() as patch:
        patch.setattr(permits, "_free", Interrupted())
        with pytest.raises(StopError):
            permits.take(PATIENCE)
    assert not permits.are_mine()
    assert used(permits)


def test_a_thread_is_let_in_once() -> None:
    """Its handler is refused; it is let in again when it has left, also by an exception."""
    once = OnceAThread()

    def enter() -> bool:
        with once.entered():
            return True

    def check(struck: Struck) -> None:
        assert struck.outcome is True
        assert struck.answer in (True, None) or isinstance(struck.answer, StoreUnavailableError)
        assert enter()

    at_each_line(lambda: (enter, enter, check), FILES)
    with pytest.raises(StopError), once.entered():
        raise StopError
    with once.entered():
        assert isinstance(outcome_of(enter), StoreUnavailableError)
        others: list[object] = []
        other = Thread(target=lambda: others.append(outcome_of(enter)))
        other.start()
        other.join()
        assert [True] == others


def test_a_flag_is_set_while_it_is_waited_for() -> None:
    """A thread that waits hears of it: at once, or in time."""

    def play() -> tuple[Work, Work, Callable[[Struck], object]]:
        flag = Flag()

        def check(struck: Struck) -> None:
            if struck.place is not None:
                flag.wait(PATIENCE)
                assert flag.is_set

        return lambda: flag.wait(0.001), flag.set, check

    at_each_line(play, FILES)


@pytest.mark.parametrize("seconds", [0.001, 0.0, -1.0])
def test_a_wait_that_is_over_before(seconds: float) -> None:
    """Nothing has happened."""
    flag = Flag()
    flag.wait(seconds)
    assert not flag.is_set


def test_all_that_wait_for_a_flag_hear_of_it() -> None:
    """Not the first one alone."""
    flag = Flag()
    begun = time.monotonic()
    waiting = [Thread(target=flag.wait, args=(PATIENCE,)) for _ in range(3)]
    for each in waiting:
        each.start()
    flag.set()
    for each in waiting:
        each.join()
    assert time.monotonic() - begun < PATIENCE / 2


def test_a_feed_is_ended_while_it_sleeps() -> None:
    """As by the garbage collector, which may run in any line."""

    def play() -> tuple[Work, Work, Callable[[Struck], object]]:
        pace = ThreadPace()

        def check(struck: Struck) -> None:
            assert (struck.place is not None) is pace.is_over

        return lambda: drive(pace.sleep(0.001)), pace.end, check

    at_each_line(play, ("_runtime/feed_runners.py", *FILES))


def struck_at(place: int, work: Callable[[], object]) -> bool:
    """
    Whether *work* makes so many calls here; a handler raises right after that one.

    The interpreter looks for signals behind each call.
    """
    seen = 0

    def look(frame: FrameType, kind: str, _: object) -> None:
        nonlocal seen
        if kind == "c_return" and frame.f_code.co_filename == interrupted.__file__:
            seen += 1
            if seen == place:
                raise KeyboardInterrupt

    sys.setprofile(look)
    try:
        with suppress(KeyboardInterrupt):
            work()
    finally:
        sys.setprofile(None)
    return seen >= place


def test_an_interrupt_shuts_no_thread_out() -> None:
    """The thread is let in again, wherever it was struck."""
    place = 0
    struck = True
    while struck:
        place += 1
        once = OnceAThread()

        def use(once: OnceAThread = once) -> None:
            with once.entered():
                pass

        struck = struck_at(place, use)
        gc.collect()  # a generator that was never begun, or never went on
        use()
    assert 3 < place
