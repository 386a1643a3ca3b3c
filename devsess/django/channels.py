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

from devsess._runtime.drive import drive
from devsess.adapters._asgi_response import close_code
from devsess.adapters.asgi import request_of, without_tokens_of
from devsess.django.current import DjangoCurrent
from devsess.django.known import user_of
from devsess.django.links import OfRequest
from devsess.django.middleware import SessionMiddleware as RequestMiddleware
from devsess.django.project import project
from devsess.django.sessions import SessionStore
from devsess.errors import DevsessError

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


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
                await send({"type": "websocket.close", "code": close_code(answer)})
                return
        current = DjangoCurrent(exchange)
        store = SessionStore(key, link=OfRequest(current, project().sessions))
        user = await sync_to_async(user_of)(store)
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
            answer = current.answer_to(reason)
            if answer is None:
                raise
            await send({"type": "websocket.close", "code": close_code(answer)})


def _opened(exchange: Any) -> Any:
    return drive(exchange.open())


def _no_view(request: Any) -> Any:
    raise AssertionError(f"{request} is no connection")
