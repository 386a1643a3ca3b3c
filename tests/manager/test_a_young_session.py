"""A young session: what pages let it do, and what the application does without asking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from _people import HOME, HOSTED, Locator, at

from devsess import (
    Policy,
    Seniority,
    SessionNotFoundError,
    SessionRevokedError,
    StepUpRequiredError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess.testing import FakeClock

DAY = 86_400
POLICY = Policy(seniority=Seniority())

# One manager on one store by default: the law is not the store's.
_OTHERS = ("blocking memory", "async sqlite", "async awaited")
pytestmark = pytest.mark.parametrize(
    "make",
    ["blocking sqlite", *(pytest.param(it, marks=pytest.mark.thorough) for it in _OTHERS)],
    indirect=True,
)


@pytest.fixture
def sessions(make: Callable[..., Any]) -> Any:
    return make(policy=POLICY)


def _refused(sessions: Any, session: Any, **what: Any) -> StepUpRequiredError:
    with pytest.raises(StepUpRequiredError) as caught:
        sessions.require_seniority(session, **what)
    return caught.value


def _old_and_young(sessions: Any, clock: FakeClock) -> tuple[Any, Any]:
    old = sessions.login("ada", at(HOME), acr="aal2")
    clock.advance(DAY)
    return old, sessions.login("ada", at(HOME), acr="aal2")


def test_a_young_session_ends_no_older_one(sessions: Any, clock: FakeClock) -> None:
    """By its id, or with all others; nor does it trust or export."""
    old, young = _old_and_young(sessions, clock)
    for what in ({"ends": old.session}, {"ends": old.session.id}, {"ends_others": True}, {}):
        error = _refused(sessions, young.session, **what)
        assert ("aal2",) == error.acr_values
    clock.advance(DAY)
    sessions.require_seniority(young.session.id, ends=old.session.id)


def test_any_session_ends_a_younger_one(sessions: Any, clock: FakeClock) -> None:
    """The owner of an account of today ends the thief of an hour ago."""
    owner = sessions.login("ada", at(HOME)).session
    clock.advance(60)
    thief = sessions.login("ada", at(HOSTED)).session
    sessions.require_seniority(owner, ends=thief.id)
    sessions.require_seniority(owner, ends_others=True)
    _refused(sessions, thief, ends=owner.id)
    _refused(sessions, thief, ends_others=True)
    _refused(sessions, owner)
    sessions.revoke(owner.id)
    sessions.require_seniority(thief, ends_others=True)


def test_each_is_compared_with_the_one_that_it_would_end(sessions: Any, clock: FakeClock) -> None:
    """Not with others, which may be older still."""
    sessions.login("ada", at(HOME))
    clock.advance(60)
    young = sessions.login("ada", at(HOME)).session
    clock.advance(60)
    younger = sessions.login("ada", at(HOME)).session
    sessions.require_seniority(young, ends=younger)
    _refused(sessions, young, ends_others=True)


@pytest.mark.parametrize("other", ["unknown", "another's"])
def test_a_session_that_is_not_the_users_is_not_judged(
    sessions: Any, clock: FakeClock, other: str
) -> None:
    """Unknown and foreign look alike: neither is there to be ended."""
    foreign = sessions.login("bob", at(HOME)).session.id
    clock.advance(60)
    young = sessions.login("ada", at(HOME)).session
    sessions.require_seniority(young, ends=foreign if other == "another's" else "s-unknown")


def test_a_step_up_lifts_it(sessions: Any, clock: FakeClock) -> None:
    """To the level of the strongest older session, and not by the sign-in itself."""
    old, young = _old_and_young(sessions, clock)
    weak = sessions.step_up(young.access_token, amr=("pwd",), acr="aal1")
    _refused(sessions, weak.session, ends=old.session)
    strong = sessions.step_up(weak.access_token, amr=("otp",), acr="aal2")
    sessions.require_seniority(strong.session, ends=old.session)
    sessions.require_seniority(strong.session, ends_others=True)
    sessions.require_seniority(strong.session)


def test_a_device_known_for_a_day_lifts_it(sessions: Any, clock: FakeClock) -> None:
    """The owner who signs in again on the same browser is not asked."""
    before = sessions.login("ada", at(HOME))
    other = sessions.login("ada", at(HOSTED)).session
    clock.advance(DAY)
    again = sessions.login("ada", at(HOME, before.device_token)).session
    assert before.session.device.id == again.device.id
    sessions.require_seniority(again, ends=other)
    sessions.require_seniority(again)


def test_every_page_of_older_sessions_counts(
    sessions: Any, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The strongest one may be the oldest of many."""
    sessions.login("ada", at(HOME), acr="aal3")
    clock.advance(1)
    for _ in range(3):
        sessions.login("ada", at(HOME))
    clock.advance(1)
    monkeypatch.setattr("devsess.operations.common.PAGE", 2)
    young = sessions.login("ada", at(HOME)).session

    assert ("aal3",) == _refused(sessions, young, ends_others=True).acr_values


def test_without_a_policy_nobody_is_young(make: Callable[..., Any]) -> None:
    """Off by default; nothing is read then."""
    sessions = make()
    before = sessions.metrics().calls
    sessions.require_seniority("s-unknown", ends_others=True)

    assert before == sessions.metrics().calls


def test_the_session_that_asks_must_live(sessions: Any) -> None:
    """An ended or unknown one may do nothing, however old."""
    ended = sessions.login("ada", at(HOME)).session
    sessions.revoke(ended.id)
    with pytest.raises(SessionRevokedError):
        sessions.require_seniority(ended)
    with pytest.raises(SessionNotFoundError):
        sessions.require_seniority("s-unknown")
    with pytest.raises(TypeError):
        sessions.require_seniority(5)


def test_the_application_is_never_asked(sessions: Any, clock: FakeClock) -> None:
    """Its own calls end, trust and export, whatever is young."""
    old, young = _old_and_young(sessions, clock)
    assert sessions.trust_device("ada", young.session.device, clock.now())
    assert sessions.export_user("ada")["sessions"]
    assert [old.session.id] == [*sessions.revoke_all("ada", keep=young.session)]


@pytest.mark.parametrize("is_young", [True, False])
def test_a_young_session_answers_no_but_trusts_by_no_yes(
    make: Callable[..., Any], clock: FakeClock, is_young: bool
) -> None:
    """Yes teaches, as from a mail alone; no blocks, as from anybody."""
    sessions = make(policy=POLICY, locator=Locator())
    sessions.login("ada", at(HOME))
    clock.advance(60)
    by = sessions.login("ada", at(HOME)).session
    clock.advance(60 if is_young else DAY)
    unusual = sessions.login("ada", at(HOSTED))
    assert sessions.confirm(unusual.notice.yes_token, True, by=by)
    assert (sessions.get(unusual.session.id).device.trusted_until is None) is is_young
    assert sessions.confirm(unusual.notice.no_token, False, by=by)
    assert not sessions.get(unusual.session.id).is_active
