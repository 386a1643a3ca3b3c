"""Instants that a wrong clock wrote: which they are, and how they are set back."""

from __future__ import annotations

from typing import Any

import pytest

from devsess import (
    Policy,
    skew,
)
from devsess.testing._rows import DAY, T0, session_row

USUAL = Policy()
# A row of the usual policy: 14 days idle, 30 days in all.
IDLE, ABSOLUTE = 14 * DAY, 30 * DAY

# 2025-01-01 in UTC.
Y2025 = 1_735_689_600.0

WRITTEN_AHEAD: dict[str, tuple[dict[str, Any], bool]] = {
    "now": ({}, False),
    "a little ahead": ({"created_at": T0 + 300, "last_seen_at": T0 + 300}, False),
    "created ahead": ({"created_at": T0 + 301}, True),
    "seen ahead": ({"last_seen_at": T0 + 301}, True),
}


@pytest.mark.parametrize("name", WRITTEN_AHEAD)
def test_a_row_from_a_clock_ahead(name: str) -> None:
    """A row is dated ahead if either instant is further ahead than clocks differ."""
    columns, expected = WRITTEN_AHEAD[name]

    assert expected is skew.was_ahead(session_row(**columns), T0)


@pytest.mark.parametrize(
    ("created", "seen", "expected"), [(600, 60, 600), (60, 600, 600), (-60, -9, -9)]
)
def test_a_row_is_ahead_by_its_later_instant(created: int, seen: int, expected: int) -> None:
    """The later of sign-in and last activity gives the seconds."""
    row = session_row(created_at=T0 + created, last_seen_at=T0 + seen)

    assert expected == skew.ahead_by(row, T0)


@pytest.mark.parametrize(("now", "expected"), [(0.0, True), (Y2025 - 0.5, True), (Y2025, False)])
def test_a_clock_that_is_not_set_yet(now: float, expected: bool) -> None:
    """For a clock before 2025 everything lies ahead, and nothing is corrected."""
    assert expected is skew.is_unset(now)
    assert expected is not skew.was_ahead(session_row(created_at=T0), now)


FAR, NEAR = T0 + 301, T0 + 300
HISTORIES: dict[str, tuple[list[float], float]] = {
    "nothing was written": ([], 0),
    "too little to go by": ([FAR] * 31, 0),
    "enough to go by": ([FAR] * 32, 301),
    "of few the half": ([FAR] * 16 + [T0] * 16, 0),
    "of few more than half": ([FAR] * 17 + [T0] * 15, 301),
    "of an odd number less than half": ([FAR] * 16 + [T0] * 17, 0),
    "of an odd number more than half": ([FAR] * 17 + [T0] * 16, 301),
    "of many the half": ([FAR] * 32 + [T0] * 32, 0),
    "of many more than half": ([FAR] * 33 + [T0] * 31, 301),
    "in any order": ([T0, FAR] * 31 + [FAR, FAR], 301),
    "as much ahead as clocks may differ": ([NEAR] * 64, 0),
    "long ago": ([T0 - DAY] * 64, 0),
    "some were written ten years ahead": ([T0 + 3650 * DAY] * 32 + [T0 - 9] * 32, 0),
    "by as much as half of them say": ([T0 + DAY] * 30 + [T0 + 400] * 30, 400),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_whether_the_history_disputes_a_clock(name: str) -> None:
    """If more than half of at least 32 newest events lie ahead, this clock is behind."""
    newest, expected = HISTORIES[name]

    assert expected == skew.disputed_by(newest, T0)


@pytest.mark.parametrize(
    ("given", "left"), [(DAY, DAY), (ABSOLUTE, ABSOLUTE), (99 * DAY, ABSOLUTE)]
)
def test_a_row_that_is_set_back_lasts_no_longer_than_it_may(given: float, left: float) -> None:
    """By its sign-in and by today's policy: a looser one may have written it."""
    ahead = T0 + 600
    row = session_row(created_at=ahead, last_seen_at=ahead, absolute_expires_at=ahead + given)
    assert T0 + left == skew.set_back(row, T0, USUAL)["absolute_expires_at"]


def test_a_row_from_a_clock_ahead_is_set_back() -> None:
    """To now, and no further than today's policy reaches; the sign-in counts as long ago."""
    ahead = session_row(
        created_at=T0 + DAY,
        last_seen_at=T0 + DAY,
        idle_from=T0 + DAY,
        idle_expires_at=T0 + 15 * DAY,
        absolute_expires_at=T0 + 31 * DAY,
        auth_time=int(T0 + DAY),
    )
    changes = skew.set_back(ahead, T0, USUAL)
    columns = ("created_at", "last_seen_at", "idle_from", "idle_expires_at", "absolute_expires_at")

    assert (T0, T0, T0, T0 + IDLE, T0 + ABSOLUTE) == tuple(changes[name] for name in columns)
    assert int(T0 - ABSOLUTE) == changes["auth_time"]
    assert T0 + 300 + ABSOLUTE == skew.latest_deadline(T0, USUAL)


@pytest.mark.parametrize(("ahead", "kept"), [(300, True), (301, False)])
def test_a_sign_in_from_a_clock_ahead_is_long_ago(ahead: int, kept: bool) -> None:
    """A little ahead it stays as written, further it counts as old as a session can be."""
    at, long_ago = int(T0) + ahead, int(T0 - ABSOLUTE)
    row = session_row(last_seen_at=T0 + DAY, auth_time=at, levels=(("aal1", at),))
    changes = skew.set_back(row, T0, USUAL)

    assert (at if kept else long_ago) == changes["auth_time"]
    assert (("aal1", at if kept else long_ago),) == changes["levels"]


def test_right_instants_are_not_moved() -> None:
    """Where only the activity was dated ahead, begin and end of the session stay."""
    row = session_row(created_at=T0 - DAY, last_seen_at=T0 + DAY, absolute_expires_at=T0 + 5 * DAY)
    changes = skew.set_back(row, T0, USUAL)

    assert (T0 - DAY, T0 + 5 * DAY) == (changes["created_at"], changes["absolute_expires_at"])
    assert T0 + 5 * DAY == changes["idle_expires_at"]
    assert row.auth_time == changes["auth_time"]


def test_a_right_activity_is_not_moved() -> None:
    """A row that only its beginning dates ahead keeps when it was last seen."""
    row = session_row(created_at=T0 + 86_400, last_seen_at=T0 - 60)
    assert T0 - 60 == skew.set_back(row, T0, Policy())["last_seen_at"]
