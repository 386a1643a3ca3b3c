"""A request and an answer: the parts that the adapters use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import TypeAlias
from urllib.parse import quote

from attrs import field, frozen

Header: TypeAlias = tuple[str, str]

# Client hints that say which device it is (User-Agent Client Hints).
HINTS = (
    "sec-ch-ua",
    "sec-ch-ua-full-version-list",
    "sec-ch-ua-mobile",
    "sec-ch-ua-model",
    "sec-ch-ua-platform",
    "sec-ch-ua-platform-version",
)
# All the headers that are read; the others cost nothing.
READ_HEADERS = (
    "accept",
    "access-control-request-headers",
    "access-control-request-method",
    "authorization",
    "content-type",
    "cookie",
    "devsess-app",
    "devsess-device",
    "devsess-passive",
    "devsess-session",
    "forwarded",
    "host",
    "origin",
    "sec-fetch-site",
    "upgrade",
    "user-agent",
    "x-forwarded-for",
    *HINTS,
)

# With the value 1: this request was sent by a timer, not by a person.
PASSIVE_HEADER = "devsess-passive"
# The id of the session that the page of this request was made for.
SESSION_HEADER = "devsess-session"

# Methods that change nothing (RFC 9110 §9.2.1).
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_PREFLIGHT = {"origin", "access-control-request-method"}


@frozen(slots=False)  # every request makes one: without slots it costs half as much
class Request:
    """
    A request.

    Attributes:
        method: In capitals, as it was sent.
        mount: Where the app is mounted, "" for the root.
        path: Decoded, below the mount point.
        query: As sent, without its question mark.
        scheme: http or https, as the server saw it.
        headers: Those of READ_HEADERS that came. Lines of one name are joined by ", ",
            cookies by "; ".
        peer: Address at the other end of the connection, or None.
        is_live: Whether a connection is to be kept open: a WebSocket's handshake.
        offered: The subprotocols that a WebSocket's handshake offers (RFC 6455 §1.9).
        takes_cookies: Whether each answer to it can set cookies; a refused handshake
            is not always one.
    """

    method: str
    mount: str
    path: str
    query: str
    scheme: str
    headers: Mapping[str, str] = field(repr=False)
    peer: str | None = None
    is_live: bool = False
    offered: tuple[str, ...] = field(default=(), repr=False)
    takes_cookies: bool = True

    @property
    def is_safe(self) -> bool:
        """Whether it changes nothing; a WebSocket, once open, may do anything."""
        return self.method in SAFE_METHODS and not self.is_live

    @property
    def is_preflight(self) -> bool:
        """Whether a browser asks before it sends another origin's request (Fetch §3.3.2)."""
        return self.method == "OPTIONS" and self.headers.keys() >= _PREFLIGHT

    @property
    def whole_path(self) -> str:
        """The path as a browser sees it, decoded."""
        return self.mount + self.path

    @property
    def target(self) -> str:
        """Path and query as a browser shows them."""
        return quote(self.whole_path) + (f"?{self.query}" if self.query else "")

    @property
    def wants_html(self) -> bool:
        """Whether a person looks at the answer: a browser that follows a link or sends a form."""
        return "text/html" in self.headers.get("accept", "") and not self.is_live


@frozen
class Answer:
    """An answer in place of the app's."""

    status: int
    headers: tuple[Header, ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def status_line(self) -> str:
        """The status line of WSGI."""
        return f"{self.status} {HTTPStatus(self.status).phrase}"


NO_STORE: Header = ("Cache-Control", "no-store")
PRIVATE: Header = ("Cache-Control", "private")
CLEAR_CACHE: Header = ("Clear-Site-Data", '"cache"')
# Of an answer that depends on the user, whose credentials come in a cookie, in a header, or both.
VARIES: tuple[Header, ...] = tuple(
    ("Vary", names) for names in ("Cookie", "Authorization", "Cookie, Authorization")
)
# Asks browsers for more client hints than they send by themselves (RFC 8942).
ACCEPT_HINTS: Header = ("Accept-CH", "Sec-CH-UA-Platform-Version, Sec-CH-UA-Model")


# No browser takes it for a script, and no other site embeds it (OWASP ASVS 3.4.4, 3.5.8).
_UNEMBEDDED: tuple[Header, ...] = (
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)


def json_answer(
    status: int,
    content: object,
    *headers: Header,
    kind: str = "application/json",
    caching: Header = NO_STORE,
) -> Answer:
    """*content* as JSON; not to be stored, unless *caching* says otherwise."""
    body = json.dumps(content, ensure_ascii=False).encode("utf-8", "backslashreplace")
    described = (("Content-Type", kind), ("Content-Length", str(len(body))), caching)
    return Answer(status, (*described, *_UNEMBEDDED, *headers), body)


def script_answer(content: bytes) -> Answer:
    """A script under a name that holds its hash: browsers keep it for a year."""
    described = (
        ("Content-Type", "text/javascript; charset=utf-8"),
        ("Content-Length", str(len(content))),
        ("Cache-Control", "public, max-age=31536000, immutable"),
    )
    return Answer(200, (*described, *_UNEMBEDDED), content)


def empty_answer(status: int, *headers: Header) -> Answer:
    """An answer without a body."""
    length = () if status == 204 else (("Content-Length", "0"),)
    return Answer(status, (*length, NO_STORE, *headers))
