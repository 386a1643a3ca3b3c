"""The JSON endpoints: their answers and their refusals."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from _browser import ACCESS, DEVICE, REFRESH, Browser, Cookie

from devsess import Keys, SessionManager
from devsess.tokens.keys import generate_pem


def test_sessions_of_the_caller(site: Any) -> None:
    """The published shape, the caller's own marked, other users' not there."""
    phone, laptop = site.browser("ada"), site.browser("ada")
    site.browser("bob")
    answer = laptop.get("/auth/sessions")
    assert "no-store" == answer.headers["cache-control"]
    listed = answer.json()["sessions"]
    [own] = [session["sessionId"] for session in listed if session["current"]]
    expected = site.sessions.live("ada", current=own)
    assert [session.to_dict() for session in expected] == listed
    assert 2 == len(phone.get("/auth/sessions").json()["sessions"])
    assert 401 == site.browser().get("/auth/sessions").status_code


def test_sessions_come_in_pages(site: Any) -> None:
    """As many as are asked for, from the cursor on; a page that cannot be meant is refused."""
    laptop = site.browser("ada")
    for _ in range(4):
        site.sessions.login("ada")
    whole = laptop.get("/auth/sessions").json()
    first = laptop.get("/auth/sessions?limit=3").json()
    rest = laptop.get(f"/auth/sessions?limit=3&cursor={first['next']}").json()

    assert [5, 3, 2] == [len(page["sessions"]) for page in (whole, first, rest)]
    assert whole["sessions"] == first["sessions"] + rest["sessions"]
    assert [None, None] == [whole["next"], rest["next"]]
    for wrong in ("limit=", "limit=0", "limit=1001", "limit=-1", "limit=x", "limit=%C2%B2"):
        assert 400 == laptop.get(f"/auth/sessions?{wrong}").status_code
    assert 400 == laptop.get(f"/auth/sessions?{'a=1&' * 30}").status_code
    assert 404 == laptop.get("/auth/sessions?cursor=mangled").status_code


def test_one_session_is_ended(site: Any) -> None:
    """At once, for the device that had it; an id of another user is as unknown."""
    phone, laptop, foreign = site.browser("ada"), site.browser("ada"), site.browser("bob")
    listed = laptop.get("/auth/sessions").json()["sessions"]
    [phones] = [session["sessionId"] for session in listed if not session["current"]]
    assert 404 == foreign.delete(f"/auth/sessions/{phones}").status_code
    assert 404 == laptop.delete("/auth/sessions/unknown").status_code
    assert 401 == site.browser().delete(f"/auth/sessions/{phones}").status_code
    assert 204 == laptop.delete(f"/auth/sessions/{phones}").status_code
    assert 401 == phone.get("/me").status_code
    assert 200 == laptop.get("/me").status_code


def test_ending_ones_own_session_signs_out(site: Any) -> None:
    """The cookies go with it."""
    browser = site.browser("ada")
    own = browser.get("/auth/sessions").json()["sessions"][0]["sessionId"]
    assert 204 == browser.delete(f"/auth/sessions/{own}").status_code
    assert {DEVICE} == set(browser.jar)


def test_others_are_ended(site: Any) -> None:
    """All but the caller's; the answer has their ids."""
    phone, laptop = site.browser("ada"), site.browser("ada")
    ids = {session.id for session in site.sessions.list("ada")}
    ended = laptop.post("/auth/sessions/revoke-others").json()["ended"]
    assert 1 == len(ended)
    assert set(ended) < ids
    assert 401 == phone.get("/me").status_code
    assert 200 == laptop.get("/me").status_code


def test_refresh_by_cookie(site: Any) -> None:
    """New cookies, and no token in the body, which scripts can read."""
    browser = site.browser("ada")
    before = dict(browser.jar)
    answer = browser.post("/auth/refresh")
    assert {"expires_in", "session"} == set(answer.json())
    assert before[REFRESH] != browser.jar[REFRESH]
    assert before[ACCESS] != browser.jar[ACCESS]
    for cookie in browser.jar.values():
        assert cookie.value not in answer.text
    assert 401 == site.browser().post("/auth/refresh").status_code


def test_a_replay_ends_the_session(site: Any) -> None:
    """The answer does not say that the replay was detected."""
    browser = site.browser("ada")
    thief = browser.copy()
    for _ in range(2):
        browser.post("/auth/refresh")
    answer = thief.post("/auth/refresh")
    assert 401 == answer.status_code
    assert "reuse" not in answer.text
    assert 401 == browser.get("/me").status_code


def test_logout_with_an_expired_access_token(site: Any) -> None:
    """A live refresh token is enough, in a cookie or in the body."""
    browser, program = site.browser("ada"), site.program("ada")
    site.clock.advance(timedelta(minutes=16))
    assert 204 == browser.post("/auth/logout").status_code
    assert {DEVICE} == set(browser.jar)
    body = {name: program.tokens[name] for name in ("refresh_token", "device_token")}
    assert 204 == program.ask("POST", "/auth/logout", body).status_code
    assert [] == site.sessions.list("ada")


def test_logout_is_for_everybody(site: Any) -> None:
    """A sign-out succeeds even for a client that was never signed in (RFC 7009 §2.2)."""
    browser = site.browser("ada")
    site.sessions.revoke_all("ada")
    for one in (browser, site.browser()):
        assert 204 == one.post("/auth/logout").status_code
    nonsense = {"refresh_token": "nonsense"}
    assert 204 == site.browser().post("/auth/logout", body=nonsense).status_code


def test_logout_does_not_say_done_when_it_is_not(site: Any) -> None:
    """Unusable tokens leave the session alive: the answer is 401, and cookies are cleared."""
    browser, program = site.browser("ada"), site.program("ada")
    line = "; ".join(f"{key}={it.value}" for key, it in browser.jar.items())
    twice = Browser(browser.send, jar={ACCESS: Cookie(f"x; {line}", {})})
    assert 401 == twice.post("/auth/logout").status_code
    assert {} == twice.jar
    site.clock.advance(timedelta(minutes=16))
    assert 401 == program.ask("POST", "/auth/logout").status_code
    assert 2 == len(site.sessions.list("ada"))
    browser.jar[ACCESS] = Cookie("of.another.key", {})
    assert 204 == browser.post("/auth/logout").status_code
    assert 1 == len(site.sessions.list("ada"))


def test_the_public_keys(site: Any) -> None:
    """HS256 has none; nobody needs to be signed in."""
    answer = site.browser().get("/auth/jwks.json")
    assert {"keys": []} == answer.json()
    assert "public, max-age=300" == answer.headers["cache-control"]
    keys = Keys(generate_pem("EdDSA"), secret="t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1")
    with SessionManager("memory://", keys=keys) as sessions:
        assert ["EdDSA"] == [key["alg"] for key in sessions.jwks()["keys"]]


BAD_BODIES = {
    "broken": (b"{", 400),
    "no object": (b"[]", 400),
    "no text": (b'{"refresh_token": 5}', 400),
    "nested": (b"[" * 9_000, 400),
    "not unicode": (b"\xff\xfe\x00", 400),
    "surrogates": (b'{"refresh_token": "\\ud800"}', 401),
    "too long": (b" " * 1_000_000, 413),
    "nonsense": (b'{"refresh_token": "nonsense"}', 401),
    "no refresh": (b'{"device_token": "nonsense"}', 401),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_bad_bodies(site: Any, name: str) -> None:
    """Each gets a problem document of its own status."""
    content, status = BAD_BODIES[name]
    headers = [("Host", "app.example"), ("Content-Type", "application/json")]
    answer = site.send("POST", "/auth/refresh", headers, content)
    assert status == answer.status_code
    assert "application/problem+json" == answer.headers["content-type"]
    assert status == answer.json()["status"]


def test_the_body_must_be_json(site: Any) -> None:
    """A form, which another site may send, is refused."""
    for kind in ("application/x-www-form-urlencoded", "text/plain", ""):
        headers = [("Host", "app.example"), ("Content-Type", kind)]
        assert 415 == site.send("POST", "/auth/refresh", headers, b"{}").status_code


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/auth/refresh", 405, "POST"),
        ("PUT", "/auth/sessions", 405, "GET"),
        ("GET", "/auth/sessions/x", 405, "DELETE"),
        ("DELETE", "/auth/sessions/revoke-others", 405, "POST"),
        ("BREW", "/auth/logout", 405, "POST"),
        ("GET", "/auth", 404, None),
        ("GET", "/auth/", 404, None),
        ("GET", "/auth/nothing", 404, None),
        ("GET", "/auth/sessions/", 404, None),
        ("GET", "/auth/sessions/a/b", 404, None),
        ("POST", "/auth/../auth/x", 404, None),
    ],
)
def test_wrong_methods_and_paths(
    site: Any, method: str, path: str, status: int, allow: str | None
) -> None:
    """A clear answer, with the allowed methods."""
    answer = site.send(method, path, [("Host", "app.example")], b"")
    assert (status, allow) == (answer.status_code, answer.headers.get("allow"))


def test_head_has_no_body(site: Any) -> None:
    """The headers of GET and nothing behind them."""
    answer = site.browser().ask("HEAD", "/auth/jwks.json")
    assert (200, b"") == (answer.status_code, answer.content)


def test_a_post_is_no_handshake(site: Any) -> None:
    """Upgrade takes no request past the endpoints: only a GET opens a WebSocket."""
    browser = site.browser("ada")
    assert 204 == browser.post("/auth/logout", Upgrade="websocket").status_code
    assert [] == site.sessions.list("ada")


def test_without_endpoints_the_paths_are_the_apps(make: Any) -> None:
    """Nothing is served that was not asked for."""
    answer = make(endpoints=None).browser().get("/auth/sessions")
    assert (404, "the app's own 404") == (answer.status_code, answer.text)


def test_bearer_tokens_are_not_taken_where_only_cookies_are(make: Any) -> None:
    """With transport="cookie", the body's tokens are no way around it."""
    site = make(transport="cookie")
    token = site.sessions.login("ada").refresh_token
    answer = site.browser().post("/auth/refresh", body={"refresh_token": token})
    assert 401 == answer.status_code


HOSTILE = [
    ("Authorization", "Bearer \x00\r"),
    ("Authorization", "Bearer " + "x" * 100_000),
    ("Authorization", "Bearer é"),
    ("Cookie", f"{ACCESS}=\x00é; {REFRESH}=" + "x" * 100_000),
    ("Cookie", ";;;=;=" * 1000),
    ("Origin", "https://[::1"),
    ("Origin", "https://app.example:99999"),
    ("Host", "\x00"),
    ("User-Agent", "é" * 5000),
    ("Sec-CH-UA", '"' * 5000),
    ("Devsess-Device", "ds1d." + "~" * 5000),
    ("Accept", "text/html\x00"),
]


@pytest.mark.parametrize(("name", "value"), HOSTILE)
def test_hostile_headers(site: Any, name: str, value: str) -> None:
    """No header makes a 500, nor leaves a trace of itself in the answer."""
    headers = [("Host", "app.example")] if name != "Host" else []
    sent = [*headers, (name, value.encode("latin-1"))]
    browser = site.browser("ada", "&persistent")
    cookies = "; ".join(f"{key}={it.value}" for key, it in browser.jar.items())
    own = [("Cookie", cookies), ("User-Agent", browser.agent)]
    signed_in = [*(it for it in own if it[0] != name), *sent]
    for method, path in (("GET", "/me"), ("POST", "/auth/refresh"), ("POST", "/login?user=ada")):
        for every in (sent, signed_in):
            site.clock.advance(600)
            answer = site.send(method, path, every, b"")
            assert answer.status_code in (200, 401, 403, 413)
            for line in answer.headers.values():
                assert line.isprintable()
