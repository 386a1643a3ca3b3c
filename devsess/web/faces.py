"""The ways to mount pages: WSGI, ASGI, and Django's urls."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

from attrs import evolve

from devsess._runtime.drive import drive
from devsess.adapters import asgi, wsgi
from devsess.adapters._body import BodyError
from devsess.adapters._current import AsyncCurrent, Current, exchange_of
from devsess.adapters._http import Answer, Request
from devsess.errors import ConfigurationError
from devsess.web.app import App, V
from devsess.web.headers import secured
from devsess.web.problems import problem_page

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

    from devsess.adapters._exchange import Exchange
    from devsess.adapters.asgi import Receive, Scope, Send

# Headers that pages read beside those of the adapters.
MORE = ("accept-language", "if-none-match")
_MORE = {name.encode(): name for name in MORE}


class Pages(App[V]):
    """Pages to mount: `.wsgi`, `.asgi`, and `.urls` for Django."""

    def wsgi(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request; with a SessionManager only."""
        if not self.is_blocking:
            raise ConfigurationError("over an AsyncSessionManager these pages are mounted by .asgi")
        answer = self._on_wsgi(environ)
        start_response(answer.status_line, list(answer.headers))
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else answer.body]

    def _on_wsgi(self, environ: WSGIEnvironment) -> Answer:
        mount, path = (_text(environ.get(name, "")) for name in ("SCRIPT_NAME", "PATH_INFO"))
        request = _request(environ, _mount(mount), path)
        try:
            body = b"" if request.is_safe else wsgi.body_of(environ)
        except BodyError as error:
            visit = self.visit(request, environ, b"", None)
            return drive(self._unread(visit, error.answer.status))
        current: Current | None = environ.get(wsgi.KEY)
        return drive(self._whole(self.visit(request, environ, body, _exchange(current))))

    async def asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; over a SessionManager the work is done in a thread."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        else:
            await self._on_asgi(scope, receive, send)

    async def _on_asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = asgi.request_of(_whole_path(scope))
        request = _with(evolve(request, mount=_mount(request.mount)), _of_scope(scope))
        try:
            body = b"" if request.is_safe else await asgi.body_of(receive)
        except asgi.ClientGoneError:
            return
        visit = self.visit(request, scope, body, self._exchange_in(scope))
        answer = await self._awaited(visit)
        headers = [
            (name.lower().encode(), value.encode("latin-1")) for name, value in answer.headers
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        content = b"" if request.method == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": content})

    def _exchange_in(self, scope: Mapping[str, Any]) -> Exchange | None:
        current: AsyncCurrent | None = scope.get("devsess")
        if current is not None and self.is_blocking and self._needs_session:
            raise ConfigurationError(
                "within an ASGI SessionMiddleware these pages need its AsyncSessionManager"
            )
        return _exchange(current)

    async def _awaited(self, visit: V) -> Answer:
        if not self.is_blocking:
            return await self._whole(visit)
        refused = await self.authorize(visit)
        if refused is not None:
            return secured(refused)
        return await asyncio.to_thread(lambda: drive(self.serve(visit)))

    async def _whole(self, visit: V) -> Answer:
        refused = await self.authorize(visit)
        return secured(refused) if refused is not None else await self.serve(visit)

    def embedded(self, native: Mapping[str, Any], mount: str) -> V:
        """
        A visit for a part of a page within the application's own.

        Args:
            native: The WSGI environment or the ASGI scope of the application's request.
            mount: Where these pages are mounted, as browsers see it.

        Raises:
            ConfigurationError: If the request passed no SessionMiddleware.
        """
        current = native.get("devsess" if is_scope(native) else wsgi.KEY)
        if current is None:
            raise ConfigurationError("a part of a page needs the SessionMiddleware around it")
        exchange = exchange_of(current)
        more = _of_scope(native) if is_scope(native) else _of_environ(native)
        request = evolve(exchange.request, mount=_mount(mount), path="/", query="")
        return self.visit(_with(request, more), native, b"", exchange)

    async def _unread(self, visit: V, status: int) -> Answer:
        """That the body cannot be read; nobody learns it who is not authorized."""
        refused = await self.authorize(visit)
        return secured(problem_page(visit, status) if refused is None else refused)

    @property
    def urls(self) -> list[Any]:
        """For Django: `path("account/", include(pages.urls))`."""
        from devsess.web.django import urls

        return urls(self.wsgi)


def is_scope(native: Mapping[str, Any]) -> bool:
    """Whether it is a scope of ASGI, and no WSGI environment, which has no type."""
    return "type" in native


def _exchange(current: Current | AsyncCurrent | None) -> Exchange | None:
    return None if current is None else exchange_of(current)


def _request(environ: Mapping[str, Any], mount: str, path: str) -> Request:
    return _with(wsgi.request_of({**environ}, mount, path), _of_environ(environ))


def _mount(path: str) -> str:
    """A mount point; of two slashes at its beginning browsers would make another host."""
    inner = path.strip("/")
    return f"/{inner}" if inner else ""


def _whole_path(scope: Scope) -> Scope:
    """
    *scope* with the mount point in `root_path` and `path`, as ASGI has it.

    Litestar takes it from the path, joins slashes that follow each other, adds one to the end,
    and keeps `raw_path` whole.
    """
    is_cut = getattr(scope.get("route_handler"), "is_mount", False)
    if not is_cut or not scope.get("raw_path"):
        return scope
    root = scope.get("root_path", "")
    came = re.sub("/+", "/", unquote(scope["raw_path"].decode("latin-1")))
    came = came if came.startswith(f"{root}/") else root + came  # a proxy took its prefix
    mount = came.rstrip("/").removesuffix(scope["path"].rstrip("/"))
    return {**scope, "root_path": mount, "path": came}


def _text(raw: str) -> str:
    """The text that PEP 3333 carries as latin-1."""
    return raw if raw.isascii() else raw.encode("latin-1").decode("utf-8", "replace")


def _with(request: Request, headers: Mapping[str, str | None]) -> Request:
    came = {name: value for name, value in headers.items() if value}
    return evolve(request, headers={**request.headers, **came}) if came else request


def _of_environ(environ: Mapping[str, Any]) -> dict[str, str | None]:
    return {name: environ.get(f"HTTP_{name.upper().replace('-', '_')}") for name in MORE}


def _of_scope(scope: Mapping[str, Any]) -> dict[str, str | None]:
    lines = cast("list[tuple[bytes, bytes]]", scope["headers"])
    return {_MORE[name]: value.decode("latin-1") for name, value in lines if name in _MORE}


async def _lifespan(receive: Receive, send: Send) -> None:
    """A server that serves the pages alone asks whether they have begun."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
