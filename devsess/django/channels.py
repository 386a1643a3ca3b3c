"""
Channels: consumers whose connection ends with its session.

    application = ProtocolTypeRouter({
        "http": get_asgi_application(),
        "websocket": SessionMiddleware(URLRouter([...])),
    })

It stands in the place of `AuthMiddlewareStack`. A consumer finds `scope["user"]`,
`scope["session"]` and `scope["devsess"]`, and needs no code of its own to be guarded.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from functools import cached_property
from typing import Any, TypeAlias

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user

from devsess._runtime.drive import drive
from devsess.adapters.asgi import request_of, without_tokens_of
from devsess.django.current import DjangoCurrent
from devsess.django.links import OfRequest
from devsess.django.middleware import SessionMiddleware as RequestMiddleware
from devsess.django.project import project
from devsess.django.sessions import SessionStore
from devsess.errors import DevsessError, StoreUnavailableError

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

# RFC 6455 §7.4.1: a policy was violated; and "try again later" of its registry.
REFUSED, TRY_AGAIN = 1008, 1013


class SessionMiddleware:
    """
    Gives every connection its session, and ends it with that.

    A connection that another site began is refused. Where nobody is signed in, the user is
    an AnonymousUser: the consumer decides.

    Args:
        app: The app, as `URLRouter`.
        every: Seconds between two looks at the session.
    """

    def __init__(self, app: Application, *, every: float = 1.0) -> None:
        self._app = app
        self._every = every

    @cached_property
    def _middleware(self) -> RequestMiddleware:
        # Late: this is made while Django starts.
        return RequestMiddleware(_no_view)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; other scopes go to the app."""
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        exchange, key = self._middleware.exchange_for(request_of(scope))
        # First without a thread: enough for most connections.
        if not exchange.try_cache():
            answer = await sync_to_async(_opened)(exchange)
            if answer is not None:
                code = TRY_AGAIN if answer.status == 503 else REFUSED
                await send({"type": "websocket.close", "code": code})
                return
        current = DjangoCurrent(exchange)
        store = SessionStore(key, link=OfRequest(current, project().sessions))
        user = await sync_to_async(get_user)(_Asking(store))
        shown = {**scope, "devsess": current, "session": store, "user": user}
        shown.update(without_tokens_of(scope) if exchange.request.offered else {})
        await self._guarded(current, shown, receive, send)

    async def _guarded(
        self, current: DjangoCurrent, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if current.session is None:
            await self._app(scope, receive, send)
            return
        try:
            async with current.aguard(every=self._every):
                await self._app(scope, receive, send)
        except DevsessError as reason:
            code = TRY_AGAIN if isinstance(reason, StoreUnavailableError) else REFUSED
            await send({"type": "websocket.close", "code": code})


class _Asking:
    """A connection as `get_user` knows it."""

    def __init__(self, session: SessionStore) -> None:
        self.session = session


def _opened(exchange: Any) -> Any:
    return drive(exchange.open())


def _no_view(request: Any) -> Any:
    raise AssertionError(f"{request} is no connection")
