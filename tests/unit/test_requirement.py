"""LAW: the sessions that meet what `require` asks for, argument by argument."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from devsess import Policy, Risk, Session, StepUpRequiredError, lifecycle
from devsess._later import _make_of
from devsess.requirement import NOTHING, Requirement, check
from devsess.stores.plain_rows import plain_row_of
from devsess.stores.rows import SessionRow
from devsess.testing._rows import T0, device_row, session_row
from devsess.views import live_view, session_view

POLICY = Policy()
ANY_NEWER = Policy(risk=Risk(acr=None))
SECOND = int(T0)
TRUSTED = device_row(trusted_until=T0 + 1)
STRONG = {"acr": "aal2", "auth_time": SECOND + 1}


def _session(row: SessionRow, now: float = T0) -> Session:
    return session_view(lifecycle.standing(row, now, POLICY))


# The columns of the session, the arguments, and whether it meets them; at T0.
CASES: list[tuple[dict[str, Any], Requirement, bool]] = [
    ({}, Requirement(), True),
    ({"auth_time": SECOND - 60}, Requirement(max_auth_age=61), True),
    ({"auth_time": SECOND - 60}, Requirement(max_auth_age=60), False),
    (STRONG, Requirement(acr="aal2"), True),
    (STRONG, Requirement(acr="aal3"), False),
    ({"device": TRUSTED}, Requirement(trusted_device=True), True),
    ({"device": evolve(TRUSTED, trusted_until=T0)}, Requirement(trusted_device=True), False),
    ({}, Requirement(trusted_device=True), False),
    ({}, Requirement(trusted_device=False), True),
    ({"score": 9}, Requirement(risk_below=10), True),
    ({"score": 10}, Requirement(risk_below=10), False),
    ({"score": None}, Requirement(risk_below=1), True),
    ({"score": None}, Requirement(risk_below=0), True),
    ({"score": 99}, Requirement(), True),
    ({"step_up_after": SECOND}, Requirement(), False),
    ({"step_up_after": SECOND}, Requirement(max_auth_age=60), False),
    ({"step_up_after": SECOND, "auth_time": SECOND + 1}, Requirement(), False),
    ({"step_up_after": SECOND, **STRONG}, Requirement(), True),
    ({"step_up_after": SECOND + 1, **STRONG}, Requirement(), False),
    ({"step_up_after": SECOND, **STRONG, "acr": "aal3"}, Requirement(), True),
    ({"step_up_after": SECOND, **STRONG, "acr": "aal1"}, Requirement(), False),
    ({"step_up_after": SECOND, **STRONG}, Requirement(acr="aal3"), False),
    ({"impersonator": ("s0", "staff")}, Requirement(), True),
    ({"impersonator": ("s0", "staff")}, Requirement(max_auth_age=60), False),
    ({"impersonator": ("s0", "staff"), **STRONG}, Requirement(acr="aal1"), False),
    ({"impersonator": ("s0", "staff"), "device": TRUSTED}, Requirement(None, None, True), False),
    ({"impersonator": ("s0", "staff")}, Requirement(risk_below=10), False),
]


@pytest.mark.parametrize(("columns", "needed", "meets"), CASES)
def test_a_session_meets_a_requirement_or_is_refused(
    columns: dict[str, Any], needed: Requirement, meets: bool
) -> None:
    """Each argument asks by itself, and a demand for a step-up is asked with any of them."""
    session = _session(session_row(**columns))
    if meets:
        check(needed, session, T0, POLICY)
        return
    with pytest.raises(StepUpRequiredError):
        check(needed, session, T0, POLICY)


@pytest.mark.parametrize(
    ("columns", "needed"),
    [
        ({"step_up_after": SECOND}, Requirement()),
        ({"score": 10}, Requirement(risk_below=10)),
    ],
)
def test_the_refusal_names_the_context_that_risk_asks_for(
    columns: dict[str, Any], needed: Requirement
) -> None:
    """So the client knows which second factor to ask for (RFC 9470 §3)."""
    session = _session(session_row(**columns))
    for policy, expected in ((POLICY, ("aal2",)), (ANY_NEWER, ()), (Policy(risk=None), ())):
        with pytest.raises(StepUpRequiredError) as caught:
            check(needed, session, T0, policy)
        assert expected == caught.value.acr_values


def test_any_newer_authentication_meets_a_demand_without_a_context() -> None:
    """Risk(acr=None): for an application that knows no contexts."""
    demanded = session_row(step_up_after=SECOND, auth_time=SECOND)
    with pytest.raises(StepUpRequiredError):
        check(Requirement(), _session(demanded), T0, ANY_NEWER)
    check(Requirement(), _session(evolve(demanded, auth_time=SECOND + 1)), T0, ANY_NEWER)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_auth_age": "60"},
        {"acr": 2},
        {"trusted_device": 1},
        {"risk_below": "10"},
        {"risk_below": True},
    ],
)
def test_a_wrong_argument_fails_where_it_is_declared(wrong: dict[str, Any]) -> None:
    """Not at each request."""
    with pytest.raises(TypeError):
        Requirement(**wrong)


def test_a_requirement_says_whether_it_asks_for_more_than_a_session() -> None:
    """Whatever its arguments are."""
    assert not Requirement().asks
    for each in ({"max_auth_age": 0}, {"acr": ""}, {"trusted_device": True}, {"risk_below": 0}):
        assert Requirement(**each).asks


@pytest.mark.parametrize("needed", [NOTHING, Requirement(risk_below=10)])
def test_what_needs_no_costly_field_of_a_session_makes_none(needed: Requirement) -> None:
    """Each session in memory would have its instants and its device made, for nothing."""
    row = plain_row_of(session_row(score=9))
    session = live_view(row, *lifecycle.deadlines(row, POLICY), SECOND)
    check(needed, session, T0, POLICY)
    assert _make_of(session) is not None
