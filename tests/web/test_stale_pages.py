"""A page acts for the session that it names or not at all, whoever signed in meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from _accounts import sign_in
from _browser import ACCESS, REFRESH, Browser
from _raw_apps import wsgi_app
from _wsgi_driver import on_wsgi

from devsess import SessionManager
from devsess.adapters.wsgi import SessionMiddleware
from devsess.tokens.keys import generate_secret

SWITCH = "/auth/accounts/switch"
HEADER = "Devsess-Session"
# Of a page that was made for another session, each of these would act for the wrong one.
REFUSED = [
    ("GET", "/me"),
    ("GET", "/"),
    ("POST", "/extend"),
    ("POST", "/login?user=eve"),
    ("POST", "/auth/refresh"),
    ("POST", "/auth/logout"),
    ("GET", "/auth/sessions"),
    ("POST", "/auth/sessions/revoke-others"),
    ("DELETE", "/auth/sessions/x"),
    ("GET", "/auth/held"),
    ("POST", "/auth/held/approve"),
    ("POST", "/auth/held/refuse"),
    ("POST", "/auth/held/collect"),
]
# These tell it so, or act for all.
OPEN = [
    ("GET", "/auth/session", 200),
    ("GET", "/auth/accounts", 200),
    ("GET", "/auth/jwks.json", 200),
    ("GET", "/auth/openapi.json", 200),
    ("POST", SWITCH, 200),
    ("POST", "/auth/accounts/logout", 204),
]


@pytest.fixture(params=[1, 3])
def accounts(request: pytest.FixtureRequest) -> int:
    """How many a browser may be signed in to: the law is the same."""
    number: int = request.param
    return number


@pytest.fixture
def site(make: Callable[..., Any], accounts: int) -> Any:
    return make(accounts=accounts)


def two(site: Any) -> tuple[Browser, str, str]:
    """A browser where ada signed in and then bob, and the ids of their two sessions."""
    browser = site.browser()
    found = []
    for user in ("ada", "bob"):
        sign_in(browser, user)
        [session] = site.sessions.list(user)
        found.append(session.id)
    return browser, found[0], found[1]


@pytest.mark.parametrize(("method", "path"), REFUSED)
def test_a_page_of_another_session_is_refused(site: Any, method: str, path: str) -> None:
    """409, before the app or an endpoint acts; its own session's is served."""
    browser, ada, bob = two(site)
    before, lives = dict(browser.jar), [site.sessions.list(it) for it in ("ada", "bob")]
    answer = browser.ask(method, path, **{HEADER: ada})
    assert (409, "another_session") == (answer.status_code, answer.json()["error"])
    assert "application/problem+json" == answer.headers["content-type"]
    assert {"Cookie", "devsess-session"} <= {*answer.headers["vary"].split(", ")}
    assert before == browser.jar
    assert lives == [site.sessions.list(it) for it in ("ada", "bob")]
    assert 409 != browser.ask(method, path, **{HEADER: bob}).status_code


@pytest.mark.parametrize(("method", "path", "status"), OPEN)
def test_what_any_page_may_ask(
    site: Any, accounts: int, method: str, path: str, status: int
) -> None:
    """Who is there, and what is public; where there are several, it also switches and ends all."""
    browser, ada, _ = two(site)
    body = {"account": 0} if path == SWITCH else None
    expected = 404 if accounts == 1 and path.startswith("/auth/accounts") else status
    assert expected == browser.ask(method, path, body=body, **{HEADER: ada}).status_code


@pytest.mark.parametrize("minutes", [0, 16])
@pytest.mark.parametrize("required", [True, False])
def test_a_stale_page_costs_no_call(
    make: Callable[..., Any], accounts: int, minutes: int, required: bool
) -> None:
    """No token is used, whether it has expired or not: the cookies say whose they are."""
    site = make(accounts=accounts, required=required, public=["/login"] if required else [])
    browser, ada, _ = two(site)
    browser.get("/me")
    site.clock.advance(timedelta(minutes=minutes))
    site.path.rename(site.path.with_suffix(".away"))
    for method, path in (("GET", "/me"), ("POST", "/extend"), ("POST", "/auth/refresh")):
        assert 409 == browser.ask(method, path, **{HEADER: ada}).status_code


@pytest.mark.parametrize("minutes", [0, 16])
def test_a_page_of_this_session_is_served(site: Any, minutes: int) -> None:
    """From memory, and with a token that has to be renewed."""
    browser, _, bob = two(site)
    header = {HEADER: bob}
    site.clock.advance(timedelta(minutes=minutes))
    for _ in range(2):
        assert {"user": "bob"} == browser.get("/me", **header).json()
    browser.jar.pop(ACCESS)
    assert {"user": "bob"} == browser.get("/me", **header).json()


def test_tokens_of_two_sessions_are_no_page(site: Any, accounts: int) -> None:
    """An access token of one and a refresh token of another: a renewal would change the account."""
    browser, other = site.browser("bob"), site.browser("ada")
    browser.jar[REFRESH] = other.jar[REFRESH]
    [bob] = site.sessions.list("bob")
    header = {HEADER: bob.id}
    for _ in range(2):  # from memory too
        assert 409 == browser.get("/me", **header).status_code
        assert 200 == browser.get("/me").status_code
    site.clock.advance(timedelta(minutes=16))
    assert 409 == browser.get("/me", **header).status_code


def test_a_page_whose_session_has_ended_is_told_that(site: Any) -> None:
    """Where nobody acts, a request is a stranger's, as without the header."""
    browser, _, bob = two(site)
    header = {HEADER: bob}
    browser.post("/auth/logout", **header)
    assert 401 == browser.get("/me", **header).status_code
    assert 200 == browser.get("/", **header).status_code


def test_the_header_says_nothing_of_bearer_tokens(site: Any) -> None:
    """They are the page's own."""
    program = site.program("ada")
    assert 200 == program.ask("GET", "/me", **{HEADER: "x"}).status_code
    body = {"refresh_token": program.tokens["refresh_token"]}
    assert 200 == program.ask("POST", "/auth/refresh", body, **{HEADER: "x"}).status_code


def test_a_manager_of_the_apps_own_refuses_stale_pages_too(accounts: int) -> None:
    """Where each request is validated by a call."""

    class Wrapped(SessionManager):
        calls = 0

        def validate(self, *args: Any, **options: Any) -> Any:
            Wrapped.calls += 1
            return super().validate(*args, **options)

    with Wrapped("memory://", keys=generate_secret()) as sessions:
        app = SessionMiddleware(wsgi_app(lambda: 0.0), sessions, accounts=accounts)
        browser = Browser(lambda *request: on_wsgi(app, *request))
        sign_in(browser, "ada")
        [session] = sessions.list("ada")
        sign_in(browser, "bob")
        Wrapped.calls = 0
        assert 409 == browser.get("/me", **{HEADER: session.id}).status_code
        assert 0 == Wrapped.calls
        assert 200 == browser.get("/me").status_code
        assert 1 == Wrapped.calls
