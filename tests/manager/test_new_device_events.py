"""An event of its own for each new device, for applications that send their own mails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from devsess import Client, EventType, LoginDeniedError, Policy, SessionLimitError

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess.testing import FakeClock

AT_HOME = Client(ip="102.89.77.21", user_agent="curl/8.5.0")
NEW = EventType.NEW_DEVICE


def of_new_devices(events: Any) -> list[Any]:
    return [event for event in events if event.type is NEW]


def test_the_first_device_is_no_news(make: Callable[..., Any]) -> None:
    """Neither to `on_event` nor in the history: its owner has just signed up."""
    heard: list[Any] = []
    sessions = make(on_event=heard.append)

    assert sessions.login("ada", AT_HOME).is_new_device
    assert [EventType.SESSION_CREATED] == [it.type for it in heard]
    assert [] == of_new_devices(sessions.history("ada"))


@pytest.mark.parametrize("policy", [Policy(), Policy(risk=None)])
def test_each_other_one_is_told_once(
    make: Callable[..., Any], clock: FakeClock, policy: Policy
) -> None:
    """Right after its sign-in's event, kept, and not again when the device signs in again."""
    heard: list[Any] = []
    sessions = make(on_event=heard.append, policy=policy)
    sessions.login("ada", AT_HOME)
    clock.advance(1)
    grant = sessions.login("ada", AT_HOME, amr=("otp",))
    [event] = of_new_devices(heard)

    assert [EventType.SESSION_CREATED, NEW] == [it.type for it in heard[1:3]]
    assert [event] == of_new_devices(sessions.history("ada"))
    session = grant.session
    assert (clock.now(), "ada", session.id, session.device.id, session.ip, session.user_agent) == (
        event.at,
        event.user_id,
        event.session_id,
        event.device_id,
        event.ip,
        event.user_agent,
    )
    assert heard[1].assessment == event.assessment
    assert [True, False] == [heard[1].is_new_device, event.is_new_device]
    again = Client(ip=AT_HOME.ip, device_token=grant.device_token)
    assert not sessions.login("ada", again).is_new_device
    assert [event] == of_new_devices(heard)


def test_accounts_know_their_own_devices_alone(make: Callable[..., Any]) -> None:
    """The second account of a browser has its first device in it."""
    sessions = make()
    grant = sessions.login("ada", AT_HOME)
    sessions.login("bob", Client(device_token=grant.device_token))

    assert [] == of_new_devices(sessions.history("bob"))


def test_a_refused_sign_in_tells_nothing(make: Callable[..., Any], clock: FakeClock) -> None:
    """No session, no device, no event: by the limit, a cut-off or a block."""
    heard: list[Any] = []
    policy = Policy(max_sessions=1, on_limit="reject")
    sessions = make(on_event=heard.append, policy=policy)
    before = clock.now()
    sessions.login("ada", AT_HOME)
    with pytest.raises(SessionLimitError):
        sessions.login("ada")
    clock.advance(1)
    sessions.revoke_all("ada")
    with pytest.raises(LoginDeniedError):
        sessions.login("ada", auth_time=before)

    assert [] == of_new_devices([*heard, *sessions.history("ada")])


def test_somebody_of_the_staff_is_no_new_device(make: Callable[..., Any]) -> None:
    """An impersonation has an event of its own, and its device is not the user's."""
    heard: list[Any] = []
    sessions = make(on_event=heard.append)
    sessions.login("ada", AT_HOME)
    staff = sessions.login("support-7", AT_HOME)
    sessions.impersonate("ada", staff.session, AT_HOME)

    assert [] == of_new_devices(heard)
