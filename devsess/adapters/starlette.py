"""
Starlette and FastAPI: the session as a dependency.

    app.add_middleware(SessionMiddleware, manager=sessions, endpoints="/auth")

    @app.get("/me")
    async def me(session: Annotated[Session, Depends(require())]): ...
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import HTTPConnection

from devsess.adapters._current import AsyncCurrent
from devsess.adapters.asgi import SessionMiddleware
from devsess.errors import ConfigurationError
from devsess.models import Session
from devsess.policy import Span

__all__ = ["AsyncCurrent", "SessionMiddleware", "current_session", "require"]


async def current_session(connection: HTTPConnection) -> AsyncCurrent:
    """
    The session of a request or WebSocket, and what can be done with it.

    Raises:
        ConfigurationError: If the app is not wrapped.
    """
    current: AsyncCurrent | None = connection.scope.get("devsess")
    if current is None:
        raise ConfigurationError(
            "this app is not wrapped: app.add_middleware(SessionMiddleware, manager=sessions) first"
        )
    return current


def require(
    *, max_auth_age: Span | None = None, acr: str | None = None
) -> Callable[[HTTPConnection], Awaitable[Session]]:
    """A dependency: the live session, or the answer that asks for one; see Current.require."""

    async def session(connection: HTTPConnection) -> Session:
        current = await current_session(connection)
        return await current.require(max_auth_age=max_auth_age, acr=acr)

    return session
