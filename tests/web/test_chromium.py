"""A real browser keeps the cookies, sends the forms, and keeps the sites apart."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from _browser import ACCESS, DEVICE, REFRESH
from _chromium import CHROMIUM, Chromium
from _servers import Server

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


@pytest.fixture(
    scope="module",
    params=["flask waitress", pytest.param("fastapi uvicorn", marks=pytest.mark.thorough)],
)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    server = Server(request.param, tmp_path_factory.mktemp("example"))
    try:
        server.wait()
        yield server
    finally:
        server.close()


def sign_in(browser: Chromium, site: str) -> None:
    browser.go(f"{site}/")
    assert "/sign-in" == browser.path
    browser.submit(name="ada", password="lovelace")
    assert "/" == browser.path


def test_a_person_signs_in_and_out(server: Server, browser: Chromium) -> None:
    """Redirected, let in, listed with this device, asked for more, signed out."""
    site = f"http://localhost:{server.port}"
    sign_in(browser, site)
    assert "Headless Chrome" in browser.text
    assert "this device" in browser.text
    browser.go(f"{site}/email")
    assert "authenticator" in browser.text
    browser.submit("form:not([action])", code="123456")
    assert "/email" == browser.path
    browser.submit(email="ada@example.com")
    assert "ada@example.com" in browser.text
    browser.go(f"{site}/")
    browser.submit('form[action="/sign-out"]')
    assert "/sign-in" == browser.path
    assert {DEVICE} == set(browser.cookies())


@pytest.mark.thorough
def test_cookies_are_kept_from_scripts(server: Server, browser: Chromium) -> None:
    """The browser took all three, prefix and all, and shows none to the page."""
    sign_in(browser, f"http://localhost:{server.port}")
    found = browser.cookies()
    assert {ACCESS, REFRESH, DEVICE} == set(found)
    for cookie in found.values():
        assert cookie["httpOnly"]
        assert cookie["secure"]
        assert ("Lax", "/") == (cookie["sameSite"], cookie["path"])
    assert "" == browser.run("document.cookie")


def test_a_restarted_browser_is_the_same_device(
    server: Server, browser: Chromium, tmp_path: Path
) -> None:
    """The session ends with the browser, the device does not: the next sign-in is no stranger's."""
    site = f"http://localhost:{server.port}"
    sign_in(browser, site)
    here = server.sessions.list("ada")[0].device.id
    browser.quit()
    again = Chromium(tmp_path / "profile")
    try:
        again.go(f"{site}/sign-in")
        assert {DEVICE} == set(again.cookies())
        sign_in(again, site)
        assert here == server.sessions.list("ada")[0].device.id
    finally:
        again.close()


@pytest.mark.thorough
def test_a_person_whose_device_was_signed_out(server: Server, browser: Chromium) -> None:
    """The next button they press leads to the form, not to JSON."""
    sign_in(browser, f"http://localhost:{server.port}")
    server.sessions.revoke_all("ada", reason="elsewhere")
    browser.submit('form[action="/sign-out"]')
    assert "/sign-in" == browser.path
    assert "Password" in browser.text


class Evil(BaseHTTPRequestHandler):
    """Another site, whose page sends a form to its victim as soon as it is seen."""

    victim = ""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        fields = '<input name="name" value="bob"><input name="password" value="builder">'
        page = f'<body><form method="post" action="{self.victim}{self.path}">{fields}</form>'
        self.wfile.write(page.encode())

    def log_message(self, *_: object) -> None: ...


def test_another_site_neither_signs_out_nor_in(server: Server, browser: Chromium) -> None:
    """Its forms arrive and do nothing: the browser says that they come from another site."""
    site = f"http://localhost:{server.port}"
    sign_in(browser, site)
    Evil.victim = site
    with ThreadingHTTPServer(("127.0.0.1", 0), Evil) as evil:
        Thread(target=evil.serve_forever, daemon=True).start()
        try:
            for path in ("/sign-out", "/sign-out-others", "/sign-in"):
                browser.go(f"http://127.0.0.1:{evil.server_port}{path}")
                browser.submit()
                assert "another site" in browser.text
        finally:
            evil.shutdown()
    browser.go(f"{site}/")
    assert "Signed in as ada" in browser.text


@pytest.mark.thorough
def test_pages_have_a_face(server: Server, browser: Chromium, tmp_path: Path) -> None:
    """They can be drawn, and are saved as pictures."""
    sign_in(browser, f"http://localhost:{server.port}")
    browser.picture(tmp_path / "devices.png")
    assert (tmp_path / "devices.png").read_bytes().startswith(b"\x89PNG")
