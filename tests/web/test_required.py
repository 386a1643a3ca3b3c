"""With `required=True`: which paths are open all the same, and how preflights are answered."""

from __future__ import annotations

from typing import Any

import pytest

from devsess import ConfigurationError, SessionManager
from devsess.adapters.wsgi import SessionMiddleware

FRIEND, STRANGER = "https://www.app.example", "https://evil.example"
PUBLIC = ["/", "/static/"]
PATHS = [
    ("/", True),
    ("/static/style.css", True),
    ("/static/", True),
    ("/static", False),
    ("/static/../me", False),
    ("/static//me", False),
    ("/static/.hidden", False),
    ("/static/x%5C..%5C..%5Cme", False),
    ("/staticky", False),
    ("/me", False),
]


@pytest.mark.parametrize(("path", "is_open"), PATHS)
def test_public_paths(make: Any, path: str, is_open: bool) -> None:
    """As strictly as csrf_exempt: exactly those, and those below one that ends with a slash."""
    site = make(required=True, public=PUBLIC)
    answer = site.browser().get(path)
    assert is_open == (answer.status_code != 401)


def test_a_public_view_still_has_the_session(make: Any) -> None:
    """It is no less a page of the app: sessions are found, other sites are refused."""
    site = make(required=True, public=["/", "/login"])
    browser = site.browser("ada")
    assert "hello ada" in browser.get("/").text
    assert 403 == browser.post("/", site="cross-site").status_code


def test_public_without_required_is_a_mistake() -> None:
    """Paths that are excepted without `required` are a mistake: the others would be open too."""
    with (
        SessionManager("memory://", keys="t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1") as sessions,
        pytest.raises(ConfigurationError, match="required"),
    ):
        SessionMiddleware(lambda *_: [], sessions, public=["/sign-up"])


def preflight(site: Any, path: str, origin: str | None, method: str = "PUT", **more: str) -> Any:
    wanted = {"Access-Control-Request-Method": method} | more
    sent = {} if origin is None else {"Origin": origin}
    return site.browser().ask("OPTIONS", path, site="cross-site", **wanted, **sent)


@pytest.mark.parametrize("path", ["/me", "/broken", "/nothing"])
def test_preflights_of_closed_paths_are_answered_for_the_app(make: Any, path: str) -> None:
    """Many views answer OPTIONS with content: nobody without a session sees it."""
    site = make(required=True, origins=[FRIEND], public=["/client"])
    named = preflight(site, path, FRIEND, Access_Control_Request_Headers="content-type,x-one")
    assert (204, b"") == (named.status_code, named.content)
    expected = {
        "access-control-allow-origin": FRIEND,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "PUT",
        "access-control-allow-headers": "content-type,x-one",
    }
    assert expected.items() <= dict(named.headers).items()
    for origin in (STRANGER, "null", "https://app.example", FRIEND.upper(), f"{FRIEND}:443"):
        other = preflight(site, path, origin)
        assert (204, b"") == (other.status_code, other.content)
        assert not [name for name in other.headers if name.startswith("access-control")]


def test_a_preflight_with_a_session_is_no_way_in(make: Any) -> None:
    """Browsers send no credentials with a preflight: a request with a session is none."""
    site = make(required=True)
    browser = site.browser
    token = site.sessions.login("ada").access_token
    for _ in range(2):  # from memory, the second time
        answer = browser().ask(
            "OPTIONS",
            "/",
            Origin=STRANGER,
            Access_Control_Request_Method="GET",
            Authorization=f"Bearer {token}",
        )
        assert (204, b"") == (answer.status_code, answer.content)
        assert "ada" in browser().get("/", Authorization=f"Bearer {token}").text


def test_other_preflights_are_the_apps(make: Any) -> None:
    """The app answers them on open paths; an OPTIONS that is no preflight needs a session."""
    site = make(required=True, public=["/client"])
    assert "192.0.2.1" in preflight(site, "/client", STRANGER).text
    assert "hello" in preflight(make(), "/", STRANGER).text
    assert 401 == site.browser().ask("OPTIONS", "/").status_code
    assert 401 == preflight(site, "/", None).status_code


def test_strange_preflights_come_back_in_no_header(make: Any) -> None:
    """Only a possible method and names of headers are sent back."""
    site = make(required=True, origins=[FRIEND])
    for method, names in (
        ("a b", "x y"),
        ("\x7f", "\x7f"),
        ("", ","),
        ("x" * 9, "a;b"),
        ("(", "\x00"),
    ):
        headers = preflight(site, "/", FRIEND, method, Access_Control_Request_Headers=names).headers
        assert "access-control-allow-headers" not in headers
        assert headers.get("access-control-allow-methods", "x" * 9) == "x" * 9
