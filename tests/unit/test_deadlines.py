"""Deadlines at their edges: the row's and today's policy's, and the earlier one counts."""

from __future__ import annotations

from typing import Any

import pytest

from devsess import (
    InvalidSessionError,
    Policy,
    Privacy,
    SessionExpiredError,
    SessionRevokedError,
    StepUpRequiredError,
    lifecycle,
    skew,
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
    """The earlier of two deadlines ended it; a revoked one says when and why."""
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
    """A deadline before the next touch ends what may be repeated from memory."""
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
    ("policy", "expected"),
    [
        (Policy(privacy=Privacy(retention=0)), 905),
        (Policy(privacy=Privacy(retention=0), leeway=60), 960),
        (Policy(privacy=Privacy(retention=DAY)), DAY),
    ],
)
def test_a_tombstone_outlives_the_last_token(policy: Policy, expected: float) -> None:
    """Nothing is purged while a token of it would still be accepted, leeway included."""
    assert T0 - expected == lifecycle.purge_before(T0, policy)


@pytest.mark.parametrize(
    ("age", "expected"),
    [(0, True), (30, True), (30.001, False), (-1, True), (-300, True), (-300.001, False)],
)
def test_the_grace_period_is_inclusive(age: float, expected: bool) -> None:
    """To its last instant; a clock that is a little behind grants no more, a wrong one nothing."""
    row = session_row(rotated_at=T0 - age)

    assert expected is lifecycle.within_grace(row, T0, USUAL)
    assert not lifecycle.within_grace(session_row(), T0, USUAL)


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
    """Of the sign-in and the last activity the later one says by how many seconds."""
    row = session_row(created_at=T0 + created, last_seen_at=T0 + seen)

    assert expected == skew.ahead_by(row, T0)


@pytest.mark.parametrize(("now", "expected"), [(0.0, True), (Y2025 - 0.5, True), (Y2025, False)])
def test_a_clock_that_is_not_set_yet(now: float, expected: bool) -> None:
    """To one that says that it is before 2025 everything lies ahead, and nothing is wrong."""
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
    """More than half of at least 32 newest events lie ahead: it is this clock that is behind."""
    newest, expected = HISTORIES[name]

    assert expected == skew.disputed_by(newest, T0)


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


def test_a_device_outlives_its_sessions() -> None:
    """A device is purged after its own retention, and never before a session's tombstone."""
    for sessions, devices, expected in ((90, 400, 400), (90, 30, 90)):
        privacy = Privacy(retention=sessions * DAY, device_retention=devices * DAY)
        assert T0 - expected * DAY == lifecycle.purge_devices_before(T0, Policy(privacy=privacy))


@pytest.mark.parametrize(
    ("until", "expected"), [(None, False), (T0 - 1, False), (T0, False), (T0 + 1, True)]
)
def test_trust_ends_at_its_instant(until: float | None, expected: bool) -> None:
    """Up to the instant and not at it."""
    assert expected is lifecycle.is_trusted(until, T0)


FAR = int(T0) + 301


@pytest.mark.parametrize(
    ("levels", "own", "acr", "expected"),
    [
        ((), None, "aal2", ()),
        ((), ("aal1", T0), "aal2", (("aal1", T0),)),
        ((), ("aal1", T0), "aal1", ()),
        ((("a", T0 - 9), ("b", T0 - 8)), ("c", T0), None, (("a", -9), ("b", -8), ("c", 0))),
        ((("aal2", FAR),), ("aal1", FAR), None, (("aal2", None), ("aal1", None))),
        ((("aal2", FAR - 1),), None, None, (("aal2", 300),)),
    ],
)
def test_levels_are_kept_with_their_instants(
    levels: Any, own: tuple[str, float] | None, acr: str | None, expected: Any
) -> None:
    """The latest last, its own left to the event; one far ahead counts as long ago."""
    acr_now, at = own or (None, T0)
    row = session_row(levels=levels, acr=acr_now, auth_time=int(at))
    said = [
        (level, 0 if at is None else int(T0) + at if abs(at) < 1000 else int(at))
        for level, at in expected
    ]

    assert tuple(said) == lifecycle.levels_before(row, acr, T0)


@pytest.mark.parametrize(("acr", "kept"), [(None, 8), ("a9", 7)])
def test_eight_levels_are_kept(acr: str | None, kept: int) -> None:
    """With the event's own, at most eight: those reached last."""
    levels = tuple((f"a{number}", int(T0) + number) for number in range(9))

    assert levels[-kept:] == lifecycle.levels_before(session_row(levels=levels), acr, T0)


def test_an_age_of_none_at_all_is_never_met() -> None:
    """`max_auth_age=0` refuses even a step-up whose whole second has yet to come."""
    for auth_time in (int(T0), int(T0) + 1, int(T0) + 2):
        with pytest.raises(StepUpRequiredError):
            lifecycle.require_strength(auth_time, {}, T0, USUAL, max_auth_age=0, required_acr=None)


def test_a_right_activity_is_not_moved() -> None:
    """A row that only its beginning dates ahead keeps when it was last seen."""
    row = session_row(created_at=T0 + 86_400, last_seen_at=T0 - 60)
    assert T0 - 60 == skew.set_back(row, T0, Policy())["last_seen_at"]


def test_agents_outlive_the_sessions_that_they_signed_in() -> None:
    """By the longest lifetime, and by the time for which a sighting is not written again."""
    policy = Policy()
    sessions = lifecycle.purge_before(T0, policy)
    expected = sessions - policy.absolute_lifetime - DAY
    assert expected == lifecycle.purge_agents_before(T0, policy)
