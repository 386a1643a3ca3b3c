"""
Wrap a WSGI app (PEP 3333): Flask, Django, Bottle, Pyramid or your own.

    app = SessionMiddleware(app, sessions)

Its views find the session in `environ["devsess"]`.
"""

from __future__ import annotations

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from devsess._drivers import run
from devsess.adapters import _endpoints as endpoints
from devsess.adapters._current import Current
from devsess.adapters._http import LOOKED_AT, Answer, Request
from devsess.adapters._middleware import Middleware
from devsess.adapters._wsgi_response import Response
from devsess.errors import DevsessError
from devsess.manager import SessionManager

_KEYS = tuple(
    (
        name.upper().replace("-", "_")
        if name == "content-type"
        else f"HTTP_{name.upper().replace('-', '_')}",
        name,
    )
    for name in LOOKED_AT
)


class SessionMiddleware(Middleware[WSGIApplication, SessionManager]):
    __doc__ = Middleware.__doc__
    _manager_type = SessionManager

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        current = environ["devsess"] = self.current(request_of(environ))
        response = Response(current.exchange, start_response)
        answer = _before(current, environ)
        if answer is not None:
            return response.answer(answer)
        try:
            parts = self._app(environ, response.start)
        except DevsessError as error:
            return response.answer_error(error)
        return response.body(parts)

    def current(self, request: Request) -> Current:
        """What the view of *request* will see; not opened yet."""
        return Current(self._exchange(request), self._manager)


def _before(current: Current, environ: WSGIEnvironment) -> Answer | None:
    exchange = current.exchange
    path = endpoints.path_below(exchange)
    if path is None:
        return run(exchange.open(), current.perform)
    return run(endpoints.serve(exchange, path, _body(environ)), current.perform)


def request_of(environ: WSGIEnvironment) -> Request:
    """The request in *environ*."""
    headers = {name: environ[key] for key, name in _KEYS if key in environ}
    return Request(
        method=environ["REQUEST_METHOD"],
        mount=_text(environ.get("SCRIPT_NAME", "")),
        path=_text(environ.get("PATH_INFO", "")),
        query=environ.get("QUERY_STRING", ""),
        scheme=environ["wsgi.url_scheme"],
        headers=headers,
        peer=environ.get("REMOTE_ADDR") or None,
        is_live=headers.get("upgrade", "").lower() == "websocket",
    )


def _text(raw: str) -> str:
    """What PEP 3333 smuggles through as latin-1."""
    try:
        return raw if raw.isascii() else raw.encode("latin-1").decode("utf-8", "replace")
    except UnicodeEncodeError:  # decoded already, by an ASGI server below Django
        return raw


def _body(environ: WSGIEnvironment) -> bytes | None:
    """The body, as far as the endpoints read one; None if it is longer."""
    length = environ.get("CONTENT_LENGTH") or ""
    if not length and not environ.get("wsgi.input_terminated"):
        return b""
    most = endpoints.MAX_DROPPED
    size = min(int(length), most) if length.isascii() and length.isdecimal() else most
    body: bytes = environ["wsgi.input"].read(size)
    return body if len(body) <= endpoints.MAX_BODY else None
