"""The project behind real servers, WSGI and ASGI, over HTTP, and in a browser."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from attrs import frozen
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

SITE = Path(__file__).parent / "site"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0"
# A person, and a session of hers from before the app.
_FILL = """
import django; django.setup()
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
ada = User.objects.create_superuser("ada", "", "lovelace")
store = SessionStore()
store["_auth_user_id"], store["_auth_user_hash"] = str(ada.pk), ada.get_session_auth_hash()
store["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
store.save()
print(store.session_key)
"""
SERVERS = {
    "wsgi": ("waitress", "--host=127.0.0.1", "--port={port}", "shop.served:wsgi"),
    "asgi": ("uvicorn", "--host=127.0.0.1", "--port={port}", "--no-access-log", "shop.served:asgi"),
}


@frozen
class Served:
    """A server of one kind, and the key of a session from before the app."""

    kind: str
    url: str
    old: str

    def browser(self) -> httpx.Client:
        """A client that keeps cookies, as a browser on this machine does."""
        headers = {"User-Agent": FIREFOX, "Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def sign_in(self, browser: httpx.Client, path: str = "/accounts/login/") -> httpx.Response:
        """By the form of Django's own view, with its token."""
        page = browser.get(path)
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert found is not None, page.text
        token = page.cookies.get("csrftoken") or browser.cookies.get("csrftoken") or ""
        form = {"csrfmiddlewaretoken": found[1], "username": "ada", "password": "lovelace"}
        cookies = {**self.held(browser), "csrftoken": token}
        return self.send(browser, "POST", path, data=form, cookies=cookies)

    def send(
        self,
        browser: httpx.Client,
        method: str,
        path: str,
        *,
        cookies: dict[str, str],
        **body: object,
    ) -> httpx.Response:
        """A request with Secure cookies, which httpx keeps from http, and browsers do not here."""
        jar = "; ".join(f"{name}={value}" for name, value in cookies.items())
        headers = {"Cookie": jar, "Origin": self.url}
        return browser.request(method, path, headers=headers, **body)  # type: ignore[arg-type]

    @staticmethod
    def held(browser: httpx.Client) -> dict[str, str]:
        """The cookies that a browser would send."""
        return {it.name: it.value or "" for it in browser.cookies.jar}


def _port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture(scope="module", params=list(SERVERS))
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """The project, filled, behind one server of each kind."""
    place, port = tmp_path_factory.mktemp("served"), _port()
    there = {"SHOP_PLACE": str(place), "SHOP_EXCHANGE": "2999-01-01", "PYTHONPATH": str(SITE)}
    environment = {**os.environ, **there, "DJANGO_SETTINGS_MODULE": "shop.settings"}

    def run(*arguments: str) -> str:
        command = [sys.executable, *arguments]
        ended = subprocess.run(
            command, env=environment, cwd=SITE, capture_output=True, text=True, timeout=120
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.strip()

    run("manage.py", "migrate", "--verbosity=0")
    old = run("-c", _FILL)
    arguments = [it.format(port=port) for it in SERVERS[request.param]]
    with (place / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments], env=environment, cwd=SITE, stdout=log, stderr=log
        )
    try:
        _wait(port, process, place / "log")
        yield Served(request.param, f"http://127.0.0.1:{port}", old)
    finally:
        process.terminate()
        process.wait(30)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            httpx.get(f"http://127.0.0.1:{port}/plain/")
            return
        except httpx.TransportError:
            assert process.poll() is None, log.read_text("utf-8")
            assert time.monotonic() < deadline, log.read_text("utf-8")
            time.sleep(0.05)


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
