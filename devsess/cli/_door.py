"""The way in to an app on this machine: a link that is good once, and a cookie after it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from hmac import compare_digest
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

# A person is at the terminal that printed the link.
LIFETIME = 300.0
_FIELD = "key"
_USED = "This link was used already, or is older than five minutes. Start the command again."
_SHUT = "Open the link that the command printed."
_HEADERS = [
    ("Content-Type", "text/plain; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
]


class Door:
    """
    A WSGI app that lets nobody in to another but the browser that opened its link.

    The link holds 256 random bits and is good once, for five minutes. The cookie that it is
    exchanged for holds as many others, and is good until the process ends. It is no `Secure`
    one: on loopback there is no TLS, and Safari keeps none there without. Servers on other ports
    of this machine are sent it too, as browsers do; nothing else is.

    Args:
        app: The app behind it.
        elapsed: Seconds, never fewer than before.
    """

    def __init__(
        self,
        app: WSGIApplication,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app, self._elapsed = app, elapsed
        # Cookies know no ports: of two such servers on a machine the second would shut the first.
        self._name = f"devsess-operator-{secrets.token_hex(4)}"
        self._link, self._cookie = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self._until = elapsed() + LIFETIME
        self._lock, self._is_used = Lock(), False

    @property
    def query(self) -> str:
        """The end of the link."""
        return f"?{_FIELD}={self._link}"

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        given = parse_qs(environ.get("QUERY_STRING", "")).get(_FIELD)
        if environ["REQUEST_METHOD"] == "GET" and given is not None and self._takes(given[-1]):
            cookie = f"{self._name}={self._cookie}; Path=/; HttpOnly; SameSite=Strict"
            path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
            # Of two slashes browsers would make another host.
            there = "/" + quote(path.encode("latin-1")).lstrip("/")
            more = [("Location", there), ("Set-Cookie", cookie)]
            start_response("303 See Other", [*_HEADERS, *more])
            return [b""]
        if self._knows(environ.get("HTTP_COOKIE", "")):
            return self._app(environ, start_response)
        start_response("403 Forbidden", [*_HEADERS])  # a server adds to the list
        return [f"{_SHUT if given is None else _USED}\n".encode()]

    def _takes(self, given: str) -> bool:
        if not _equal(given, self._link):
            return False
        with self._lock:
            is_first, self._is_used = not self._is_used, True
        return is_first and self._elapsed() < self._until

    def _knows(self, cookies: str) -> bool:
        # By hand: http.cookies stops at the first cookie that is odd, which another server set.
        pairs = [part.strip().partition("=") for part in cookies.split(";")]
        return any(name == self._name and _equal(value, self._cookie) for name, _, value in pairs)


def _equal(given: str, expected: str) -> bool:
    return compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())
