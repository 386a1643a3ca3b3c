"""Which pages may make a browser change something: Fetch Metadata first, then Origin."""

from __future__ import annotations

from typing import Any

import pytest
from _browser import ACCESS, REFRESH

from devsess import SessionManager
from devsess.adapters import _csrf as csrf
from devsess.adapters import wsgi
from devsess.adapters._carrier import Credentials
from devsess.adapters._http import Request

OWN, OTHER = "https://app.example", "https://evil.example"

# Fetch Metadata, Origin, and whether the request passes with and without cookies.
CASES: list[tuple[str | None, str | None, bool, bool]] = [
    ("same-origin", None, True, True),
    ("same-origin", OWN, True, True),
    ("none", None, True, True),
    ("same-site", None, False, False),
    ("cross-site", None, False, False),
    ("cross-site", OTHER, False, False),
    ("cross-site", OWN, False, False),
    ("same-site", OWN, False, False),
    ("cross-site", "null", False, False),
    ("same-site", "https://www.app.example", False, False),
    (None, OWN, True, True),
    (None, "https://app.example:443", True, True),
    (None, "HTTPS://APP.example", True, True),
    (None, "https://app.example:8443", False, False),
    (None, "http://app.example", False, False),
    (None, OTHER, False, False),
    (None, "null", False, False),
    (None, "", False, False),
    (None, "https://app.example.evil.example", False, False),
    (None, "https://app.example@evil.example", False, False),
    (None, "https://app.example/", False, False),
    (None, None, False, True),
    ("unheard-of", None, False, True),
    ("unheard-of", OWN, True, True),
    ("Same-Origin", OTHER, False, False),
]


def ask(browser: Any, method: str, fetch: str | None, origin: str | None, path: str = "/") -> int:
    headers = {} if origin is None else {"Origin": origin}
    return int(browser.ask(method, path, site=fetch, **headers).status_code)


@pytest.mark.parametrize(("fetch", "origin", "signed_in", "stranger"), CASES)
def test_unsafe_requests(
    site: Any, fetch: str | None, origin: str | None, signed_in: bool, stranger: bool
) -> None:
    """A request that another site makes a browser send changes nothing and signs nobody in."""
    browser = site.browser("ada")
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert (200 if signed_in else 403) == ask(browser, method, fetch, origin)
        assert (200 if stranger else 403) == ask(site.browser(), method, fetch, origin)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_safe_requests_pass(site: Any, method: str) -> None:
    """Following a link from another site is no attack."""
    assert 200 == ask(site.browser("ada"), method, "cross-site", OTHER)


def test_a_bearer_token_is_proof(site: Any) -> None:
    """No browser adds it by itself, wherever the request comes from."""
    program = site.program("ada")
    answer = program.ask("POST", "/", Sec_Fetch_Site="cross-site", Origin=OTHER)
    assert 200 == answer.status_code


def test_basic_credentials_are_no_proof(site: Any) -> None:
    """Browsers do add those: another site could sign this one in."""
    browser = site.browser()
    answer = browser.post("/login?user=eve", site="cross-site", Authorization="Basic YTpi")
    assert 403 == answer.status_code


def test_named_origins_pass(make: Any) -> None:
    """Another origin of the same owner may act; its neighbours may not."""
    site = make(origins=["https://www.app.example", "http://localhost:3000"])
    browser = site.browser("ada")
    assert 200 == ask(browser, "POST", "same-site", "https://www.app.example")
    assert 200 == ask(browser, "POST", "cross-site", "http://localhost:3000")
    assert 403 == ask(browser, "POST", "same-site", "https://old.app.example")
    assert 403 == ask(browser, "POST", "cross-site", "http://localhost:3001")


def test_exempt_paths(make: Any) -> None:
    """Exactly those, and those below one that ends with a slash; no path that reads as another."""
    site = make(csrf_exempt=["/me", "/hooks/"])
    browser = site.browser("ada")
    assert 200 == ask(browser, "POST", "cross-site", OTHER, "/me")
    for path in ("/", "/change", "/hooks/../change", "/hooks//change", "/me/", "/hooks"):
        assert 403 == ask(browser, "POST", "cross-site", OTHER, path)


@pytest.mark.parametrize("cookie", [ACCESS, REFRESH])
def test_either_cookie_needs_its_page(site: Any, cookie: str) -> None:
    """A refresh cookie alone signs a request in as well: it must say where it comes from."""
    browser = site.browser("ada")
    browser.jar = {cookie: browser.jar[cookie]}
    assert 403 == ask(browser, "POST", None, None, "/logout")
    assert 1 == len(site.sessions.list("ada"))


MALFORMED = [
    "app.example:port",
    "[::1",
    "app.example/",
    "user@app.example",
    "",
    "app.example:99999",
]


@pytest.mark.parametrize("host", MALFORMED)
@pytest.mark.parametrize("origin", ["null", "https://", "app.example", OTHER])
def test_a_malformed_host_has_no_origin(host: str, origin: str) -> None:
    """A Host that cannot be read equals no Origin that cannot be read."""
    assert csrf.refusal(asking("https", Host=host, Origin=origin), COOKIES, SETTINGS)


@pytest.mark.parametrize(
    ("scheme", "origin", "passes"),
    [
        ("wss", "https://app.example", True),
        ("wss", "http://app.example", False),
        ("ws", "https://app.example", True),
        ("ws", "wss://app.example", False),
    ],
)
def test_a_handshake_comes_from_a_page(scheme: str, origin: str, passes: bool) -> None:
    """Over TLS the page came over TLS as well, or it may be anybody's on the way."""
    request = asking(scheme, method="GET", Host="app.example", Origin=origin)
    assert passes == (csrf.refusal(request, COOKIES, SETTINGS) is None)


@pytest.mark.parametrize(("scheme", "passes"), [("ws", True), ("wss", False)])
def test_a_handshake_over_tls_comes_from_https(scheme: str, passes: bool) -> None:
    """Also on localhost, where a page over plain http is one of the app's own otherwise."""
    request = asking(scheme, method="GET", Host="localhost", Origin="http://localhost")
    assert passes == (csrf.refusal(request, COOKIES, SETTINGS) is None)


def asking(scheme: str, method: str = "POST", **headers: str) -> Request:
    """A request, a WebSocket's handshake by its scheme."""
    given = {name.lower(): value for name, value in headers.items()}
    is_live = scheme in ("ws", "wss")
    return Request(method, "", "/", "", scheme, given, "192.0.2.1", is_live)


SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
COOKIES = Credentials("cookie", access="token")
SETTINGS = wsgi.SessionMiddleware(None, SessionManager("memory://", keys=SECRET))._settings  # type: ignore[arg-type]


def test_the_endpoints_are_guarded_too(site: Any) -> None:
    """No other site signs anybody out."""
    browser = site.browser("ada")
    for path in ("/auth/logout", "/auth/refresh", "/auth/sessions/revoke-others"):
        assert 403 == ask(browser, "POST", "cross-site", OTHER, path)
    assert 1 == len(site.sessions.list("ada"))
