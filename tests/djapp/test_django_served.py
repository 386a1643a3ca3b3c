"""The project behind real servers, WSGI and ASGI, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from _django_served import Served, serving
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from devsess.stores.sqlite import SQLiteStore


@pytest.fixture(scope="module", params=["asgi", pytest.param("wsgi", marks=pytest.mark.thorough)])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """The project, filled, behind one server of each kind."""
    with serving(request.param, tmp_path_factory.mktemp("served")) as served:
        yield served


def test_tabs_with_an_old_cookie_become_one_session(served: Served) -> None:
    """Sixteen requests at once, of which one wins: nobody is asked to sign in."""
    with served.browser() as browser, ThreadPoolExecutor(16) as pool:
        asked = [
            pool.submit(served.send, browser, "GET", "/async/", cookies={"sessionid": served.old})
            for _ in range(16)
        ]
        answers = [it.result() for it in asked]
        assert {"ada"} == {it.text for it in answers}
        handed = [
            it for it in answers if "__Host-devsess-access" in it.headers.get("set-cookie", "")
        ]
        assert 1 == len(handed)
        cookies = {it.name: it.value or "" for it in handed[0].cookies.jar}
        assert "ada" == served.send(browser, "GET", "/mine/", cookies=cookies).text
        listed = served.send(browser, "GET", "/auth/sessions", cookies=cookies).json()["sessions"]
        assert 1 == len([it for it in listed if it["device"] == "Firefox on Windows"])


@pytest.mark.parametrize(
    "named",
    ["database", *(pytest.param(it, marks=pytest.mark.thorough) for it in ("store", "manager"))],
)
def test_an_exchange_within_one_file(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The project's SQLite file is the store's too: neither waits for the other."""
    SQLiteStore(tmp_path / "db.sqlite3").close()  # first: then those of others are let in
    monkeypatch.setenv("SHOP_IN_ONE_FILE", named)
    with serving("asgi", tmp_path) as served, served.browser() as browser:
        answer = served.send(browser, "GET", "/mine/", cookies={"sessionid": served.old})
        assert "ada" == answer.text
        cookies = {it.name: it.value or "" for it in answer.cookies.jar}
        assert "ada" == served.send(browser, "GET", "/mine/", cookies=cookies).text


def test_a_sign_in_over_http(served: Served) -> None:
    """Django's form, its token against forgeries, a page, the endpoints of devsess, a sign-out."""
    with served.browser() as browser:
        signed_in = served.sign_in(browser)
        assert (302, "/") == (signed_in.status_code, signed_in.headers["Location"])
        cookies = {it.name: it.value or "" for it in signed_in.cookies.jar}
        assert "ada" == served.send(browser, "GET", "/mine/", cookies=cookies).text
        assert "ada" == served.send(browser, "GET", "/async/", cookies=cookies).text
        shown = served.send(browser, "GET", "/auth/session", cookies=cookies).json()
        assert ("Firefox on Windows", True) == (shown["session"]["device"], shown["signed_in"])
        assert 204 == served.send(browser, "POST", "/auth/logout", cookies=cookies).status_code
        assert 303 >= served.send(browser, "GET", "/mine/", cookies=cookies).status_code >= 302


def test_a_consumer_ends_with_its_session(served: Served) -> None:
    """It knows its user; a sign-out elsewhere closes it; another site opens none."""
    if served.kind == "wsgi":
        return  # which has no WebSockets
    url = served.url.replace("http", "ws") + "/who/"
    with served.browser() as browser:
        signed_in = served.sign_in(browser)
        cookies = {it.name: it.value or "" for it in signed_in.cookies.jar}
        jar = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        origin = Origin(served.url)
        with connect(url, origin=origin, additional_headers=jar) as socket:
            socket.send("?")
            assert "ada" == socket.recv(10)
            served.send(browser, "POST", "/auth/logout", cookies=cookies)
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(10)
        assert closed.value.rcvd is not None
        assert 1008 == closed.value.rcvd.code
    with connect(url, origin=origin) as socket:
        socket.send("?")
        assert "AnonymousUser" == socket.recv(10)
    with pytest.raises(InvalidStatus):
        connect(url, origin=Origin("https://evil.example"), additional_headers=jar)


def test_a_token_opens_a_connection(served: Served) -> None:
    """Of a program, in its header; one that is no good opens a connection for nobody."""
    if served.kind == "wsgi":
        return  # which has no WebSockets
    url = served.url.replace("http", "ws") + "/who/"
    access = httpx.get(f"{served.url}/token/?password=lovelace").json()["access"]
    for token, user in ((access, "ada"), ("a.b.c", "AnonymousUser")):
        with connect(url, additional_headers={"Authorization": f"Bearer {token}"}) as socket:
            socket.send("?")
            assert user == socket.recv(10)
