"""
Wrap a WSGI app (PEP 3333): Flask, Django, Bottle, Pyramid or your own.

    app = SessionMiddleware(app, sessions)

Its views find the session in `environ["devsess"]`, and in `environ["devsess.current"]`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cached_property
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from devsess._runtime.drive import drive
from devsess.adapters import _endpoints as endpoints
from devsess.adapters._account import Account
from devsess.adapters._body import MAX_BODY, MAX_DROPPED, BodyError
from devsess.adapters._carrier import without_tokens
from devsess.adapters._cookies import Cookies
from devsess.adapters._current import Current
from devsess.adapters._exchange import Exchange
from devsess.adapters._http import READ_HEADERS, Answer, Request
from devsess.adapters._middleware import Middleware
from devsess.adapters._sessions import BlockingSessions, Sessions
from devsess.adapters._wsgi_response import Response
from devsess.manager import SessionManager

__all__ = ["Account", "Cookies", "Current", "SessionMiddleware"]

# As "devsess", which PEP 3333 would leave to the server: its own names have a dot.
KEY = "devsess.current"
_OFFERED = "HTTP_SEC_WEBSOCKET_PROTOCOL"
_LENGTH = re.compile(r"[0-9]{1,19}")
_KEYS = tuple(
    (
        name.upper().replace("-", "_")
        if name == "content-type"
        else f"HTTP_{name.upper().replace('-', '_')}",
        name,
    )
    for name in READ_HEADERS
)


class SessionMiddleware(Middleware[WSGIApplication, SessionManager]):
    __doc__ = Middleware.__doc__
    _awaits = False
    _manager_name = "SessionManager"

    def _face(self, manager: SessionManager) -> Sessions:
        return BlockingSessions(manager)

    @cached_property
    def _is_validated(self) -> bool:
        """Whether PEP 3333's validator stands inside: a key without a dot must be a text."""
        return getattr(self._app, "__module__", "") == "wsgiref.validate"

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        mount, path = _text(environ.get("SCRIPT_NAME", "")), _text(environ.get("PATH_INFO", ""))
        exchange = self._exchange(request_of(environ, mount, path))
        response = Response(exchange, start_response)
        answer = before(exchange, lambda: body_of(environ))
        if answer is not None:
            return response.answer(answer)
        environ[KEY] = current = Current(exchange)
        if not self._is_validated:
            environ["devsess"] = current
        if exchange.request.offered:
            environ[_OFFERED] = ", ".join(without_tokens(exchange.request.offered))
        try:
            parts = self._app(environ, response.start)
        except Exception as error:  # noqa: BLE001 - raised again, unless it is answered
            return response.failed(error)
        return response.body(parts)


def before(exchange: Exchange, body: Callable[[], bytes | None]) -> Answer | None:
    """The answer in place of the app's, or None; *body* reads the request's body."""
    path = endpoints.path_below(exchange)
    if path is None:
        if exchange.try_cache():
            return None
        return drive(exchange.open())
    try:
        return drive(endpoints.serve(exchange, path, body()))
    except BodyError as error:
        return exchange.ours(error.answer)


def request_of(environ: WSGIEnvironment, mount: str, path: str) -> Request:
    """The request in *environ*, its paths decoded already."""
    headers = {name: environ[key] for key, name in _KEYS if key in environ}
    # Nothing but a GET opens one (RFC 6455 §4.1). That some servers drop Connection must
    # not make a handshake a plain GET, which any site may send.
    is_upgraded = headers.get("upgrade", "").lower() == "websocket"
    is_live = is_upgraded and environ["REQUEST_METHOD"] == "GET"
    if "host" not in headers and environ.get("SERVER_NAME"):
        headers["host"] = _server(environ)
    method, query = environ["REQUEST_METHOD"], environ.get("QUERY_STRING", "")
    scheme, peer = environ["wsgi.url_scheme"], environ.get("REMOTE_ADDR") or None
    offered = _offered(environ.get(_OFFERED, "")) if is_live else ()
    # By position: keywords would cost a third more.
    return Request(method, mount, path, query, scheme, headers, peer, is_live, offered)


def _offered(header: str) -> tuple[str, ...]:
    return tuple(part for each in header.split(",") if (part := each.strip(" \t")))


def _server(environ: WSGIEnvironment) -> str:
    """The host where no Host came: test clients send none (PEP 3333, URL reconstruction)."""
    name, port = environ["SERVER_NAME"], str(environ.get("SERVER_PORT") or "")
    usual = {"http": "80", "https": "443"}.get(environ["wsgi.url_scheme"])
    return f"{name}:{port}" if port.isdecimal() and port != usual else str(name)


def _text(raw: str) -> str:
    """The text that PEP 3333 carries as latin-1."""
    return raw if raw.isascii() else raw.encode("latin-1").decode("utf-8", "replace")


def body_of(environ: WSGIEnvironment) -> bytes | None:
    """
    The request's body; None if it is longer than the endpoints read.

    Raises:
        BodyError: If its length is not what Content-Length says.
    """
    length, most = environ.get("CONTENT_LENGTH") or "", MAX_DROPPED
    if not length:
        return limited(environ["wsgi.input"].read(most)) if _ends(environ) else b""
    if not _LENGTH.fullmatch(length):
        raise BodyError(400, "Content-Length is no length.")
    size = min(int(length), most)
    body = environ["wsgi.input"].read(size)
    if len(body) < size:
        raise BodyError(400, "The body is shorter than Content-Length says.")
    return limited(body)


def _ends(environ: WSGIEnvironment) -> bool:
    """Whether a server that reads chunked bodies says where they end."""
    return bool(environ.get("wsgi.input_terminated"))


def limited(body: bytes) -> bytes | None:
    """*body*; None if it is longer than the endpoints read."""
    return body if len(body) <= MAX_BODY else None
