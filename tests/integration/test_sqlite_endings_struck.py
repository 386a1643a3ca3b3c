"""LAW: an ending of many that is struck at any moment has happened as a whole, or not at all."""

# The expected value stands first.

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

import pytest
from _sqlite_endings import (
    ALL_DONE,
    MANY,
    SECRET,
    USER,
    Moments,
    StruckError,
    alive,
    ended_once,
    ends,
    few_are_many,
    left_behind,
    opened,
    purged_later,
    signed_in,
    store_of,
)
from _sqlite_helpers import needs_fork

from devsess import EventType, SessionManager, StoreUnavailableError
from devsess.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from devsess import Event, Grant


def _an_account(sessions: SessionManager, user_id: str) -> int:
    return len(sessions.revoke_all(user_id, reason="stolen", actor="ops"))


def _everyone(sessions: SessionManager, _: str) -> int:
    return sessions.revoke_everyone(reason="stolen", actor="ops")


# A touch that had to wait may have left its thread.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")

# The exit code of a child that may not write.
CANNOT = 3


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    few_are_many(monkeypatch)


class _Endings:
    """A file with sessions, the manager that is struck, and another one."""

    def __init__(self, path: Path, end: Callable[[SessionManager, str], int]) -> None:
        self.path, self._end = path, end
        self.clock = FakeClock()
        self.events: list[Event] = []
        self.struck = opened(path, self.clock, self.events.append)
        self.other = opened(path, self.clock, self.events.append)
        self.user_id = ""
        self.grants: list[Grant] = []
        self.began = self.clock.now()

    def begin(self, moment: int) -> None:
        """An account with sessions that both have in their caches."""
        self.user_id = f"{USER}-{moment}"
        self.grants = signed_in(self.other, user_id=self.user_id)
        alive(self.grants, self.struck)
        self.began = self.clock.now()
        self.events.clear()

    def end(self, sessions: SessionManager) -> int:
        """End them all; how many ended."""
        return self._end(sessions, self.user_id)

    def check(self) -> None:
        """All has ended or nothing; once a refused ending is done again, all has, each once."""
        left = alive(self.grants, self.struck, self.other)
        assert left in (set(), {grant.session.id for grant in self.grants})
        if left:
            self.end(self.struck)
        purged_later(self.other, self.clock)
        self.check_ended()

    def check_ended(self) -> None:
        """Each session has one end, with one event, emitted at most once; nothing is left to do."""
        assert set() == alive(self.grants, self.struck, self.other)
        expected = ended_once(self.grants, self.began, "stolen", "ops")
        assert expected == ends(self.other, self.user_id)
        emitted = [it.session_id for it in self.events if it.type is EventType.SESSION_REVOKED]
        assert len(set(emitted)) == len(emitted)
        assert ALL_DONE == left_behind(self.path)


SCENES = {"an account": _an_account, "everyone": _everyone}
# By default a kill strikes the one, and a fork the other; an exception strikes both.
an_account, everyone = (
    pytest.mark.parametrize(
        "scene",
        [
            pytest.param(end, id=name, marks=() if name == usual else pytest.mark.thorough)
            for name, end in SCENES.items()
        ],
        indirect=True,
    )
    for usual in SCENES
)


@pytest.fixture(params=list(SCENES.values()), ids=list(SCENES))
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[_Endings]:
    scene = _Endings(tmp_path / "s.db", request.param)
    yield scene
    scene.struck.close()
    scene.other.close()


@pytest.fixture
def step(thorough: bool) -> int:
    """Each statement, or each third one: what is done in an ending takes more than three."""
    return 1 if thorough else 3


def _raise() -> None:
    raise StruckError


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _forked(children: list[int]) -> None:
    """Fork; in the child, *children* is [0]."""
    children.append(os.fork())
    if children == [0]:
        signal.alarm(30)


def _leave_if_child(children: list[int]) -> None:
    if children == [0]:
        os._exit(0 if sys.exc_info()[0] is None else 1)


def _left(children: list[int]) -> list[int]:
    """How the children ended."""
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def test_an_exception_between_any_two_statements(scene: _Endings, step: int) -> None:
    """An exception out of a signal's handler neither undoes nor halves any part of an ending."""
    for moment in count(0, step):
        scene.begin(moment)
        with suppress(StruckError), Moments(store_of(scene.struck), moment, _raise) as moments:
            scene.end(scene.struck)
        scene.check()
        if not moments.has_come:
            break
    assert moment > 5 * MANY


@needs_fork
@an_account
def test_a_kill_between_any_two_statements(scene: _Endings, step: int) -> None:
    """Killed anywhere in an ending, a process leaves all ended, or all alive."""
    for moment in count(0, step):
        scene.begin(moment)
        child = os.fork()
        if child == 0:
            signal.alarm(30)
            sessions = opened(scene.path, scene.clock)
            with Moments(store_of(sessions), moment, _die):
                scene.end(sessions)
            os._exit(0)
        [code] = _left([child])
        scene.check()
        if code == 0:
            break
        assert -signal.SIGKILL == code
    assert moment > 5 * MANY


@needs_fork
@everyone
def test_a_fork_between_any_two_statements(scene: _Endings, step: int) -> None:
    """
    A signal's handler that forks inside a write: the parent goes on as if it had not.

    The child begins again, or, forked inside a transaction, raises an error that says so.
    """
    seen = set()
    for moment in count(0, step):
        scene.begin(moment)
        children: list[int] = []
        try:
            fork = partial(_forked, children)
            with Moments(store_of(scene.struck), moment, fork) as moments:
                _end_again(scene)
        finally:
            _leave_if_child(children)
        seen.update(_left(children))
        scene.check()
        if not moments.has_come:
            break
    assert moment > 5 * MANY
    assert {0, CANNOT} == seen


def _end_again(scene: _Endings) -> None:
    """End; where this is refused, once more; where this cannot be, read."""
    try:
        scene.end(scene.struck)
        return
    except StoreUnavailableError:
        pass
    try:
        scene.end(scene.struck)
    except StoreUnavailableError as error:
        if "forked in the middle of a write" in str(error) and scene.struck.devices(scene.user_id):
            os._exit(CANNOT)
        raise


@needs_fork
def test_a_fork_between_two_events(scene: _Endings) -> None:
    """Where `on_event` forks, parent and child both go on: each row is written once by the two."""
    for moment in range(MANY):
        scene.begin(moment)
        left, children = [moment], list[int]()

        def note(_: Event, left: list[int] = left, children: list[int] = children) -> None:
            left[0] -= 1
            if left[0] == -1:
                _forked(children)

        store = store_of(scene.struck)
        forking = SessionManager(store, keys=SECRET, clock=scene.clock, on_event=note)
        try:
            ended = scene.end(forking)
        finally:
            _leave_if_child(children)
        assert ([0], MANY) == (_left(children), ended)
        scene.check_ended()
