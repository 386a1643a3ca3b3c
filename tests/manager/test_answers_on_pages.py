"""
"Was this you?" on pages: answered by the owner from a session, or judged by an operator.

The law is that of a notice's answers, whose tests are in `test_notices`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from _people import HOME, HOSTED, NEXT_DOOR, QUEBEC, Locator, at

from devsess import (
    Decision,
    EventType,
    InvalidSessionError,
    LoginDeniedError,
    Policy,
    Risk,
    Seniority,
    SessionNotFoundError,
    SessionRevokedError,
    StepUpRequiredError,
    TokenExpiredError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess.testing import FakeClock

DAY = 86_400


@pytest.fixture
def sessions(make: Callable[..., Any]) -> Any:
    return make(locator=Locator())


def _noticed(sessions: Any, clock: FakeClock) -> tuple[Any, Any]:
    """A usual sign-in at home, and an unusual one with its notice."""
    usual = sessions.login("ada", at(HOME))
    clock.advance(60)
    unusual = sessions.login("ada", at(HOSTED))
    clock.advance(60)
    assert unusual.session.score >= 0
    return usual, unusual


def _by_owner(sessions: Any, usual: Any, session: Any, yes: bool) -> bool:
    return bool(sessions.answer(session, yes, by=usual.session))


def _by_operator(sessions: Any, _: Any, session: Any, yes: bool) -> bool:
    return bool(sessions.judge(session, yes, actor="support-7"))


BOTH = pytest.mark.parametrize("answer", [_by_owner, _by_operator])


@BOTH
def test_yes_teaches_and_ends_the_question(
    sessions: Any, clock: FakeClock, answer: Callable[..., bool]
) -> None:
    """The session leaves the queue, its device is not trusted, and the next one is usual."""
    usual, unusual = _noticed(sessions, clock)
    assert [unusual.session.id] == [it.id for it in sessions.review_queue()]
    assert answer(sessions, usual, unusual.session, True)

    session = sessions.validate(unusual.access_token)
    assert (None, None) == (session.score, session.device.trusted_until)
    assert () == sessions.review_queue().items
    assert Decision.ALLOW is sessions.login("ada", at(HOSTED)).assessment.decision


@BOTH
def test_no_ends_the_thief_and_asks_the_others(
    sessions: Any, clock: FakeClock, answer: Callable[..., bool]
) -> None:
    """The device is blocked, the others owe a step-up, and what was taught is taken back."""
    usual, thief = _noticed(sessions, clock)
    assert answer(sessions, usual, thief.session.id, False)

    with pytest.raises(SessionRevokedError):
        sessions.validate(thief.access_token)
    with pytest.raises(LoginDeniedError):
        sessions.login("ada", at(HOSTED, thief.device_token))
    with pytest.raises(StepUpRequiredError):
        sessions.validate(usual.access_token, acr="aal1")
    assert () == sessions.review_queue().items
    clock.advance(4 * DAY)
    assert Decision.STEP_UP is sessions.assess("ada", at(HOSTED)).decision


def test_events_name_the_operator(make: Callable[..., Any], clock: FakeClock) -> None:
    """Each of them, in the owner's history, in the operators' log, and in words."""
    heard: list[Any] = []
    sessions = make(locator=Locator(), on_event=heard.append)
    _, first = _noticed(sessions, clock)
    sessions.judge(first.session, True, actor="support-7")
    clock.advance(DAY)
    thief = sessions.login("ada", at(QUEBEC))
    sessions.judge(thief.session, False, actor="support-8")
    kinds = {
        EventType.NOTICE_CONFIRMED: "support-7",
        EventType.NOTICE_DISOWNED: "support-8",
        EventType.DEVICE_BLOCKED: "support-8",
        EventType.STEP_UP_ASKED: "support-8",
        EventType.SESSION_REVOKED: "support-8",
    }

    for found in (heard, [*sessions.acts(limit=99)]):
        assert kinds == {it.type: it.actor for it in found if it.type in kinds}
    said = " ".join(it.text for it in sessions.login_history("ada"))
    assert "was confirmed by support-7." in said
    assert "was found to be somebody else's by support-8." in said


def test_the_owners_answer_is_their_own_act(sessions: Any, clock: FakeClock) -> None:
    """It stands in their history as an answer to a notice does, and not in the operators' log."""
    usual, unusual = _noticed(sessions, clock)
    sessions.answer(unusual.session, True, by=usual.session)
    clock.advance(DAY)
    thief = sessions.login("ada", at(QUEBEC))
    sessions.answer(thief.session, False, by=usual.session)

    assert () == sessions.acts().items
    said = " ".join(it.text for it in sessions.login_history("ada"))
    assert "The owner confirmed the sign-in" in said
    assert "The owner said that the sign-in" in said


@BOTH
@pytest.mark.parametrize("by_mail", [True, False])
def test_no_wins_over_yes(
    sessions: Any, clock: FakeClock, answer: Callable[..., bool], by_mail: bool
) -> None:
    """Whichever comes first, and whether one of them came by mail."""
    usual, thief = _noticed(sessions, clock)

    def mail(yes: bool) -> bool:
        token = thief.notice.yes_token if yes else thief.notice.no_token
        try:
            return bool(sessions.confirm(token, yes))
        except TokenExpiredError:
            return False

    def page(yes: bool) -> bool:
        return answer(sessions, usual, thief.session, yes)

    first, second = (mail, page) if by_mail else (page, mail)
    assert first(True)
    assert second(False)
    for give in (page, mail):
        try:
            assert not give(True)
        except StepUpRequiredError:  # which "no" asked the owner for
            assert (give, answer) == (page, _by_owner)
    with pytest.raises(SessionRevokedError):
        sessions.validate(thief.access_token)
    clock.advance(4 * DAY)
    assert Decision.STEP_UP is sessions.assess("ada", at(HOSTED)).decision


def test_a_second_answer_does_nothing(sessions: Any, clock: FakeClock) -> None:
    """A click that comes twice, or from two operators, is no error and no second event."""
    _, thief = _noticed(sessions, clock)
    assert sessions.judge(thief.session, False, actor="support-7")
    before = len(sessions.history("ada").items)

    assert [False, False] == [
        sessions.judge(thief.session, yes, actor="support-8") for yes in (True, False)
    ]
    assert before == len(sessions.history("ada").items)


def test_yes_counts_again_for_a_new_question(sessions: Any, clock: FakeClock) -> None:
    """A session that a refresh puts in question again can be answered for again."""
    _, unusual = _noticed(sessions, clock)
    assert sessions.judge(unusual.session, True, actor="support-7")
    sessions.refresh(unusual.refresh_token, at(QUEBEC, unusual.device_token))
    assert [unusual.session.id] == [it.id for it in sessions.review_queue()]
    assert sessions.judge(unusual.session, True, actor="support-7")

    assert () == sessions.review_queue().items
    # Where it went, perhaps with a thief, is not what was asked: the law of a notice's yes.
    assert Decision.STEP_UP is sessions.login("ada", at(QUEBEC)).assessment.decision


def test_a_mail_answers_once_beside_pages(sessions: Any, clock: FakeClock) -> None:
    """Its token is spent by an answer on a page, and a mailbox alone ends no question."""
    usual, one = _noticed(sessions, clock)
    assert sessions.confirm(one.notice.yes_token, True)
    assert [one.session.id] == [it.id for it in sessions.review_queue()]
    assert sessions.answer(one.session, True, by=usual.session)
    other = sessions.login("ada", at(QUEBEC))
    assert sessions.answer(other.session, True, by=usual.session)

    with pytest.raises(TokenExpiredError):
        sessions.confirm(other.notice.yes_token, True)


def test_a_mail_beside_a_settled_session_ends_the_question(sessions: Any, clock: FakeClock) -> None:
    """Where it trusts the device, it answers for the session too."""
    usual, one = _noticed(sessions, clock)
    assert sessions.confirm(one.notice.yes_token, True, by=usual.session)

    assert () == sessions.review_queue().items


def _itself(_: Any, clock: FakeClock, usual: Any, unusual: Any) -> Any:
    return unusual.session


def _younger(sessions: Any, clock: FakeClock, *_: Any) -> Any:
    return sessions.login("ada", at(HOME)).session


def _asked(sessions: Any, clock: FakeClock, usual: Any, _: Any) -> Any:
    thief = sessions.login("ada", at(QUEBEC))
    sessions.confirm(thief.notice.no_token, False)
    return usual.session


def _impersonators(sessions: Any, clock: FakeClock, *_: Any) -> Any:
    staff = sessions.login("staff", at(HOME)).session
    return sessions.impersonate("ada", staff, at(HOME)).session


@pytest.mark.parametrize("by", [_itself, _younger, _asked])
def test_not_every_session_answers_with_yes(
    sessions: Any, clock: FakeClock, by: Callable[..., Any]
) -> None:
    """Only an older one on another device, in which no step-up is due: nothing is changed."""
    usual, unusual = _noticed(sessions, clock)
    asking = by(sessions, clock, usual, unusual)
    with pytest.raises(StepUpRequiredError):
        sessions.answer(unusual.session, True, by=asking)

    assert unusual.session.id in [it.id for it in sessions.review_queue()]
    assert EventType.NOTICE_CONFIRMED not in [it.type for it in sessions.history("ada")]


@pytest.mark.parametrize("yes", [True, False])
def test_an_impersonation_answers_nothing(sessions: Any, clock: FakeClock, yes: bool) -> None:
    """Nobody says in another's name whether it was them."""
    _, unusual = _noticed(sessions, clock)
    asking = _impersonators(sessions, clock)
    with pytest.raises(StepUpRequiredError, match="needs the user"):
        sessions.answer(unusual.session, yes, by=asking)

    assert sessions.validate(unusual.access_token)


def test_a_session_of_the_same_instant_is_not_older(sessions: Any, clock: FakeClock) -> None:
    """Of two that begin together none answers for the other."""
    _noticed(sessions, clock)
    unusual = sessions.login("ada", at(QUEBEC))
    together = sessions.login("ada", at(HOME))
    with pytest.raises(StepUpRequiredError):
        sessions.answer(unusual.session, True, by=together.session)


def test_an_answer_is_remembered_as_long_as_a_mail_is_good(sessions: Any, clock: FakeClock) -> None:
    """A purge within the day of the notice does not make its token good again."""
    _, one = _noticed(sessions, clock)
    assert sessions.judge(one.session, True, actor="support-7")
    clock.advance(DAY - 200)
    while sessions.purge():
        pass

    with pytest.raises(TokenExpiredError, match="answered"):
        sessions.confirm(one.notice.yes_token, True)


def test_a_session_in_question_answers_for_none(sessions: Any, clock: FakeClock) -> None:
    """A thief who signs in twice cannot have one speak for the other."""
    _, thief = _noticed(sessions, clock)
    second = sessions.login("ada", at(QUEBEC))
    with pytest.raises(StepUpRequiredError) as refused:
        sessions.answer(second.session, True, by=thief.session)

    assert ("aal2",) == refused.value.acr_values


def test_a_session_that_proved_more_answers(sessions: Any, clock: FakeClock) -> None:
    """After a step-up, or by its sign-in, though it began later."""
    usual, unusual = _noticed(sessions, clock)
    younger = sessions.login("ada", at(HOME), acr="aal1")
    clock.advance(2)
    sessions.step_up(younger.access_token, amr=("otp",), acr="aal2")
    assert sessions.answer(unusual.session, True, by=younger.session)
    other = sessions.login("ada", at(QUEBEC))
    strong = sessions.login("ada", at(HOME), amr=("pwd", "otp"), acr="aal2")
    assert sessions.answer(other.session, True, by=strong.session)
    assert usual


def test_any_newer_proof_will_do_where_no_context_is_named(
    make: Callable[..., Any], clock: FakeClock
) -> None:
    """`Risk(acr=None)`: a step-up since the sign-in, and not the sign-in itself."""
    sessions = make(locator=Locator(), policy=Policy(risk=Risk(acr=None)))
    _, unusual = _noticed(sessions, clock)
    younger = sessions.login("ada", at(HOME))
    with pytest.raises(StepUpRequiredError):
        sessions.answer(unusual.session, True, by=younger.session)
    clock.advance(2)
    sessions.step_up(younger.access_token, amr=("pwd",))

    assert sessions.answer(unusual.session, True, by=younger.session)


@pytest.mark.parametrize("yes", [True, False])
def test_a_young_session_answers_nothing(
    make: Callable[..., Any], clock: FakeClock, yes: bool
) -> None:
    """No would lock the owner's device out, and ask all others for a step-up."""
    sessions = make(locator=Locator(), policy=Policy(seniority=Seniority()))
    owner, thief = _noticed(sessions, clock)
    again = sessions.login("ada", at(HOME, owner.device_token))
    with pytest.raises(StepUpRequiredError):
        sessions.answer(again.session, yes, by=thief.session)

    assert sessions.validate(again.access_token)
    assert [False] == [
        it.blocked for it in sessions.devices("ada") if it.id == again.session.device.id
    ]


def test_no_may_come_from_the_session_itself(sessions: Any, clock: FakeClock) -> None:
    """Its owner may be at a browser whose cookies a thief has copied."""
    owner, _ = _noticed(sessions, clock)
    moved = sessions.refresh(owner.refresh_token, at(QUEBEC, owner.device_token))
    assert sessions.answer(moved.session, False, by=moved.session)

    with pytest.raises(SessionRevokedError):
        sessions.validate(moved.access_token)


@pytest.mark.parametrize("yes", [True, False])
def test_foreign_and_unknown_sessions_are_not_answered_for(
    sessions: Any, clock: FakeClock, yes: bool
) -> None:
    """They look alike, and nothing happens to the other account."""
    usual, unusual = _noticed(sessions, clock)
    bob = sessions.login("bob", at(NEXT_DOOR))
    for session_id in (bob.session.id, "unknown", "", "\ud800", "a" * 400):
        assert not sessions.answer(session_id, yes, by=usual.session)
    assert not sessions.answer(unusual.session, yes, by=bob.session)

    assert sessions.validate(bob.access_token)
    assert sessions.validate(unusual.access_token)
    assert not sessions.judge("unknown", yes, actor="support-7")


def test_the_one_who_answers_must_be_signed_in(sessions: Any, clock: FakeClock) -> None:
    """A session that has ended answers nothing."""
    usual, unusual = _noticed(sessions, clock)
    sessions.revoke(usual.session)
    with pytest.raises(InvalidSessionError):
        sessions.answer(unusual.session, False, by=usual.session)
    with pytest.raises(SessionNotFoundError):
        sessions.answer(unusual.session, False, by="unknown")

    assert sessions.validate(unusual.access_token)


@BOTH
def test_yes_needs_a_live_session(
    sessions: Any, clock: FakeClock, answer: Callable[..., bool]
) -> None:
    """One that ended since the page was shown is not answered for; no still blocks its device."""
    usual, unusual = _noticed(sessions, clock)
    sessions.revoke(unusual.session)
    assert not answer(sessions, usual, unusual.session, True)
    assert answer(sessions, usual, unusual.session, False)

    with pytest.raises(LoginDeniedError):
        sessions.login("ada", at(HOSTED, unusual.device_token))


@BOTH
def test_an_impersonation_is_nobodys_own(
    sessions: Any, clock: FakeClock, answer: Callable[..., bool]
) -> None:
    """Yes teaches nothing of the staff's place; no ends it, though its device is in no list."""
    usual = sessions.login("ada", at(HOME))
    clock.advance(60)
    staff = sessions.login("staff", at(QUEBEC)).session
    acted = sessions.impersonate("ada", staff, at(QUEBEC))
    assert not answer(sessions, usual, acted.session, True)
    assert Decision.STEP_UP is sessions.assess("ada", at(QUEBEC)).decision
    assert answer(sessions, usual, acted.session, False)

    with pytest.raises(SessionRevokedError) as ended:
        sessions.validate(acted.access_token)
    assert "disowned" == ended.value.reason


@pytest.mark.parametrize("yes", ["no", "", None, 1, 0])
def test_an_answer_is_true_or_false(sessions: Any, clock: FakeClock, yes: Any) -> None:
    """The text "no" of a form is neither."""
    usual, unusual = _noticed(sessions, clock)
    with pytest.raises(TypeError):
        sessions.judge(unusual.session, yes, actor="support-7")
    with pytest.raises(TypeError):
        sessions.answer(unusual.session, yes, by=usual.session)


@pytest.mark.parametrize("actor", [None, "", 5, "\0"])
def test_a_judgement_has_an_actor(sessions: Any, clock: FakeClock, actor: Any) -> None:
    """Nothing an operator does is without one."""
    _, unusual = _noticed(sessions, clock)
    with pytest.raises((TypeError, ValueError), match=r"^actor "):
        sessions.judge(unusual.session, False, actor=actor)

    assert sessions.validate(unusual.access_token)


def test_without_risk_answers_still_end(make: Callable[..., Any], clock: FakeClock) -> None:
    """A session whose points are from before risk was switched off; nothing is taught."""
    _, thief = _noticed(make(locator=Locator()), clock)
    off = make(policy=Policy(risk=None))
    assert [thief.session.id] == [it.id for it in off.review_queue()]
    assert off.judge(thief.session, False, actor="support-7")

    with pytest.raises(SessionRevokedError):
        off.validate(thief.access_token)


def _kept(sessions: Any) -> list[Any]:
    """What is kept of the answers for ada."""
    return [it for it in sessions.export_user("ada")["items"] if it["kind"] == "notice"]


def test_an_answer_that_is_given_again_takes_no_more_room(sessions: Any, clock: FakeClock) -> None:
    """However often a session comes in question: what counts is whether it was ever given."""
    _, unusual = _noticed(sessions, clock)
    for _ in range(3):
        assert sessions.judge(unusual.session, True, actor="support-7")

    assert [[True]] == [it["body"] for it in _kept(sessions)]


def test_an_account_keeps_a_bounded_number_of_answers(
    make: Callable[..., Any], clock: FakeClock
) -> None:
    """Sixty-four, those that last longest: more than it is asked in a day."""
    sessions = make()
    for _ in range(66):
        sessions.judge(sessions.login("ada").session, True, actor="support-7")

    assert 64 == len(_kept(sessions))


@pytest.mark.parametrize("answers", [(True, True), (True, False)])
def test_answers_are_remembered_as_long_as_the_last_of_them_asks(
    sessions: Any, clock: FakeClock, answers: tuple[bool, bool]
) -> None:
    """Whether the operator's comes first, whose day is just beginning, or the mail's."""
    _, one = _noticed(sessions, clock)
    token = {True: one.notice.yes_token, False: one.notice.no_token}
    clock.advance(3_600)
    if answers[1]:
        sessions.confirm(token[True], True)
        sessions.judge(one.session, True, actor="support-7")
    else:
        sessions.judge(one.session, True, actor="support-7")
        sessions.confirm(token[False], False)
    clock.advance(DAY - 1_800)
    while sessions.purge():
        pass

    # Both are there for the person who asks what is kept.
    assert [[True] if answers[1] else [True, False]] == [it["body"] for it in _kept(sessions)]


@pytest.mark.parametrize("which", [0, 1])
def test_a_yes_stands_in_the_history_once(sessions: Any, clock: FakeClock, which: int) -> None:
    """That of a usual sign-in too, of which nothing was in question."""
    judged = _noticed(sessions, clock)[which]
    assert sessions.judge(judged.session, True, actor="support-7")

    found = [it for it in sessions.history("ada") if it.type is EventType.NOTICE_CONFIRMED]
    assert [("judged", "support-7")] == [(it.reason, it.actor) for it in found]


@pytest.mark.parametrize(
    ("answer", "said", "asked", "by"),
    [(_by_owner, None, "disowned", "ada"), (_by_operator, "judged", "judged", "support-7")],
)
def test_events_of_no_say_why(
    sessions: Any,
    clock: FakeClock,
    answer: Callable[..., bool],
    said: str | None,
    asked: str,
    by: str,
) -> None:
    """An operator's by their judgement; the owner's acts are under the owner's name."""
    usual, thief = _noticed(sessions, clock)
    answer(sessions, usual, thief.session, False)
    found = {it.type: it for it in sessions.history("ada")}

    assert said == found[EventType.NOTICE_DISOWNED].reason
    assert asked == found[EventType.STEP_UP_ASKED].reason
    assert by == found[EventType.NOTICE_DISOWNED].actor == found[EventType.DEVICE_BLOCKED].actor


def test_no_takes_back_where_the_session_began_too(sessions: Any, clock: FakeClock) -> None:
    """A thief who has moved since has taught both networks."""
    _, thief = _noticed(sessions, clock)
    sessions.judge(thief.session, True, actor="support-7")
    moved = sessions.refresh(thief.refresh_token, at(QUEBEC, thief.device_token))
    sessions.judge(moved.session, False, actor="support-7")
    clock.advance(4 * DAY)

    for ip in (HOSTED, QUEBEC):
        assert "new_network" in {it.kind for it in sessions.assess("ada", at(ip)).signals}
