"""Staff may act as a user for an hour: seen by all, and with no more than they need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jwt
import pytest
from _people import HOME, HOSTED, Locator, at

from devsess import (
    BadTokenError,
    EventType,
    LoginDeniedError,
    Policy,
    SessionExpiredError,
    SessionNotFoundError,
    SessionRevokedError,
    StepUpRequiredError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess.testing import FakeClock

HOUR = 3_600


@pytest.fixture
def sessions(make: Callable[..., Any]) -> Any:
    return make(locator=Locator(), policy=Policy(max_sessions=2, access_lifetime=2 * HOUR))


@pytest.fixture
def staff(sessions: Any) -> Any:
    return sessions.login("staff", at(HOME))


def test_it_is_marked_everywhere(sessions: Any, staff: Any) -> None:
    """In the session, the list, the history and the token (RFC 8693 §4.1)."""
    acted = sessions.impersonate("ada", staff.session, at(HOSTED))
    claims = jwt.decode(acted.access_token, options={"verify_signature": False})
    [event] = sessions.history("ada")

    assert {"sub": "staff"} == claims["act"]
    assert "ada" == claims["sub"]
    assert "staff" == sessions.validate(acted.access_token).impersonator
    assert ["staff"] == [it.impersonator for it in sessions.list("ada")]
    assert (EventType.SESSION_CREATED, "staff", "impersonation") == (
        event.type,
        event.actor,
        event.reason,
    )


def test_it_shows_where_staff_are(make: Callable[..., Any]) -> None:
    """Address and place of the request, also to the application."""
    heard: list[Any] = []
    sessions = make(locator=Locator(), on_event=heard.append)
    staff = sessions.login("staff", at(HOME))
    acted = sessions.impersonate("ada", staff.session, at(HOSTED)).session

    assert (HOSTED, "Amsterdam") == (acted.ip, acted.location.city)
    assert ("ada", "staff", "impersonation") == (
        heard[-1].user_id,
        heard[-1].actor,
        heard[-1].reason,
    )
    with pytest.raises(ValueError, match="user_id"):
        sessions.impersonate("", staff.session)


def test_it_ends_with_the_session_that_began_it(sessions: Any, staff: Any) -> None:
    """At once, also where memory would answer."""
    acted = sessions.impersonate("ada", staff.session)
    for _ in range(3):
        assert sessions.validate(acted.access_token)
    sessions.revoke(staff.session.id)

    with pytest.raises(SessionRevokedError, match="began this impersonation"):
        sessions.validate(acted.access_token)


def test_it_ends_though_a_clock_is_set_back(sessions: Any, staff: Any, clock: FakeClock) -> None:
    """An instant of before the end, which comes again, is not answered from memory."""
    acted = sessions.impersonate("ada", staff.session)
    clock.advance(200)
    sessions.validate(acted.access_token)
    sessions.revoke(staff.session.id)
    clock.advance(-100)

    for fresh in (False, True):
        with pytest.raises(SessionRevokedError, match="began this impersonation"):
            sessions.validate(acted.access_token, fresh=fresh)


def test_it_is_inactive_with_the_session_that_began_it(sessions: Any, staff: Any) -> None:
    """For all who look at the row, such as the guard of an open connection."""
    acted = sessions.impersonate("ada", staff.session).session.id
    assert sessions.get(acted).is_active
    sessions.revoke(staff.session.id)

    assert not sessions.get(acted).is_active


def test_it_lasts_an_hour(sessions: Any, staff: Any, clock: FakeClock) -> None:
    """No activity moves its deadline."""
    acted = sessions.impersonate("ada", staff.session)
    for _ in range(11):
        clock.advance(327)
        sessions.validate(acted.access_token)
    clock.advance(3)
    with pytest.raises(SessionExpiredError):
        sessions.validate(acted.access_token)
    assert sessions.validate(staff.access_token)


def test_it_has_no_other_token_and_no_step_up(sessions: Any, staff: Any) -> None:
    """It cannot be renewed, be remembered as a device, or prove anything."""
    acted = sessions.impersonate("ada", staff.session)

    assert ("", None) == (acted.refresh_token, acted.device_token)
    assert [] == sessions.devices("ada")
    with pytest.raises(BadTokenError):
        sessions.refresh(acted.refresh_token)
    with pytest.raises(StepUpRequiredError):
        sessions.step_up(acted.access_token, amr=("otp",), acr="aal3")
    for needed in ({"max_auth_age": 900}, {"acr": "aal1"}):
        with pytest.raises(StepUpRequiredError, match="somebody else acts"):
            sessions.validate(acted.access_token, **needed)


def test_it_is_outside_limits_and_habits(sessions: Any, staff: Any, clock: FakeClock) -> None:
    """It takes no place of the user's sessions, ends none, and teaches nothing."""
    first = sessions.login("ada", at(HOME))
    clock.advance(1)
    second = sessions.login("ada", at(HOME))
    before = sessions.export_user("ada")["items"]
    acted = sessions.impersonate("ada", staff.session, at(HOSTED))

    assert before == sessions.export_user("ada")["items"]
    assert sessions.validate(first.access_token)
    third = sessions.login("ada", at(HOME))
    assert (first.session.id,) == third.evicted
    assert sessions.validate(second.access_token)
    assert sessions.validate(acted.access_token)


def test_it_is_begun_in_ones_own_name(sessions: Any, staff: Any, clock: FakeClock) -> None:
    """By a live, fresh session of somebody else that is no impersonation itself."""
    acted = sessions.impersonate("ada", staff.session)
    with pytest.raises(LoginDeniedError):
        sessions.impersonate("bob", acted.session)
    with pytest.raises(LoginDeniedError):
        sessions.impersonate("staff", staff.session)
    with pytest.raises(SessionNotFoundError):
        sessions.impersonate("ada", "no-such-session-id")
    clock.advance(HOUR)
    with pytest.raises(StepUpRequiredError):
        sessions.impersonate("ada", staff.session)
    sessions.revoke(staff.session.id)
    with pytest.raises(SessionRevokedError):
        sessions.impersonate("ada", staff.session)


def test_an_ending_of_the_account_ends_it(sessions: Any, staff: Any) -> None:
    """The user ends it as any session of theirs."""
    acted = sessions.impersonate("ada", staff.session)

    assert [acted.session.id] == [*sessions.revoke_all("ada")]
    with pytest.raises(SessionRevokedError):
        sessions.validate(acted.access_token)


def test_it_ends_with_the_browser(sessions: Any, staff: Any) -> None:
    """Nobody finds themselves acting as another person in a browser that was opened anew."""
    acted = sessions.impersonate("ada", staff.session)

    assert not acted.session.persistent
