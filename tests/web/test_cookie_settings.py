"""The app chooses the names of the cookies and where browsers send them."""

from __future__ import annotations

from typing import Any

import pytest
from _browser import parsed

from devsess import ConfigurationError, SessionManager
from devsess.adapters import asgi, django, flask, starlette
from devsess.adapters.wsgi import Cookies, SessionMiddleware
from devsess.tokens.keys import generate_secret

PLAIN: dict[str, str | None] = {
    "Path": "/",
    "Secure": None,
    "HttpOnly": None,
    "SameSite": "Lax",
}
SETTINGS: list[tuple[Cookies, str, dict[str, str | None]]] = [
    (Cookies(), "__Host-devsess", PLAIN),
    (Cookies(name="shop"), "__Host-shop", PLAIN),
    (
        Cookies(domain="app.example"),
        "__Secure-devsess",
        {"Domain": "app.example", **PLAIN},
    ),
    (Cookies(path="/app"), "__Secure-devsess", {**PLAIN, "Path": "/app"}),
    (Cookies(samesite="Strict"), "__Host-devsess", {**PLAIN, "SameSite": "Strict"}),
    (
        Cookies(samesite="None", partitioned=True),
        "__Host-devsess",
        {**PLAIN, "SameSite": "None", "Partitioned": None},
    ),
]


@pytest.mark.parametrize(("cookies", "begins", "attributes"), SETTINGS)
def test_cookies_are_set_and_cleared_alike(
    make: Any, cookies: Cookies, begins: str, attributes: dict[str, str | None]
) -> None:
    """The prefix follows from Domain and Path; a cookie is cleared under the name it was set by."""
    site = make(cookies=cookies)
    browser = site.browser("ada")
    assert {f"{begins}-{name}" for name in ("access", "refresh", "device")} == set(browser.jar)
    for cookie in browser.jar.values():
        cookie.attributes.pop("Max-Age", None)
        assert attributes == cookie.attributes
    assert 200 == browser.get("/me").status_code
    for line in browser.post("/logout?forget").headers.get_list("set-cookie"):
        name, cookie = parsed(line)
        assert name.startswith(begins)
        assert ("", "0") == (cookie.value, cookie.attributes.pop("Max-Age"))
        cookie.attributes.pop("Expires")
        assert attributes == cookie.attributes
    assert {} == browser.jar


def test_two_apps_on_one_host(make: Any) -> None:
    """With names of their own neither signs the other's people out; cookies know no ports."""
    one = make(cookies=Cookies(name="one"))
    browser = one.browser("ada")
    two = make(cookies=Cookies(name="two"))
    other = two.browser()
    other.jar = browser.jar
    assert 200 == other.post("/login?user=bob").status_code
    assert {"user": "ada"} == browser.get("/me").json()
    assert {"user": "bob"} == other.get("/me").json()
    other.post("/logout?forget")
    assert {"user": "ada"} == browser.get("/me").json()


WRONG: list[dict[str, Any]] = [
    {"name": ""},
    {"name": "a b"},
    {"name": "a;b"},
    {"name": "a=b"},
    {"name": "x" * 65},
    {"name": "__Host-shop"},
    {"name": "__secure-shop"},
    {"name": None},
    {"domain": ""},
    {"domain": ".app.example"},
    {"domain": "APP.example"},
    {"domain": "app.example:443"},
    {"domain": "app.example; Secure"},
    {"domain": "127.0.0.1"},
    {"domain": "-a.example"},
    {"path": ""},
    {"path": "app"},
    {"path": "/a;b"},
    {"path": "/a b"},
    {"path": "/é"},
    {"path": "/a\n"},
    {"samesite": "lax"},
    {"samesite": None},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_cookies_that_no_browser_accepts_are_refused(wrong: dict[str, Any]) -> None:
    """At once, with the name of the setting; nothing gets into a header unseen."""
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        Cookies(**wrong)


@pytest.mark.parametrize("cookies", [Cookies(samesite="None"), Cookies(partitioned=True)])
@pytest.mark.filterwarnings("ignore:insecure_cookies")
def test_without_secure_no_browser_takes_these(cookies: Cookies) -> None:
    """SameSite=None and Partitioned need Secure (RFC 6265bis §5.6, CHIPS)."""
    with (
        SessionManager("memory://", keys=generate_secret()) as sessions,
        pytest.raises(ConfigurationError, match="Secure"),
    ):
        SessionMiddleware(lambda *_: [], sessions, cookies=cookies, insecure_cookies=True)


@pytest.mark.filterwarnings("ignore:insecure_cookies")
def test_insecure_cookies_have_the_name_alone(make: Any) -> None:
    """Over plain http there is no prefix that browsers would take."""
    site = make(cookies=Cookies(name="shop"), insecure_cookies=True)
    assert {"shop-access", "shop-refresh", "shop-device"} == set(site.browser("ada").jar)


def test_each_adapter_has_the_record() -> None:
    """Each module that has the middleware has `Cookies` too."""
    for adapter in (asgi, django, flask, starlette):
        assert Cookies is adapter.Cookies


@pytest.mark.parametrize(
    ("setting", "expected"), [({}, None), ({"clear_site_data": True}, '"cache"')]
)
@pytest.mark.parametrize("path", ["/logout", "/auth/logout"])
def test_signing_out_may_empty_the_cache(
    make: Any, setting: dict[str, bool], expected: str | None, path: str
) -> None:
    """By a setting, and with no other answer: the back button then shows nothing."""
    browser = make(**setting).browser("ada")
    assert "clear-site-data" not in browser.get("/me").headers
    assert expected == browser.post(path).headers.get("clear-site-data")
