"""
Wrap an ASGI app: FastAPI, Starlette, Litestar, Quart or your own.

    app = SessionMiddleware(app, sessions)

Its views find the session in `scope["devsess"]`, whose methods are awaited.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from devsess.adapters import _endpoints as endpoints
from devsess.adapters._account import Account
from devsess.adapters._asgi_response import Response
from devsess.adapters._body import MAX_BODY, MAX_DROPPED
from devsess.adapters._carrier import is_token, without_tokens
from devsess.adapters._cookies import Cookies
from devsess.adapters._current import SERVED, AsyncCurrent
from devsess.adapters._exchange import Exchange
from devsess.adapters._http import READ_HEADERS, Answer, Request
from devsess.adapters._middleware import Middleware
from devsess.adapters._sessions import Sessions
from devsess.async_manager import AsyncSessionManager

__all__ = ["Account", "AsyncCurrent", "Cookies", "SessionMiddleware"]

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_PROTOCOL_HEADER = b"sec-websocket-protocol"
_NAMES = {name.encode(): name for name in READ_HEADERS}


class SessionMiddleware(Middleware[ASGIApp, AsyncSessionManager]):
    __doc__ = Middleware.__doc__
    _awaits = True
    _manager_name = "AsyncSessionManager"

    def _face(self, manager: AsyncSessionManager) -> Sessions:
        return manager

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; other scopes go to the app."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        exchange = self._exchange(request_of(scope))
        response = Response(exchange, send)
        path = endpoints.path_below(exchange)
        try:
            # First without a coroutine: enough for most requests.
            is_known = path is None and exchange.try_cache()
            answer = None if is_known else await self._before(exchange, path, receive)
        except ClientGoneError:
            return
        if answer is not None:
            await response.answer(answer)
            return
        current = AsyncCurrent(exchange)
        before = SERVED.set(current)
        try:
            # A copy: the server's scope stays as it is.
            shown = {**scope, "devsess": current}
            if exchange.request.offered:
                shown.update(without_tokens_of(scope))
            await self._app(shown, receive, response.send)
        except Exception as error:  # noqa: BLE001 - raised again, unless it is answered
            await response.failed(error)
        finally:
            try:  # noqa: SIM105 - suppress() would cost more than all else of this
                SERVED.reset(before)
            except ValueError:
                pass  # a loop that ends closes it in no context of its own

    async def _before(
        self, exchange: Exchange, path: str | None, receive: Receive
    ) -> Answer | None:
        if path is None:
            return await exchange.open()
        body = await body_of(receive)
        return await endpoints.serve(exchange, path, body)


def without_tokens_of(scope: Scope) -> dict[str, Any]:
    """The subprotocols and headers of a handshake, without the token."""
    offered = scope.get("subprotocols") or ()
    if not any(map(is_token, offered)):
        return {}
    kept = without_tokens(offered)
    headers = [it for it in scope["headers"] if it[0] != _PROTOCOL_HEADER]
    if kept:
        headers.append((_PROTOCOL_HEADER, ", ".join(kept).encode("latin-1")))
    return {"subprotocols": kept, "headers": headers}


def request_of(scope: Scope) -> Request:
    """The request, or the WebSocket's handshake, in *scope*."""
    is_live = scope["type"] == "websocket"
    peer, headers = scope.get("client"), _headers(scope["headers"])
    server = scope.get("server")
    if "host" not in headers and server and server[1] is not None:
        headers["host"] = f"{server[0]}:{server[1]}"
    mount, path = scope.get("root_path", ""), scope["path"]
    method = "GET" if is_live else scope["method"]
    path = _below(scope, mount, path) if mount else path
    query, scheme = scope.get("query_string", b"").decode("latin-1"), scope.get("scheme", "http")
    address = peer[0] if peer else None
    if not is_live:
        # By position: keywords would cost a third more.
        return Request(method, mount, path, query, scheme, headers, address)
    offered = tuple(scope.get("subprotocols") or ())
    can_answer = "websocket.http.response" in (scope.get("extensions") or {})
    return Request(
        method, mount, path, query, scheme, headers, address, is_live, offered, can_answer
    )


def _below(scope: Scope, mount: str, path: str) -> str:
    """
    *path* below the mount point.

    A proxy may have taken its own prefix from the path: then no more than the part of
    `root_path` behind `app_root_path`, which a framework's router put there, is in it.
    A slash at the end of `root_path` is the path's own first one too.
    """
    behind = mount.removeprefix(scope.get("app_root_path", ""))
    for prefix in (mount, behind, mount.rstrip("/")):
        if prefix and (path == prefix or path.startswith(f"{prefix}/")):
            return path[len(prefix) :]
    return path


def _headers(lines: list[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    more: list[tuple[str, str]] = []
    for raw_name, raw_value in lines:
        name = _NAMES.get(raw_name)
        if name is None:
            continue
        value = raw_value.decode("latin-1")
        if name in headers:
            more.append((name, value))
        else:
            headers[name] = value
    return {**headers, **_joined(headers, more)} if more else headers


def _joined(first: dict[str, str], more: list[tuple[str, str]]) -> dict[str, str]:
    """The headers that have several lines; each is joined once, however many there are."""
    lines: dict[str, list[str]] = {name: [first[name]] for name, _ in more}
    for name, value in more:
        lines[name].append(value)
    # HTTP/2 splits Cookie into lines of its own (RFC 9113 §8.2.3).
    return {name: ("; " if name == "cookie" else ", ").join(it) for name, it in lines.items()}


class ClientGoneError(Exception):
    """The client closed the connection before its request was complete."""


async def body_of(receive: Receive) -> bytes | None:
    """
    The body; None if it is longer than the endpoints read.

    Raises:
        ClientGoneError: If the connection closed before the body was complete.
    """
    body, length, more = b"", 0, True
    while more and length <= MAX_DROPPED:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        part = message.get("body", b"")
        length += len(part)
        body = body + part if length <= MAX_BODY else b""
        more = message.get("more_body", False)
    return body if length <= MAX_BODY else None
