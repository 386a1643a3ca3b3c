"""Sign-ins and refreshes are assessed, and under "enforce" an unusual one needs a step-up."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from _people import HOME, HOSTED, NEXT_DOOR, QUEBEC, WINDOWS, Locator, at
from attrs import evolve

from devsess import (
    Decision,
    EventType,
    LoginDeniedError,
    Policy,
    Risk,
    StepUpRequiredError,
    StoreUnavailableError,
    TokenExpiredError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess.testing import FakeClock

ENFORCE = Policy(risk=Risk(mode="enforce"))


@pytest.fixture
def observed(make: Callable[..., Any]) -> Any:
    return make(locator=Locator())


@pytest.fixture
def enforced(make: Callable[..., Any]) -> Any:
    return make(locator=Locator(), policy=ENFORCE)


def test_a_first_sign_in_is_allowed_and_teaches(observed: Any) -> None:
    """Nothing is known of a new account: nothing is evaluated, and the next is compared with it."""
    first = observed.login("ada", at(HOME)).assessment
    second = observed.login("ada", at(HOME)).assessment

    assert (Decision.ALLOW, 0, ()) == (first.decision, first.score, first.signals)
    assert "new_device" in first.not_evaluated
    assert (-30, ["new_device"]) == (second.score, [it.kind for it in second.signals])


def test_travel_is_named_with_its_numbers(observed: Any, clock: FakeClock) -> None:
    """Lagos to Québec in two minutes: kilometres, time and speed stand in the history."""
    observed.login("ada", at(HOME))
    clock.advance(120)
    observed.login("ada", at(QUEBEC))
    shown = observed.history("ada").items[0].assessment

    assert Decision.STEP_UP is shown.decision
    assert "Lagos to Québec: 8,275 km in 2 minutes, 248,259 km/h" in [
        it.message for it in shown.signals
    ]
    assert shown.score == -50 + sum(it.weight for it in shown.signals)


def test_a_device_token_is_worth_a_step_up(observed: Any) -> None:
    """The account's own browser may travel."""
    first = observed.login("ada", at(HOME))
    travelled = observed.login("ada", at(QUEBEC, first.device_token)).assessment

    assert Decision.ALLOW is travelled.decision


def test_enforced_a_step_up_comes_before_anything_is_written(enforced: Any) -> None:
    """A refused sign-in leaves nothing, and passes with the context that it names."""
    enforced.login("ada", at(HOME))
    before = (enforced.list("ada"), enforced.history("ada"), enforced.export_user("ada"))
    with pytest.raises(StepUpRequiredError) as caught:
        enforced.login("ada", at(QUEBEC))

    assert ("aal2",) == caught.value.acr_values
    assert caught.value.assessment is not None
    assert Decision.STEP_UP is caught.value.assessment.decision
    assert before == (enforced.list("ada"), enforced.history("ada"), enforced.export_user("ada"))
    with pytest.raises(StepUpRequiredError):
        enforced.login("ada", at(QUEBEC), acr="aal1")
    assert Decision.STEP_UP is enforced.login("ada", at(QUEBEC), acr="aal2").assessment.decision


def test_a_challenge_is_handed_to_the_application(make: Callable[..., Any]) -> None:
    """on_event gets it, with the assessment; the history does not."""
    heard: list[Any] = []
    sessions = make(locator=Locator(), policy=ENFORCE, on_event=heard.append)
    sessions.login("ada", at(HOME))
    with pytest.raises(StepUpRequiredError):
        sessions.login("ada", at(QUEBEC))

    assert [EventType.LOGIN_CHALLENGED] == [it.type for it in heard[1:]]
    assert heard[1].assessment.score >= 10
    assert 1 == len(sessions.history("ada"))


def test_observed_nothing_is_refused(observed: Any) -> None:
    """By default each sign-in gives its grant, with the assessment."""
    observed.login("ada", at(HOME))

    assert Decision.STEP_UP is observed.login("ada", at(HOSTED)).assessment.decision
    assert 2 == len(observed.list("ada"))


def test_a_blocked_device_is_denied_with_its_assessment(observed: Any) -> None:
    """The one denial; no score denies."""
    first = observed.login("ada", at(HOME))
    observed.block_device("ada", first.session.device)
    with pytest.raises(LoginDeniedError) as caught:
        observed.login("ada", at(HOME, first.device_token))

    assert caught.value.assessment is not None
    assert Decision.DENY is caught.value.assessment.decision


def test_without_risk_nothing_is_assessed_or_kept(make: Callable[..., Any]) -> None:
    """Policy(risk=None) reads and writes no habits."""
    sessions = make(locator=Locator(), policy=Policy(risk=None))
    sessions.login("ada", at(HOME))
    grant = sessions.login("ada", at(QUEBEC))
    sessions.refresh(grant.refresh_token, at(HOSTED))

    assert (0, ()) == (grant.assessment.score, grant.assessment.not_evaluated)
    assert [] == sessions.export_user("ada")["items"]


def test_a_copied_cookie_jar_is_caught_live(enforced: Any) -> None:
    """Refresh and device token from elsewhere: the session goes on, and is asked for a step-up."""
    grant = enforced.login("ada", at(HOME))
    stolen = enforced.refresh(grant.refresh_token, at(HOSTED, grant.device_token))

    assert Decision.STEP_UP is stolen.assessment.decision
    assert stolen.session.step_up_after is not None
    assert stolen.assessment.score == stolen.session.score
    assert enforced.validate(stolen.access_token)
    with pytest.raises(StepUpRequiredError) as caught:
        enforced.validate(stolen.access_token, max_auth_age=3600)
    assert ("aal2",) == caught.value.acr_values
    shown = enforced.history("ada").items[1]
    assert (EventType.SESSION_RENEWED, stolen.assessment) == (shown.type, shown.assessment)


def test_a_step_up_meets_the_demand(enforced: Any, clock: FakeClock) -> None:
    """The context that risk asks for meets it, and no weaker one."""
    grant = enforced.login("ada", at(HOME))
    moved = enforced.refresh(grant.refresh_token, at(HOSTED, grant.device_token))
    clock.advance(9)
    weak = enforced.step_up(moved.access_token, amr=("pwd",), acr="aal1")
    with pytest.raises(StepUpRequiredError):
        enforced.validate(weak.access_token, max_auth_age=3600)
    strong = enforced.step_up(weak.access_token, amr=("otp",), acr="aal2")

    assert (None, None) == (strong.session.step_up_after, strong.session.score)
    assert enforced.validate(strong.access_token, max_auth_age=3600)
    with pytest.raises(TokenExpiredError):
        enforced.validate(weak.access_token)


def test_a_demand_is_told_and_kept(make: Callable[..., Any]) -> None:
    """To the application once, and in the history, with what asked for it."""
    heard: list[Any] = []
    enforced = make(locator=Locator(), policy=ENFORCE, on_event=heard.append)
    grant = enforced.login("ada", at(HOME))
    enforced.refresh(grant.refresh_token, at(HOSTED, grant.device_token))

    [told] = [it for it in heard if it.type is EventType.STEP_UP_ASKED]
    assert "refresh" == told.reason
    assert told == enforced.history("ada").items[0]


def test_a_demand_binds_the_tokens_of_before(make: Callable[..., Any]) -> None:
    """Also in another process, whose memory holds the session as it was."""
    here, there = (make(locator=Locator(), policy=ENFORCE) for _ in range(2))
    grant = here.login("ada", at(HOME))
    assert there.validate(grant.access_token, max_auth_age=3600)
    here.refresh(grant.refresh_token, at(HOSTED, grant.device_token))

    with pytest.raises(StepUpRequiredError):
        there.validate(grant.access_token, max_auth_age=3600)
    assert EventType.STEP_UP_ASKED is here.history("ada").items[0].type


def test_a_demand_binds_even_if_its_event_is_lost(
    make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is heard of with the refresh itself, whatever fails after that."""
    here, there = (make(locator=Locator(), policy=ENFORCE) for _ in range(2))
    grant = here.login("ada", at(HOME))
    moved = at(HOSTED, grant.device_token)
    assert all(it.validate(grant.access_token, max_auth_age=3600) for it in (here, there))

    def fail(*_: object, **__: object) -> None:
        raise StoreUnavailableError("down for a moment")

    with monkeypatch.context() as down:
        down.setattr(here._store, "update", fail)
        down.setattr(here._store, "add_event", fail)
        with pytest.raises(StoreUnavailableError):
            here.refresh(grant.refresh_token, moved)
    assert here.refresh(grant.refresh_token, moved).replayed
    for each in (here, there):
        with pytest.raises(StepUpRequiredError):
            each.validate(grant.access_token, max_auth_age=3600)


def test_a_score_that_a_refresh_raises_binds_the_tokens_of_before(make: Callable[..., Any]) -> None:
    """A view that wants a low score asks memory, here and in another process."""
    here, there = (make(locator=Locator()) for _ in range(2))
    grant = here.login("ada", at(HOME))
    assert [None, None] == [it.validate(grant.access_token).score for it in (here, there)]
    raised = here.refresh(grant.refresh_token, at(HOSTED, grant.device_token)).session.score

    assert raised is not None
    assert [raised] * 2 == [it.validate(grant.access_token).score for it in (here, there)]


def test_any_step_up_meets_a_demand_without_a_context(make: Callable[..., Any]) -> None:
    """Risk(acr=None): for an application that knows no contexts; it only observes."""
    observing = make(locator=Locator(), policy=Policy(risk=Risk(acr=None)))
    observing.login("ada", at(HOME))
    grant = observing.login("ada", at(HOSTED))
    assert grant.session.score is not None

    assert observing.step_up(grant.access_token, amr=("pwd",)).session.score is None


def test_no_sign_in_is_strong_where_no_context_is_asked_for(make: Callable[..., Any]) -> None:
    """Risk(acr=None): the context of a password alone does not make a place usual at once."""
    observing = make(locator=Locator(), policy=Policy(risk=Risk(acr=None)))
    observing.login("ada", at(HOME), acr="aal1")
    one, two = (observing.login("ada", at(HOSTED), acr="aal1") for _ in range(2))

    assert {Decision.STEP_UP} == {one.assessment.decision, two.assessment.decision}
    assert one.assessment.score == one.session.score


def test_another_system_needs_a_step_up(enforced: Any) -> None:
    """A session that goes on under Windows began on macOS; the refresh succeeds."""
    grant = enforced.login("ada", at(HOME))
    moved = enforced.refresh(grant.refresh_token, at(HOME, grant.device_token, WINDOWS))

    assert moved.session.step_up_after is not None
    assert "changed_system" in [it.kind for it in moved.assessment.signals]


def test_a_refresh_by_another_browser_is_assessed_too(enforced: Any) -> None:
    """Without the device token, before it was ever presented: the session keeps its client."""
    grant = enforced.login("ada", at(HOME))
    moved = enforced.refresh(grant.refresh_token, at(HOSTED, agent=WINDOWS))

    kinds = [it.kind for it in moved.assessment.signals]
    assert {"foreign_device", "changed_system", "hosting"} <= {*kinds}
    assert moved.session.step_up_after is not None
    assert (HOME, "macOS") == (moved.session.ip, moved.session.device.os)


def test_observed_a_refresh_demands_nothing(observed: Any) -> None:
    """It is shown, with its score, and require passes."""
    grant = observed.login("ada", at(HOME))
    moved = observed.refresh(grant.refresh_token, at(HOSTED, grant.device_token))

    assert Decision.STEP_UP is moved.assessment.decision
    assert (None, moved.assessment.score) == (moved.session.step_up_after, moved.session.score)
    assert observed.validate(moved.access_token, max_auth_age=3600)


def test_a_refresh_takes_no_points_away(observed: Any, clock: FakeClock) -> None:
    """A session that began far away is not usual because it is refreshed from nearby."""
    observed.login("ada", at(HOME))
    clock.advance(60)
    grant = observed.login("ada", at(HOSTED))
    moved = observed.refresh(grant.refresh_token, at(HOME, grant.device_token))

    assert moved.assessment.score < grant.assessment.score
    assert grant.assessment.score == moved.session.score


def test_a_refresh_adds_points(observed: Any) -> None:
    """A session that began at home is as unusual as the least usual place it was used from."""
    observed.login("ada", at(HOME))
    grant = observed.login("ada", at(HOME))
    moved = observed.refresh(grant.refresh_token, at(HOSTED, grant.device_token))

    assert grant.session.score < moved.assessment.score
    assert moved.assessment.score == moved.session.score


def test_a_refresh_elsewhere_is_in_the_history(make: Callable[..., Any]) -> None:
    """Also where nothing is assessed; one from the same place is not."""
    sessions = make(policy=Policy(risk=None))
    grant = sessions.login("ada", at(HOME))
    for ip, renewed in ((HOME, 0), (NEXT_DOOR, 1)):
        grant = evolve(
            sessions.refresh(grant.refresh_token, at(ip, grant.device_token)),
            device_token=grant.device_token,
        )
        kinds = [it.type for it in sessions.history("ada")]
        assert renewed == kinds.count(EventType.SESSION_RENEWED)


def test_a_refresh_that_is_not_evaluated_gives_no_points(
    make: Callable[..., Any], clock: FakeClock
) -> None:
    """It is unknown how usual it is; 0 points would say that it is unusual."""
    without = make(policy=Policy(risk=None))
    grant = without.login("ada", at(HOME))
    moved = make(locator=Locator()).refresh(grant.refresh_token, at(HOSTED, grant.device_token))

    assert (0, None) == (moved.assessment.score, moved.session.score)


@pytest.mark.parametrize("way", ["refresh", "no"])
def test_no_step_up_of_before_meets_a_demand(
    enforced: Any, observed: Any, clock: FakeClock, way: str
) -> None:
    """Two in one second, of which each dates itself later than the last, lie ahead of the clock."""
    sessions = enforced if way == "refresh" else observed
    grant = sessions.login("ada", at(HOME))
    for _ in range(3):
        strong = sessions.step_up(grant.access_token, amr=("otp",), acr="aal2")
        grant = evolve(strong, device_token=grant.device_token)
    if way == "refresh":
        grant = sessions.refresh(grant.refresh_token, at(HOSTED, grant.device_token))
    else:
        sessions.confirm(sessions.login("ada", at(HOSTED)).notice.no_token, False)

    with pytest.raises(StepUpRequiredError):
        sessions.validate(grant.access_token, acr="aal1")


def test_a_refresh_nearby_is_usual(enforced: Any) -> None:
    """Another network of the same provider asks for nothing, and is remembered in time."""
    grant = enforced.login("ada", at(HOME))
    moved = enforced.refresh(grant.refresh_token, at(NEXT_DOOR, grant.device_token))

    assert Decision.ALLOW is moved.assessment.decision
    assert moved.session.step_up_after is None
    [habits] = enforced.export_user("ada")["items"]
    assert [[20287, {"network": "102.89.78.0"}]] == habits["body"]["pending"]


def test_a_strange_refresh_teaches_nothing(enforced: Any) -> None:
    """A copy of the cookies does not make its network the account's."""
    grant = enforced.login("ada", at(HOME))
    before = enforced.export_user("ada")["items"]
    enforced.refresh(grant.refresh_token, at(HOSTED, grant.device_token))

    assert before == enforced.export_user("ada")["items"]


def test_a_trusted_device_has_fewer_points(observed: Any, clock: FakeClock) -> None:
    """At its sign-in, until the trust ends; abroad and from a data centre it is a known one."""
    grant = observed.login("ada", at(HOME))
    until = clock.now() + timedelta(days=1)
    known = observed.login("ada", at(QUEBEC, grant.device_token))
    observed.trust_device("ada", grant.session.device.id, until)
    trusted = observed.login("ada", at(HOME, grant.device_token)).assessment
    hosted = observed.login("ada", at(HOSTED, grant.device_token)).assessment
    clock.advance(2 * 86_400)
    over = observed.login("ada", at(NEXT_DOOR, grant.device_token)).assessment

    assert -10 == known.assessment.score
    assert (-50 - 10, ["trusted_device"]) == (
        trusted.score,
        [it.kind for it in trusted.signals if it.weight < 0],
    )
    assert 5 == hosted.score
    assert -25 == over.score


def test_a_burst_of_new_devices_is_shown_and_told(observed: Any, clock: FakeClock) -> None:
    """The third new one of a day; each score is as before, and the owner is notified."""
    token = observed.login("ada", at(HOME)).device_token
    clock.advance(30 * 86_400)
    for _ in range(2):
        observed.login("ada", at(HOME, token))
    grants = [observed.login("ada", at(HOME, agent=it)) for it in ("a/1", "a/1", WINDOWS, "b/2")]
    kinds = [[it.kind for it in grant.assessment.signals] for grant in grants]

    assert [False, False, False, True] == ["device_burst" in it for it in kinds]
    assert [False, False, False, True] == [it.notice is not None for it in grants]
    assert Decision.ALLOW is grants[3].assessment.decision
    assert -20 == grants[3].assessment.score == grants[1].assessment.score
    assert "3 new devices in 24 hours" in observed.login_history("ada").items[0].text
    clock.advance(86_401)
    later = observed.login("ada", at(HOME, agent="c/3")).assessment
    assert "device_burst" not in [it.kind for it in later.signals]


def test_known_devices_are_no_burst(observed: Any) -> None:
    """However many new ones there were: a known device is no news."""
    grants = [observed.login("ada", at(HOME, agent=f"{name}/1")) for name in "abcd"]
    again = observed.login("ada", at(HOME, grants[0].device_token, "a/1")).assessment

    assert "device_burst" in [it.kind for it in grants[3].assessment.signals]
    assert "device_burst" not in [it.kind for it in again.signals]


def test_remarks_leave_no_score(observed: Any, clock: FakeClock) -> None:
    """A session is scored where something with points was unusual, and only there."""
    grant = observed.login("ada", at(HOME))
    again = observed.login("ada", at(HOME, grant.device_token, WINDOWS))

    assert ["changed_agent"] == [it.kind for it in again.assessment.signals]
    assert None is again.session.score
    clock.advance(20 * 86_400)
    assert -30 == observed.login("ada", at(HOME)).session.score
