"""
Litestar: a plugin that wraps the app, and the session as a dependency.

    app = Litestar([me], plugins=[SessionPlugin(sessions, endpoints="/auth")])

    @get("/me", guards=[require(max_auth_age=300)])
    async def me(session: Session) -> str: ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from litestar.di import Provide
from litestar.plugins import InitPlugin
from litestar.response import Response
from litestar.types import Scope

from devsess.adapters._account import Account
from devsess.adapters._current import AsyncCurrent
from devsess.adapters.asgi import ASGIApp, Cookies, SessionMiddleware
from devsess.async_manager import AsyncSessionManager
from devsess.errors import ConfigurationError, DevsessError
from devsess.models import Session
from devsess.requirement import Requirement

if TYPE_CHECKING:
    from litestar import Litestar
    from litestar.config.app import AppConfig
    from litestar.connection import ASGIConnection, Request
    from litestar.handlers import BaseRouteHandler

    from devsess.policy import Span

__all__ = ["Account", "AsyncCurrent", "Cookies", "SessionPlugin", "require"]


class SessionPlugin(InitPlugin):
    """
    Wraps the app when it starts, and gives its handlers two dependencies.

    `session` is the live session, or the answer that asks for one; `current` is the request's,
    or none, with its methods.

    Args:
        manager: The manager; close it in `on_shutdown`.
        options: As for SessionMiddleware.
    """

    def __init__(self, manager: AsyncSessionManager, **options: Any) -> None:
        self._manager = manager
        self._options = options

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        """
        Take part in a new app.

        Raises:
            ConfigurationError: If the app has another dependency of one of the two names.
        """
        taken = {"current", "session"} & set(app_config.dependencies)
        if taken:
            names = " and ".join(sorted(taken))
            raise ConfigurationError(f"SessionPlugin gives {names}: name the app's own otherwise")
        app_config.dependencies["session"] = Provide(_session)
        app_config.dependencies["current"] = Provide(_current_of, sync_to_thread=False)
        app_config.exception_handlers.setdefault(DevsessError, _answer)
        app_config.on_startup.insert(0, self._wrap)
        return app_config

    def _wrap(self, app: Litestar) -> None:
        inner = cast("ASGIApp", app.asgi_handler)
        app.asgi_handler = cast("Any", SessionMiddleware(inner, self._manager, **self._options))


def require(
    *,
    max_auth_age: Span | None = None,
    acr: str | None = None,
    trusted_device: bool = False,
    risk_below: int | None = None,
) -> _Guard:
    """
    A guard of Litestar's: the live session, or the answer that asks for it; see Current.require.

    Raises:
        TypeError, ConfigurationError: If an argument cannot work.
    """
    return _Guard(Requirement(max_auth_age, acr, trusted_device, risk_below))


class _Guard:
    def __init__(self, requirement: Requirement) -> None:
        self._requirement = requirement

    async def __call__(
        self, connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler
    ) -> None:
        _current_of(connection.scope).check(self._requirement)


def _answer(request: Request[Any, Any, Any], error: DevsessError) -> Response[bytes]:
    answer = _current_of(request.scope).answer_to(error)
    if answer is None:
        raise error
    return Response(answer.body, status_code=answer.status, headers=dict(answer.headers))


async def _session(scope: Scope) -> Session:
    return await _current_of(scope).require()


def _current_of(scope: Scope) -> AsyncCurrent:
    current: AsyncCurrent | None = cast("dict[str, Any]", scope).get("devsess")
    if current is None:
        raise ConfigurationError(
            "this app is not wrapped: give it SessionPlugin(sessions), and let its server start it"
        )
    return current
