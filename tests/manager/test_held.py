"""Held sign-ins: nothing is written until another device, or the application, approves."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from _people import CHROME, HOME, HOSTED, NEXT_DOOR, QUEBEC, WINDOWS, Locator, at
from attrs import evolve

from devsess import (
    BadTokenError,
    DeviceMismatchError,
    EventType,
    Location,
    LoginDeniedError,
    Policy,
    Privacy,
    Risk,
    Seniority,
    SessionLimitError,
    SessionNotFoundError,
    SessionRevokedError,
    SignInHeldError,
    StepUpRequiredError,
    TokenExpiredError,
)
from devsess.tokens.text import base64url

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess.testing import FakeClock

DAY = 86_400
QUARTER = 900
RISK = Risk(mode="enforce", hold_from=10)
POLICY = Policy(risk=RISK)
# Holds every sign-in but the first.
STRICT = Risk(mode="enforce", notify_from=-99, step_up_from=-20, hold_from=-20)

# One manager on one store by default: the law is not the store's.
_OTHERS = ("blocking memory", "async sqlite", "async awaited")
pytestmark = pytest.mark.parametrize(
    "make",
    ["blocking sqlite", *(pytest.param(it, marks=pytest.mark.thorough) for it in _OTHERS)],
    indirect=True,
)


@pytest.fixture
def heard() -> list[Any]:
    return []


@pytest.fixture
def sessions(make: Callable[..., Any], heard: list[Any]) -> Any:
    return make(policy=POLICY, locator=Locator(), on_event=heard.append)


@pytest.fixture
def owner(sessions: Any, clock: FakeClock) -> Any:
    """The grant of the account's first device, which is never held."""
    grant = sessions.login("ada", at(HOME))
    clock.advance(60)
    return grant


def hold(sessions: Any, client: Any = None, **options: Any) -> Any:
    """A sign-in from a hosting network, which is held."""
    with pytest.raises(SignInHeldError) as caught:
        sessions.login("ada", client or at(HOSTED), **options)
    return caught.value


def refusal(sessions: Any, held: Any, client: Any = None) -> Any:
    """Why it cannot be collected."""
    with pytest.raises(Exception) as caught:
        sessions.collect(held.pending_token, client or at(HOSTED))
    return caught.value


def kinds(heard: list[Any]) -> list[Any]:
    return [it.type for it in heard]


def test_nothing_is_held_by_default(make: Callable[..., Any]) -> None:
    """Unless the policy says from which score."""
    sessions = make(policy=Policy(risk=Risk(mode="enforce")), locator=Locator())
    sessions.login("ada", at(HOME))
    with pytest.raises(StepUpRequiredError):
        sessions.login("ada", at(HOSTED))
    assert [] == sessions.held("ada")


def test_a_held_sign_in_writes_nothing_else(sessions: Any, owner: Any, clock: FakeClock) -> None:
    """No session, device or habit; the error has what the waiting browser needs."""
    before = sessions.export_user("ada")
    held = hold(sessions)
    after = sessions.export_user("ada")

    assert [before[it] for it in ("sessions", "devices")] == [
        after[it] for it in ("sessions", "devices")
    ]
    assert ["profile", "held"] == [it["kind"] for it in after["items"]]
    assert before["items"] == after["items"][:1]
    assert ("held", ("aal2",)) == (held.reason, held.acr_values)
    assert 10 <= held.assessment.score
    assert QUARTER == (held.expires_at - clock.now()).total_seconds()


def test_the_score_decides_who_is_held(make: Callable[..., Any], clock: FakeClock) -> None:
    """Below it a step-up is asked for, and one that has reached it is held by nothing."""
    sessions = make(
        policy=Policy(risk=Risk(mode="enforce", hold_from=26, acr="aal2")), locator=Locator()
    )
    sessions.login("ada", at(HOME))
    clock.advance(60)
    with pytest.raises(StepUpRequiredError) as caught:
        sessions.login("ada", at(HOSTED))
    assert caught.value.assessment
    assert 25 == caught.value.assessment.score
    with pytest.raises(SignInHeldError) as held:
        sessions.login("ada", at(HOSTED, agent="acme-cli/1.2"))
    assert held.value.assessment
    assert 26 <= held.value.assessment.score
    assert sessions.login("ada", at(HOSTED), amr=("pwd", "otp"), acr="aal2")


def test_both_sides_show_one_code(sessions: Any, owner: Any, clock: FakeClock) -> None:
    """The owner sees the code, and whose it is."""
    held = hold(sessions)
    [shown] = sessions.held("ada")

    assert held.code == shown.code
    assert ("Chrome on macOS", "45.83.91.0") == (shown.device, shown.network)
    assert "Amsterdam, Netherlands" == shown.location
    assert (clock.now(), held.expires_at) == (shown.at, shown.expires_at)
    assert not shown.is_approved
    assert {
        "code": held.code,
        "userId": "ada",
        "at": "2025-07-18T09:31:00Z",
        "expiresAt": "2025-07-18T09:46:00Z",
        "device": "Chrome on macOS",
        "network": "45.83.91.0",
        "location": "Amsterdam, Netherlands",
        "approved": False,
    } == shown.to_dict()
    assert [] == sessions.held("bob")


def test_the_secret_is_shown_nowhere(sessions: Any, owner: Any, heard: list[Any]) -> None:
    """In no message, repr, event, list, export or history; the error survives pickling."""
    held = hold(sessions)
    secret = held.pending_token.rpartition(".")[2]
    shown = f"{held} {held!r} {heard!r} {sessions.held('ada')!r} {sessions.history('ada')!r}"

    assert secret not in shown
    assert secret not in f"{sessions.export_user('ada')}"
    assert vars(held) == vars(pickle.loads(pickle.dumps(held)))


def test_it_is_collected_once_it_is_approved(
    sessions: Any, owner: Any, clock: FakeClock, heard: list[Any]
) -> None:
    """As the login that it was: its claims, its methods, and the instant of the proof."""
    signed_in_at = clock.now()
    held = hold(sessions, amr=("pwd", "sms"), acr="aal1", persistent=True, claims={"team": 7})
    assert isinstance(refusal(sessions, held), SignInHeldError)
    clock.advance(30)
    assert sessions.approve("ada", held.code.lower(), by=owner.session)
    assert [True] == [it.is_approved for it in sessions.held("ada")]
    clock.advance(30)
    grant = sessions.collect(held.pending_token, at(HOSTED))
    session = sessions.validate(grant.access_token)

    assert (("pwd", "sms"), "aal1", True) == (session.amr, session.acr, session.persistent)
    assert {"team": 7} == dict(session.claims)
    assert signed_in_at == session.auth_time
    assert clock.now() == session.created_at
    assert grant.is_new_device
    assert grant.device_token
    assert None is grant.notice
    assert held.assessment.score == grant.assessment.score == session.score
    assert [] == sessions.held("ada")
    kept = [*sessions.history("ada")]
    expected = ["sign_in_held", "sign_in_approved", "session_created", "new_device"]
    assert expected == kinds(heard)[-4:] == kinds([*reversed(kept)])[-4:]
    assert [None, None, "approved", None] == [it.reason for it in heard[-4:]]
    assert owner.session.id == heard[-3].session_id


def test_an_approved_place_is_the_accounts_own(sessions: Any, owner: Any) -> None:
    """The next sign-in from there is usual."""
    held = hold(sessions)
    sessions.approve("ada", held.code, by=owner.session)
    sessions.collect(held.pending_token, at(HOSTED))

    assert sessions.login("ada", at(HOSTED)).assessment.score < 10


def test_it_is_collected_once(sessions: Any, owner: Any) -> None:
    """By whoever has the secret first."""
    held = hold(sessions)
    sessions.approve("ada", held.code, by=owner.session)
    sessions.collect(held.pending_token, at(HOSTED))

    again = refusal(sessions, held)
    assert isinstance(again, TokenExpiredError)
    assert "this sign-in was collected already" == str(again)
    assert 2 == len(sessions.list("ada"))
    assert not sessions.approve("ada", held.code, by=owner.session)


def test_the_application_approves_by_the_code(sessions: Any, owner: Any, heard: list[Any]) -> None:
    """After a check of its own: a mail to the owner, a call to support."""
    held = hold(sessions)
    assert sessions.approve("ada", held.code, actor="support-7")
    assert (None, "support-7") == (heard[-1].session_id, heard[-1].actor)
    assert sessions.collect(held.pending_token, at(HOSTED))


@pytest.mark.parametrize("user_id", ["a" * 255, "𝕏" * 255, '"\\' * 127])
def test_any_account_may_be_held(sessions: Any, clock: FakeClock, user_id: str) -> None:
    """The longest user id, of any characters, with the longest arguments."""
    sessions.login(user_id, at(HOME))
    clock.advance(60)
    with pytest.raises(SignInHeldError) as caught:
        sessions.login(user_id, at(HOSTED), amr=["a" * 255] * 16, claims={"a": "b" * 1016})
    assert sessions.approve(user_id, caught.value.code)
    assert sessions.collect(caught.value.pending_token or "", at(HOSTED))


def _unknown(sessions: Any) -> Any:
    return "s-unknown"


def _strangers(sessions: Any) -> Any:
    return sessions.login("bob", at(HOME)).session


def _ended(sessions: Any) -> Any:
    session = sessions.login("ada", at(HOME)).session
    sessions.revoke(session.id)
    return session


def _impersonators(sessions: Any) -> Any:
    staff = sessions.login("staff", at(HOME)).session
    return sessions.impersonate("ada", staff, at(HOME)).session


@pytest.mark.parametrize(
    ("by", "error"),
    [
        (_unknown, SessionNotFoundError),
        (_strangers, SessionNotFoundError),
        (_ended, SessionRevokedError),
        (_impersonators, StepUpRequiredError),
    ],
)
def test_only_a_live_session_of_the_account_approves(
    sessions: Any, owner: Any, by: Callable[..., Any], error: type[Exception]
) -> None:
    """And nobody in another's name."""
    held = hold(sessions)
    with pytest.raises(error):
        sessions.approve("ada", held.code, by=by(sessions))
    assert not sessions.held("ada")[0].is_approved


def test_a_young_session_approves_nothing(make: Callable[..., Any], clock: FakeClock) -> None:
    """Under `Policy.seniority`; an older one does, and so does the application."""
    sessions = make(policy=evolve(POLICY, seniority=Seniority()), locator=Locator())
    old = sessions.login("ada", at(HOME)).session
    clock.advance(DAY)
    young = sessions.login("ada", at(HOME)).session
    held = hold(sessions)
    with pytest.raises(StepUpRequiredError):
        sessions.approve("ada", held.code, by=young)
    assert sessions.approve("ada", held.code, by=old)


def test_a_session_that_owes_a_step_up_approves_nothing(
    sessions: Any, owner: Any, clock: FakeClock
) -> None:
    """Its owner did not recognise it, or it looks copied."""
    moved = sessions.refresh(owner.refresh_token, at(HOSTED, owner.device_token, WINDOWS))
    assert moved.session.step_up_after
    held = hold(sessions)
    with pytest.raises(StepUpRequiredError):
        sessions.approve("ada", held.code, by=owner.session)


def test_the_device_that_waits_does_not_approve_itself(
    make: Callable[..., Any], clock: FakeClock
) -> None:
    """Another one must; a known device too is held where the policy is strict enough."""
    sessions = make(policy=Policy(risk=STRICT), locator=Locator())
    first = sessions.login("ada", at(HOME))
    clock.advance(60)
    again = at(HOSTED, first.device_token)
    held = hold(sessions, again)
    with pytest.raises(LoginDeniedError) as caught:
        sessions.approve("ada", held.code, by=first.session)
    assert "same-device" == caught.value.reason
    sessions.approve("ada", held.code)
    assert isinstance(refusal(sessions, held, at(HOSTED)), DeviceMismatchError)
    grant = sessions.collect(held.pending_token, again)
    assert first.session.device.id == grant.session.device.id
    assert (first.session.id,) == grant.evicted


@pytest.mark.parametrize(
    "client", [at(HOSTED, agent=WINDOWS), at(QUEBEC), at(HOSTED, agent="curl/8")]
)
def test_another_client_collects_nothing(sessions: Any, owner: Any, client: Any) -> None:
    """The owner approved what was shown; the right client may still come."""
    held = hold(sessions)
    sessions.approve("ada", held.code, by=owner.session)

    assert isinstance(refusal(sessions, held, client), DeviceMismatchError)
    with pytest.raises(DeviceMismatchError):
        sessions.collect(held.pending_token)
    assert sessions.collect(held.pending_token, at("45.83.91.8"))


ODD = "192.0.2.7"


@pytest.fixture
def odd(make: Callable[..., Any], clock: FakeClock) -> Callable[[Location | None], Any]:
    """Makes a manager that finds ODD there, with the account's first sign-in."""

    def _odd(place: Location | None) -> Any:
        class Elsewhere(Locator):
            def locate(self, ip: str) -> Location | None:
                return place if ip == ODD else super().locate(ip)

        sessions = make(policy=Policy(risk=STRICT), locator=Elsewhere())
        sessions.login("ada", at(HOME))
        clock.advance(60)
        return sessions

    return _odd


@pytest.mark.parametrize(("asn", "country_code"), [(577, "NL"), (9009, "CA")])
def test_a_client_moves_neither_to_another_provider_nor_abroad(
    odd: Callable[..., Any], asn: int, country_code: str
) -> None:
    """Each of the two alone makes it another client."""
    sessions = odd(Location(asn=asn, country_code=country_code))
    held = hold(sessions)
    sessions.approve("ada", held.code)

    assert isinstance(refusal(sessions, held, at(ODD)), DeviceMismatchError)


@pytest.mark.parametrize("place", [None, Location(), Location(country_code="NL")])
def test_a_place_without_a_name_is_shown_as_none(
    odd: Callable[..., Any], place: Location | None
) -> None:
    """Whether no locator knows it, or one that has no words for it."""
    sessions = odd(place)
    hold(sessions, at(ODD, agent=WINDOWS))

    assert [None] == [it.location for it in sessions.held("ada")]


@pytest.mark.parametrize("how", ["revoke", "block_device", "forget_device"])
def test_an_approval_ends_with_its_session(sessions: Any, owner: Any, how: str) -> None:
    """A thief whose session was ended has approved nothing; another session may."""
    other = sessions.login("ada", at(NEXT_DOOR)).session
    held = hold(sessions)
    sessions.approve("ada", held.code, by=owner.session)
    if how == "revoke":
        sessions.revoke(owner.session)
    else:
        getattr(sessions, how)("ada", owner.session.device)

    assert isinstance(refusal(sessions, held), SignInHeldError)
    assert [False] == [it.is_approved for it in sessions.held("ada")]
    assert sessions.approve("ada", held.code, by=other)
    assert sessions.collect(held.pending_token, at(HOSTED))


def test_an_approval_ends_with_a_session_of_which_nothing_is_left(
    make: Callable[..., Any], clock: FakeClock
) -> None:
    """Where ended sessions are not kept: it has ended all the same."""
    policy = evolve(POLICY, privacy=Privacy(retention=1), access_lifetime=60)
    sessions = make(policy=policy, locator=Locator())
    owner = sessions.login("ada", at(HOME)).session
    clock.advance(60)
    held = hold(sessions)
    sessions.approve("ada", held.code, by=owner)
    sessions.revoke(owner)
    clock.advance(QUARTER / 2)
    while sessions.purge():
        pass

    assert None is sessions.get(owner)
    assert isinstance(refusal(sessions, held), SignInHeldError)
    assert [False] == [it.is_approved for it in sessions.held("ada")]


def test_a_second_approval_changes_nothing(sessions: Any, owner: Any, heard: list[Any]) -> None:
    """It may be collected already."""
    held = hold(sessions)
    assert sessions.approve("ada", held.code, by=owner.session)
    count = len(heard)
    assert sessions.approve("ada", held.code)
    assert count == len(heard)


@pytest.mark.parametrize("is_approved", [False, True])
def test_no_always_wins(sessions: Any, owner: Any, heard: list[Any], is_approved: bool) -> None:
    """Before an approval and after one; nothing leads away from it."""
    held = hold(sessions)
    if is_approved:
        sessions.approve("ada", held.code, by=owner.session)
    assert sessions.refuse("ada", held.code, actor="ada")
    assert (EventType.SIGN_IN_REFUSED, "ada") == (heard[-1].type, heard[-1].actor)
    count = len(heard)
    assert sessions.refuse("ada", held.code)
    assert count == len(heard)
    assert not sessions.approve("ada", held.code, by=owner.session)

    refused = refusal(sessions, held)
    assert isinstance(refused, LoginDeniedError)
    assert "refused" == refused.reason
    assert [] == sessions.held("ada")


def test_a_refusal_ends_what_was_collected(sessions: Any, owner: Any) -> None:
    """However late it comes."""
    held = hold(sessions)
    sessions.approve("ada", held.code)
    grant = sessions.collect(held.pending_token, at(HOSTED))
    assert sessions.refuse("ada", held.code, actor="ada")
    with pytest.raises(SessionRevokedError) as caught:
        sessions.validate(grant.access_token)
    assert "refused" == caught.value.reason
    assert owner.session.id == sessions.validate(owner.access_token).id


def test_its_time_is_fifteen_minutes(
    sessions: Any, owner: Any, clock: FakeClock, heard: list[Any]
) -> None:
    """Then it is neither approved, refused nor collected; the application hears of it."""
    held, late = hold(sessions), hold(sessions)
    sessions.approve("ada", late.code)
    clock.advance(QUARTER - 1)
    assert sessions.collect(late.pending_token, at(HOSTED))
    clock.advance(1)
    error = refusal(sessions, held)
    assert isinstance(error, TokenExpiredError)
    assert held.expires_at == error.expired_at
    assert EventType.SIGN_IN_EXPIRED is heard[-1].type
    assert EventType.SIGN_IN_EXPIRED not in kinds([*sessions.history("ada")])
    assert not sessions.approve("ada", held.code)
    assert not sessions.refuse("ada", held.code)
    assert [] == sessions.held("ada")
    sessions.purge()
    assert isinstance(refusal(sessions, held), TokenExpiredError)


@pytest.mark.parametrize("is_approved", [False, True])
@pytest.mark.parametrize("end", ["revoke_all", "revoke_everyone"])
def test_an_ending_of_all_ends_it(sessions: Any, owner: Any, is_approved: bool, end: str) -> None:
    """A password change is not outrun by who waits."""
    held = hold(sessions)
    if is_approved:
        sessions.approve("ada", held.code)
    if end == "revoke_all":
        sessions.revoke_all("ada", keep=owner.session)
    else:
        sessions.revoke_everyone(reason="test")

    error = refusal(sessions, held)
    assert isinstance(error, LoginDeniedError)
    assert "cut-off" == error.reason
    assert [] == sessions.held("ada")
    assert not sessions.approve("ada", held.code)
    assert not sessions.refuse("ada", held.code)


def test_an_erasure_takes_it(sessions: Any, owner: Any) -> None:
    """Nothing is left to approve or to collect."""
    held = hold(sessions)
    sessions.erase_user("ada")

    assert isinstance(refusal(sessions, held), TokenExpiredError)
    assert not sessions.approve("ada", held.code)
    assert [] == sessions.export_user("ada")["items"]


def test_a_device_that_was_blocked_meanwhile_collects_nothing(
    make: Callable[..., Any], clock: FakeClock
) -> None:
    """A blocked one is not even held."""
    sessions = make(policy=Policy(risk=STRICT), locator=Locator())
    first = sessions.login("ada", at(HOME))
    clock.advance(60)
    again = at(HOSTED, first.device_token)
    held = hold(sessions, again)
    sessions.approve("ada", held.code)
    sessions.block_device("ada", first.session.device)
    assert "device-blocked" == refusal(sessions, held, again).reason
    with pytest.raises(LoginDeniedError) as caught:
        sessions.login("ada", again)
    assert "device-blocked" == caught.value.reason


def test_a_full_account_may_collect_later(make: Callable[..., Any], clock: FakeClock) -> None:
    """The limit counts as at a sign-in; the held one waits for the room."""
    policy = Policy(risk=RISK, max_sessions=1, on_limit="reject")
    sessions = make(policy=policy, locator=Locator())
    first = sessions.login("ada", at(HOME))
    clock.advance(60)
    held = hold(sessions)
    sessions.approve("ada", held.code)
    assert isinstance(refusal(sessions, held), SessionLimitError)
    sessions.revoke(first.session)
    assert sessions.collect(held.pending_token, at(HOSTED))


def test_an_account_has_three(sessions: Any, owner: Any, clock: FakeClock) -> None:
    """One network pushes out its own, never another's; the newest come first."""
    mine = hold(sessions, at(QUEBEC, agent=WINDOWS))
    others = []
    for _ in range(4):
        clock.advance(1)
        others.append(hold(sessions))

    expected = [others[3].code, others[2].code, mine.code]
    assert expected == [it.code for it in sessions.held("ada")]
    assert isinstance(refusal(sessions, others[1]), TokenExpiredError)
    sessions.approve("ada", mine.code)
    assert sessions.collect(mine.pending_token, at(QUEBEC, agent=WINDOWS))


@pytest.mark.parametrize("code", ["BBB-BBB", "", "x" * 256])
def test_an_unknown_code_names_nothing(sessions: Any, owner: Any, code: str) -> None:
    """Of this account; one that can be none is a caller's mistake."""
    held = hold(sessions)
    sessions.login("bob", at(HOME))
    for method in (sessions.approve, sessions.refuse):
        if 0 < len(code) <= 255:
            assert not method("ada", code)
        else:
            with pytest.raises(ValueError, match="code"):
                method("ada", code)
        assert not method("bob", held.code)
        with pytest.raises(TypeError):
            method("ada", 5)


def _of(user_id: str) -> str:
    """A pending token that names such an account."""
    body = base64url(json.dumps(["h" * 22, user_id]).encode())
    return f"ds1h.{body}.{'s' * 43}"


def test_one_that_is_over_takes_no_room(sessions: Any, owner: Any, clock: FakeClock) -> None:
    """From the instant at which its time is over, another has its place."""
    elsewhere = at(QUEBEC, agent=WINDOWS)
    hold(sessions)
    clock.advance(QUARTER / 2)
    others = [hold(sessions, elsewhere), hold(sessions, elsewhere)]
    clock.advance(QUARTER / 2)
    others.append(hold(sessions, elsewhere))

    assert {it.code for it in others} == {it.code for it in sessions.held("ada")}


def test_a_token_is_compared_whole(sessions: Any, owner: Any) -> None:
    """Another secret, another kind of token, and another account's are refused."""
    held, other = hold(sessions), hold(sessions)
    one, two = held.pending_token.split("."), other.pending_token.split(".")
    forged = [
        ".".join([*one[:2], two[2]]),
        held.pending_token[:-1],
        owner.access_token,
        owner.refresh_token,
        "",
        *(_of(user_id) for user_id in ("", "a\0", "a" * 256, "\ud800")),
    ]
    for token in forged:
        with pytest.raises(BadTokenError):
            sessions.collect(token, at(HOSTED))
    with pytest.raises(TypeError):
        sessions.collect(held.pending_token, "a client")


def test_a_body_of_another_version_is_not_there(
    sessions: Any, owner: Any, clock: FakeClock
) -> None:
    """Neither listed nor collected, and no hindrance to others."""
    held = hold(sessions)
    from devsess import holding

    try:
        holding.VERSION = 2
        assert [] == sessions.held("ada")
        assert isinstance(refusal(sessions, held), TokenExpiredError)
        clock.advance(1)
        newer = hold(sessions)
        clock.advance(1)
    finally:
        holding.VERSION = 1
    later = hold(sessions)
    # The newest comes first in the store, the oldest last: one of them behind the odd one.
    assert [later.code, held.code] == [it.code for it in sessions.held("ada")]
    assert isinstance(refusal(sessions, newer), TokenExpiredError)


def test_risk_may_be_switched_off_meanwhile(
    make: Callable[..., Any], sessions: Any, owner: Any
) -> None:
    """An approved one is collected all the same, and teaches nothing."""
    held = hold(sessions)
    off = make(policy=Policy(risk=None), locator=Locator())
    before = off.export_user("ada")["items"][0]
    off.approve("ada", held.code)
    grant = off.collect(held.pending_token, at(HOSTED))

    assert (0, None) == (grant.assessment.score, grant.session.score)
    assert before == off.export_user("ada")["items"][0]


def test_an_old_proof_is_cut_off_at_the_collecting(
    sessions: Any, owner: Any, clock: FakeClock
) -> None:
    """A dated sign-in from before an ending is refused, as `login` refuses it."""
    proven_at = clock.now()
    clock.advance(1)
    sessions.revoke_all("ada", keep=owner.session)
    held = hold(sessions, auth_time=proven_at)
    sessions.approve("ada", held.code)

    error = refusal(sessions, held)
    assert isinstance(error, LoginDeniedError)
    assert "cut-off" == error.reason


def test_the_agent_is_that_of_the_client(sessions: Any, owner: Any, heard: list[Any]) -> None:
    """The event of the holding shows from where and by which program, and how unusual it is."""
    held = hold(sessions)
    [event] = [it for it in heard if it.type is EventType.SIGN_IN_HELD]

    assert ("45.83.91.0", CHROME) == (event.ip, event.user_agent)
    assert held.assessment == event.assessment
