"""No answer dates a level later than it was reached, neither here nor in another service."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import jwt
import pytest
from attrs import evolve

from devsess import Policy, StepUpRequiredError

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess import Grant
    from devsess.testing import FakeClock

SIX_DAYS, YEARS = timedelta(days=6), timedelta(days=36_500)


def says(grant: Grant) -> tuple[list[str], str | None, int]:
    """The claims that another service reads in the token: methods, level, instant."""
    claims = jwt.decode(grant.access_token, options={"verify_signature": False})
    return claims["amr"], claims.get("acr"), claims["auth_time"]


def passes(sessions: Any, grant: Grant, **wanted: Any) -> bool:
    """Whether memory and store alike let it through."""
    asked = wanted.get("max_auth_age"), (wanted["acr"],) if "acr" in wanted else ()
    answers: set[bool] = set()
    missing: tuple[float | None, tuple[str, ...]] = asked
    for fresh in (False, True, False):
        try:
            sessions.validate(grant.access_token, fresh=fresh, **wanted)
            answers.add(True)
        except StepUpRequiredError as refusal:
            answers.add(False)
            missing = refusal.max_age, refusal.acr_values
    [answer] = answers
    assert asked == missing
    return answer


def test_a_weak_step_up_does_not_freshen_a_strong_one(sessions: Any, clock: FakeClock) -> None:
    """The level stands, and so does its instant; the token describes the latest event."""
    strong = sessions.login("ada", amr=("pwd", "otp"), acr="aal2")
    signed_in_at = strong.session.auth_time
    clock.advance(SIX_DAYS)
    weak = sessions.step_up(
        sessions.refresh(strong.refresh_token).access_token, amr=("pwd",), acr="aal1"
    )

    assert not passes(sessions, weak, max_auth_age=300, acr="aal2")
    assert passes(sessions, weak, max_auth_age=300, acr="aal1")
    assert passes(sessions, weak, max_auth_age=300)
    assert passes(sessions, weak, acr="aal2")
    assert passes(sessions, weak, max_auth_age=SIX_DAYS + timedelta(seconds=1), acr="aal2")
    assert (["pwd"], "aal1", int(clock.now().timestamp())) == says(weak)
    session = sessions.validate(weak.access_token)
    assert (("pwd",), "aal1", clock.now()) == (session.amr, session.acr, session.auth_time)
    assert {"aal2": signed_in_at, "aal1": clock.now()} == session.levels


def test_a_step_up_to_no_level(sessions: Any, clock: FakeClock) -> None:
    """It freshens the sign-in and no level; its token names none."""
    grant = sessions.login("ada", acr="aal2")
    clock.advance(600)
    raised = sessions.step_up(grant.access_token, amr=("face",))

    assert (["face"], None, int(clock.now().timestamp())) == says(raised)
    assert passes(sessions, raised, max_auth_age=300)
    assert passes(sessions, raised, acr="aal2")
    assert passes(sessions, raised, acr="aal1")
    assert not passes(sessions, raised, acr="aal1", max_auth_age=300)
    assert {"aal2": grant.session.auth_time} == raised.session.levels


def test_a_renewal_says_what_the_latest_event_said(sessions: Any, clock: FakeClock) -> None:
    """Refreshing proves nothing, and so changes nothing of it."""
    grant = sessions.login("ada", amr=("pwd", "otp"), acr="aal2")
    clock.advance(600)
    weak = sessions.step_up(grant.access_token, amr=("pwd",), acr="aal1")
    expected = says(weak), weak.session.levels
    clock.advance(600)
    renewed = sessions.refresh(weak.refresh_token)

    assert expected == (says(renewed), renewed.session.levels)


# When each event took place, and its level → the requirement, and if it holds at 1000.
EVENTS: list[tuple[list[tuple[int, str | None]], dict[str, Any], bool]] = [
    ([(0, None)], {"acr": "aal1"}, False),
    ([(0, "aal3")], {"acr": "aal1"}, True),
    ([(0, "aal1")], {"acr": "aal1", "max_auth_age": 1001}, True),
    ([(0, "aal1")], {"acr": "aal1", "max_auth_age": 1000}, False),
    ([(0, "aal1"), (900, "aal1")], {"acr": "aal1", "max_auth_age": 101}, True),
    ([(0, "aal1"), (900, "aal1")], {"acr": "aal1", "max_auth_age": 100}, False),
    ([(0, "aal1"), (900, "aal2")], {"acr": "aal1", "max_auth_age": 101}, True),
    ([(0, "aal2"), (900, "aal1")], {"acr": "aal2", "max_auth_age": 101}, False),
    ([(0, "aal2"), (900, "aal1")], {"acr": "aal2", "max_auth_age": 1001}, True),
    ([(0, "aal2"), (900, "aal1")], {"acr": "aal3"}, False),
    ([(0, "aal1"), (500, "aal3"), (900, None)], {"acr": "aal2", "max_auth_age": 501}, True),
    ([(0, "aal1"), (500, "aal3"), (900, None)], {"acr": "aal2", "max_auth_age": 500}, False),
    ([(0, "aal2"), (500, "gold"), (900, "aal1")], {"acr": "gold", "max_auth_age": 501}, True),
    ([(0, "aal2"), (500, "gold"), (900, "aal1")], {"acr": "gold", "max_auth_age": 500}, False),
    ([(0, "gold"), (900, "aal3")], {"acr": "gold", "max_auth_age": 101}, False),
    ([(0, "gold"), (900, "aal3")], {"acr": "gold"}, True),
    ([(0, "aal2"), (900, "aal1")], {"max_auth_age": 101}, True),
    ([(0, "aal2"), (900, "aal1")], {"acr": "aal1", "max_auth_age": 0}, False),
]


@pytest.mark.parametrize(("events", "asked", "holds"), EVENTS)
def test_which_instant_counts(
    sessions: Any, clock: FakeClock, events: Any, asked: dict[str, Any], holds: bool
) -> None:
    """Of all events, the latest that reached the level asked for, or a stronger one."""
    (_, first), *later = events
    grant, passed = sessions.login("ada", acr=first), 0
    for at, acr in later:
        clock.advance(at - passed)
        passed = at
        grant = sessions.step_up(grant.access_token, amr=("otp",), acr=acr)
    clock.advance(1000 - passed)
    grant = sessions.refresh(grant.refresh_token)

    assert holds == passes(sessions, grant, **asked)


def test_an_earlier_sign_in_elsewhere(sessions: Any, clock: FakeClock) -> None:
    """A login with the instant of a sign-in elsewhere reached its level then, not now."""
    then = clock.now()
    clock.advance(3600)
    grant = sessions.login("ada", acr="aal2", auth_time=then)

    assert {"aal2": then} == grant.session.levels
    assert not passes(sessions, grant, acr="aal2", max_auth_age=3600)
    assert passes(sessions, grant, acr="aal2", max_auth_age=3601)


def test_at_most_eight_levels_are_kept(sessions: Any, clock: FakeClock) -> None:
    """The levels reached last are kept; the others have to be reached again, which fails safe."""
    grant = sessions.login("ada", acr="level-0")
    for number in range(1, 12):
        clock.advance(1)
        grant = sessions.step_up(grant.access_token, amr=("otp",), acr=f"level-{number}")
    expected = [f"level-{number}" for number in range(4, 12)]

    assert expected == list(grant.session.levels)
    assert not passes(sessions, grant, acr="level-3")
    assert passes(sessions, grant, acr="level-4")
    clock.advance(1)
    again = sessions.step_up(grant.access_token, amr=("otp",), acr="level-4")
    assert [*expected[1:], "level-4"] == list(again.session.levels)
    plain = sessions.step_up(again.access_token, amr=("otp",))
    assert again.session.levels == plain.session.levels


def test_the_latest_level_stands_last(sessions: Any, clock: FakeClock) -> None:
    """Each level once, in the order in which they were last reached."""
    grant = sessions.login("ada", acr="aal1")
    for acr in ("aal2", "aal1"):
        clock.advance(60)
        grant = sessions.step_up(grant.access_token, amr=("otp",), acr=acr)

    assert ["aal2", "aal1"] == list(sessions.validate(grant.access_token).levels)
    assert clock.now() == grant.session.levels["aal1"]


def test_levels_cannot_be_changed(sessions: Any) -> None:
    """The levels of a session are read-only."""
    grant = sessions.login("ada", acr="aal1")
    with pytest.raises(TypeError, match="read-only"):
        grant.session.levels["aal3"] = grant.session.auth_time
    assert {} == sessions.login("ada").session.levels


def test_a_policy_with_another_order_binds_old_sessions(
    make: Callable[..., Any], clock: FakeClock
) -> None:
    """The instants are kept as they were; today's policy says which level is stronger."""
    grant = make().login("ada", acr="silver")
    clock.advance(600)
    grant = make().step_up(grant.access_token, amr=("otp",), acr="gold")
    asked: dict[str, Any] = {"acr": "silver", "max_auth_age": 300}

    assert not passes(make(), grant, **asked)
    assert passes(make(policy=Policy(acr_order=("silver", "gold"))), grant, **asked)


def test_an_export_has_the_levels(sessions: Any, clock: FakeClock) -> None:
    """An export has the instants at which a person proved themselves."""
    grant = sessions.login("ada", acr="aal2")
    clock.advance(60)
    sessions.step_up(grant.access_token, amr=("pwd",), acr="aal1")
    [exported] = sessions.export_user("ada")["sessions"]

    assert {
        "aal2": grant.session.auth_time.isoformat(),
        "aal1": clock.now().isoformat(),
    } == exported["levels"]


@pytest.mark.parametrize(
    ("ahead", "holds"), [(299, True), (300, True), (301, False), (86_400, False)]
)
@pytest.mark.parametrize("asked", [{}, {"acr": "aal2"}])
def test_a_clock_that_was_ahead_makes_nothing_fresh_for_long(
    sessions: Any, clock: FakeClock, ahead: float, holds: bool, asked: dict[str, Any]
) -> None:
    """A sign-in up to five minutes ahead counts as one of now; one beyond has to be repeated."""
    clock.advance(ahead)
    grant = sessions.login("ada", acr="aal2")
    clock.advance(-ahead)
    # The token itself is not good yet: the session is judged.
    core = getattr(sessions, "_core", None) or sessions._manager._core
    session = sessions.get(grant.session.id)
    now = clock.now().timestamp()
    if holds:
        core.require(session, now, 60, asked.get("acr"))
        return
    with pytest.raises(StepUpRequiredError):
        core.require(session, now, YEARS, asked.get("acr"))


def test_a_step_up_puts_right_what_a_clock_ahead_wrote(sessions: Any, clock: FakeClock) -> None:
    """Its instant is now, however far ahead the one before; the older level is of long ago."""
    clock.advance(86_400)
    grant = sessions.login("ada", acr="aal2")
    clock.advance(-86_400)
    core = getattr(sessions, "_core", None) or sessions._manager._core
    session = sessions.get(grant.session.id)
    token = core.tokens.access.mint(
        session_id=session.id,
        user_id="ada",
        now=clock.now().timestamp(),
        expires_at=int(clock.now().timestamp()) + 60,
        auth_time=int(session.auth_time.timestamp()),
        amr=(),
        acr=None,
        generation=0,
        jti="j" * 22,
    )
    raised = sessions.step_up(token, amr=("pwd",), acr="aal1")

    assert clock.now() == raised.session.auth_time
    assert passes(sessions, raised, acr="aal1", max_auth_age=60)
    assert passes(sessions, raised, acr="aal2")
    assert not passes(sessions, raised, acr="aal2", max_auth_age=86_400)
    clock.advance(86_400)
    again = evolve(raised, access_token=sessions.refresh(raised.refresh_token).access_token)
    assert not passes(sessions, again, acr="aal2", max_auth_age=86_400)
