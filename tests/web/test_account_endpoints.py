"""Several accounts over http: the list, the switch, the sign-out of all, and stale pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from _accounts import SLOT, in_slot, live, of_slot, signed_in
from _browser import ACCESS, DEVICE, REFRESH, Browser, Cookie
from _wsgi_driver import on_wsgi

from devsess import InvalidSessionError, SessionManager
from devsess.adapters.wsgi import SessionMiddleware
from devsess.tokens.keys import generate_secret

SWITCH = "/auth/accounts/switch"
HEADER = "Devsess-Session"
FRIEND = "https://www.app.example"


@pytest.fixture
def site(make: Callable[..., Any]) -> Any:
    return make(accounts=3)


def accounts(browser: Browser) -> list[dict[str, Any]]:
    answer = browser.get("/auth/accounts")
    assert 200 == answer.status_code, answer.text
    found: list[dict[str, Any]] = answer.json()["accounts"]
    return found


def users(browser: Browser) -> list[tuple[int, str, bool]]:
    return [(it["slot"], it["session"]["userId"], it["current"]) for it in accounts(browser)]


def switch(browser: Browser, slot: Any, **headers: Any) -> Any:
    return browser.post(SWITCH, body={"account": slot}, **headers)


def id_of(site: Any, user: str) -> str:
    [session] = site.sessions.list(user)
    return str(session.id)


def test_the_accounts_of_a_browser_are_listed(site: Any) -> None:
    """Each with its slot and its session, of which one is current; nobody is no error."""
    assert [] == users(site.browser())
    browser = signed_in(site, "ada", "bob")
    assert [(0, "ada", False), (1, "bob", True)] == users(browser)
    assert [False, True] == [it["session"]["current"] for it in accounts(browser)]
    assert {"slot", "current", "session"} == accounts(browser)[0].keys()
    assert "no-store" == browser.get("/auth/accounts").headers["cache-control"]


def test_a_list_is_no_activity(site: Any) -> None:
    """Of any of them: a page may ask as often as it likes."""
    browser = signed_in(site, "ada", "bob")
    before = [site.sessions.list(user)[0].last_seen_at for user in ("ada", "bob")]
    site.clock.advance(timedelta(minutes=20))
    assert 2 == len(accounts(browser))
    assert before == [site.sessions.list(user)[0].last_seen_at for user in ("ada", "bob")]


def test_a_browser_switches(site: Any) -> None:
    """To an account that is there, which is answered with its session; also to the current one."""
    browser = signed_in(site, "ada", "bob")
    for slot, user in ((0, "ada"), (0, "ada"), (1.0, "bob")):
        answer = switch(browser, slot)
        assert 200 == answer.status_code
        shown = answer.json()["account"]
        assert (slot, True, user) == (shown["slot"], shown["current"], shown["session"]["userId"])
        assert user == browser.get("/me").json()["user"]


@pytest.mark.parametrize("slot", [2, 4])
def test_a_switch_to_nobody_changes_nothing(site: Any, slot: int) -> None:
    """404, since a 401 would say that the current session is over."""
    browser = signed_in(site, "ada", "bob")
    before = dict(browser.jar)
    answer = switch(browser, slot)
    assert (404, before) == (answer.status_code, browser.jar)
    assert "www-authenticate" not in answer.headers
    assert "bob" == browser.get("/me").json()["user"]


def test_a_switch_to_an_account_that_ended_is_one_to_nobody(site: Any) -> None:
    """Its cookies go, and the current account stays."""
    browser = signed_in(site, "ada", "bob")
    site.sessions.revoke_all("ada")
    assert 404 == switch(browser, 0).status_code
    assert {DEVICE, *of_slot(1), SLOT} == set(browser.jar)


@pytest.mark.parametrize("slot", ["0", None, True, 1.5, -1, 5, 10**30, [0]])
def test_a_slot_is_a_number(site: Any, slot: Any) -> None:
    """400, and nothing is looked at."""
    assert 400 == switch(signed_in(site, "ada", "bob"), slot).status_code


def test_a_switch_is_json(site: Any) -> None:
    """No form of another site can send that."""
    browser = signed_in(site, "ada", "bob")
    assert 415 == browser.post(SWITCH).status_code
    assert 400 == browser.post(SWITCH, body=[0]).status_code
    assert 413 == browser.post(SWITCH, body={"account": 0, "more": "x" * 20_000}).status_code


def test_all_accounts_sign_out(site: Any) -> None:
    """Their devices stay known; a second time there is nobody, and that is no error."""
    browser = signed_in(site, "ada", "bob", "eve")
    assert 204 == browser.post("/auth/accounts/logout").status_code
    assert {in_slot(DEVICE, slot) for slot in range(3)} == set(browser.jar)
    assert [] == [it for user in ("ada", "bob", "eve") for it in site.sessions.list(user)]
    assert 204 == browser.post("/auth/accounts/logout").status_code


@pytest.mark.parametrize("slot", [0, 1])
def test_a_sign_out_says_that_a_session_may_live_on(site: Any, slot: int) -> None:
    """Of whichever slot: its token has expired, and nothing renews it."""
    browser = signed_in(site, "ada", "bob")
    browser.jar.pop(f"{REFRESH}-{slot}" if slot else REFRESH)
    site.clock.advance(timedelta(minutes=16))
    for path, body in (("/auth/accounts/logout", None), ("/auth/logout", {"forget_device": True})):
        other = browser.copy()
        assert 401 == other.post(path, body=body).status_code
        assert {ACCESS, f"{ACCESS}-1"}.isdisjoint(other.jar)
    assert [1 - slot] == [
        number for number, user in enumerate(("ada", "bob")) if not site.sessions.list(user)
    ]


@pytest.mark.parametrize("minutes", [0, 16])
def test_a_sign_out_of_all_may_forget_the_device(site: Any, minutes: int) -> None:
    """As the plain one may: no account trusts it any longer, and no cookie names it."""
    browser = signed_in(site, "ada", "bob")
    until = site.clock.now() + timedelta(days=9)
    for user in ("ada", "bob"):
        site.sessions.trust_device(user, live(site, user)[0].device.id, until)
    site.clock.advance(timedelta(minutes=minutes))
    answer = browser.post("/auth/accounts/logout", body={"forget_device": True})
    assert (204, {}) == (answer.status_code, browser.jar)
    for user in ("ada", "bob"):
        assert [None] == [it.trusted_until for it in site.sessions.devices(user)]


def test_a_sign_out_of_all_ends_the_one_of_a_program(site: Any) -> None:
    """Whose refresh token is in the body, as at the plain one: no cookie beside it is read."""
    browser, program = signed_in(site, "ada"), site.program("eve")
    body = {name: program.tokens[name] for name in ("refresh_token", "device_token")}
    assert 204 == browser.post("/auth/accounts/logout", site=None, body=body).status_code
    assert ([], "ada") == (live(site, "eve"), browser.get("/me").json()["user"])


@pytest.mark.parametrize(("body", "status"), [([], 400), ({"forget_device": 1}, 400)])
def test_a_sign_out_of_all_that_is_not_understood_ends_none(
    site: Any, body: Any, status: int
) -> None:
    """As at the plain one."""
    browser = signed_in(site, "ada", "bob")
    assert status == browser.post("/auth/accounts/logout", body=body).status_code
    assert (1, 1) == (len(live(site, "ada")), len(live(site, "bob")))


def test_the_plain_sign_out_ends_one(site: Any) -> None:
    """The current one; the others are there to be switched to."""
    browser = signed_in(site, "ada", "bob")
    assert 204 == browser.post("/auth/logout").status_code
    assert [(0, "ada", False)] == users(browser)
    assert 401 == browser.get("/me").status_code
    assert 200 == switch(browser, 0).status_code
    assert 204 == browser.post("/auth/logout", body={"forget_device": True}).status_code
    assert set() == set(browser.jar)


@pytest.mark.parametrize("active", [0, 1, 2])
@pytest.mark.parametrize("site_of", ["cross-site", "same-site"])
def test_another_site_neither_lists_nor_switches_nor_ends(
    site: Any, site_of: str, active: int
) -> None:
    """Whichever slot acts, also one that nobody is in."""
    browser = signed_in(site, "ada", "bob")
    browser.jar[SLOT] = Cookie(str(active), {})
    before = dict(browser.jar)
    assert 403 == browser.get("/auth/accounts", site=site_of).status_code
    assert 403 == switch(browser, 0, site=site_of).status_code
    assert 403 == browser.post("/auth/accounts/logout", site=site_of).status_code
    assert (before, 1, 1) == (
        browser.jar,
        *(len(site.sessions.list(user)) for user in ("ada", "bob")),
    )


@pytest.mark.parametrize("path", [SWITCH, "/auth/accounts/logout", "/switch?slot=0", "/logout?all"])
def test_a_request_without_an_origin_is_refused_for_tokens_of_any_slot(
    site: Any, path: str
) -> None:
    """Also where nobody is in the slot that acts; not once those have ended."""
    browser = signed_in(site, "ada", "bob")
    browser.jar[SLOT] = Cookie("2", {})
    body = {"account": 0} if path == SWITCH else None
    assert 403 == browser.post(path, site=None, body=body).status_code
    site.sessions.revoke_all("ada")
    site.sessions.revoke_all("bob")
    assert 403 != browser.post(path, site=None, body=body).status_code


@pytest.mark.parametrize("path", [SWITCH, "/auth/accounts/logout", "/switch?slot=0", "/logout?all"])
@pytest.mark.parametrize("how", ["ended", "twice"])
def test_cookies_that_sign_nobody_in_do_not_let_others_pass(site: Any, path: str, how: str) -> None:
    """The current account has ended, or its cookie came twice: the others are still there."""
    browser = signed_in(site, "ada", "bob")
    if how == "ended":
        site.sessions.revoke_all("bob")
    line = "; ".join(f"{name}={it.value}" for name, it in browser.jar.items())
    line += f"; {ACCESS}-1=x" * (how == "twice")
    headers = [("Host", browser.host), ("Cookie", line)]
    headers += [("Content-Type", "application/json")] * (path == SWITCH)
    body = b'{"account": 0}' if path == SWITCH else b""
    assert 403 == site.send("POST", path, headers, body).status_code
    assert 1 == len(live(site, "ada"))


def test_a_preflight_allows_the_header(make: Callable[..., Any]) -> None:
    """At the endpoints, to a named origin; and the answer is one that its script reads."""
    site = make(accounts=2, origins=[FRIEND])
    preflight = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,devsess-session",
    }
    for path in ("/auth/refresh", SWITCH, "/auth/accounts/logout"):
        answer = site.browser().ask("OPTIONS", path, site="same-site", Origin=FRIEND, **preflight)
        assert "content-type,devsess-session" == answer.headers["access-control-allow-headers"]
    browser = signed_in(site, "ada", "bob")
    answer = browser.get("/me", site="same-site", Origin=FRIEND, **{HEADER: id_of(site, "ada")})
    assert (409, FRIEND) == (answer.status_code, answer.headers["access-control-allow-origin"])


@pytest.mark.parametrize("number", [1, 2])
def test_a_switch_to_nobody_is_an_invalid_session(number: int) -> None:
    """As what `require` raises is: an app catches one error for both."""
    raised: list[InvalidSessionError] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        try:
            environ["devsess"].switch(1)
        except InvalidSessionError as error:
            raised.append(error)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b""]

    with SessionManager("memory://", keys=generate_secret()) as sessions:
        on_wsgi(SessionMiddleware(app, sessions, accounts=number), "GET", "/")
    assert 1 == len(raised)
