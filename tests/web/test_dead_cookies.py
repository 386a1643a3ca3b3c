"""Cookies of no use: those of ended sessions, twins, and junk. None of them locks anybody out."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from _browser import ACCESS, DEVICE, REFRESH, Browser, Cookie
from _raw_apps import VIEWS, Answer, wsgi_app

from devsess import Event, EventType, SessionManager
from devsess.adapters import _cookies as cookies
from devsess.adapters.wsgi import SessionMiddleware
from devsess.tokens.keys import generate_secret

PAGE = {"Accept": "text/html,*/*"}
JUNK = "x" * 5000


def revoke(site: Any, _: Browser) -> None:
    site.sessions.revoke_all("ada")


def revoke_long_ago(site: Any, _: Browser) -> None:
    site.sessions.revoke_all("ada")
    site.clock.advance(timedelta(minutes=16))


def run_out(site: Any, _: Browser) -> None:
    site.clock.advance(timedelta(days=15))


def steal(site: Any, browser: Browser) -> None:
    """A thief's old refresh token comes back, and ends the session."""
    thief = browser.copy()
    for _ in range(2):
        site.clock.advance(timedelta(minutes=16))
        browser.get("/me")
    thief.jar.pop(ACCESS)
    thief.get("/me")
    browser.jar.pop(ACCESS)


def erase(site: Any, browser: Browser) -> None:
    site.sessions.erase_user("ada")
    browser.jar.pop(REFRESH)  # nothing can verify it without the salt of its row


WAYS_TO_END = (revoke, revoke_long_ago, run_out, steal, erase)


@pytest.mark.parametrize("end", WAYS_TO_END)
@pytest.mark.parametrize(("path", "headers"), [("/", PAGE), ("/auth/sessions", {})])
def test_cookies_of_an_ended_session_are_cleared(
    site: Any, end: Callable[..., None], path: str, headers: dict[str, str]
) -> None:
    """Where a person goes to a page, or an endpoint of ours answers; the device stays known."""
    browser = site.browser("ada", "&persistent")
    end(site, browser)
    browser.get("/client")
    assert {ACCESS, REFRESH} & set(browser.jar)  # a script's request clears nothing
    browser.get(path, **headers)
    assert {DEVICE} == set(browser.jar)


@pytest.mark.parametrize("end", WAYS_TO_END)
def test_dead_cookies_prevent_no_sign_in(site: Any, end: Callable[..., None]) -> None:
    """A client without Origin and Fetch Metadata may sign in beside them, as without cookies."""
    browser = site.browser("ada", "&persistent")
    assert 403 == browser.post("/login?user=ada", site=None).status_code
    end(site, browser)
    assert 200 == browser.post("/login?user=ada", site=None, **PAGE).status_code
    assert {ACCESS, REFRESH, DEVICE} == set(browser.jar)
    assert 200 == browser.get("/me").status_code


@pytest.mark.parametrize("end", WAYS_TO_END)
@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/", PAGE),
        ("GET", "/me", {}),
        ("GET", "/auth/sessions", {}),
        ("POST", "/auth/refresh", PAGE),
        ("POST", "/login?user=ada", {"site": None, **PAGE}),
    ],
)
def test_one_use_of_an_ended_session_is_notified_once(
    make: Any, end: Callable[..., None], method: str, path: str, headers: dict[str, Any]
) -> None:
    """However often a request looks at its cookies; without its row nothing is known of it."""
    emitted: list[Event] = []
    site = make(on_event=emitted.append)
    browser = site.browser("ada", "&persistent")
    end(site, browser)
    emitted.clear()
    browser.ask(method, path, **headers)
    used = [event for event in emitted if event.type is EventType.SESSION_USED_AFTER_END]
    assert (0 if end is erase else 1) == len(used)


@pytest.mark.parametrize("path", ["/auth/refresh", "/auth/logout"])
def test_a_program_with_two_tokens_of_an_ended_session_is_notified_once(
    make: Any, path: str
) -> None:
    """One in a header and one in the body are one use: the request is one."""
    emitted: list[Event] = []
    site = make(on_event=emitted.append)
    program = site.program("ada")
    site.sessions.revoke_all("ada")
    emitted.clear()
    program.ask("POST", path, {"refresh_token": program.tokens["refresh_token"]})
    assert [EventType.SESSION_USED_AFTER_END] == [event.type for event in emitted]


def expired(site: Any, browser: Browser) -> None:
    del browser.jar[REFRESH]
    site.clock.advance(timedelta(minutes=16))


def elsewhere(site: Any, browser: Browser) -> None:
    browser.jar[DEVICE] = site.browser("eve").jar[DEVICE]


def forged(_: Any, browser: Browser) -> None:
    browser.jar = {name: Cookie("of.another.app", {}) for name in (ACCESS, REFRESH)}


def forged_for_an_ended_session(site: Any, browser: Browser) -> None:
    """It names an ended session, and its signature is wrong."""
    head, _, mac = browser.jar[REFRESH].value.rpartition(".")
    browser.jar = {REFRESH: Cookie(f"{head}.{mac[::-1]}", {})}
    site.sessions.revoke_all("ada")


def without_store(site: Any, _: Browser) -> None:
    site.sessions.revoke_all("ada")
    site.path.rename(site.path.with_suffix(".away"))
    assert 503 == site.browser().post("/login?user=eve").status_code


@pytest.mark.parametrize(
    "happens", [expired, elsewhere, forged, forged_for_an_ended_session, without_store]
)
def test_cookies_that_may_be_used_are_left_alone(site: Any, happens: Callable[..., None]) -> None:
    """They may be another app's, or of a live session: they stay, and count as credentials."""
    browser = site.browser("ada")
    happens(site, browser)
    jar = dict(browser.jar)
    for path in ("/", "/auth/sessions"):
        assert "set-cookie" not in browser.get(path, **PAGE).headers
    assert jar == browser.jar
    assert browser.post("/login?user=ada", site=None).status_code in (403, 503)


def test_a_live_refresh_cookie_alone_counts(site: Any) -> None:
    """It would be renewed, so the request must say where it comes from."""
    browser = site.browser("ada")
    del browser.jar[ACCESS]
    assert 403 == browser.post("/me", site=None).status_code
    revoked, live = site.browser("ada"), dict(browser.jar)
    site.sessions.revoke(site.sessions.list("ada")[0].id)
    revoked.jar[REFRESH] = live[REFRESH]
    assert 403 == revoked.post("/me", site=None).status_code


def test_looking_renews_nothing(site: Any) -> None:
    """A request that was refused is no activity, and rotates no token."""
    browser = site.browser("ada")
    site.clock.advance(timedelta(minutes=10))
    before = site.sessions.list("ada")
    assert 403 == browser.post("/me", site=None).status_code
    assert before == site.sessions.list("ada")


@pytest.mark.parametrize("name", [ACCESS, REFRESH, DEVICE])
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/me"), ("POST", "/auth/refresh"), ("POST", "/step-up"), ("POST", "/extend")],
)
def test_junk_beside_a_session_breaks_nothing(site: Any, name: str, method: str, path: str) -> None:
    """Five kilobytes that nobody set are neither sent back nor a reason to fail."""
    browser = site.browser("ada", "&persistent")
    site.clock.advance(timedelta(minutes=10))
    browser.jar[name] = Cookie(JUNK, {})
    answer = browser.ask(method, path)
    # Without its own token a bound session is nobody's, and a junk refresh token refreshes nothing.
    assert answer.status_code in (200, 401)
    assert JUNK not in str(answer.headers)
    assert 200 == browser.post("/login?user=ada").status_code
    assert 200 == browser.get("/me").status_code


TWINS = {
    "of the whole domain": "devsess-access=x; Path=/; Domain=www.app.example",
    "of the domain above": "devsess-access=x; Path=/; Domain=app.example",
    "of a path": "devsess-refresh=x; Path=/auth",
    "of a path with a slash": "devsess-device=x; Path=/auth/",
    "of the page": "devsess-access=x; Path=/auth/sessions",
    "of both": "devsess-refresh=x; Path=/auth; Domain=app.example",
}


@pytest.mark.parametrize("twin", TWINS)
@pytest.mark.filterwarnings("ignore:insecure_cookies")
def test_twins_are_cleared(twin: str) -> None:
    """One answer clears both, the foreign one too, and the next sign-in holds."""
    with SessionManager("memory://", keys=generate_secret()) as sessions:
        app = SessionMiddleware(
            wsgi_app(lambda: 0.0), sessions, insecure_cookies=True, endpoints="/auth"
        )
        client = httpx.Client(
            transport=httpx.WSGITransport(app),
            base_url="http://www.app.example",
            headers={"Sec-Fetch-Site": "same-origin"},
        )
        tokens = sessions.login("ada")
        planted = httpx.Request("GET", "http://www.app.example/auth/sessions")
        for line in (
            f"devsess-access={tokens.access_token}; Path=/",
            f"devsess-refresh={tokens.refresh_token}; Path=/",
            f"devsess-device={tokens.device_token}; Path=/",
            TWINS[twin],
        ):
            set_by = httpx.Response(200, headers={"Set-Cookie": line}, request=planted)
            client.cookies.extract_cookies(set_by)
        assert 401 == client.get("/auth/sessions").status_code
        left = {(cookie.name, cookie.path) for cookie in client.cookies.jar}
        assert 2 == len(left)
        assert 200 == client.post("/login?user=ada&ago=-1").status_code
        assert 200 == client.get("/auth/sessions").status_code


def test_a_sign_in_among_twins_holds(site: Any) -> None:
    """The cookies that it sets are not among those that are cleared with the same answer."""
    browser = site.browser("ada")
    value = browser.jar[ACCESS].value
    browser.jar[ACCESS] = Cookie(f"x; {ACCESS}={value}", {})
    assert 200 == browser.post("/login?user=ada", **PAGE).status_code
    assert 200 == browser.get("/me").status_code


def test_lines_that_clear_twins_are_bounded() -> None:
    """However long path and host are: many a proxy takes no more than 4 KB of headers."""
    names = ["devsess-access", "devsess-refresh", "devsess-device"]
    host, path = ".".join("abcdefghijk"), "/" + "/".join("abcdefghijklmnopq")
    lines = cookies.clear_twins(names, host, path, "; Path=/; HttpOnly; SameSite=Lax")
    assert cookies.MAX_CLEARED == len(lines)
    assert 4096 > sum(len(line) for line in lines)


@pytest.mark.parametrize("name", ["__Host-devsess-access", "devsess-access"])
def test_clearing_twins_is_cheap_whatever_the_client_asks_for(name: str) -> None:
    """It chooses host and path: of two hundred parts each there are forty thousand places."""
    host, path = "a." * 100 + "example", "/a" * 200
    tracemalloc.start()
    try:
        cookies.clear_twins([name], host, path, "; Path=/; Secure; HttpOnly; SameSite=Lax")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 100_000 > most


def test_no_line_is_longer_than_browsers_read() -> None:
    """Attributes of more than 1,024 bytes are ignored, and no host's name has more than 253."""
    host, path = "a." * 130 + "example", "/short/" + "x" * 1100
    lines = cookies.clear_twins(["n"], host, path, "; Path=/; HttpOnly; SameSite=Lax")
    assert ["n=; Max-Age=0; Path=/short", "n=; Max-Age=0; Path=/short/"] == lines


@pytest.mark.parametrize("host", ["", "localhost:8000", "[::1]:80", "127.0.0.1", "a b.c", "x;y.z"])
def test_a_host_that_is_no_domain_is_named_in_no_cookie(host: str) -> None:
    """The Host of a request gets into a header only if it is a domain's name."""
    for line in cookies.clear_twins(["n"], host, "/a;b", "; Path=/; HttpOnly; SameSite=Lax"):
        assert "Domain" not in line
        assert "/a;b" not in line


def test_a_scripts_request_clears_nothing(site: Any) -> None:
    """It is one of many: a late answer would clear what an earlier one has set."""
    ended = site.browser("ada")
    site.sessions.revoke_all("ada")
    answer = ended.post("/", site=None)
    assert (200, False) == (answer.status_code, "set-cookie" in answer.headers)
    twin = site.browser("ada")
    twin.jar[ACCESS] = Cookie(f"x; {ACCESS}=y", {})
    assert "set-cookie" not in twin.get("/me").headers


@pytest.mark.parametrize(("seconds", "clears"), [(0, True), (60, False)])
def test_a_slow_page_clears_nothing(
    site: Any, monkeypatch: pytest.MonkeyPatch, seconds: int, clears: bool
) -> None:
    """In another tab the person may have signed in since: those cookies would go."""

    async def slow(*_: Any) -> Answer:
        site.clock.advance(seconds)
        return Answer("<p>hello", "text/html")

    monkeypatch.setitem(VIEWS, "/slow", slow)
    browser = site.browser("ada")
    site.sessions.revoke_all("ada")
    assert clears == ("set-cookie" in browser.get("/slow", **PAGE).headers)
