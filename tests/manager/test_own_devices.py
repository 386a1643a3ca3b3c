"""Devices are recognised, distinguished, named, trusted, blocked and forgotten."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from devsess import Client, DeviceMismatchError, LoginDeniedError, SessionRevokedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess.testing import FakeClock

MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36"
    " (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)


def test_a_device_token_is_recognised(sessions: Any) -> None:
    """The same browser is the same device, and its new session takes the old one's place."""
    first = sessions.login("ada", Client(user_agent=MAC))
    second = sessions.login("ada", Client(user_agent=MAC, device_token=first.device_token))
    assert first.session.device.id == second.session.device.id
    assert (first.session.id,) == second.evicted
    with pytest.raises(SessionRevokedError) as caught:
        sessions.validate(first.access_token)
    assert "replaced" == caught.value.reason
    assert 1 == len(sessions.devices("ada"))


def test_a_fingerprint_is_recognised(sessions: Any) -> None:
    """The application's own name for a device will do; for another account it means nothing."""
    devices = [
        sessions.login(user, Client(user_agent=MAC, fingerprint=name)).session.device.id
        for user, name in (("ada", "f1"), ("ada", "f1"), ("ada", "f2"), ("bob", "f1"))
    ]
    assert [True, False, False] == [device == devices[0] for device in devices[1:]]


def test_one_browser_of_two_accounts(sessions: Any) -> None:
    """A browser's ring holds a device of each account, and no id is shared between them."""
    ada = sessions.login("ada", Client(user_agent=MAC))
    bob = sessions.login("bob", Client(user_agent=MAC, device_token=ada.device_token))
    again = sessions.login("ada", Client(user_agent=MAC, device_token=bob.device_token))
    assert ada.session.device.id == again.session.device.id != bob.session.device.id
    assert sessions.validate(bob.access_token, Client(device_token=again.device_token))


@pytest.mark.parametrize("token", ["", "x", "ds1d.aaaaaaaaaaaaaaaaaaaaaa.x", None])
def test_a_forged_device_token_is_none(sessions: Any, token: str | None) -> None:
    """An id that we did not sign is never adopted; the sign-in goes on as from a new device."""
    known = sessions.login("ada", Client(user_agent=MAC)).session.device
    found = sessions.login("ada", Client(user_agent=MAC, device_token=token)).session.device
    assert known.id != found.id
    assert known.id == found.resembles


def test_another_devices_token_is_refused(sessions: Any) -> None:
    """A token shown with another device's token is refused; the session lives on."""
    mine, other = (sessions.login("ada", Client(user_agent=MAC)) for _ in range(2))
    with pytest.raises(DeviceMismatchError) as caught:
        sessions.validate(mine.access_token, Client(device_token=other.device_token))
    assert mine.session.id == caught.value.session_id
    assert sessions.validate(mine.access_token)
    assert sessions.validate(mine.access_token, Client(device_token=mine.device_token))
    with pytest.raises(DeviceMismatchError):
        sessions.validate(mine.access_token, Client(device_token=other.device_token))


def test_name_and_trust(sessions: Any, clock: FakeClock) -> None:
    """A name and a trust are its user's word, and a session shows them at once."""
    grant = sessions.login("ada", Client(user_agent=MAC))
    device = grant.session.device
    assert "Chrome on macOS" == str(sessions.validate(grant.access_token).device)
    until = clock.now() + timedelta(days=30)
    sessions.rename_device("ada", device.id, "work")
    sessions.trust_device("ada", device.id, until)
    shown = sessions.validate(grant.access_token).device
    assert ("work", until) == (str(shown), shown.trusted_until)
    assert None is sessions.trust_device("ada", device.id, None).trusted_until
    assert "Chrome on macOS" == str(sessions.rename_device("ada", device.id, None))
    for wrong in ("", "x" * 65, " ", "\n", "\x01", "\u200b"):
        with pytest.raises(ValueError):
            sessions.rename_device("ada", device.id, wrong)
    with pytest.raises(ValueError):
        sessions.trust_device("ada", device.id, until.replace(tzinfo=None))


def test_block_and_unblock(sessions: Any) -> None:
    """A blocked device loses its sessions and cannot sign in until it is unblocked."""
    grant = sessions.login("ada", Client(user_agent=MAC))
    other = sessions.login("ada", Client(user_agent=MAC))
    client = Client(user_agent=MAC, device_token=grant.device_token)
    assert sessions.block_device("ada", grant.session.device.id).blocked
    with pytest.raises(SessionRevokedError):
        sessions.validate(grant.access_token)
    with pytest.raises(LoginDeniedError) as caught:
        sessions.login("ada", client)
    assert "device-blocked" == caught.value.reason
    assert sessions.validate(other.access_token)
    assert not sessions.unblock_device("ada", grant.session.device.id).blocked
    assert grant.session.device.id == sessions.login("ada", client).session.device.id


def test_a_block_ends_trust_for_good(sessions: Any, clock: FakeClock) -> None:
    """A device that was trusted before or during a block is not trusted after it."""
    device = sessions.login("ada", Client(user_agent=MAC)).session.device
    until = clock.now() + timedelta(days=30)
    sessions.trust_device("ada", device.id, until)
    assert None is sessions.block_device("ada", device.id).trusted_until
    sessions.trust_device("ada", device.id, until)
    assert None is sessions.unblock_device("ada", device.id).trusted_until


def test_tokens_of_an_ended_session_end_trust(sessions: Any, clock: FakeClock) -> None:
    """A genuine token says whose account, the device token which device, and nothing else ends."""
    until = clock.now() + timedelta(days=400)
    signed_in = {user: sessions.login(user, Client(user_agent=MAC)) for user in ("ada", "bob")}
    for user, grant in signed_in.items():
        sessions.trust_device(user, grant.session.device.id, until)
    clock.advance(timedelta(days=31))
    ada, bob = signed_in["ada"], signed_in["bob"]
    own, others = (Client(device_token=it.device_token) for it in (ada, bob))
    for client, tokens in (
        (own, {}),
        (None, {"access_token": ada.access_token}),
        (Client(), {"refresh_token": ada.refresh_token}),
        (others, {"access_token": ada.access_token}),
        (own, {"access_token": bob.access_token, "refresh_token": bob.refresh_token}),
        (own, {"access_token": ada.refresh_token, "refresh_token": ada.access_token}),
        (own, {"access_token": "", "refresh_token": "x" * 9_000}),
    ):
        assert [] == sessions.end_trust(client, **tokens)
    for user in signed_in:
        assert [until] == [it.trusted_until for it in sessions.devices(user)]
    for name in ("access_token", "refresh_token"):
        sessions.trust_device("ada", ada.session.device.id, until)
        [device] = sessions.end_trust(own, **{name: getattr(ada, name)})
        assert (ada.session.device.id, None) == (device.id, device.trusted_until)
        assert [None] == [it.trusted_until for it in sessions.devices("ada")]
        assert [] == sessions.end_trust(own, **{name: getattr(ada, name)})
    assert [until] == [it.trusted_until for it in sessions.devices("bob")]
    assert "device_trusted" == sessions.history("ada").items[0].type


def test_forget(sessions: Any) -> None:
    """A forgotten device loses its sessions, is not listed, and comes back as a new one."""
    grant = sessions.login("ada", Client(user_agent=MAC))
    sessions.forget_device("ada", grant.session.device.id)
    with pytest.raises(SessionRevokedError):
        sessions.validate(grant.access_token)
    assert [] == sessions.devices("ada")
    again = sessions.login("ada", Client(user_agent=MAC, device_token=grant.device_token))
    assert grant.session.device.id != again.session.device.id


@pytest.mark.parametrize("actor", [None, "the support desk"])
def test_the_actor_is_kept(sessions: Any, actor: str | None) -> None:
    """The history names the actor of each change of a device, unless its user made it."""
    device = sessions.login("ada", Client(user_agent=MAC)).session.device
    sessions.rename_device("ada", device.id, "mine", actor=actor)
    sessions.trust_device("ada", device.id, None, actor=actor)
    sessions.block_device("ada", device.id, actor=actor)
    sessions.unblock_device("ada", device.id, actor=actor)
    sessions.forget_device("ada", device.id, actor=actor)

    [*events, created] = sessions.history("ada").items
    assert [actor] * 6 == [event.actor for event in events]
    assert None is created.actor


@pytest.mark.parametrize(
    "change",
    [
        lambda it, user, device: it.rename_device(user, device, "x"),
        lambda it, user, device: it.trust_device(user, device, None),
        lambda it, user, device: it.block_device(user, device),
        lambda it, user, device: it.unblock_device(user, device),
        lambda it, user, device: it.forget_device(user, device),
    ],
)
def test_foreign_devices_are_as_unknown(sessions: Any, change: Callable[..., Any]) -> None:
    """Nobody touches another account's device, nor learns of it."""
    grant = sessions.login("ada", Client(user_agent=MAC))
    assert None is change(sessions, "eve", grant.session.device.id)
    assert None is change(sessions, "ada", "unknown")
    assert sessions.validate(grant.access_token)
    assert [grant.session.device] == sessions.devices("ada")
