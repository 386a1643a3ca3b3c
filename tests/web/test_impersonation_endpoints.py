"""An impersonation ends itself, and nothing else that is the person's, however lax the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from _browser import Program

from devsess import EventType
from devsess.lifecycle import instant

if TYPE_CHECKING:
    from collections.abc import Callable

TOO_WEAK = 'error="insufficient_user_authentication"'


@pytest.fixture
def site(make: Callable[..., Any]) -> Any:
    return make(recent_auth=None)


def acting(site: Any) -> Program:
    """A program of the staff that acts as ada."""
    staff = site.sessions.login("support-7").session
    token = site.sessions.impersonate("ada", staff).access_token
    return Program(site.send, {"access_token": token})


def own_of(site: Any) -> list[Any]:
    return [it for it in site.sessions.list("ada") if it.impersonator is None]


@pytest.mark.parametrize("path", ["sessions/{}", "sessions/revoke-others"])
def test_it_ends_no_session_of_the_person(site: Any, path: str) -> None:
    """Not where `recent_auth=None` asks nothing of the person themselves, either."""
    other = site.sessions.login("ada").session.id
    staff = acting(site)
    request = ("POST" if "{" not in path else "DELETE", f"/auth/{path.format(other)}")
    answer = staff.ask(*request)

    assert 401 == answer.status_code
    assert TOO_WEAK in answer.headers["www-authenticate"]
    assert [other] == [it.id for it in own_of(site)]
    assert site.program("ada").ask(*request).status_code in (200, 204)


@pytest.mark.parametrize("end", ["logout", "id"])
def test_it_ends_itself_under_its_own_name(site: Any, end: str) -> None:
    """The history says that staff ended it, not the person."""
    staff = acting(site)
    [acted] = site.sessions.list("ada")
    paths = {"logout": ("POST", "/auth/logout"), "id": ("DELETE", f"/auth/sessions/{acted.id}")}

    assert 204 == staff.ask(*paths[end]).status_code
    event = site.sessions.history("ada").items[0]
    assert (EventType.SESSION_REVOKED, "support-7") == (event.type, event.actor)


def test_it_ends_no_trust(site: Any) -> None:
    """Nor with the person's own device token beside it, as on a computer that both use."""
    ada = site.sessions.login("ada")
    until = instant(site.clock.now().timestamp() + 3_600)
    site.sessions.trust_device("ada", ada.session.device, until)
    staff = acting(site)
    answer = staff.ask(
        "POST", "/auth/logout", {"forget_device": True, "device_token": ada.device_token}
    )

    assert 204 == answer.status_code
    [device] = site.sessions.devices("ada")
    assert until == device.trusted_until
