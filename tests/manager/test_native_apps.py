"""A session of a native app is shown with the app's name and version, which prove nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from _people import HOME

from devsess import Client, RefreshTokenReusedError

if TYPE_CHECKING:
    from devsess.testing import FakeClock

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Mobile/15E148"
)


def phone(app: str | None, device_token: str | None = None, agent: str = IPHONE) -> Client:
    headers = None if app is None else {"Devsess-App": app}
    return Client(HOME, agent, headers, device_token)


def test_a_list_shows_the_app_and_its_version(sessions: Any) -> None:
    """As the device's name, in every view of the session; a name by its user comes first."""
    grant = sessions.login("ada", phone("Shop/4.2.1"))
    shown = "Shop 4.2.1 on iPhone"
    found = [
        grant.session,
        sessions.validate(grant.access_token),
        sessions.validate(grant.access_token, fresh=True),
        sessions.get(grant.session.id),
        *sessions.list("ada"),
    ]

    assert [shown] * 5 == [str(it.device) for it in found]
    assert shown == grant.session.to_dict()["device"]
    assert "Shop on iPhone" == str(sessions.device("ada", grant.session.device.id))

    sessions.rename_device("ada", grant.session.device.id, "Ada’s phone")
    [named] = sessions.list("ada")
    assert ("Ada’s phone", shown) == (str(named.device), named.device.label)


def test_an_update_is_seen_at_the_next_refresh(sessions: Any, clock: FakeClock) -> None:
    """The session has the newer version; a refresh that says none leaves it as it was."""
    first = sessions.login("ada", phone("Shop/4.2.1"))
    token = first.device_token
    clock.advance(60)
    second = sessions.refresh(first.refresh_token, phone("Shop/4.3.0", token))
    clock.advance(60)
    third = sessions.refresh(second.refresh_token, phone(None, token))

    shown = "Shop 4.3.0 on iPhone"
    assert [shown, shown] == [str(it.session.device) for it in (second, third)]
    [renewed, _] = sessions.history("ada").items
    assert f"[Shop/4.3.0] {IPHONE}" == sessions.get(first.session.id).user_agent
    assert "renewed" in renewed.type.value


@pytest.mark.parametrize("then", ["Shop/9", "Other/1", "Mozilla/5.0", None])
def test_no_name_is_evidence(sessions: Any, clock: FakeClock, then: str | None) -> None:
    """Without a device token, a retry under another name or none converges as the same client."""
    first = sessions.login("ada", phone("Shop/4.2.1"))
    second = sessions.refresh(first.refresh_token, phone("Shop/4.2.1"))
    clock.advance(5)
    again = sessions.refresh(first.refresh_token, phone(then))

    assert (True, second.refresh_token) == (again.replayed, again.refresh_token)
    assert () == again.assessment.signals


def test_the_name_of_an_app_makes_nobody_it(sessions: Any, clock: FakeClock) -> None:
    """Another program that calls itself the app is foreign, and an old token ends the session."""
    first = sessions.login("ada", phone("Shop/4.2.1"))
    second = sessions.refresh(first.refresh_token, phone("Shop/4.2.1", first.device_token))
    thief = phone("Shop/4.2.1", agent="curl/8.5.0")
    clock.advance(5)

    with pytest.raises(RefreshTokenReusedError):
        sessions.refresh(second.refresh_token, thief)
    assert [] == sessions.list("ada")


def test_a_sign_in_is_no_known_device_by_its_app(sessions: Any) -> None:
    """Two phones with one app are two devices; the second resembles the first by its system."""
    first = sessions.login("ada", phone("Shop/4.2.1")).session.device
    second = sessions.login("ada", phone("Shop/4.2.1")).session.device
    other = sessions.login("ada", phone("Shop/4.2.1", agent="curl/8.5.0")).session.device

    assert 3 == len({first.id, second.id, other.id})
    assert (first.id, None) == (second.resembles, other.resembles)


@pytest.mark.parametrize("before", [None, "Shop/4.1.0"])
def test_an_update_is_no_other_client(sessions: Any, clock: FakeClock, before: str | None) -> None:
    """A lost answer is given once more, though the program is none that is known by its family."""
    agent = "Mozilla/5.0 (X11; Linux x86_64) Shop"
    grant = sessions.login("ada", phone(before, agent=agent))
    clock.advance(60)
    lost = sessions.refresh(grant.refresh_token, phone("Shop/4.2.0", agent=agent))
    clock.advance(1)
    again = sessions.refresh(grant.refresh_token, phone("Shop/4.2.0", agent=agent))

    assert lost.session.id == again.session.id
    assert sessions.validate(again.access_token)
