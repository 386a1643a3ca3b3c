"""The two laws as tables: lifecycle and rotation."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import devsess
from devsess import Policy, SessionExpiredError, SessionRevokedError, StepUpRequiredError, lifecycle
from devsess.lifecycle import Deed, State
from devsess.rotation import VERDICTS, Age, Bearer, Verdict, age_of
from devsess.rows import EXPIRED
from devsess.testing._rows import T0, session_row

POLICY = Policy()
DAY = 86_400.0
ROWS = {
    State.LIVE: session_row(),
    State.IDLE_EXPIRED: session_row(idle_expires_at=T0),
    State.ABSOLUTE_EXPIRED: session_row(absolute_expires_at=T0, idle_expires_at=T0),
    State.REVOKED: session_row(revoked_at=T0, reason="lost"),
}
PERMITTED = {
    State.LIVE: set(Deed) - {Deed.LAPSE},
    State.IDLE_EXPIRED: {Deed.REVOKE, Deed.LAPSE},
    State.ABSOLUTE_EXPIRED: {Deed.REVOKE, Deed.LAPSE},
    State.REVOKED: set(),
}
ERRORS = {State.REVOKED: SessionRevokedError}


@pytest.mark.parametrize("here", State)
@pytest.mark.parametrize("deed", Deed)
def test_what_may_be_done(here: State, deed: Deed) -> None:
    """A live session may be used; an expired one only ended; a revoked one nothing."""
    row = ROWS[here]
    assert here is lifecycle.state(row, T0 + 1, POLICY)
    if deed in PERMITTED[here]:
        after = lifecycle.permit(row, deed, T0 + 1, POLICY)
        assert here in (State.LIVE, after) or after is State.REVOKED
    elif here is not State.LIVE:
        with pytest.raises(ERRORS.get(here, SessionExpiredError)):
            lifecycle.permit(row, deed, T0 + 1, POLICY)


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
    """What a store counts as live is what the law calls live, at any instant."""
    row = session_row(
        created_at=created,
        idle_from=idle_from,
        idle_expires_at=idle,
        absolute_expires_at=absolute,
        revoked_at=T0 if revoked else None,
        reason="lost" if revoked else None,
    )
    counted = lifecycle.counts_as_live(row, lifecycle.horizon(now, POLICY))
    # now - x > y and now > x + y differ in the last bit; no deadline hangs on it.
    near = min(
        abs(now - created - POLICY.absolute_lifetime), abs(now - idle_from - POLICY.idle_timeout)
    )
    assert near < 1e-3 or counted == (lifecycle.state(row, now, POLICY) is State.LIVE)


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
    """What purge marked as expired stays so, even if the policy is relaxed."""
    row = session_row(revoked_at=T0, reason=EXPIRED)
    assert State.IDLE_EXPIRED is lifecycle.state(row, T0 - 1, POLICY)


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
    assert holds == lifecycle.satisfies(acr, required, POLICY)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (None, None, None),
        (None, "aal1", "aal1"),
        ("aal1", "aal2", "aal2"),
        ("aal2", "aal1", "aal2"),
        ("aal2", None, "aal2"),
        ("aal2", "gold", "aal2"),
        ("gold", "aal2", "aal2"),
    ],
)
def test_a_context_never_falls(old: str | None, new: str | None, expected: str | None) -> None:
    """A step-up raises the context or leaves it."""
    assert expected == lifecycle.stronger(old, new, POLICY)


@pytest.mark.parametrize(("age", "holds"), [(-5, True), (0, True), (299.9, True), (300, False)])
def test_the_age_is_less(age: float, holds: bool) -> None:
    """max_auth_age holds while the age is less; a negative age counts as none."""
    asked: dict[str, Any] = {"max_auth_age": 300, "required_acr": None}
    if holds:
        lifecycle.require_strength(int(T0), None, T0 + age, POLICY, **asked)
        return
    with pytest.raises(StepUpRequiredError):
        lifecycle.require_strength(int(T0), None, T0 + age, POLICY, **asked)


SAME, BOUND, UNBOUND = Bearer.SAME, Bearer.FOREIGN_BOUND, Bearer.FOREIGN_UNBOUND
TABLE = {
    Age.CURRENT: (Verdict.ROTATE, Verdict.END_FOREIGN, Verdict.ROTATE_WITH_SIGNAL),
    Age.GRACE_REFRESH: (Verdict.CONVERGE, Verdict.END_FOREIGN, Verdict.END_FOREIGN),
    Age.GRACE_STEP_UP: (Verdict.EXPIRED, Verdict.END_FOREIGN, Verdict.END_FOREIGN),
    Age.LATE: (Verdict.END_LATE,) * 3,
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


@pytest.mark.parametrize(
    ("presented", "by", "in_grace", "expected"),
    [
        (5, "refresh", True, Age.CURRENT),
        (5, None, False, Age.CURRENT),
        (4, "refresh", True, Age.GRACE_REFRESH),
        (4, "step_up", True, Age.GRACE_STEP_UP),
        (4, "refresh", False, Age.LATE),
        (4, "step_up", False, Age.LATE),
        (3, "refresh", True, Age.STALE),
        (0, "refresh", False, Age.STALE),
        (6, "refresh", True, Age.FUTURE),
    ],
)
def test_ages(presented: int, by: Any, in_grace: bool, expected: Age) -> None:
    """The age of a generation beside a row at five."""
    assert expected is age_of(presented, 5, by, in_grace=in_grace)


ERROR_TYPES = [
    each
    for each in vars(devsess).values()
    if isinstance(each, type) and issubclass(each, devsess.DevsessError)
]


@pytest.mark.parametrize("error", ERROR_TYPES)
def test_errors_survive_pickling(error: type[devsess.DevsessError]) -> None:
    """An error crosses processes with its message and what it carries."""
    original = error("what was known")
    copy = pickle.loads(pickle.dumps(original))
    assert type(original) is type(copy)
    assert original.args == copy.args
    assert vars(original) == vars(copy)
