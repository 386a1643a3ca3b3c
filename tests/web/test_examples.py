"""The examples of the docs, driven as browsers and programs do."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import websockets
from _browser import ACCESS, DEVICE, REFRESH, Browser, Program
from _servers import DEAR, SERVERS, Server, form


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=pytest.mark.thorough) if name in DEAR else name for name in SERVERS
    ],
)
def server(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Server]:
    server = Server(request.param, tmp_path_factory.mktemp("example"))
    try:
        server.wait()
        yield server
        assert "Traceback" not in server.log(), server.evidence()
    finally:
        server.close()


@pytest.fixture(autouse=True)
def nobody(server: Server) -> None:
    server.sessions.revoke_everyone(reason="the next test begins")


HTML = {"Accept": "text/html"}
# What is the manager's or the middleware's law rather than the server's.
over_one_server = pytest.mark.parametrize(
    "server",
    [pytest.param(name, marks=pytest.mark.thorough if n else ()) for n, name in enumerate(SERVERS)],
    indirect=True,
    scope="module",
)


def test_a_browser(server: Server) -> None:
    """Sent to sign in, signed in, listed, signed out."""
    browser = server.browser()
    answer = browser.get("/", **HTML)
    assert (303, "/sign-in?return_to=/") == (answer.status_code, answer.headers["location"])
    assert 403 == form(browser, "/sign-in", name="ada", password="wrong").status_code
    answer = form(browser, "/sign-in?return_to=/email", name="ada", password="lovelace")
    assert (303, "/email") == (answer.status_code, answer.headers["location"])
    assert {ACCESS, REFRESH, DEVICE} == set(browser.jar)
    page = browser.get("/", **HTML)
    assert "Chrome on macOS" in page.text
    assert "Sec-CH-UA-Model" in page.headers["accept-ch"]
    assert 303 == browser.post("/sign-out").status_code
    assert {DEVICE} == set(browser.jar)
    assert 401 == browser.get("/").status_code


def test_a_page_of_another_session(server: Server) -> None:
    """Somebody else has signed in since: what it sends is refused, and acts for nobody."""
    browser = server.browser("ada")
    [ada] = server.sessions.list("ada")
    header = {"Devsess-Session": ada.id}
    assert "Signed in as <b>ada</b>" in browser.get("/", **header).text
    assert 303 == browser.post("/sign-out").status_code
    assert 303 == form(browser, "/sign-in", name="bob", password="builder").status_code
    for method, path in (("GET", "/"), ("POST", "/sign-out")):
        assert 409 == browser.ask(method, path, **header).status_code
    assert "Signed in as <b>bob</b>" in browser.get("/").text


@over_one_server
@pytest.mark.parametrize("name", ["ada", "nobody", "", "\0"])
@pytest.mark.parametrize("password", ["", "\0", "builder", "\udcff"])
def test_wrong_passwords(server: Server, name: str, password: str) -> None:
    """Nobody signs in with another's, nor as somebody who does not exist."""
    browser = server.browser()
    raw = password.encode("utf-8", "surrogateescape")
    answer = form(browser, "/sign-in", name=name, password=raw)
    assert 403 == answer.status_code
    assert not browser.jar


def test_a_person_on_a_device_that_was_signed_out(server: Server) -> None:
    """Every button they press leads to the page to sign in."""
    browser = server.browser("ada")
    server.sessions.revoke_all("ada")
    answer = browser.post("/sign-out-others", **HTML)
    assert (303, "/sign-in") == (answer.status_code, answer.headers["location"])


@over_one_server
def test_an_open_redirect_is_none(server: Server) -> None:
    """return_to leads nowhere but to this site."""
    for evil in (
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
    ):
        path = f"/sign-in?{urlencode({'return_to': evil})}"
        answer = form(server.browser(), path, name="ada", password="lovelace")
        assert (303, "/") == (answer.status_code, answer.headers["location"])


def test_other_devices_are_signed_out(server: Server) -> None:
    """The next request of each is refused, whichever worker answers it."""
    phone, laptop = server.browser("ada"), server.browser("ada")
    for _ in range(8):
        assert 200 == phone.get("/").status_code == laptop.get("/").status_code
    assert 303 == laptop.post("/sign-out-others").status_code
    for _ in range(8):
        assert 401 == phone.get("/").status_code
        assert 200 == laptop.get("/").status_code


@over_one_server
def test_two_servers_of_one_store(server: Server) -> None:
    """Revoked through one, refused by the other on its next request."""
    other = Server(server.name, server.store.parent)
    try:
        other.wait()
        here = server.browser("ada")
        there = Browser(other.send, f"localhost:{other.port}", dict(here.jar))
        for browser in (there, here, there):
            assert 200 == browser.get("/").status_code
        assert 204 == here.post("/auth/logout").status_code
        assert {ACCESS, REFRESH, DEVICE} == set(there.jar)
        assert 401 == there.get("/").status_code
    finally:
        other.close()


def test_one_device_is_signed_out(server: Server) -> None:
    """By the button beside it; nobody signs out another user's."""
    phone, laptop = server.browser("ada"), server.browser("ada")
    bob = server.browser("bob", "builder")
    [session_id] = re.findall(r'action="/devices/([^/"]+)/sign-out"', laptop.get("/").text)
    assert 404 == bob.post(f"/devices/{session_id}/sign-out").status_code
    assert 200 == phone.get("/").status_code
    assert 303 == laptop.post(f"/devices/{session_id}/sign-out").status_code
    assert 401 == phone.get("/").status_code


def test_a_sensitive_action(server: Server) -> None:
    """Needs a second factor: a redirect for a person, a challenge for a program."""
    browser = server.browser("ada")
    answer = browser.get("/email", **HTML)
    assert (303, "/sign-in?return_to=/email") == (answer.status_code, answer.headers["location"])
    challenge = browser.get("/email").headers["www-authenticate"]
    assert 'error="insufficient_user_authentication"' in challenge
    assert 'acr_values="aal2"' in challenge
    assert 401 == form(browser, "/email", email="ada@example.com").status_code
    assert 403 == form(browser, "/sign-in", code="000000").status_code
    assert 303 == form(browser, "/sign-in?return_to=/email", code="123456").status_code
    assert 200 == browser.get("/email").status_code
    assert 303 == form(browser, "/email", email="ada@example.com").status_code
    if "gunicorn" not in server.name:  # its workers have an address book each
        assert "ada@example.com" in browser.get("/email").text


def test_another_site_does_nothing(server: Server) -> None:
    """Another site can neither sign a person out nor in."""
    browser = server.browser("ada")
    for headers in ({"site": "cross-site"}, {"site": None, "Origin": "https://evil.example"}):
        assert 403 == browser.post("/sign-out-others", **headers).status_code
        assert 403 == server.browser().post("/sign-in", **headers).status_code
    own = {"site": None, "Origin": f"http://localhost:{server.port}"}
    assert 303 == browser.post("/sign-out-others", **own).status_code


def test_a_program(server: Server) -> None:
    """Bearer tokens: list, refresh, replay, sign out."""
    grant = server.sessions.login("ada")
    program = Program(server.send, {"access_token": grant.access_token})
    assert (
        grant.session.id == program.ask("GET", "/auth/sessions").json()["sessions"][0]["sessionId"]
    )
    renewed = program.ask("POST", "/auth/refresh", {"refresh_token": grant.refresh_token}).json()
    program.tokens |= renewed
    assert 200 == program.ask("GET", "/auth/sessions").status_code
    assert 404 == program.ask("DELETE", "/auth/sessions/unknown").status_code
    assert 204 == program.ask("POST", "/auth/logout").status_code
    answer = program.ask("GET", "/auth/sessions")
    assert 401 == answer.status_code
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_refresh_and_replay(server: Server) -> None:
    """The cookies' refresh token is good once; a thief's replay ends the session."""
    browser = server.browser("ada")
    thief = browser.copy()
    for _ in range(2):
        assert 200 == browser.post("/auth/refresh").status_code
    assert 401 == thief.post("/auth/refresh").status_code
    assert 401 == browser.get("/").status_code


def test_renewal_within_a_request(server: Server) -> None:
    """Without an access cookie, the refresh cookie is enough."""
    browser = server.browser("ada")
    before = browser.jar.pop(ACCESS), browser.jar[REFRESH]
    assert 200 == browser.get("/").status_code
    assert before[0] != browser.jar[ACCESS]
    assert before[1] != browser.jar[REFRESH]


def test_bad_input(server: Server) -> None:
    """A clear 4xx, never a 500, never a traceback."""
    browser = server.browser("ada")
    for answer in (
        browser.post("/auth/refresh", body=[]),
        browser.post("/auth/refresh", body={"x": "y" * 1_000_000}),
        browser.ask("PUT", "/auth/sessions"),
        browser.get("/auth/nothing"),
        browser.get("/", Authorization="Bearer " + "x" * 7000),
    ):
        assert 400 <= answer.status_code < 500
        assert "Traceback" not in answer.text


def test_the_store_is_down(server: Server) -> None:
    """503 and when to come back; back in order, everybody still is signed in."""
    browser = server.browser("ada")
    away = server.store.with_suffix(".away")
    server.store.rename(away)
    try:
        for _ in range(4):  # one write each, which shows each worker that the store is away
            answer = browser.post("/auth/sessions/revoke-others")
            assert (503, "5") == (answer.status_code, answer.headers["retry-after"])
    finally:
        away.rename(server.store)
    assert 200 == browser.get("/").status_code


def test_a_websocket(server: Server, request: pytest.FixtureRequest) -> None:
    """Over a real socket: greeted, echoed, closed when the session ends; no other site's opens."""
    if "fastapi" not in request.node.name:
        assert 404 == server.browser("ada").get("/live").status_code
        return
    cookies = "; ".join(f"{key}={it.value}" for key, it in server.browser("ada").jar.items())
    url = f"ws://localhost:{server.port}/live"

    async def scenario() -> None:
        headers = {"Cookie": cookies}
        with pytest.raises(websockets.InvalidStatus):
            await websockets.connect(url, additional_headers=headers, origin="https://evil.example")  # type: ignore[arg-type]
        own = f"http://localhost:{server.port}"
        async with websockets.connect(url, additional_headers=headers, origin=own) as live:  # type: ignore[arg-type]
            assert "hello ada" == await live.recv()
            await live.send("echo")
            assert "echo" == await live.recv()
            await asyncio.to_thread(server.sessions.revoke_all, "ada")
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await asyncio.wait_for(live.recv(), 10)
            assert 1008 == closed.value.rcvd.code  # type: ignore[union-attr]

    asyncio.run(scenario())


def test_a_stream_of_events(server: Server) -> None:
    """It ends with its session; neither the client nor the log takes that for a fault."""
    if "fastapi" not in server.name:
        assert 404 == server.browser("ada").get("/events").status_code
        return
    browser = server.browser("ada")
    cookies = "; ".join(f"{key}={it.value}" for key, it in browser.jar.items())
    headers = {"Cookie": cookies, "User-Agent": browser.agent}
    seen: list[str] = []
    with server.client.stream("GET", "/events", headers=headers, timeout=10) as events:
        for line in events.iter_lines():
            if not seen:
                server.sessions.revoke_all("ada")
            seen.append(line)
    assert "data: still signed in" == seen[0]
