"""Two clocks apart: how often one manager sets a session back, and its warnings."""

from __future__ import annotations

import os
from typing import Any

import pytest
from _play import CLAIMS, ROW, SESSION_ID, SOON, TOKENS, at, corrections, play
from attrs import evolve

from devsess import Grant
from devsess._runtime import operations
from devsess._runtime.corrections import ONCE_WITHIN, REMEMBERED, Corrections

AHEAD = evolve(ROW, last_seen_at=SOON + 600)
WARNING = "a session is dated 600 seconds ahead of this clock, though it was set back less than"


class Passing:
    """Seconds that pass when the test says so."""

    now = 5.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("passed", "expected"), [(0, False), (1, False), (3599.9, False), (3600, True), (9999, True)]
)
def test_a_session_is_set_back_once_an_hour(passed: float, expected: bool) -> None:
    """The hour is measured by the clock that only advances; another session is set back at once."""
    time, warned = Passing(), list[str]()
    remembered = Corrections(time, warned.append)
    assert remembered.allow("a", 600)
    remembered.note("a")
    time.now += passed

    assert expected is remembered.allow("a", 600)
    assert remembered.allow("b", 600)
    assert expected is not bool(warned)


def test_an_hour_begins_again_with_each_correction() -> None:
    """The last one counts, not the first."""
    time = Passing()
    remembered = Corrections(time, list[str]().append)
    for _ in range(2):
        remembered.note("a")
        time.now += ONCE_WITHIN - 1
        assert not remembered.allow("a", 600)
        time.now += 1
        assert remembered.allow("a", 600)


def test_a_manager_warns_once() -> None:
    """However many sessions are ahead again; it says by how much, and what to do, and no id."""
    warned: list[str] = []
    remembered = corrections(warned=warned)
    for name in ("id-1", "id-2"):
        remembered.note(name)
        for _ in range(3):
            assert not remembered.allow(name, 600.4)

    [warning] = warned
    assert warning.startswith(WARNING)
    assert "Synchronise the clocks" in warning
    assert "NTP" in warning
    assert "id-" not in warning


def test_a_purge_whose_clock_is_behind_warns() -> None:
    """It says by how much, and what to do."""
    warned: list[str] = []
    corrections(warned=warned).dispute(600.4)

    [warning] = warned
    assert warning.startswith("most of the newest events are dated ahead of this clock, by about")
    assert "about 600 seconds: it is behind" in warning
    assert "NTP" in warning


def test_few_sessions_are_remembered() -> None:
    """Beyond the limit, the sessions set back longest ago are forgotten."""
    remembered = corrections()
    for number in range(REMEMBERED):
        remembered.note(str(number))
    remembered.note("0")
    remembered.note("one more")

    assert REMEMBERED == len(remembered._set_back)
    assert [False, True, False] == [remembered.allow(name, 600) for name in ("0", "1", "2")]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_remembers_nothing() -> None:
    """A child is a process of its own: it corrects and warns for itself."""
    warned: list[str] = []
    remembered = corrections(warned=warned)
    remembered.note("a")
    remembered.allow("a", 600)
    child = os.fork()
    if child == 0:
        free = remembered.allow("a", 600)
        remembered.note("a")
        os._exit(7 if free and not remembered.allow("a", 600) and 2 == len(warned) else 1)
    _, status = os.waitpid(child, 0)

    assert 7 == os.waitstatus_to_exitcode(status)
    assert not remembered.allow("a", 600)
    assert 1 == len(warned)


def _set_back_already(passed: float = 0.0, warned: list[str] | None = None) -> Corrections:
    remembered = corrections(passed=passed, warned=warned)
    remembered.note(SESSION_ID)
    return remembered


def test_a_validation_of_what_is_ahead_again_writes_nothing() -> None:
    """It answers as where a correction failed: memory does not repeat it, and nothing is read."""
    warned: list[str] = []
    found = play(
        operations.validate(at(SOON, _set_back_already(warned=warned)), CLAIMS, None, touch=True),
        ("get", AHEAD),
    )

    assert SOON == found.good_until
    assert SOON + 600 == found.session.last_seen_at.timestamp()
    assert [WARNING] == [it[: len(WARNING)] for it in warned]


def test_a_refresh_of_what_is_ahead_again_goes_on() -> None:
    """The row stays dated ahead, and is renewed all the same."""
    token = TOKENS.refresh.mint(SESSION_ID, 0, ROW.salt)
    renewed = evolve(AHEAD, generation=1, previous_generation=0)
    found = play(
        operations.refresh(at(SOON, _set_back_already()), token, None),
        *(("get", AHEAD), ("rotate", renewed), ("emit", None)),
    )

    assert isinstance(found, Grant)


@pytest.mark.parametrize("done", [True, False])
def test_only_what_was_set_back_is_remembered(done: bool) -> None:
    """Where the row had changed meanwhile, the next request may try again."""
    remembered = corrections()
    answers: list[tuple[str, Any]] = [("set_back", done), ("get", ROW), ("get", ROW)]
    running = operations.validate(at(SOON, remembered), CLAIMS, None, touch=True)
    play(running, ("get", AHEAD), *answers)

    assert done is not remembered.allow(SESSION_ID, 600)
