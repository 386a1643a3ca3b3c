"""What each adapter must do alike, over each framework that one is for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from _browser import ACCESS, DEVICE, REFRESH, Browser

HEADER = "Devsess-Session"


@pytest.mark.parametrize("accounts", [1, 2])
def test_a_page_is_answered_as_its_own_session_alone(
    make: Callable[..., Any], accounts: int
) -> None:
    """Once somebody else has signed in, a request that names the session before is a 409."""
    site = make(accounts=accounts)
    browser = site.browser("ada")
    [ada] = site.sessions.list("ada")
    header = {HEADER: ada.id}
    assert {"user": "ada"} == browser.get("/me", **header).json()
    assert 200 == browser.post("/login?user=bob").status_code
    for _ in range(2):  # from memory, the second time
        assert 200 == browser.get("/me").status_code
        for method, path in (("GET", "/me"), ("POST", "/auth/logout")):
            answer = browser.ask(method, path, **header)
            assert (409, "another_session") == (answer.status_code, answer.json()["error"])
    assert 1 == len(site.sessions.list("bob"))


@pytest.mark.parametrize("minutes", [0, 16])
@pytest.mark.parametrize("held", [(ACCESS, REFRESH), (ACCESS,), (REFRESH,)], ids=" and ".join)
def test_the_way_out_is_open_where_a_session_is_required(
    make: Callable[..., Any], held: tuple[str, ...], minutes: int
) -> None:
    """The endpoint needs no session, and signs out whom the tokens prove, expired or not."""
    site = make(required=True, public=["/login"])
    browser = site.browser("ada")
    late = Browser(browser.send, jar={name: browser.jar[name] for name in (*held, DEVICE)})
    site.clock.advance(timedelta(minutes=minutes))
    proves = not minutes or REFRESH in held  # an access token that has expired, and nothing else

    assert (204 if proves else 401) == late.post("/auth/logout").status_code
    assert {DEVICE} == set(late.jar)
    assert proves == (not site.sessions.list("ada"))


def test_a_program_gets_out_where_a_session_is_required(make: Callable[..., Any]) -> None:
    """With its refresh token, beside an access token that has expired; and so does nobody."""
    site = make(required=True, public=["/login"])
    program = site.program("ada")
    site.clock.advance(timedelta(minutes=16))
    body = {"refresh_token": program.tokens["refresh_token"]}

    assert 401 == program.ask("GET", "/me").status_code
    assert 204 == program.ask("POST", "/auth/logout", body).status_code
    assert [] == site.sessions.list("ada")
    assert 204 == Browser(program.send).post("/auth/logout").status_code
