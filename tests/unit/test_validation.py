"""A validation at its edges: its writes, and for how long memory may repeat its answer."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from _play import CLAIMS, LATER, NEW_CLAIMS, POLICY, RENEWED, REVOKED, ROW, SOON, TOKENS, Call, at
from _play import play as answered
from attrs import evolve

from devsess import Client, SessionRevokedError, StoreUnavailableError, lifecycle
from devsess._runtime import operations

OWN = Client(device_token=TOKENS.device.mint([ROW.device.id]))
BOUND = evolve(ROW, bound=True)
# A clock that was an hour ahead saw it last.
AHEAD = evolve(ROW, last_seen_at=SOON + 3600)
DOWN = StoreUnavailableError("busy")


def play(
    now: float,
    *answers: tuple[str, Any],
    claims: Any = CLAIMS,
    client: Client | None = None,
    touch: bool = True,
    calls: list[Call] | None = None,
) -> Any:
    flow = operations.validate(at(now), claims, client, touch=touch)
    return answered(flow, *answers, calls=calls)


@pytest.mark.parametrize(
    ("row", "claims", "client", "touch", "bound", "presented"),
    [
        (ROW, CLAIMS, None, True, False, None),
        (ROW, CLAIMS, OWN, True, True, None),
        (BOUND, CLAIMS, None, True, True, None),
        (BOUND, CLAIMS, OWN, True, True, None),
        (RENEWED, CLAIMS, None, True, False, None),
        (RENEWED, NEW_CLAIMS, None, True, False, 1),
        (RENEWED, NEW_CLAIMS, OWN, True, True, 1),
        (RENEWED, NEW_CLAIMS, OWN, False, False, 1),
        (evolve(RENEWED, bound=True), NEW_CLAIMS, None, False, True, 1),
    ],
)
def test_the_marks_of_a_touch(
    row: Any, claims: Any, client: Client | None, touch: bool, bound: bool, presented: int | None
) -> None:
    """The device binds where there is a touch, and nothing unbinds; a successor came or did not."""
    calls: list[Call] = []
    now = row.last_seen_at + POLICY.touch_interval
    answers = [("get", row), ("touch", True)]
    found = play(now, *answers, claims=claims, client=client, touch=touch, calls=calls)
    assert {"bound": bound, "presented": presented} == calls[1].kwargs
    assert bound is found.session.is_bound


@pytest.mark.parametrize(("row", "client"), [(BOUND, OWN), (BOUND, None), (ROW, None)])
def test_a_device_binds_once(row: Any, client: Client | None) -> None:
    """Where the session is bound, or no device presented, there is nothing to write."""
    assert SOON < play(SOON, ("get", row), client=client).good_until


def test_a_device_binds_at_once() -> None:
    """The first time it is presented, whether or not activity is due; never for a poll."""
    assert play(SOON, ("get", ROW), ("touch", True), client=OWN).session.is_bound
    assert not play(SOON, ("get", ROW), client=OWN, touch=False).session.is_bound


def test_a_row_that_was_read_just_now_is_not_read_again() -> None:
    """What was looked at without an operation is handed on to it."""
    assert (
        SOON < answered(operations.validate(at(SOON), CLAIMS, None, touch=True, row=ROW)).good_until
    )


def test_a_row_that_was_gone_and_is_there_again() -> None:
    """As after a restore between touch and read: the touch was not written, and is due soon."""
    found = play(LATER, ("get", ROW), ("touch", False), ("get", ROW))
    assert LATER + 1 == found.good_until
    assert ROW.last_seen_at == found.session.last_seen_at.timestamp()


def test_a_poll_that_could_not_mark_leaves_the_touch_due() -> None:
    """Memory answers no request that would be activity, however soon it comes."""
    answers = [("get", RENEWED), ("touch", DOWN)]
    due_at = RENEWED.last_seen_at + POLICY.touch_interval
    found = play(due_at + 5, *answers, claims=NEW_CLAIMS, touch=False)
    assert due_at == found.good_until


_SET_BACK = [("get", AHEAD), ("set_back", True), ("get", ROW)]


def test_a_row_dated_ahead_is_set_back_and_judged_again() -> None:
    """The answer is that of the row as it is then."""
    assert ROW.last_seen_at + POLICY.touch_interval == (
        play(SOON, *_SET_BACK, ("get", ROW)).good_until
    )
    ended = play(SOON, *_SET_BACK, ("get", REVOKED), ("emit", None))
    assert isinstance(ended, SessionRevokedError)


def test_a_failed_correction_fails_no_validation() -> None:
    """The next request tries again: memory does not answer it."""
    assert SOON == play(SOON, ("get", AHEAD), ("set_back", DOWN)).good_until


def test_a_correction_waits_for_nobody() -> None:
    """A validation does not stand in line for the writer."""
    calls: list[Call] = []
    play(SOON, *_SET_BACK, ("get", ROW), calls=calls)
    assert calls[1].kwargs["wait"] is False


def test_a_poll_sets_nothing_back() -> None:
    """It writes nothing but that a successor came; and memory repeats nothing of it."""
    assert SOON == play(SOON, ("get", AHEAD), touch=False).good_until


@pytest.mark.parametrize(("now", "answers", "expected"), [(SOON, 0, 1), (LATER, 1, 2)])
def test_a_row_is_judged_once(now: float, answers: int, expected: int) -> None:
    """Where a row stands is computed once, and again only for the row that a touch has changed."""
    judged = 0

    def count(frame: Any, event: str, _: object) -> None:
        nonlocal judged
        judged += event == "call" and frame.f_code is lifecycle.standing.__code__

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        play(now, ("get", ROW), *[("touch", True)] * answers)
    finally:
        sys.setprofile(before)

    assert expected == judged
