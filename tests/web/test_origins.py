"""Origins are the app's own, or named, or refused with a line in the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from _raw_apps import asgi_app, wsgi_app

from devsess import AsyncSessionManager, ConfigurationError, SessionManager
from devsess.adapters import asgi, wsgi
from devsess.tokens.keys import generate_secret

pytestmark = pytest.mark.filterwarnings("ignore:insecure_cookies")

# Scheme as the server sees it, Host, Origin; whether it passes with Secure cookies, and without.
OWN: list[tuple[str, str, str, bool, bool]] = [
    ("https", "app.example", "https://app.example", True, True),
    ("https", "app.example", "http://app.example", False, False),
    ("http", "app.example", "https://app.example", True, True),
    ("http", "app.example", "http://app.example", False, True),
    ("http", "app.example:8000", "http://app.example:8000", False, True),
    ("http", "192.0.2.7", "http://192.0.2.7", False, True),
    ("http", "localhost.example", "http://localhost.example", False, True),
    ("http", "notlocalhost", "http://notlocalhost", False, True),
    ("http", "localhost:8000", "http://localhost:8000", True, True),
    ("http", "localhost:8000", "http://localhost:8001", False, False),
    ("http", "shop.localhost", "http://shop.localhost", True, True),
    ("http", "127.0.0.1:8000", "http://127.0.0.1:8000", True, True),
    ("http", "[::1]:8000", "http://[::1]:8000", True, True),
    ("http", "localhost", "http://evil.example", False, False),
    ("http", "a]b", "null", False, False),
    ("https", "[", "null", False, False),
]


def over_wsgi(scheme: str, host: str | None, origin: str, **wrapping: Any) -> int:
    """The status of a post."""
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
        "wsgi.url_scheme": scheme,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "HTTP_ORIGIN": origin,
    }
    if host is not None:
        environ["HTTP_HOST"] = host
    statuses: list[str] = []

    def start_response(status: str, *_: object) -> Callable[[bytes], object]:
        statuses.append(status)
        return bytes

    with SessionManager("memory://", keys=generate_secret()) as sessions:
        app = wsgi.SessionMiddleware(wsgi_app(lambda: 0.0), sessions, **wrapping)
        app(environ, start_response)
    return int(statuses[0][:3])


def over_asgi(scheme: str, host: str | None, origin: str, **wrapping: Any) -> int:
    """The status of a post."""
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "scheme": scheme,
        "server": ("testserver", 80),
        "headers": [(b"origin", origin.encode())],
    }
    if host is not None:
        scope["headers"].append((b"host", host.encode()))
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request"}

    async def post() -> None:
        async with AsyncSessionManager("memory://", keys=generate_secret()) as sessions:
            app = asgi.SessionMiddleware(asgi_app(lambda: 0.0), sessions, **wrapping)
            await app(scope, receive, send)

    asyncio.run(post())
    return int(sent[0]["status"])


@pytest.mark.parametrize(("scheme", "host", "origin", "secure", "insecure"), OWN)
def test_the_apps_own_origin(
    scheme: str, host: str, origin: str, secure: bool, insecure: bool
) -> None:
    """A page over http is the app's own only where browsers keep its cookies over http."""
    for post in (over_wsgi, over_asgi):
        assert (200 if secure else 403) == post(scheme, host, origin)
        assert (200 if insecure else 403) == post(scheme, host, origin, insecure_cookies=True)


def test_without_a_host_the_server_has_a_name() -> None:
    """As in test clients, which send none (PEP 3333, URL reconstruction)."""
    for post in (over_wsgi, over_asgi):
        wrapping = {"insecure_cookies": True}
        assert 200 == post("http", None, "http://testserver", **wrapping)
        assert 403 == post("http", None, "http://other", **wrapping)


APPS = [
    "capacitor://localhost",
    "ionic://localhost",
    "tauri://localhost",
    "app://obsidian.md",
    "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
    "moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc",
    "safari-web-extension://E5F2A1B0-0000-4000-8000-0123456789AB",
]


@pytest.mark.parametrize("origin", APPS)
def test_pages_within_apps_may_be_named(origin: str) -> None:
    """Their origins have schemes of their own; unnamed they are strangers."""
    for post in (over_wsgi, over_asgi):
        assert 403 == post("https", "app.example", origin)
        assert 200 == post("https", "app.example", origin, origins=[origin])
        assert 403 == post("https", "app.example", f"{origin}.evil", origins=[origin])
        # A named origin allows no other scheme.
        assert 403 == post("https", "app.example", "https://localhost", origins=[origin])


@pytest.mark.parametrize(
    "wrong",
    [
        "null",
        "*",
        "file://",
        "file:///a",
        "data://x",
        "tauri://",
        "localhost",
        "capacitor://localhost/",
        "capacitor://a@localhost",
        "wss://app.example",
        "://x",
    ],
)
def test_a_malformed_origin_is_refused(wrong: str) -> None:
    """It is refused when the app is wrapped; later it would equal no origin, silently."""
    with (
        SessionManager("memory://", keys=generate_secret()) as sessions,
        pytest.raises(ConfigurationError, match="origins"),
    ):
        wsgi.SessionMiddleware(lambda *_: [], sessions, origins=[wrong])


def test_a_refused_origin_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """The line names the expected origins too, so that a missing one or a proxy can be seen."""
    with caplog.at_level(logging.WARNING, "devsess"):
        over_wsgi("https", "10.0.0.7:8000", "https://app.example", origins=["https://b.example"])
    [record] = caplog.records
    for part in ("'https://app.example'", "https://10.0.0.7:8000", "https://b.example"):
        assert part in record.getMessage()


@pytest.mark.parametrize("mark", ["\x85", "\x1b[2J", "\x9b"])
def test_a_host_writes_no_line_into_the_log(caplog: pytest.LogCaptureFixture, mark: str) -> None:
    """It is among the expected origins, but a stranger may have sent it: it is quoted too."""
    with caplog.at_level(logging.WARNING, "devsess"):
        over_wsgi("https", f"a{mark}INFO all is well", "https://evil.example")
    [record] = caplog.records
    assert record.getMessage().isprintable()


def test_the_log_is_not_written_by_strangers(caplog: pytest.LogCaptureFixture) -> None:
    """The Origin is quoted and cut: it writes no line of its own, and no megabyte."""
    with caplog.at_level(logging.WARNING, "devsess"):
        over_wsgi("https", "app.example\nx", "https://evil\nINFO all is well" + "x" * 10_000)
    [record] = caplog.records
    assert "\n" not in record.getMessage()
    assert 1000 > len(record.getMessage())
