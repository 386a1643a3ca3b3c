"""A refresh at its edges: which client passes for the same device, and which row is written."""

from __future__ import annotations

from typing import Any

import pytest

from devsess import BadTokenError, Client, RefreshTokenReusedError, SessionManager
from devsess.stores.memory import MemoryStore

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
OTHER = "Zb5nM1wYc8LqT3vRk6HfX9sPd2GjU7aEo4i"
CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Safari/537.36"
)
NEWER, FIREFOX = (
    CHROME.replace("142", "143"),
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
)
HINTS = {"sec-ch-ua-mobile": "?0"}


@pytest.mark.parametrize(
    ("signed_in", "came", "headers", "signals"),
    [
        (CHROME, CHROME, None, 0),
        (CHROME, NEWER, None, 0),
        (CHROME, FIREFOX, None, 1),
        ("acme/1.0 of no known kind", "acme/1.0 of no known kind", HINTS, 0),
        (None, None, None, 0),
        (None, FIREFOX, None, 1),
    ],
)
def test_clients_that_look_alike(signed_in: Any, came: Any, headers: Any, signals: int) -> None:
    """An equal agent or an equal family, with any headers; otherwise there is a signal."""
    with SessionManager("memory://", keys=SECRET) as sessions:
        grant = sessions.login("ada", Client(user_agent=signed_in))
        renewed = sessions.refresh(grant.refresh_token, Client(user_agent=came, headers=headers))
    found = [it for it in renewed.assessment.signals if it.kind == "foreign_device"]
    assert [0] * signals == [signal.weight for signal in found]


def test_a_mac_is_verified_before_anything_is_written() -> None:
    """A token of another key is none, for a live session as for an ended one."""
    store = MemoryStore()
    grant = SessionManager(store, keys=OTHER).login("ada")
    sessions = SessionManager(store, keys=SECRET)
    for _ in range(2):
        with pytest.raises(BadTokenError, match="is not a refresh token of ours"):
            sessions.refresh(grant.refresh_token)
        sessions.revoke(grant.session.id)


def test_a_device_that_was_presented_binds() -> None:
    """From then on a refresh without it ends the session; one with it does not loosen that."""
    with SessionManager("memory://", keys=SECRET) as sessions:
        client = Client(user_agent=CHROME)
        grant = sessions.login("ada", client)
        own = Client(user_agent=CHROME, device_token=grant.device_token)
        bound = sessions.refresh(sessions.refresh(grant.refresh_token, own).refresh_token, None)
        with pytest.raises(RefreshTokenReusedError) as caught:
            sessions.refresh(bound.refresh_token, client)
    assert "foreign-device" == caught.value.reuse


def test_a_wrong_client_is_refused_first() -> None:
    """Before a token is looked at: nothing is written for a caller's mistake."""
    with (
        SessionManager("memory://", keys=SECRET) as sessions,
        pytest.raises(TypeError, match=r"^client must be"),
    ):
        sessions.refresh("no token", {"ip": "10.0.0.1"})  # type: ignore[arg-type]


def test_the_row_says_what_rotated_it() -> None:
    """By it a later refresh knows whether it was a step-up."""
    store = MemoryStore()
    sessions = SessionManager(store, keys=SECRET)
    grant = sessions.login("ada")
    sessions.refresh(grant.refresh_token)
    row = store.get(grant.session.id)
    assert row is not None
    assert (1, "refresh") == (row.generation, row.rotated_by)
