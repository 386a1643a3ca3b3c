"""A wrapped app serves browsers and programs, on WSGI and on ASGI alike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from unittest import mock

import pytest
from _browser import ACCESS, DEVICE, REFRESH, Browser, Cookie
from _raw_apps import Meanwhile

from devsess import Client

CHALLENGE = 'Bearer realm="devsess"'


def test_a_browser_from_sign_in_to_sign_out(site: Any) -> None:
    """Three cookies that only this site and no script can read carry the session."""
    browser = site.browser()
    assert "hello stranger" in browser.get("/").text
    assert 401 == browser.get("/me").status_code
    answer = browser.post("/login?user=ada")
    assert {ACCESS, REFRESH, DEVICE} == set(browser.jar)
    for cookie in browser.jar.values():
        expected = {"Path": "/", "Secure": None, "HttpOnly": None, "SameSite": "Lax"}
        assert expected.items() <= cookie.attributes.items()
    assert "no-store" == answer.headers["cache-control"]
    assert {"user": "ada"} == browser.get("/me").json()
    assert "hello ada" in browser.get("/").text
    browser.post("/logout")
    assert {DEVICE} == set(browser.jar)
    assert 401 == browser.get("/me").status_code
    assert [] == site.sessions.list("ada")


def test_a_program_from_sign_in_to_sign_out(site: Any) -> None:
    """The same with tokens in headers: no cookie is needed, none is looked at."""
    program = site.program("ada")
    assert {"user": "ada"} == program.ask("GET", "/me").json()
    site.clock.advance(timedelta(minutes=16))
    assert 401 == program.ask("GET", "/me").status_code
    body = {name: program.tokens[name] for name in ("refresh_token", "device_token")}
    renewed = program.ask("POST", "/auth/refresh", body)
    assert "no-store" == renewed.headers["cache-control"]
    assert {"access_token", "token_type", "refresh_token", "expires_in", "session"} == set(
        renewed.json()
    )
    program.tokens |= renewed.json()
    assert {"user": "ada"} == program.ask("GET", "/me").json()
    assert 204 == program.ask("POST", "/auth/logout").status_code
    assert 401 == program.ask("GET", "/me").status_code


def test_persistent_cookies_end_with_the_session(site: Any) -> None:
    """With `persistent`, Max-Age is the remaining life of the session, after each renewal too."""
    browser = site.browser("ada", "&persistent")
    for _ in range(2):
        session = site.sessions.list("ada")[0]
        left = int((session.expires_at - site.clock.now()).total_seconds())
        assert {str(left)} == {
            browser.jar[name].attributes["Max-Age"] for name in (ACCESS, REFRESH)
        }
        site.clock.advance(timedelta(days=13))
        browser.get("/me")


def test_a_shorter_life_shortens_the_cookies(site: Any) -> None:
    """They last no longer than the lifetime that a sign-in gave its session."""
    browser = site.browser("ada", "&persistent&life=600")
    assert {"600"} == {browser.jar[name].attributes["Max-Age"] for name in (ACCESS, REFRESH)}
    site.clock.advance(600)
    assert 401 == browser.get("/me").status_code


def test_a_session_says_who_authenticated_and_by_which_app(site: Any) -> None:
    """The endpoints show the provider that the application named, and the app by its header."""
    browser = site.browser()
    login = browser.ask("POST", "/login?user=ada&provider=google", **{"Devsess-App": "Shop/4.2.1"})
    assert 200 == login.status_code
    browser.get("/auth/sessions", **{"Devsess-App": "Shop/4.2.1, Shop/9"})
    [session] = browser.get("/auth/sessions").json()["sessions"]

    assert ([], "google") == (session["amr"], session["provider"])
    assert ("Shop 4.2.1 on macOS", "Chrome") == (session["device"], session["browser"])


@pytest.mark.parametrize("path", ["/me", "/extend"])
def test_persistent_cookies_follow_the_deadline(site: Any, path: str) -> None:
    """If activity or `extend` moves it, the cookies of the same answer last as long."""
    browser = site.browser("ada", "&persistent")
    before = site.sessions.list("ada")[0].expires_at
    site.clock.advance(timedelta(minutes=10))
    browser.get(path)
    session = site.sessions.list("ada")[0]
    assert before < session.expires_at
    left = int((session.expires_at - site.clock.now()).total_seconds())
    assert {str(left)} == {browser.jar[name].attributes["Max-Age"] for name in (ACCESS, REFRESH)}
    site.clock.advance(1)
    assert "set-cookie" not in browser.get("/me").headers


@pytest.mark.parametrize(
    ("query", "minutes", "action"),
    [
        *(("&persistent", 10, action) for action in ("refresh", "step up", "sign in", "sign out")),
        # Its access token has expired: the slow request has renewed it.
        *(("", 20, action) for action in ("refresh twice", "step up", "sign in", "sign out")),
        *(
            ("&persistent", 20, action)
            for action in ("refresh twice", "step up", "sign in", "sign out")
        ),
        ("&persistent", 10, "refresh that is no activity"),
    ],
)
def test_a_slow_answer_does_not_bring_old_cookies_back(
    site: Any, query: str, minutes: int, action: str
) -> None:
    """Cookies that another tab received in the meantime are newer and stay."""
    browser = site.browser("ada", query)
    jar = {name: cookie.value for name, cookie in browser.jar.items()}
    client = Client(ip="192.0.2.1", user_agent=browser.agent, device_token=jar[DEVICE])
    site.clock.advance(timedelta(minutes=minutes))

    def step_up() -> None:
        grant = site.sessions.refresh(jar[REFRESH], client)
        site.sessions.step_up(grant.access_token, client, amr=("otp",))

    actions: dict[str, Callable[[], object]] = {
        "refresh that is no activity": lambda: site.sessions.refresh(
            jar[REFRESH], client, touch=False
        ),
        "refresh twice": lambda: site.sessions.refresh(
            site.sessions.refresh(jar[REFRESH], client).refresh_token, client
        ),
        "refresh": lambda: site.sessions.refresh(jar[REFRESH], client),
        "step up": step_up,
        "sign in": lambda: site.sessions.login("ada", client),
        "sign out": lambda: site.sessions.revoke_all("ada"),
    }

    def meanwhile() -> None:
        site.clock.advance(1)
        actions[action]()

    with mock.patch.object(Meanwhile, "action", staticmethod(meanwhile)):
        answer = browser.get("/slow")
    assert 200 == answer.status_code
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("query", ["", "&persistent"])
@pytest.mark.parametrize("by", ["ada", "bob"])
def test_a_slow_step_up_does_not_bring_an_ended_session_back(
    site: Any, query: str, by: str
) -> None:
    """Its cookies would sign out who signed in since, and leave that session without a browser."""
    browser = site.browser("ada", query)

    def meanwhile() -> None:
        site.sessions.revoke_all("ada")
        site.sessions.login(by)

    with mock.patch.object(Meanwhile, "action", staticmethod(meanwhile)):
        answer = browser.get("/slow?step-up")
    assert (200, False) == (answer.status_code, "set-cookie" in answer.headers)
    assert {ACCESS, REFRESH, DEVICE} == set(browser.jar)


@pytest.mark.parametrize(("seconds", "clears"), [(1, True), (60, False)])
def test_a_slow_sign_out_clears_no_cookies(site: Any, seconds: int, clears: bool) -> None:
    """In another tab the person may have signed in since; those of the ended session do no harm."""
    browser = site.browser("ada")
    late = partial(site.clock.advance, seconds)
    with mock.patch.object(Meanwhile, "action", staticmethod(late)):
        browser.get("/slow?logout")
    assert clears == (ACCESS not in browser.jar)
    assert clears == (REFRESH not in browser.jar)
    assert 401 == browser.get("/me").status_code


def test_a_slow_sign_out_that_forgets_the_device_clears_all(site: Any) -> None:
    """Whoever uses this computer next must not be on that device."""
    browser = site.browser("ada")
    late = partial(site.clock.advance, 60)
    with mock.patch.object(Meanwhile, "action", staticmethod(late)):
        browser.get("/slow?logout&forget")
    assert {} == browser.jar


def test_a_slow_sign_out_clears_the_cookies_of_a_session_that_it_could_not_end(site: Any) -> None:
    """Nothing else keeps whoever uses this computer next from the session, which lives on."""
    browser = site.browser("ada")
    other = site.sessions.login("ada", Client(user_agent="Another one"))
    browser.jar[DEVICE] = Cookie(other.device_token, {})
    late = partial(site.clock.advance, 60)
    with mock.patch.object(Meanwhile, "action", staticmethod(late)):
        browser.get("/slow?logout")
    assert 2 == len(site.sessions.list("ada"))
    assert set() == {ACCESS, REFRESH} & browser.jar.keys()


def test_a_slow_sign_out_that_forgot_the_device_before_clears_all(site: Any) -> None:
    """As where an app signs out, and a library that it uses does so again."""
    browser = site.browser("ada")
    late = partial(site.clock.advance, 60)
    with mock.patch.object(Meanwhile, "action", staticmethod(late)):
        browser.get("/slow?logout&forget&again")
    assert {} == browser.jar


def test_cookies_of_the_browsers_day_are_not_sent_again(site: Any) -> None:
    """Without `persistent` they have no Max-Age that would have to follow the deadline."""
    browser = site.browser("ada")
    site.clock.advance(timedelta(minutes=10))
    for path in ("/me", "/extend"):
        assert "set-cookie" not in browser.get(path).headers


def test_with_a_header_cookies_are_not_looked_at(site: Any) -> None:
    """A request has one client: a good cookie does not make up for a bad bearer token."""
    browser = site.browser("ada")
    for header in ("Bearer nonsense", "Bearer ", "Basic YTpi"):
        assert 401 == browser.get("/me", Authorization=header).status_code


@pytest.mark.parametrize(
    ("transport", "cookie", "bearer"), [("cookie", 200, 401), ("bearer", 401, 200)]
)
def test_one_transport(make: Any, transport: str, cookie: int, bearer: int) -> None:
    """The other transport's credentials are not read, and no cookies are set for it."""
    site = make(transport=transport)
    browser, program = site.browser("ada"), site.program("bob")
    assert (transport == "cookie") == bool(browser.jar)
    assert cookie == browser.get("/me").status_code
    assert bearer == program.ask("GET", "/me").status_code


def test_an_expired_access_cookie_is_renewed_within_the_request(site: Any) -> None:
    """On every method; the app sees the session, the browser gets the next cookies."""
    browser = site.browser("ada")
    for method in ("GET", "POST", "DELETE"):
        before = dict(browser.jar)
        site.clock.advance(timedelta(minutes=16))
        assert 200 == browser.ask(method, "/me").status_code
        assert before[ACCESS] != browser.jar[ACCESS]
        assert before[REFRESH] != browser.jar[REFRESH]
    assert 1 == len(site.sessions.list("ada"))


def test_a_key_that_was_dropped_signs_no_browser_out(site: Any) -> None:
    """An access cookie that nobody can read is no worse than none: the refresh cookie renews it."""
    browser = site.browser("ada")
    browser.jar[ACCESS] = Cookie("of.another.key", {})
    assert 200 == browser.get("/me").status_code
    assert "of.another.key" != browser.jar[ACCESS].value


def test_racing_tabs_are_renewed_alike(site: Any) -> None:
    """Two tabs with the same old cookies get the same refresh cookie, and both go on."""
    tab = site.browser("ada")
    other = tab.copy()
    site.clock.advance(timedelta(minutes=16))
    assert 200 == tab.get("/me").status_code == other.get("/me").status_code
    assert tab.jar[REFRESH].value == other.jar[REFRESH].value
    site.clock.advance(timedelta(minutes=16))
    assert 200 == tab.get("/me").status_code


def test_no_renewal_before_the_csrf_check(site: Any) -> None:
    """A cross-site post rotates nothing."""
    browser = site.browser("ada")
    site.clock.advance(timedelta(minutes=16))
    answer = browser.post("/me", site="cross-site")
    assert 403 == answer.status_code
    assert "set-cookie" not in answer.headers
    assert 200 == browser.get("/me").status_code


def test_the_wrong_device_learns_no_reason(site: Any) -> None:
    """Ada's cookies beside another browser's device cookie: 401, and Ada's session goes on."""
    browser, thief = site.browser("ada"), site.browser("eve")
    stolen = browser.copy()
    stolen.jar[DEVICE] = thief.jar[DEVICE]
    answer = stolen.get("/me")
    assert 401 == answer.status_code
    assert "device" not in answer.text
    assert 200 == browser.get("/me").status_code


@pytest.mark.parametrize("name", [ACCESS, REFRESH, DEVICE])
def test_a_duplicated_cookie_is_refused(site: Any, name: str) -> None:
    """One of them was set by somebody else, so neither counts."""
    browser = site.browser("ada")
    line = "; ".join(f"{key}={cookie.value}" for key, cookie in browser.jar.items())
    bare = Browser(browser.send)
    answer = bare.get("/me", Cookie=f"{line}; {name}=other")
    assert 401 == answer.status_code


def test_look_alikes_are_other_cookies(site: Any) -> None:
    """Browsers guard the prefix in every spelling, so a name in another one is not ours."""
    browser = site.browser("ada")
    browser.jar = {name.replace("__Host", "__host"): it for name, it in browser.jar.items()}
    assert 401 == browser.get("/me").status_code


def test_signing_in_again_ends_the_previous_session(site: Any) -> None:
    """The cookies are overwritten, so the session they named ends; another user's too."""
    browser = site.browser("ada")
    browser.post("/login?user=ada")
    assert 1 == len(site.sessions.list("ada"))
    browser.post("/login?user=bob")
    assert [] == site.sessions.list("ada")
    assert 1 == len(site.sessions.list("bob"))


def test_a_program_that_signs_in_for_another_keeps_its_session(site: Any) -> None:
    """Its tokens are in no cookie: nothing was overwritten, and nothing ends."""
    program = site.program("ada")
    assert 200 == program.ask("POST", "/login?user=bob").status_code
    assert (1, 1) == (len(site.sessions.list("ada")), len(site.sessions.list("bob")))
    assert 200 == program.ask("GET", "/me").status_code


def test_step_up(site: Any) -> None:
    """Too old a sign-in is challenged (RFC 9470); a step-up helps, and ends the older tokens."""
    browser = site.browser("ada", "&ago=301")
    answer = browser.post("/change")
    assert 401 == answer.status_code
    challenge = answer.headers["www-authenticate"]
    assert 'error="insufficient_user_authentication"' in challenge
    assert 'max_age="300"' in challenge
    assert 'acr_values="aal2"' in browser.get("/strong").headers["www-authenticate"]
    before = browser.copy()
    assert 200 == browser.post("/step-up").status_code
    assert 200 == browser.post("/change").status_code
    assert 200 == browser.get("/strong").status_code
    del before.jar[REFRESH]
    assert 401 == before.get("/me").status_code


def test_a_person_is_sent_to_sign_in(make: Any) -> None:
    """A browser that opens a page is redirected, with the path to return to; it gets no JSON."""
    site = make(login_url="/sign-in")
    html = {"Accept": "text/html,*/*"}
    answer = site.browser().get("/me?a=1&b=%2F", **html)
    assert 303 == answer.status_code
    assert "/sign-in?return_to=/me%3Fa%3D1%26b%3D%252F" == answer.headers["location"]
    assert 303 == site.browser("ada", "&ago=301").get("/change", **html).status_code
    assert 401 == site.browser().get("/me", Accept="application/json").status_code
    sent = site.browser().post("/me", **html)
    assert (303, "/sign-in") == (sent.status_code, sent.headers["location"])
    back = site.browser().get("/caf%C3%A9", **html).headers["location"]
    assert "/sign-in?return_to=/caf%25C3%25A9" == back


def test_nobody_without_a_session(make: Any) -> None:
    """With required, the app is not even asked; signing in needs another way in."""
    site = make(required=True)
    assert 401 == site.browser().get("/").status_code
    program = site.browser()
    token = site.sessions.login("ada").access_token
    assert 200 == program.get("/", Authorization=f"Bearer {token}").status_code


def test_there_is_a_way_in(make: Any) -> None:
    """Where every path requires a session, the page to sign in does not."""
    site = make(required=True, login_url="/login?from=here")
    browser = site.browser()
    assert "/login" in browser.get("/", Accept="text/html").headers["location"]
    assert 200 == browser.post("/login?user=ada").status_code
    assert 200 == browser.get("/").status_code


def test_an_answer_for_one_user_varies(site: Any) -> None:
    """A cache that keeps pages must not show one person's to another."""
    browser = site.browser("ada")
    assert "Cookie, Authorization" == browser.get("/").headers["vary"]
    assert "Cookie, Authorization" == site.browser().get("/").headers["vary"]
    assert "vary" not in browser.get("/client").headers


def test_challenges(site: Any) -> None:
    """Without credentials no error is named, with bad ones never why (RFC 6750 §3.1)."""
    nothing = site.browser().get("/me")
    assert CHALLENGE == nothing.headers["www-authenticate"]
    assert "application/problem+json" == nothing.headers["content-type"]
    ended, foreign, unknown = site.browser("ada"), site.browser("ada"), site.browser()
    site.sessions.revoke_all("ada")
    foreign.jar = {ACCESS: Cookie("x.y.z", {})}
    unknown.jar = {ACCESS: Cookie("nonsense", {})}
    answers = [each.get("/me") for each in (ended, foreign, unknown)]
    assert {f'{CHALLENGE}, error="invalid_token"'} == {
        it.headers["www-authenticate"] for it in answers
    }
    assert 1 == len({it.text for it in answers})


def test_a_refusal_replaces_a_500(site: Any) -> None:
    """If a framework makes a 500 of the refusal, the refusal is sent all the same."""
    answer = site.browser().get("/swallow")
    assert 401 == answer.status_code
    assert "hid it" not in answer.text


def test_a_handled_refusal_stays_handled(site: Any) -> None:
    """A refusal that a sign-in has answered does not hide a later fault of the app."""
    assert 500 == site.browser().post("/caught?user=ada").status_code
    assert 401 == site.browser().post("/caught").status_code


def test_an_error_after_a_handled_refusal_is_the_apps(site: Any) -> None:
    """It is no refusal: a client that met its demand would send the request again."""
    try:
        status = site.browser().get("/handled").status_code
    except ZeroDivisionError:  # the server makes a 500 of it
        status = 500
    assert 500 == status


@pytest.mark.parametrize("value", ["x; Domain=evil.example", "x" * 5000, "ds1.nonsense"])
def test_a_device_token_is_sent_back_from_its_cookie_alone(site: Any, value: str) -> None:
    """No header, and nothing that could not be a token, gets into a cookie."""
    browser = site.browser("ada")
    site.clock.advance(timedelta(minutes=16))
    answer = browser.get("/me", Devsess_Device=value)
    assert 200 == answer.status_code
    assert value not in str(answer.headers)
    browser = site.browser("ada", "&persistent")
    browser.jar[DEVICE] = Cookie(value.replace(";", ""), {})
    site.clock.advance(timedelta(minutes=10))
    assert browser.get("/me").status_code in (200, 401)
    assert browser.post("/step-up").status_code in (200, 401)


def test_a_store_that_is_down_is_503(site: Any) -> None:
    """A request with credentials gets 503 with Retry-After; no answer says "not signed in"."""
    browser, program = site.browser("ada"), site.program("bob")
    away = site.path.with_suffix(".away")
    site.path.rename(away)
    assert 503 == site.browser().post("/login?user=eve").status_code
    for answer in (browser.get("/me"), program.ask("GET", "/me"), browser.post("/auth/refresh")):
        assert (503, "5") == (answer.status_code, answer.headers["retry-after"])
    assert 200 == site.browser().get("/").status_code
    away.rename(site.path)
    assert 200 == browser.get("/me").status_code


def test_hints_are_asked_for_and_kept(site: Any) -> None:
    """A page asks for hints, and the next sign-in uses them."""
    browser = site.browser()
    assert "Sec-CH-UA-Model" in browser.get("/").headers["accept-ch"]
    assert "DPR" in browser.get("/").headers["accept-ch"]  # the app's own request
    assert "accept-ch" not in browser.get("/client").headers
    hints = {
        "Sec-CH-UA": '"Chromium";v="142", "Google Chrome";v="142"',
        "Sec-CH-UA-Platform": '"Windows"',
        "Sec-CH-UA-Platform-Version": '"15.0.0"',
    }
    browser.post("/login?user=ada", **hints)
    assert "Chrome on Windows 11" == str(site.sessions.list("ada")[0].device)


def test_the_apps_headers_are_its_own(site: Any) -> None:
    """An answer without our headers keeps the app's headers about caching."""
    assert "public, max-age=60" == site.browser().get("/client").headers["cache-control"]


def test_limits_become_409(make: Any) -> None:
    """The sessions that could be ended are in the answer, which is never stored."""
    from devsess import Policy

    site = make(policy=Policy(max_sessions=1, on_limit="reject"))
    site.browser("ada")
    answer = site.browser().post("/login?user=ada")
    assert 409 == answer.status_code
    assert "no-store" == answer.headers["cache-control"]
    assert [site.sessions.list("ada")[0].id] == [
        session["sessionId"] for session in answer.json()["sessions"]
    ]


def test_a_clock_that_is_set_back_takes_no_answer_away(site: Any) -> None:
    """If a token is no longer valid when the response begins, the cookies stay as they are."""
    browser = site.browser("ada", "&persistent")
    site.clock.advance(timedelta(minutes=10))
    set_back = staticmethod(lambda: site.clock.advance(-timedelta(minutes=11)))
    with mock.patch.object(Meanwhile, "action", set_back):
        answer = browser.get("/slow")
    assert 200 == answer.status_code
    assert "set-cookie" not in answer.headers
