"""`refresh` and `logout` read JSON of programs, and nothing that another site can send."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from _browser import ACCESS, DEVICE, REFRESH, Browser, Cookie, Program

HOST = ("Host", "app.example")
JSON = ("Content-Type", "application/json")
FOREIGN = [
    ("application/x-www-form-urlencoded", b"csrfmiddlewaretoken=x"),
    ("multipart/form-data; boundary=x", b"--x--"),
    ("text/plain;charset=UTF-8", b"bye"),
    ("", b"bye"),
    ("application/json+x", b"{"),
    ("text/plain", b"x" * 100_000),
]


@pytest.mark.parametrize(("kind", "content"), FOREIGN, ids=[kind for kind, _ in FOREIGN])
def test_logout_takes_any_body(site: Any, kind: str, content: bytes) -> None:
    """A template's hidden field, or a beacon, keeps nobody signed in."""
    browser = site.browser("ada")
    cookies = "; ".join(f"{name}={cookie.value}" for name, cookie in browser.jar.items())
    sent = [HOST, ("Cookie", cookies), ("Sec-Fetch-Site", "same-origin"), ("Content-Type", kind)]
    assert 204 == site.send("POST", "/auth/logout", sent, content).status_code
    assert [] == site.sessions.list("ada")


def test_logout_forgets_a_device(site: Any) -> None:
    """If the body asks for it."""
    browser = site.browser("ada")
    assert 400 == browser.post("/auth/logout", body={"forget_device": "yes"}).status_code
    assert 204 == browser.post("/auth/logout", body={"forget_device": True}).status_code
    assert {} == browser.jar


def test_forged_and_expired_look_alike_at_logout(make: Any) -> None:
    """No endpoint shows a client that guesses tokens which of them was once valid."""
    site = make()
    expired = site.program("ada")
    site.clock.advance(timedelta(minutes=16))
    head, _, signature = expired.tokens["access_token"].rpartition(".")
    forged = Program(site.send, {"access_token": f"{head}.{signature[::-1]}"})
    nonsense = Program(site.send, {"access_token": "nonsense"})
    answers = [each.ask("POST", "/auth/logout") for each in (expired, forged, nonsense)]
    assert {401} == {answer.status_code for answer in answers}
    assert 1 == len({answer.text for answer in answers})
    assert 1 == len({str(sorted(answer.headers.items())) for answer in answers})


def native(site: Any, **options: Any) -> tuple[Browser, dict[str, str]]:
    """A native client with a cookie jar, which sends neither Origin nor Fetch Metadata."""
    client = Browser(site.send, agent="acme-app/1.2")
    query = "".join(f"&{name}" for name in options)
    answer = client.post(f"/login?user=ada{query}", site=None)
    assert 200 == answer.status_code
    return client, answer.json()


@pytest.mark.parametrize("options", [{}, {"bare": True}])
def test_a_native_client_refreshes(site: Any, options: dict[str, Any]) -> None:
    """No page of another site can send a refresh token in JSON, whichever cookies come with it."""
    client, tokens = native(site, **options)
    for _ in range(3):
        site.clock.advance(timedelta(minutes=16))
        body = {"refresh_token": tokens["refresh_token"], "device_token": tokens["device_token"]}
        answer = client.post("/auth/refresh", site=None, body=body)
        assert 200 == answer.status_code
        assert "set-cookie" not in answer.headers
        tokens |= answer.json()
    answer = client.post("/auth/logout", site=None, body=body | tokens)
    assert 204 == answer.status_code
    assert [] == site.sessions.list("ada")


def test_a_sign_in_for_a_program_sets_no_cookies(site: Any) -> None:
    """Nor are its tokens stored by caches, nor is the session of the browser it shares replaced."""
    client, tokens = native(site, bare=True)
    assert {} == client.jar
    assert {"access_token", "refresh_token", "device_token"} == set(tokens)
    browser = site.browser("ada")
    answer = browser.post("/login?user=bob&bare")
    assert "set-cookie" not in answer.headers
    assert "no-store" == answer.headers["cache-control"]
    assert {"user": "ada"} == browser.get("/me").json()


def test_the_device_comes_from_body_or_header(site: Any) -> None:
    """A cookie's device is another client's: with a refresh token in the body it proves nothing."""
    program = site.program("ada")
    program.ask("GET", "/me")  # with its device token: from now on the session is bound
    body = {"refresh_token": program.tokens["refresh_token"]}
    other = site.browser()
    other.jar[DEVICE] = Cookie(program.tokens["device_token"], {})
    assert 401 == other.post("/auth/refresh", body=body).status_code
    program = site.program("ada")
    program.ask("GET", "/me")
    body = {"refresh_token": program.tokens["refresh_token"]}
    device = program.tokens["device_token"]
    answer = site.browser().post("/auth/refresh", site=None, body=body, Devsess_Device=device)
    assert 200 == answer.status_code


@pytest.mark.parametrize("path", ["/auth/refresh", "/auth/logout"])
@pytest.mark.parametrize(
    "body", [None, {}, {"device_token": "x"}, {"access_token": "x"}, {"refresh_token": None}]
)
def test_without_a_refresh_token_in_it_cookies_count(site: Any, path: str, body: Any) -> None:
    """And then the request must come from a page of the app."""
    browser = site.browser("ada")
    for site_ in ("cross-site", None):
        assert 403 == browser.post(path, site=site_, body=body).status_code
    assert 1 == len(site.sessions.list("ada"))


def test_a_token_in_json_makes_no_use_of_cookies(site: Any) -> None:
    """Another site that has a refresh token of its own signs nobody out with it."""
    browser, own = site.browser("ada"), site.program("eve").tokens
    for token in (own["refresh_token"], "nonsense"):
        answer = browser.post("/auth/logout", site="cross-site", body={"refresh_token": token})
        assert 204 == answer.status_code
        assert "set-cookie" not in answer.headers
    assert 200 == browser.get("/me").status_code
    assert {ACCESS, REFRESH, DEVICE} == set(browser.jar)


def test_a_form_is_no_json(site: Any) -> None:
    """A page of another site can send a form without a preflight, so its cookies are checked."""
    token = site.program("eve").tokens["refresh_token"]
    content = json.dumps({"refresh_token": token}).encode()
    cookies = "; ".join(f"{name}={it.value}" for name, it in site.browser("ada").jar.items())
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx"):
        sent = [HOST, ("Cookie", cookies), ("Sec-Fetch-Site", "cross-site"), ("Content-Type", kind)]
        for path in ("/auth/refresh", "/auth/logout"):
            assert 403 == site.send("POST", path, sent, content).status_code
    assert 1 == len(site.sessions.list("ada"))


def test_bearer_alone_needs_no_check(make: Any) -> None:
    """Where no cookie is looked at or set, no site can make use of one."""
    site = make(transport="bearer")
    for path in ("/", "/login?user=ada"):
        for where in ({"site": "cross-site"}, {"site": None, "Origin": "https://evil.example"}):
            assert 200 == site.browser().post(path, **where).status_code
    browser = site.browser()
    browser.jar = {ACCESS: Cookie("x", {}), REFRESH: Cookie("x", {})}
    assert 200 == browser.post("/", site=None).status_code


MISSPELT = {
    "refreshToken": "refresh_token",
    "refresh-token": "refresh_token",
    "Refresh_Token": "refresh_token",
    "refresh_tokn": "refresh_token",
    "refresh": "refresh_token",
    "token": "refresh_token",
    "deviceToken": "device_token",
    "device": "device_token",
    "devise_token": "device_token",
    "forgetDevice": "forget_device",
}


@pytest.mark.parametrize("wrong", MISSPELT)
@pytest.mark.parametrize("path", ["/auth/refresh", "/auth/logout"])
def test_a_misspelt_member_is_named(site: Any, path: str, wrong: str) -> None:
    """The error names the right spelling and never repeats what was sent: it may be a secret."""
    sent = json.dumps({wrong: "secret"}).encode()
    answer = site.send("POST", path, [HOST, JSON], sent)
    assert 400 == answer.status_code
    assert MISSPELT[wrong] in answer.json()["detail"]
    assert "secret" not in answer.text


@pytest.mark.parametrize(("before", "expected"), [(15, 400), (16, 204)])
def test_few_members_are_compared(site: Any, before: int, expected: int) -> None:
    """No client of ours sends many: thousands of them must not keep the server busy."""
    members = {**{f"x{number}": 1 for number in range(before)}, "refreshToken": "secret"}
    sent = json.dumps(members).encode()
    assert expected == site.send("POST", "/auth/logout", [HOST, JSON], sent).status_code


def test_members_of_other_answers_are_not_misspelt(site: Any) -> None:
    """A whole answer that is sent back, or OAuth's own members, are no mistake."""
    tokens = site.program("ada").tokens
    body = {**tokens, "grant_type": "refresh_token", "client_id": "x", "scope": "", "token": "x"}
    assert 200 == site.browser().post("/auth/refresh", site=None, body=body).status_code
