""" "Was this you?": a notice is sent for an unusual sign-in, and its answer decides."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from _people import HOME, HOSTED, QUEBEC, Locator, at

from devsess import (
    BadTokenError,
    Decision,
    EventType,
    LoginDeniedError,
    Policy,
    SessionManager,
    SessionRevokedError,
    StepUpRequiredError,
    StoreUnavailableError,
    TokenExpiredError,
)
from devsess.stores.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess.stores.items import Item
    from devsess.testing import FakeClock

DAY = 86_400
SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"


@pytest.fixture
def sessions(make: Callable[..., Any]) -> Any:
    return make(locator=Locator())


def _noticed(sessions: Any, clock: FakeClock) -> tuple[Any, Any]:
    """A usual sign-in at home, and an unusual one with its notice."""
    usual = sessions.login("ada", at(HOME))
    clock.advance(60)
    unusual = sessions.login("ada", at(HOSTED))
    assert unusual.notice is not None
    return usual, unusual


def test_the_first_device_is_silent(sessions: Any) -> None:
    """Nobody is asked about the sign-in that opens the account."""
    assert None is sessions.login("ada", at(HOME)).notice


def test_a_notice_reaches_the_application(make: Callable[..., Any], clock: FakeClock) -> None:
    """As an event with both tokens, which no repr, dict or history shows."""
    heard: list[Any] = []
    sessions = make(locator=Locator(), on_event=heard.append)
    _, grant = _noticed(sessions, clock)
    [event] = [it for it in heard if it.type is EventType.NOTICE]

    assert grant.notice == event.notice
    assert (grant.session.id, grant.session.device.id) == (event.session_id, event.device_id)
    assert Decision.STEP_UP is event.assessment.decision
    shown = f"{event!r} {event.to_dict()} {grant!r} {sessions.history('ada')!r}"
    assert grant.notice.yes_token not in shown
    assert grant.notice.no_token not in shown
    assert EventType.NOTICE not in [it.type for it in sessions.history("ada")]


def test_a_mild_sign_in_of_a_young_account_is_silent(sessions: Any) -> None:
    """Until its third sign-in an account meets new networks all the time."""
    sessions.login("ada", at(HOME))
    told = [sessions.login("ada", at(f"198.51.{number}.7", agent="acme/1")) for number in range(4)]

    assert {Decision.NOTIFY} == {it.assessment.decision for it in told}
    assert [False, False, True, True] == [it.notice is not None for it in told]


def test_notices_have_a_limit_a_day(sessions: Any, clock: FakeClock) -> None:
    """Of mild ones three; a step-up is notified all the same, and on the next day all are again."""
    for _ in range(3):
        sessions.login("ada", at(HOME))
    clock.advance(60)

    def mild(number: int) -> bool:
        grant = sessions.login("ada", at(f"198.51.{number}.7", agent="acme/1"))
        assert Decision.NOTIFY is grant.assessment.decision
        return grant.notice is not None

    assert [True, True, True, False] == [mild(number) for number in range(4)]
    assert sessions.login("ada", at(HOSTED)).notice is not None
    clock.advance(DAY)
    assert mild(9)


def test_refreshes_are_never_notified(sessions: Any) -> None:
    """However unusual one is."""
    grant = sessions.login("ada", at(HOME))
    moved = sessions.refresh(grant.refresh_token, at(HOSTED, grant.device_token))

    assert Decision.STEP_UP is moved.assessment.decision
    assert None is moved.notice


def test_no_ends_the_thief_and_asks_the_others(sessions: Any, clock: FakeClock) -> None:
    """The device is blocked, its session over; the account's others need a step-up."""
    usual, thief = _noticed(sessions, clock)
    assert sessions.confirm(thief.notice.no_token, False)

    with pytest.raises(SessionRevokedError):
        sessions.validate(thief.access_token)
    with pytest.raises(LoginDeniedError):
        sessions.login("ada", at(HOSTED, thief.device_token))
    assert sessions.validate(usual.access_token)
    with pytest.raises(StepUpRequiredError):
        sessions.validate(usual.access_token, acr="aal1")
    clock.advance(2)
    strong = sessions.step_up(usual.access_token, amr=("otp",), acr="aal2")
    assert sessions.validate(strong.access_token, max_auth_age=60)
    events = {it.type for it in sessions.history("ada")}
    assert {EventType.NOTICE_DISOWNED, EventType.DEVICE_BLOCKED, EventType.STEP_UP_ASKED} <= events


def _waiting(sessions: Any, _: str) -> Any:
    return sessions.login("ada", at(HOSTED)).notice


def _answered(sessions: Any, _: str) -> Any:
    notice = sessions.login("ada", at(HOSTED)).notice
    sessions.confirm(notice.yes_token, True)
    return notice


def _strong(sessions: Any, _: str) -> Any:
    return sessions.login("ada", at(HOSTED), acr="aal2").notice


def _copied(sessions: Any, device_token: str) -> Any:
    for _ in range(2):
        sessions.login("ada", at(HOME, device_token))
    return sessions.login("ada", at(HOSTED, device_token)).notice


@pytest.mark.parametrize("sign_in", [_waiting, _answered, _strong, _copied])
def test_no_takes_back_what_its_sign_in_taught(
    sessions: Any, clock: FakeClock, sign_in: Callable[..., Any]
) -> None:
    """The provider and country too, also where a yes, a step-up or a token taught them at once."""
    device_token = sessions.login("ada", at(HOME)).device_token
    clock.advance(60)
    notice = sign_in(sessions, device_token)
    sessions.confirm(notice.no_token, False)
    clock.advance(4 * DAY)

    found = sessions.assess("ada", at(HOSTED))
    assert {"new_network", "hosting", "new_country"} <= {it.kind for it in found.signals}
    assert Decision.STEP_UP is found.decision
    assert Decision.ALLOW is sessions.assess("ada", at(HOME)).decision


def test_no_takes_back_what_the_thief_taught_since(sessions: Any, clock: FakeClock) -> None:
    """The session that the owner disowns may have gone elsewhere, and the thief come back."""
    _, thief = _noticed(sessions, clock)
    sessions.login("ada", at(QUEBEC))
    sessions.confirm(thief.notice.no_token, False)
    clock.advance(4 * DAY)

    assert Decision.STEP_UP is sessions.assess("ada", at(QUEBEC)).decision
    assert Decision.ALLOW is sessions.assess("ada", at(HOME)).decision


class Contested(MemoryStore):
    """Somebody else is always faster at writing a profile, from when that is switched on."""

    is_on = False

    def put_item(self, item: Item, *, most: int = 1) -> bool:
        return not (self.is_on and item.kind == "profile") and super().put_item(item, most=most)


def test_no_is_not_cut_short_by_a_writer_who_is_always_faster(clock: FakeClock) -> None:
    """An answer that could not take everything back is an error, and can be given again."""
    store = Contested()
    with SessionManager(store, keys=SECRET, locator=Locator(), clock=clock) as sessions:
        _, thief = _noticed(sessions, clock)
        store.is_on = True
        with pytest.raises(StoreUnavailableError):
            sessions.confirm(thief.notice.no_token, False)
        with pytest.raises(SessionRevokedError):
            sessions.validate(thief.access_token)
        store.is_on = False

        assert sessions.confirm(thief.notice.no_token, False)


def test_yes_teaches(sessions: Any, clock: FakeClock) -> None:
    """The next sign-in from there is usual."""
    _, unusual = _noticed(sessions, clock)
    assert sessions.confirm(unusual.notice.yes_token, True)

    again = sessions.login("ada", at(HOSTED))
    assert Decision.ALLOW is again.assessment.decision
    assert EventType.NOTICE_CONFIRMED in [it.type for it in sessions.history("ada")]


def test_yes_teaches_the_sign_in_alone(sessions: Any, clock: FakeClock) -> None:
    """Where the session went afterwards, perhaps with a thief, is not what was asked."""
    _, unusual = _noticed(sessions, clock)
    sessions.refresh(unusual.refresh_token, at(QUEBEC, unusual.device_token))
    assert sessions.confirm(unusual.notice.yes_token, True)

    assert Decision.STEP_UP is sessions.login("ada", at(QUEBEC)).assessment.decision


@pytest.mark.parametrize("user_id", ["a" * 255, "𝕏" * 255, '"\\' * 127])
def test_a_notice_is_answered_for_any_account(
    sessions: Any, clock: FakeClock, user_id: str
) -> None:
    """The longest user id that an account may have, of any characters."""
    sessions.login(user_id, at(HOME))
    clock.advance(60)
    unusual = sessions.login(user_id, at(HOSTED))

    assert sessions.confirm(unusual.notice.no_token, False)


def test_no_alone_ends_the_question(sessions: Any, clock: FakeClock) -> None:
    """Yes does not count after it, though that token was never used."""
    _, one = _noticed(sessions, clock)
    sessions.confirm(one.notice.no_token, False)

    with pytest.raises(TokenExpiredError):
        sessions.confirm(one.notice.yes_token, True)


def test_yes_is_no_sign_in(sessions: Any, clock: FakeClock) -> None:
    """It makes the account no more settled; the event shows no more than the network."""
    _, one = _noticed(sessions, clock)
    sessions.confirm(one.notice.yes_token, True)
    [habits] = [it for it in sessions.export_user("ada")["items"] if it["kind"] == "profile"]

    assert 2 == habits["body"]["signIns"]
    assert "45.83.91.0" == sessions.history("ada").items[0].ip


def test_no_counts_after_its_session_is_gone(make: Callable[..., Any], clock: FakeClock) -> None:
    """The device is blocked all the same; a forgotten one has ended with its session."""
    heard: list[Any] = []
    sessions = make(locator=Locator(), on_event=heard.append)
    _, first = _noticed(sessions, clock)
    sessions.forget_device("ada", first.session.device)
    assert sessions.confirm(first.notice.no_token, False)

    asked = [it for it in heard if it.type is EventType.STEP_UP_ASKED]
    assert ["disowned"] == [it.reason for it in asked]


def test_no_blocks_a_device_whose_session_has_ended(sessions: Any, clock: FakeClock) -> None:
    """A thief may have signed out to hide."""
    _, one = _noticed(sessions, clock)
    sessions.rename_device("ada", one.session.device, "mine")
    sessions.revoke(one.session.id)
    assert sessions.confirm(one.notice.no_token, False)

    assert [True] == [it.blocked for it in sessions.devices("ada") if it.name == "mine"]


def test_an_answer_without_risk_still_ends(make: Callable[..., Any], clock: FakeClock) -> None:
    """A notice that was sent before risk was switched off can be answered, and teaches nothing."""
    _, one = _noticed(make(locator=Locator()), clock)
    before = make().export_user("ada")["items"]
    off = make(policy=Policy(risk=None))
    assert off.confirm(one.notice.yes_token, True)

    after = [it for it in off.export_user("ada")["items"] if it["kind"] == "profile"]
    assert after == [it for it in before if it["kind"] == "profile"]


def _nobody(*_: Any) -> None:
    return None


def _another(sessions: Any, *_: Any) -> Any:
    return sessions.login("ada", at(HOME)).session


def _same(_: Any, unusual: Any) -> Any:
    return unusual.session


def _impersonators(sessions: Any, *_: Any) -> Any:
    staff = sessions.login("staff", at(HOME)).session
    return sessions.impersonate("ada", staff, at(HOME)).session


def _strangers(sessions: Any, *_: Any) -> Any:
    return sessions.login("bob", at(HOME)).session


def _ended(sessions: Any, *_: Any) -> Any:
    session = sessions.login("ada", at(HOME)).session
    sessions.revoke(session.id)
    return session


def _asked(sessions: Any, *_: Any) -> Any:
    session = sessions.login("ada", at(HOME)).session
    sessions.confirm(sessions.login("ada", at(QUEBEC)).notice.no_token, False)
    return session


OTHERS = [_nobody, _same, _strangers, _ended, _impersonators, _asked]


@pytest.mark.parametrize("by", [_another, *OTHERS])
def test_yes_trusts_only_from_another_device(
    sessions: Any, clock: FakeClock, by: Callable[..., Any]
) -> None:
    """A live session of the account on another device lets it trust this one; nothing else."""
    _, unusual = _noticed(sessions, clock)
    sessions.confirm(unusual.notice.yes_token, True, by=by(sessions, unusual))
    trusted_until = sessions.get(unusual.session.id).device.trusted_until

    expected = clock.now() + timedelta(days=30) if by is _another else None
    assert expected == trusted_until


def test_each_token_answers_once(sessions: Any, clock: FakeClock) -> None:
    """No after yes counts; yes after no does not, and neither does either again."""
    _, one = _noticed(sessions, clock)
    yes, no = one.notice.yes_token, one.notice.no_token
    assert sessions.confirm(yes, True)
    with pytest.raises(TokenExpiredError):
        sessions.confirm(yes, True)
    assert sessions.confirm(no, False)
    for token, answer in ((yes, True), (no, False)):
        with pytest.raises(TokenExpiredError):
            sessions.confirm(token, answer)


def test_a_token_gives_its_own_answer_for_a_day(sessions: Any, clock: FakeClock) -> None:
    """Not the other one, not a forged one, and none that is over."""
    usual, one = _noticed(sessions, clock)
    yes, no = one.notice.yes_token, one.notice.no_token
    forged = [yes[:-1] + ("A" if yes[-1] != "A" else "B"), "x", usual.refresh_token, ""]
    for token, answer in ((yes, False), (no, True), *((it, True) for it in forged)):
        with pytest.raises(BadTokenError):
            sessions.confirm(token, answer)
    clock.advance(DAY)
    with pytest.raises(TokenExpiredError):
        sessions.confirm(no, False)
    assert sessions.get(one.session.id).is_active


def test_an_answer_is_remembered_by_a_clock_that_is_behind(sessions: Any, clock: FakeClock) -> None:
    """A process whose clock is ahead purges; for one behind it the day is not over."""
    _, one = _noticed(sessions, clock)
    sessions.confirm(one.notice.no_token, False)
    clock.advance(DAY + 100)
    sessions.purge()
    clock.advance(-200)

    with pytest.raises(TokenExpiredError):
        sessions.confirm(one.notice.yes_token, True)


def test_an_answer_about_an_erased_account_does_nothing(sessions: Any, clock: FakeClock) -> None:
    """Nothing is left to teach or to end."""
    _, one = _noticed(sessions, clock)
    sessions.erase_user("ada")

    assert not sessions.confirm(one.notice.no_token, False)
    assert not sessions.confirm(one.notice.yes_token, True)
    assert [] == sessions.export_user("ada")["items"]
