"""A provider that posts its answer from a page of its own, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
from _browser import ACCESS, DEVICE
from _chromium import CHROMIUM, Chromium
from _servers import Server

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


class Provider(BaseHTTPRequestHandler):
    """Another site, which knows ada, and posts what it knows to the page that asked."""

    callback = ""
    state: str | None = None

    def do_GET(self) -> None:
        given = parse_qs(urlsplit(self.path).query).get("state", [""])[0]
        state = self.state or given
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        fields = f'<input name="state" value="{state}"><input name="user" value="ada">'
        page = f'<body><form method="post" action="{self.callback}">{fields}</form>'
        self.wfile.write(page.encode())

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def provider() -> Iterator[str]:
    """Where it is: a host that is another site than localhost."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as serving:
        Thread(target=serving.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{serving.server_port}/"
        finally:
            serving.shutdown()


@pytest.fixture
def server(provider: str, tmp_path: Path) -> Iterator[Server]:
    server = Server("form_post waitress", tmp_path, PROVIDER=provider)
    try:
        server.wait()
        Provider.callback = f"http://localhost:{server.port}/callback"
        Provider.state = None
        yield server
    finally:
        server.close()


def test_the_device_is_not_lost(server: Server, browser: Chromium) -> None:
    """The post brings no cookie, the route behind it brings them all: one device, twice."""
    site = f"http://localhost:{server.port}"
    for _ in range(2):
        browser.go(f"{site}/start")
        assert "/" == browser.path  # the provider's
        browser.submit()
        assert (site, "/") == (browser.run("location.origin"), browser.path)
        assert "Signed in as ada" in browser.text
        assert {ACCESS, DEVICE} < set(browser.cookies())
    assert 1 == len(server.sessions.devices("ada"))
    assert 1 == len(server.sessions.list("ada"))  # the second replaced the first


@pytest.mark.thorough
def test_an_answer_for_another_browser_signs_nobody_in(server: Server, browser: Chromium) -> None:
    """A person cannot post the provider's answer for themselves from another person's browser."""
    site = f"http://localhost:{server.port}"
    browser.go(f"{site}/start")
    Provider.state = "of-the-attacker"
    browser.go(f"{browser.run('location.origin')}/")
    browser.submit()
    assert "another browser" in browser.text
    browser.go(f"{site}/")
    assert "Signed in as nobody" in browser.text
    assert [] == server.sessions.list("ada")
