"""Deadlines at their edges: the row's and today's policy's, and the earlier one counts."""

from __future__ import annotations

from typing import Any

import pytest

from devsess import (
    InvalidSessionError,
    Policy,
    SessionExpiredError,
    SessionRevokedError,
    lifecycle,
)
from devsess.lifecycle import State
from devsess.testing._rows import DAY, HOUR, T0, session_row

TIGHT = Policy(idle_timeout=DAY, absolute_lifetime=7 * DAY)
USUAL = Policy()
LOOSE = Policy(idle_timeout=60 * DAY, absolute_lifetime=90 * DAY)
# A row of the usual policy: 14 days idle, 30 days in all.
IDLE, ABSOLUTE = 14 * DAY, 30 * DAY


@pytest.mark.parametrize(
    ("policy", "idle", "absolute"),
    [(TIGHT, DAY, 7 * DAY), (USUAL, IDLE, ABSOLUTE), (LOOSE, IDLE, ABSOLUTE)],
)
def test_the_earlier_deadline_counts(policy: Policy, idle: float, absolute: float) -> None:
    """A tightened policy binds old sessions; a loosened one prolongs none by itself."""
    standing = lifecycle.standing(session_row(), T0, policy)

    assert T0 + idle == standing.idle_deadline
    assert T0 + absolute == standing.absolute_deadline


@pytest.mark.parametrize("columns", [{"absolute_expires_at": T0 + 9}, {"created_at": T0 - 9}])
def test_no_session_idles_past_its_absolute_deadline(columns: dict[str, Any]) -> None:
    """Where the absolute deadline is the earlier one, it is the idle deadline too."""
    standing = lifecycle.standing(session_row(**columns), T0, Policy(absolute_lifetime=IDLE))

    assert standing.absolute_deadline == standing.idle_deadline


@pytest.mark.parametrize(
    ("given", "idle", "absolute"),
    [
        (None, IDLE, ABSOLUTE),
        (HOUR, HOUR, HOUR),
        (20 * DAY, IDLE, 20 * DAY),
        (31 * DAY, IDLE, ABSOLUTE),
    ],
)
def test_a_sign_in_gives_no_more_than_the_policy(
    given: float | None, idle: float, absolute: float
) -> None:
    """The shorter lifetime counts, and nothing idles past it."""
    assert (T0 + idle, T0 + absolute) == lifecycle.first_deadlines(T0, USUAL, given)


@pytest.mark.parametrize(("until", "expected"), [(T0 - 1, True), (T0, True), (T0 + 1, False)])
def test_what_holds_until_an_instant_is_over_at_it(until: float, expected: bool) -> None:
    """As a deadline is reached at its instant."""
    assert expected is lifecycle.is_over(until, T0)


@pytest.mark.parametrize(("idle", "absolute"), [(14, 30), (30, 30), (1, 7)])
def test_first_deadlines(idle: int, absolute: int) -> None:
    """A session begins with both spans ahead of it."""
    policy = Policy(idle_timeout=idle * DAY, absolute_lifetime=absolute * DAY)

    assert (T0 + idle * DAY, T0 + absolute * DAY) == lifecycle.first_deadlines(T0, policy)


NOT_LIVE: dict[str, tuple[dict[str, Any], Policy]] = {
    "revoked": ({"revoked_at": T0, "reason": "lost"}, USUAL),
    "idle as written": ({"idle_expires_at": T0}, USUAL),
    "over as written": ({"absolute_expires_at": T0}, USUAL),
    "idle by today's policy": ({"idle_from": T0 - DAY}, TIGHT),
    "over by today's policy": ({"created_at": T0 - 7 * DAY}, TIGHT),
}


def test_cutoffs_are_the_policy_at_an_instant() -> None:
    """The numbers that stores compare: idle and created after these, and no clock ahead of that."""
    expected = lifecycle.LivenessCutoffs(T0, T0 - DAY, T0 - 7 * DAY, T0 + 300)
    assert expected == lifecycle.cutoffs(T0, TIGHT)


@pytest.mark.parametrize("name", NOT_LIVE)
def test_each_deadline_alone_ends_a_row(name: str) -> None:
    """One reason is enough, for a store and for the law, at the very instant."""
    columns, policy = NOT_LIVE[name]
    row = session_row(**columns)

    assert not lifecycle.counts_as_live(row, lifecycle.cutoffs(T0, policy))
    assert not lifecycle.standing(row, T0, policy).is_live
    assert lifecycle.counts_as_live(session_row(), lifecycle.cutoffs(T0, policy))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (T0 + 7 * DAY - 1, State.LIVE),
        (T0 + 7 * DAY, State.ABSOLUTE_EXPIRED),
        (T0 + 8 * DAY, State.ABSOLUTE_EXPIRED),
    ],
)
def test_a_shortened_lifetime_ends_a_session_in_use(now: float, expected: State) -> None:
    """However busy it is, a session is over when today's absolute lifetime is."""
    row = session_row(idle_from=now, last_seen_at=now, idle_expires_at=now + IDLE)

    assert expected is lifecycle.standing(row, now, TIGHT).state


PAST: dict[str, tuple[dict[str, Any], State, type[InvalidSessionError], str | None]] = {
    "idle first": (
        {"idle_expires_at": T0 + 10, "absolute_expires_at": T0 + 20},
        State.IDLE_EXPIRED,
        SessionExpiredError,
        "idle",
    ),
    "absolute first": (
        {"idle_expires_at": T0 + 20, "absolute_expires_at": T0 + 10},
        State.ABSOLUTE_EXPIRED,
        SessionExpiredError,
        "absolute",
    ),
    "both at once": (
        {"idle_expires_at": T0 + 10, "absolute_expires_at": T0 + 10},
        State.ABSOLUTE_EXPIRED,
        SessionExpiredError,
        "absolute",
    ),
    "revoked": (
        {"revoked_at": T0 + 10, "reason": "lost phone"},
        State.REVOKED,
        SessionRevokedError,
        None,
    ),
}


@pytest.mark.parametrize("name", PAST)
def test_the_error_says_which_clock_and_when(name: str) -> None:
    """An expiry names the earlier deadline; a revocation its instant and reason."""
    columns, expected, error, clock = PAST[name]
    standing = lifecycle.standing(session_row(**columns), T0 + 30, USUAL)

    assert expected is standing.state
    with pytest.raises(error) as caught:
        lifecycle.require_live(standing)
    assert vars(caught.value) == (
        {"clock": clock, "expired_at": lifecycle.instant(T0 + 10)}
        if clock
        else {"reason": "lost phone", "revoked_at": lifecycle.instant(T0 + 10)}
    )


@pytest.mark.parametrize(
    ("policy", "now", "expected"),
    [
        (USUAL, T0 + DAY, T0 + DAY + IDLE),
        (USUAL, T0 + 20 * DAY, T0 + ABSOLUTE),
        (LOOSE, T0 + DAY, T0 + ABSOLUTE),
        (TIGHT, T0 + 14.5 * DAY, T0 + 15.5 * DAY),
        (TIGHT, T0 + HOUR, T0 + IDLE),
    ],
)
def test_an_activity_reaches_as_far_as_the_policy(
    policy: Policy, now: float, expected: float
) -> None:
    """It writes today's idle timeout, up to the deadline that the sign-in was given."""
    moved = lifecycle.activity(session_row(), now, policy)

    assert expected == moved.idle_expires_at
    assert (now, now) == (moved.idle_from, moved.last_seen_at)
    assert lifecycle.at_rest(session_row()) == lifecycle.activity(session_row(), T0 - 1, USUAL)


@pytest.mark.parametrize(
    ("policy", "by", "expected"),
    [
        (USUAL, DAY, T0 + IDLE + DAY),
        (USUAL, 100 * DAY, T0 + ABSOLUTE),
        (Policy(absolute_lifetime=20 * DAY), 100 * DAY, T0 + 20 * DAY),
        (LOOSE, 100 * DAY, T0 + ABSOLUTE),
    ],
)
def test_an_extension_ends_at_the_absolute_deadline(
    policy: Policy, by: float, expected: float
) -> None:
    """No extension writes a deadline beyond the one that today's policy gives."""
    moved = lifecycle.extended(lifecycle.standing(session_row(), T0, policy), by, policy)

    assert expected == moved.idle_expires_at
    assert max(T0, expected - policy.idle_timeout) == moved.idle_from
    assert T0 == moved.last_seen_at


def test_an_extension_takes_nothing_back() -> None:
    """Where today's policy is tighter than the row, the row's own columns stay."""
    row = session_row(idle_from=T0 + HOUR)
    loose, tight = (lifecycle.standing(row, T0, policy) for policy in (LOOSE, TIGHT))

    assert lifecycle.at_rest(row) == lifecycle.extended(loose, 0, LOOSE)
    assert T0 + IDLE == lifecycle.extended(tight, HOUR, TIGHT).idle_expires_at


@pytest.mark.parametrize(
    ("columns", "policy", "expected"),
    [
        ({}, USUAL, T0 + 300),
        ({"idle_expires_at": T0 + 60}, USUAL, T0 + 60),
        ({"absolute_expires_at": T0 + 60}, USUAL, T0 + 60),
        ({}, Policy(touch_interval=20), T0 + 20),
        ({"created_at": T0 - 7 * DAY + 60}, TIGHT, T0 + 60),
    ],
)
def test_memory_answers_up_to_a_deadline(
    columns: dict[str, Any], policy: Policy, expected: float
) -> None:
    """An answer is repeated from memory up to a deadline before the next touch."""
    standing = lifecycle.standing(session_row(**columns), T0, policy)

    assert expected == lifecycle.cacheable_until(standing, T0, policy)


@pytest.mark.parametrize(
    ("interval", "since", "written", "expected"),
    [
        (300, 0, {"touched": False}, lifecycle.TOUCH_RETRY),
        (0.25, 0, {"touched": False}, 0.25),
        (300, 0, {"marked": False}, lifecycle.TOUCH_RETRY),
        (300, 299.75, {"marked": False}, 0.25),
        (300, 0, {"touched": False, "marked": False}, lifecycle.TOUCH_RETRY),
    ],
)
def test_a_failed_touch_is_tried_again_soon(
    interval: float, since: float, written: dict[str, bool], expected: float
) -> None:
    """After a second, or when the next touch is due if that is sooner."""
    policy = Policy(touch_interval=interval)
    standing = lifecycle.standing(session_row(last_seen_at=T0 - since), T0, policy)

    assert T0 + expected == lifecycle.cacheable_until(standing, T0, policy, **written)


def test_a_row_dated_ahead_is_not_repeated() -> None:
    """Such a row is asked for again at once, until a write has put it right."""
    row = session_row(last_seen_at=T0 + DAY, idle_from=T0 + DAY)
    standing = lifecycle.standing(row, T0, USUAL)

    assert standing.written_ahead
    assert T0 == lifecycle.cacheable_until(standing, T0, USUAL)


@pytest.mark.parametrize("column", ["idle_expires_at", "absolute_expires_at"])
def test_a_touch_that_failed_outlasts_no_deadline(column: str) -> None:
    """A touch that could not be written does not prolong the time that an answer is cached."""
    late: dict[str, Any] = {column: T0 + 0.5}
    standing = lifecycle.standing(session_row(last_seen_at=T0 - DAY, **late), T0, USUAL)

    assert T0 + 0.5 == lifecycle.cacheable_until(standing, T0, USUAL, touched=False)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({}, T0 + 900),
        ({"idle_expires_at": T0 + 60.9}, T0 + 60),
        ({"absolute_expires_at": T0 + 60.9}, T0 + 60),
        ({"created_at": T0 - ABSOLUTE + 60}, T0 + 60),
    ],
)
def test_no_token_outlives_its_session(columns: dict[str, Any], expected: float) -> None:
    """`exp` is the access lifetime or the session's deadline, whichever comes first."""
    standing = lifecycle.standing(session_row(**columns), T0, USUAL)

    assert int(expected) == lifecycle.token_expiry(standing, T0, USUAL)


@pytest.mark.parametrize(
    ("age", "expected"),
    [(0, True), (30, True), (30.001, False), (-1, True), (-300, True), (-300.001, False)],
)
def test_the_grace_period_is_inclusive(age: float, expected: bool) -> None:
    """To its last instant; a clock that is a little behind grants no more, a wrong one nothing."""
    row = session_row(rotated_at=T0 - age)

    assert expected is lifecycle.within_grace(row, T0, USUAL)
    assert not lifecycle.within_grace(session_row(), T0, USUAL)


@pytest.mark.parametrize(
    ("until", "expected"), [(None, False), (T0 - 1, False), (T0, False), (T0 + 1, True)]
)
def test_trust_ends_at_its_instant(until: float | None, expected: bool) -> None:
    """Up to the instant and not at it."""
    assert expected is lifecycle.is_trusted(until, T0)
