"""Cookies with SameSite=Strict, in a real browser: a visit from another site brings none."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from _chromium import CHROMIUM, Chromium

from devsess import SessionManager
from devsess.adapters.wsgi import Cookies, SessionMiddleware
from devsess.tokens.keys import generate_secret

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")

GOES_ON = '<meta http-equiv="refresh" content="0;url=/">'


class Elsewhere(BaseHTTPRequestHandler):
    """Another site, whose form leads to the place in its query."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        action = self.path.partition("?")[2]
        self.wfile.write(f'<body><form method="post" action="{action}"></form>'.encode())

    def log_message(self, *_: object) -> None: ...


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None: ...


def app(environ: Any, start_response: Any) -> list[bytes]:
    current = environ["devsess"]
    path = environ["PATH_INFO"]
    if path == "/sign-in":
        current.login("ada")
    status = "303 See Other" if path == "/redirect" else "200 OK"
    start_response(status, [("Content-Type", "text/html"), *[("Location", "/")] * (status < "4")])
    if path == "/page":
        return [GOES_ON.encode()]
    return [(current.session.user_id if current.session else "nobody").encode()]


def served(server: Any) -> Iterator[str]:
    with server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield str(server.server_port)
        finally:
            server.shutdown()


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """A host that is another site than localhost."""
    for port in served(ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)):
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture(params=["Strict", pytest.param("Lax", marks=pytest.mark.thorough)])
def site(request: Any) -> Iterator[tuple[str, str]]:
    """The app's address, and the SameSite of its cookies."""
    with SessionManager("memory://", keys=generate_secret()) as sessions:
        exempt = ["/redirect", "/page"]
        cookies = Cookies(samesite=request.param)
        wrapped = SessionMiddleware(app, sessions, cookies=cookies, csrf_exempt=exempt)
        server = make_server("localhost", 0, wrapped, handler_class=Quiet)
        for port in served(server):
            yield f"http://localhost:{port}", request.param


def test_a_page_of_ones_own_brings_them_back(
    site: tuple[str, str], elsewhere: str, browser: Chromium
) -> None:
    """A redirect after another site's post comes without them; a request of our page has them."""
    at, kind = site
    browser.go(f"{at}/sign-in")
    browser.go(f"{elsewhere}?{at}/redirect")
    browser.submit()
    assert ("nobody" if kind == "Strict" else "ada") == browser.text
    browser.go(f"{elsewhere}?{at}/page")
    browser.submit()
    browser.follow()
    assert "ada" == browser.text
