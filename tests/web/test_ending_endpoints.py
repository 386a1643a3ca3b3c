"""Endpoints that end sessions ask for more than a token: its device, and a recent sign-in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from _browser import DEVICE, Program

from devsess import ConfigurationError, SessionManager
from devsess.adapters.wsgi import SessionMiddleware

HOUR = timedelta(hours=1)
INVALID = 'error="invalid_token"'
TOO_OLD = 'error="insufficient_user_authentication"'


def ending(site: Any, user: str) -> list[tuple[str, str]]:
    """Every request that ends another session of *user*; there is one."""
    other = site.sessions.login(user).session.id
    return [("DELETE", f"/auth/sessions/{other}"), ("POST", "/auth/sessions/revoke-others")]


def bound(site: Any, user: str) -> Program:
    """A program whose session is bound: its device token was presented."""
    program: Program = site.program(user)
    assert 200 == program.ask("GET", "/me").status_code
    return program


@pytest.mark.parametrize("device", [None, "nonsense", "another's"])
def test_a_bearer_token_without_its_device_ends_nothing(site: Any, device: str | None) -> None:
    """Once the session's device token was presented, every such request must bring it."""
    program = bound(site, "ada")
    requests = ending(site, "ada")
    own = program.tokens.pop("device_token")
    if device == "another's":
        program.tokens["device_token"] = bound(site, "bob").tokens["device_token"]
    elif device:
        program.tokens["device_token"] = device
    for method, path in requests:
        answer = program.ask(method, path)
        assert 401 == answer.status_code
        assert INVALID in answer.headers["www-authenticate"]
    assert 2 == len(site.sessions.list("ada"))
    program.tokens["device_token"] = own
    assert [204, 200] == [program.ask(*each).status_code for each in requests]


def test_a_session_that_was_never_bound_ends_others(site: Any) -> None:
    """A client that was never seen with its device token is asked for none."""
    program = site.program("ada")
    del program.tokens["device_token"]
    assert [204, 200] == [program.ask(*each).status_code for each in ending(site, "ada")]


def test_a_browser_without_its_device_cookie_ends_nothing(site: Any) -> None:
    """The same for cookies."""
    browser = site.browser("ada")
    assert 200 == browser.get("/me").status_code
    requests = ending(site, "ada")
    del browser.jar[DEVICE]
    assert {401} == {browser.ask(*each).status_code for each in requests}


def test_an_old_sign_in_is_challenged(site: Any) -> None:
    """After a day the person proves themselves again, as the challenge says (RFC 9470 §3)."""
    browser, program = site.browser("ada"), bound(site, "bob")
    site.clock.advance(timedelta(hours=23))
    requests = ending(site, "ada")
    assert [204, 200] == [browser.ask(*each).status_code for each in requests]
    site.clock.advance(HOUR)
    program.tokens |= program.ask(
        "POST", "/auth/refresh", {"refresh_token": program.tokens["refresh_token"]}
    ).json()
    for client, user in ((browser, "ada"), (program, "bob")):
        for method, path in ending(site, user):
            answer = client.ask(method, path)
            assert 401 == answer.status_code
            assert TOO_OLD in answer.headers["www-authenticate"]
            assert 'max_age="86400"' in answer.headers["www-authenticate"]
        assert 2 < len([*site.sessions.list("ada"), *site.sessions.list("bob")])
    assert 200 == browser.post("/step-up").status_code
    assert [204, 200] == [browser.ask(*each).status_code for each in ending(site, "ada")]


def test_how_recent_is_a_setting(make: Any) -> None:
    """In seconds or as a timedelta; None asks for no more than the session."""
    hours, never = make(recent_auth=HOUR), make(recent_auth=None)
    strict, lax = hours.browser("ada"), never.browser("bob")
    hours.clock.advance(timedelta(hours=2))
    assert {401} == {strict.ask(*each).status_code for each in ending(hours, "ada")}
    hours.clock.advance(timedelta(days=12))
    assert [204, 200] == [lax.ask(*each).status_code for each in ending(never, "bob")]


def test_signing_out_asks_for_nothing_more(site: Any) -> None:
    """The session's token alone ends its own session, by logout or by its id."""
    for end in ("logout", "id"):
        program = bound(site, "ada")
        site.clock.advance(timedelta(minutes=14))
        own = site.sessions.list("ada")[0].id
        program.tokens.pop("device_token")
        requests = {"logout": ("POST", "/auth/logout"), "id": ("DELETE", f"/auth/sessions/{own}")}
        assert 204 == program.ask(*requests[end]).status_code
        assert [] == site.sessions.list("ada")


@pytest.mark.parametrize("value", ["1 day", -1, True])
def test_a_malformed_span_is_refused(value: Any) -> None:
    """It is refused when the app is wrapped, not at a request."""
    with (
        SessionManager("memory://", keys="t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1") as sessions,
        pytest.raises(ConfigurationError, match="recent_auth"),
    ):
        SessionMiddleware(lambda *_: [], sessions, recent_auth=value)
