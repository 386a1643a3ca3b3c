"""
A sign-out that a step-up in another tab overtakes: its old tokens still end their own session.

They end it, at a sign-out or at a sign-in that takes their place, and do nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from _accounts import live, signed_in, switch
from _browser import ACCESS, DEVICE, REFRESH, Browser, Cookie, Program

from devsess import AsyncSessionManager, Client, SessionManager, StoreUnavailableError

# What the other tab does first, in turn; "wait" goes beyond the grace period.
OVERTAKEN = {
    "a step-up": ("step",),
    "one whose answer was lost, long ago": ("step", "wait"),
    "one that was used, long ago": ("step", "use", "wait"),
    "a refresh": ("refresh",),
    "a refresh and a step-up": ("refresh", "step"),
    "a step-up and a refresh": ("step", "refresh"),
    "two step-ups": ("step", "step"),
    "two step-ups, long ago": ("step", "step", "use", "wait"),
}
HELD = {"both": {ACCESS, REFRESH}, "the access token": {ACCESS}, "the refresh token": {REFRESH}}


def overtake(site: Any, tab: Browser, acts: tuple[str, ...]) -> None:
    paths = {"step": ("POST", "/step-up"), "refresh": ("POST", "/auth/refresh")}
    for act in acts:
        if act == "wait":
            site.clock.advance(timedelta(minutes=2))
        else:
            assert 200 == tab.ask(*paths.get(act, ("GET", "/me"))).status_code


def overtaken(site: Any) -> Browser:
    """A tab whose tokens a step-up in another one has replaced."""
    tab: Browser = site.browser("ada")
    overtake(site, tab.copy(), ("step",))
    return tab


@pytest.mark.parametrize("accounts", [1, 3])
@pytest.mark.parametrize("held", HELD.values(), ids=HELD)
@pytest.mark.parametrize("acts", OVERTAKEN.values(), ids=OVERTAKEN)
def test_an_overtaken_sign_out_ends_the_session(
    make: Callable[..., Any], acts: tuple[str, ...], held: set[str], accounts: int
) -> None:
    """Through the endpoints and in the app's own view; only the other sessions live on."""
    site = make(accounts=accounts)
    site.sessions.login("ada")
    for path, status in (("/auth/logout", 204), ("/logout", 200)):
        tab = site.browser("ada")
        jar = {name: it for name, it in tab.jar.items() if name in {*held, DEVICE}}
        late = Browser(tab.send, jar=jar)
        overtake(site, tab, acts)

        assert status == late.post(path).status_code
        assert {DEVICE} == set(late.jar)
        assert 401 == tab.get("/me").status_code
        assert 1 == len(site.sessions.list("ada"))


@pytest.mark.parametrize("accounts", [1, 3])
@pytest.mark.parametrize("held", HELD.values(), ids=HELD)
@pytest.mark.parametrize("acts", OVERTAKEN.values(), ids=OVERTAKEN)
def test_a_session_ends_by_its_own_id_with_overtaken_tokens(
    make: Callable[..., Any], acts: tuple[str, ...], held: set[str], accounts: int
) -> None:
    """As by a sign-out, which it is."""
    site = make(accounts=accounts)
    tab = site.browser("ada")
    [own] = site.sessions.list("ada")
    site.sessions.login("ada")
    jar = {name: it for name, it in tab.jar.items() if name in {*held, DEVICE}}
    late = Browser(tab.send, jar=jar)
    overtake(site, tab, acts)

    assert 204 == late.delete(f"/auth/sessions/{own.id}").status_code
    assert {DEVICE} == set(late.jar)
    assert not site.sessions.get(own.id).is_active
    assert 1 == len(site.sessions.list("ada"))


@pytest.mark.parametrize("held", HELD.values(), ids=HELD)
def test_a_session_that_is_over_ends_by_its_own_id(site: Any, held: set[str]) -> None:
    """It is no error, and its cookies go."""
    browser = site.browser("ada")
    browser.jar = {name: it for name, it in browser.jar.items() if name in {*held, DEVICE}}
    [own] = site.sessions.list("ada")
    site.sessions.revoke(own.id, reason="elsewhere")

    assert 401 == browser.copy().delete("/auth/sessions/another").status_code
    assert 204 == browser.delete(f"/auth/sessions/{own.id}").status_code
    assert {DEVICE} == set(browser.jar)


def test_tokens_that_prove_no_session_end_none_by_its_own_id(site: Any) -> None:
    """Beside another device's token; a forged one; and those of two sessions, both overtaken."""
    owner, thief = overtaken(site), site.browser("eve")
    [own] = site.sessions.list("ada")
    thief.jar = {ACCESS: owner.jar[ACCESS], DEVICE: thief.jar[DEVICE]}
    forged = Browser(owner.send, jar={REFRESH: Cookie(f"{owner.jar[REFRESH].value[:-4]}AAAA", {})})
    mixed = owner.copy()
    client = Client(user_agent=owner.agent, device_token=owner.jar[DEVICE].value)
    other = site.sessions.login("bob", client)
    site.sessions.step_up(other.access_token, amr=("otp",))
    mixed.jar |= {REFRESH: Cookie(other.refresh_token, {}), DEVICE: Cookie(other.device_token, {})}

    for browser in (thief, forged, mixed):
        assert 401 == browser.delete(f"/auth/sessions/{own.id}").status_code
    assert [1, 1] == [len(site.sessions.list(it)) for it in ("ada", "bob")]


@pytest.mark.parametrize(
    "sent",
    [("access_token",), ("access_token", "device_token"), ("refresh_token", "device_token")],
    ids=" and ".join,
)
def test_a_program_signs_out_with_overtaken_tokens(site: Any, sent: tuple[str, ...]) -> None:
    """With either token; no answer says done while the session lives."""
    program = site.program("ada")
    site.sessions.step_up(program.tokens["access_token"], amr=("otp",))
    late = Program(program.send, {name: program.tokens[name] for name in sent})
    body = {name: it for name, it in late.tokens.items() if name == "refresh_token"}

    assert 204 == late.ask("POST", "/auth/logout", body or None).status_code
    assert [] == site.sessions.list("ada")


@pytest.mark.parametrize(("accounts", "lives"), [(1, []), (3, ["ada"])])
def test_a_sign_in_over_overtaken_tokens(
    make: Callable[..., Any], accounts: int, lives: list[str]
) -> None:
    """It ends the session whose cookies it takes; where there is room for both, both live."""
    site = make(accounts=accounts)
    tab = site.browser("ada")
    overtake(site, tab.copy(), ("step",))
    [before] = site.sessions.list("ada")

    assert 200 == tab.post("/login?user=bob").status_code
    assert lives == [it.user_id for it in site.sessions.list("ada")]
    assert 1 == len(live(site, "bob"))
    assert (None if lives else "replaced") == site.sessions.get(before.id).revoke_reason


def test_a_sign_in_where_overtaken_tokens_have_the_last_room(make: Callable[..., Any]) -> None:
    """Two accounts, a third one signs in: the one whose tokens were overtaken ends."""
    site = make(accounts=2)
    browser = signed_in(site, "ada", "bob")
    switch(browser, 0)
    overtake(site, browser.copy(), ("step",))

    assert 200 == browser.post("/login?user=carol").status_code
    assert [0, 1, 1] == [len(live(site, user)) for user in ("ada", "bob", "carol")]


def test_a_sign_in_without_cookies_replaces_nothing(site: Any) -> None:
    """Its tokens are for a program: the browser's cookies stay, and so does their session."""
    tab = overtaken(site)

    assert 200 == tab.post("/login?user=bob&bare").status_code
    assert 1 == len(site.sessions.list("ada"))


def test_a_sign_in_over_overtaken_tokens_needs_no_answer_about_them(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was written: where the store is down after it, its cookies go out all the same."""

    def fails(*_: object) -> None:
        raise StoreUnavailableError("down")

    async def fails_later(*_: object) -> None:
        fails()

    tab = overtaken(site)
    with monkeypatch.context() as down:
        down.setattr(SessionManager, "get", fails)
        down.setattr(AsyncSessionManager, "get", fails_later)
        assert 200 == tab.post("/login?user=bob").status_code

    assert "bob" == tab.get("/me").json()["user"]
    assert 1 == len(live(site, "bob"))


def test_a_sign_in_on_another_device_replaces_nothing(site: Any) -> None:
    """An overtaken access token beside another device's token ends nothing."""
    owner, thief = overtaken(site), site.browser("eve")
    thief.jar = {ACCESS: owner.jar[ACCESS], DEVICE: thief.jar[DEVICE]}

    assert 200 == thief.post("/login?user=eve").status_code
    assert 1 == len(site.sessions.list("ada"))


def test_the_event_of_an_overtaken_sign_out(site: Any) -> None:
    """The history says that the user signed out."""
    tab = overtaken(site)
    tab.post("/auth/logout")
    [session] = site.sessions.list("ada", include_ended=True)

    assert "logout" == session.revoke_reason


@pytest.mark.parametrize("path", ["/auth/accounts/logout", "/logout?all", "/logout?forget"])
@pytest.mark.parametrize("at", [0, 1])
def test_a_sign_out_of_all_ends_overtaken_ones(
    make: Callable[..., Any], path: str, at: int
) -> None:
    """Whichever account acts, the other's session ends too, and the answer does not doubt it."""
    site = make(accounts=3)
    browser = signed_in(site, "ada", "bob")
    switch(browser, 0)
    overtake(site, browser.copy(), ("step",))
    switch(browser, at)
    answer = browser.post(path)

    assert answer.status_code in {200, 204}
    assert [] == [it for user in ("ada", "bob") for it in live(site, user)]


def test_a_view_that_is_public_signs_out_where_all_others_are_closed(
    make: Callable[..., Any],
) -> None:
    """It is called with overtaken tokens; a closed one would not be."""
    site = make(required=True, public=("/login", "/logout"))
    tab = overtaken(site)

    assert 401 == tab.copy().post("/me").status_code
    assert 200 == tab.post("/logout").status_code
    assert [] == site.sessions.list("ada")


def test_overtaken_tokens_let_nobody_in(site: Any) -> None:
    """They read nothing, and end no session but their own, not even by its id."""
    tab = overtaken(site)
    other = site.sessions.login("ada").session.id

    for path in ("/me", "/auth/sessions"):
        assert 401 == tab.copy().get(path).status_code
    assert 401 == tab.copy().post("/auth/refresh").status_code
    assert 401 == tab.copy().post("/auth/sessions/revoke-others").status_code
    assert 401 == tab.copy().delete(f"/auth/sessions/{other}").status_code
    assert 2 == len(site.sessions.list("ada"))


def test_another_device_ends_nothing_with_an_overtaken_token(site: Any) -> None:
    """A copied access token beside the thief's own device token: 401, and the session lives."""
    owner, thief = overtaken(site), site.browser("eve")
    thief.jar = {ACCESS: owner.jar[ACCESS], DEVICE: thief.jar[DEVICE]}

    assert 401 == thief.post("/auth/logout").status_code
    assert 1 == len(site.sessions.list("ada"))


def test_an_expired_access_token_ends_nothing_alone(site: Any) -> None:
    """A step-up gives it no longer life; with the refresh token it is a sign-out."""
    tab = overtaken(site)
    site.clock.advance(timedelta(minutes=16))
    alone = Browser(tab.send, jar={name: tab.jar[name] for name in (ACCESS, DEVICE)})

    assert 401 == alone.post("/auth/logout").status_code
    assert 1 == len(site.sessions.list("ada"))
    assert 204 == tab.post("/auth/logout").status_code
    assert [] == site.sessions.list("ada")


def test_another_site_signs_nobody_out_with_overtaken_cookies(site: Any) -> None:
    """The check for other sites stands before it, and a token in the body reads no cookie."""
    tab = overtaken(site)
    body = {"refresh_token": "nonsense"}

    assert 403 == tab.copy().post("/auth/logout", site="cross-site").status_code
    assert 204 == tab.copy().post("/auth/logout", site="cross-site", body=body).status_code
    assert 1 == len(site.sessions.list("ada"))
