"""The two laws as tables: lifecycle and rotation."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from _play import CLAIMS, POLICY, ROW, SOON, TOKENS, access_token, at, play
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

import devsess
from devsess import (
    InvalidSessionError,
    SessionExpiredError,
    SessionRevokedError,
    StepUpRequiredError,
    lifecycle,
    skew,
    strength,
)
from devsess._runtime import operations
from devsess.lifecycle import State
from devsess.operations.operation import Operation
from devsess.rotation import (
    SUCCESSIONS,
    VERDICTS,
    Age,
    Bearer,
    Verdict,
    age_of,
    is_first_presentation,
    overtakes,
    succession,
)
from devsess.stores.rows import EXPIRED
from devsess.testing._rows import T0, session_row

DAY = 86_400.0
REFRESH_TOKEN = TOKENS.refresh.mint(ROW.id, ROW.generation, ROW.salt)
ROWS = {
    State.LIVE: ROW,
    State.IDLE_EXPIRED: evolve(ROW, idle_expires_at=T0),
    State.ABSOLUTE_EXPIRED: evolve(ROW, absolute_expires_at=T0, idle_expires_at=T0),
    State.REVOKED: evolve(ROW, revoked_at=T0, reason="lost"),
}
REFUSALS: dict[State, type[InvalidSessionError]] = {
    State.IDLE_EXPIRED: SessionExpiredError,
    State.ABSOLUTE_EXPIRED: SessionExpiredError,
    State.REVOKED: SessionRevokedError,
}
# Every use of a session, and the write that it asks for once it has read a live one.
USES: dict[str, tuple[Callable[[Operation], Any], str | None]] = {
    "validate": (lambda op: operations.validate(op, CLAIMS, None, touch=True), None),
    "refresh": (lambda op: operations.refresh(op, REFRESH_TOKEN, None), "rotate"),
    "step up": (
        lambda op: operations.step_up(
            op, access_token(), None, amr=("otp",), acr=None, provider=None
        ),
        "update",
    ),
    "extend": (lambda op: operations.extend(op, ROW.id, 60, user_id=None), "update"),
    "update": (lambda op: operations.update(op, ROW.id, claims=None, user_id=None), "update"),
}


@pytest.mark.parametrize("here", State)
def test_only_a_live_session_is_used(here: State) -> None:
    """Any other is refused with the error of its state."""
    standing = lifecycle.standing(ROWS[here], SOON, POLICY)

    assert here is standing.state
    assert (here is State.LIVE) is standing.is_live
    if here is State.LIVE:
        lifecycle.require_live(standing)
    else:
        with pytest.raises(REFUSALS[here]):
            lifecycle.require_live(standing)


@pytest.mark.parametrize("here", REFUSALS)
@pytest.mark.parametrize("use", USES)
def test_no_use_of_a_session_that_is_not_live(use: str, here: State) -> None:
    """An operation on an ended session writes nothing, emits an event and raises."""
    begin, _ = USES[use]
    outcome = play(begin(at(SOON)), ("get", ROWS[here]), ("emit", None))

    assert type(outcome) is REFUSALS[here]


@pytest.mark.parametrize("use", USES)
def test_every_use_of_a_live_session(use: str) -> None:
    """A live session is used at once: its row is read, and no more than one write follows."""
    begin, write = USES[use]
    running = begin(at(SOON))

    assert "get" == running.send(None).name
    try:
        asked = running.send(ROWS[State.LIVE]).name
    except StopIteration:
        asked = None
    assert write == asked


instants = st.floats(T0 - 40 * DAY, T0 + 40 * DAY)


@given(
    created=instants,
    idle_from=instants,
    idle=instants,
    absolute=instants,
    now=instants,
    revoked=st.booleans(),
)
def test_stores_and_law_agree(
    created: float, idle_from: float, idle: float, absolute: float, now: float, revoked: bool
) -> None:
    """A store and the lifecycle agree on which sessions are live, at any instant."""
    row = session_row(
        created_at=created,
        idle_from=idle_from,
        idle_expires_at=idle,
        absolute_expires_at=absolute,
        revoked_at=T0 if revoked else None,
        reason="lost" if revoked else None,
    )
    counted = lifecycle.counts_as_live(row, lifecycle.cutoffs(now, POLICY))
    # now - x > y and now > x + y differ in the last bit; no deadline hangs on it.
    near = min(
        abs(now - created - POLICY.absolute_lifetime), abs(now - idle_from - POLICY.idle_timeout)
    )
    assert near < 1e-3 or counted == (lifecycle.standing(row, now, POLICY).is_live)


@given(now=instants)
def test_an_activity_only_moves_ahead(now: float) -> None:
    """No clock that jumps back shortens a session, and none reaches past the absolute deadline."""
    row = session_row()
    moved = lifecycle.activity(row, now, POLICY)
    assert moved.last_seen_at >= row.last_seen_at
    assert moved.idle_from >= row.idle_from
    assert row.idle_expires_at <= moved.idle_expires_at
    assert moved.idle_expires_at <= max(row.idle_expires_at, row.absolute_expires_at)


def test_a_lapsed_row_never_lives_again() -> None:
    """A session that purge marked as expired stays so, even if the policy is relaxed."""
    row = session_row(revoked_at=T0, reason=EXPIRED)
    assert State.IDLE_EXPIRED is lifecycle.standing(row, T0 - 1, POLICY).state


@pytest.mark.parametrize(
    ("acr", "required", "holds"),
    [
        ("aal2", "aal1", True),
        ("aal2", "aal2", True),
        ("aal1", "aal2", False),
        (None, "aal1", False),
        ("gold", "gold", True),
        ("gold", "aal1", False),
        ("aal3", "gold", False),
    ],
)
def test_contexts(acr: str | None, required: str, holds: bool) -> None:
    """A context satisfies those before it in the order; one outside it only itself."""
    assert holds == strength.satisfies(acr, required, POLICY)


LEVELS = st.sampled_from([None, "aal1", "aal2", "aal3", "gold"])


@given(
    events=st.lists(st.tuples(st.integers(0, 400), LEVELS), min_size=1, max_size=8),
    wanted=LEVELS,
    max_auth_age=st.none() | st.integers(0, 2_000),
    waited=st.integers(0, 400),
)
def test_no_level_is_younger_than_its_event(
    events: list[tuple[int, str | None]], wanted: str | None, max_auth_age: int | None, waited: int
) -> None:
    """A row answers for its sign-in and step-ups as the list of all of them would."""
    (_, first), *later = events
    row, took_place, now = session_row(acr=first), [(int(T0), first)], T0
    for passed, acr in later:
        now += passed
        levels = lifecycle.levels_before(row, acr, now)
        row = evolve(row, levels=levels, acr=acr, auth_time=lifecycle.step_up_time(row, now))
        took_place.append((row.auth_time, acr))
    now += waited
    counted = [
        at
        for at, acr in took_place
        if wanted is None or (acr and strength.satisfies(acr, wanted, POLICY))
    ]
    limit = math.inf if max_auth_age is None else max_auth_age
    expected = any(max_auth_age is None or max(0, now - at) < limit for at in counted)
    try:
        strength.require_strength(
            row.auth_time,
            lifecycle.levels_reached(row),
            now,
            POLICY,
            max_auth_age=max_auth_age,
            required_acr=wanted,
        )
        holds = True
    except StepUpRequiredError:
        holds = False
    assert expected == holds
    assert len(lifecycle.levels_reached(row)) <= lifecycle.MAX_LEVELS


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [(-7, 7), (0, 0), (0.5, 0), (300, 0), (300.5, math.inf), (1e9, math.inf)],
)
def test_the_age_of_what_lies_ahead(ahead: float, expected: float) -> None:
    """Two clocks may differ by five minutes; a grace that begins further ahead has ended."""
    assert expected == skew.age(T0 + ahead, T0)
    row = session_row(rotated_at=T0 + ahead)
    assert (expected <= 30) == lifecycle.within_grace(row, T0, POLICY)


@pytest.mark.parametrize(("ahead", "expected"), [(-9.5, 0), (0, 1), (300, 301), (301, 0), (1e6, 0)])
def test_a_step_up_is_later_than_what_it_follows(ahead: float, expected: int) -> None:
    """In whole seconds, by one at least; a clock that was wrong is not followed."""
    row = session_row(auth_time=int(T0 + ahead))
    assert int(T0) + expected == lifecycle.step_up_time(row, T0 + 0.9)


@pytest.mark.parametrize(("age", "holds"), [(-5, True), (0, True), (299.9, True), (300, False)])
def test_the_age_is_less(age: float, holds: bool) -> None:
    """max_auth_age holds while the age is less; a negative age counts as none."""
    asked: dict[str, Any] = {"max_auth_age": 300, "required_acr": None}
    if holds:
        strength.require_strength(T0, {}, T0 + age, POLICY, **asked)
        return
    with pytest.raises(StepUpRequiredError):
        strength.require_strength(T0, {}, T0 + age, POLICY, **asked)


SAME, BOUND, UNBOUND = Bearer.SAME, Bearer.FOREIGN_BOUND, Bearer.FOREIGN_UNBOUND
TABLE = {
    Age.CURRENT: (Verdict.ROTATE, Verdict.END_FOREIGN, Verdict.ROTATE_WITH_SIGNAL),
    Age.GRACE_REFRESH: (Verdict.CONVERGE, Verdict.END_FOREIGN, Verdict.END_FOREIGN),
    Age.GRACE_STEP_UP: (Verdict.EXPIRED, Verdict.END_FOREIGN, Verdict.END_FOREIGN),
    Age.LOST_REFRESH: (Verdict.REISSUE, Verdict.END_FOREIGN, Verdict.END_FOREIGN),
    Age.LOST_STEP_UP: (Verdict.EXPIRED, Verdict.END_FOREIGN, Verdict.END_FOREIGN),
    Age.LATE: (Verdict.END_LATE,) * 3,
    Age.DEAD: (Verdict.END_STALE,) * 3,
    Age.STALE: (Verdict.END_STALE,) * 3,
    Age.FUTURE: (Verdict.UNKNOWN,) * 3,
}


def test_the_whole_rotation_table() -> None:
    """Every age and bearer has its verdict, and there is no other."""
    expected = {
        (age, bearer): verdict
        for age, verdicts in TABLE.items()
        for bearer, verdict in zip((SAME, BOUND, UNBOUND), verdicts, strict=True)
    }
    assert expected == VERDICTS
    assert {age for age, _ in VERDICTS} == set(Age)
    assert set(VERDICTS.values()) == set(Verdict)


# A row whose fifth generation succeeds the second: two successors were lost.
REISSUED = session_row(generation=5, previous_generation=2, rotated_by="refresh")
# One whose step-up followed a refresh so soon that both tokens before it are previous ones.
RAISED = session_row(generation=5, previous_generation=3, rotated_by="step_up")


@pytest.mark.parametrize(
    ("generation", "row", "in_grace", "expected"),
    [
        (5, REISSUED, True, Age.CURRENT),
        (5, REISSUED, False, Age.CURRENT),
        (5, evolve(REISSUED, presented=True), False, Age.CURRENT),
        (0, session_row(), False, Age.CURRENT),
        (2, REISSUED, True, Age.GRACE_REFRESH),
        (2, evolve(REISSUED, presented=True), True, Age.GRACE_REFRESH),
        (3, RAISED, True, Age.GRACE_STEP_UP),
        (4, RAISED, True, Age.GRACE_STEP_UP),
        (4, evolve(RAISED, presented=True), True, Age.GRACE_STEP_UP),
        (4, evolve(RAISED, previous_generation=4), True, Age.GRACE_STEP_UP),
        (2, REISSUED, False, Age.LOST_REFRESH),
        (4, RAISED, False, Age.LOST_STEP_UP),
        (2, evolve(REISSUED, presented=True), False, Age.LATE),
        (4, evolve(RAISED, presented=True), False, Age.LATE),
        (3, REISSUED, True, Age.DEAD),
        (4, REISSUED, True, Age.DEAD),
        (4, REISSUED, False, Age.DEAD),
        (4, evolve(REISSUED, presented=True), False, Age.DEAD),
        (1, REISSUED, True, Age.STALE),
        (0, REISSUED, False, Age.STALE),
        (2, RAISED, True, Age.STALE),
        (3, RAISED, False, Age.STALE),
        (3, evolve(RAISED, presented=True), False, Age.STALE),
        (4, evolve(REISSUED, previous_generation=None), True, Age.STALE),
        (6, REISSUED, True, Age.FUTURE),
        (6, evolve(REISSUED, presented=True), False, Age.FUTURE),
    ],
)
def test_ages(generation: int, row: Any, in_grace: bool, expected: Age) -> None:
    """The age of a generation beside a row."""
    assert expected is age_of(generation, row, in_grace=in_grace)


@pytest.mark.parametrize(
    ("generation", "row", "expected"),
    [
        (5, REISSUED, True),
        (5, RAISED, True),
        (5, evolve(REISSUED, presented=True), False),
        (5, evolve(REISSUED, previous_generation=None), False),
        (0, session_row(), False),
        (4, REISSUED, False),
        (2, REISSUED, False),
        (6, REISSUED, False),
        (None, REISSUED, False),
    ],
)
def test_tokens_that_present_a_successor(generation: int | None, row: Any, expected: bool) -> None:
    """The row's own generation, once, where there is one that it succeeds."""
    assert expected is is_first_presentation(generation, row)


@pytest.mark.parametrize(("keeps_previous", "previous"), [(False, 5), (True, 2)])
@pytest.mark.parametrize("by", ["refresh", "step_up"])
def test_the_generation_that_a_new_one_succeeds(
    by: Any, keeps_previous: bool, previous: int
) -> None:
    """The current one, or the one before that; and the new one is unpresented."""
    row = evolve(REISSUED, presented=True)
    expected = {
        "previous_generation": previous,
        "presented": False,
        "rotated_at": T0,
        "rotated_by": by,
    }
    assert expected == succession(row, by, T0, keeps_previous=keeps_previous)


REFRESHED = session_row(generation=4, previous_generation=3, rotated_by="refresh")


@pytest.mark.parametrize(
    ("row", "in_grace", "expected"),
    [
        (REFRESHED, True, True),
        (evolve(REFRESHED, presented=True), True, True),
        (REFRESHED, False, False),
        (evolve(REFRESHED, rotated_by="step_up"), True, False),
        (REISSUED, True, False),
        (session_row(), True, False),
    ],
)
def test_step_ups_that_overtake(row: Any, in_grace: bool, expected: bool) -> None:
    """One that comes soon after a refresh which was no reissue."""
    assert expected is overtakes(row, in_grace=in_grace)


@given(
    row=st.builds(
        session_row,
        generation=st.integers(0, 6),
        previous_generation=st.none() | st.integers(0, 5),
        presented=st.booleans(),
        rotated_by=st.sampled_from([None, "refresh", "step_up"]),
    ),
    generation=st.integers(0, 7),
    in_grace=st.booleans(),
)
def test_two_generations_are_good(row: Any, generation: int, in_grace: bool) -> None:
    """In any row, only the current generation and the one it succeeds get tokens."""
    verdict = VERDICTS[age_of(generation, row, in_grace=in_grace), Bearer.SAME]
    if verdict in {*SUCCESSIONS, Verdict.CONVERGE}:
        assert generation in (row.generation, row.previous_generation)
    if verdict is Verdict.EXPIRED:
        assert row.rotated_by == "step_up"
        assert in_grace or generation == row.generation - 1


ERROR_TYPES = [
    each
    for each in vars(devsess).values()
    if isinstance(each, type) and issubclass(each, devsess.DevsessError)
]


@pytest.mark.parametrize("error", ERROR_TYPES)
def test_errors_survive_pickling(error: type[devsess.DevsessError]) -> None:
    """An error crosses processes with its message and attributes."""
    original = error("what was known")
    copy = pickle.loads(pickle.dumps(original))
    assert type(original) is type(copy)
    assert original.args == copy.args
    assert vars(original) == vars(copy)
