"""
Litestar: a plugin that wraps the app, and the session as a dependency.

    app = Litestar([me], plugins=[SessionPlugin(sessions, endpoints="/auth")])

    @get("/me", guards=[require(max_auth_age=300)])
    async def me(session: Session) -> str: ...
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from litestar.di import Provide
from litestar.exceptions import LitestarException
from litestar.plugins import InitPlugin
from litestar.response import Response
from litestar.types import Scope

from devsess.adapters._account import Account
from devsess.adapters._cors import SHOWN
from devsess.adapters._current import AsyncCurrent, exchange_of
from devsess.adapters.asgi import ASGIApp, Cookies, Receive, Send, SessionMiddleware
from devsess.adapters.asgi import Scope as AnyScope
from devsess.async_manager import AsyncSessionManager
from devsess.errors import ConfigurationError, DevsessError
from devsess.models import Session
from devsess.requirement import Requirement

if TYPE_CHECKING:
    from litestar import Litestar
    from litestar.config.app import AppConfig
    from litestar.config.cors import CORSConfig
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
        app_config.after_exception.append(_note)
        if app_config.cors_config is not None:
            app_config.cors_config = _showing(app_config.cors_config)
        app_config.on_startup.insert(0, _Wrapping(self._manager, self._options))
        return app_config


class _Wrapping:
    """Wraps an app at the first of its starts."""

    def __init__(self, manager: AsyncSessionManager, options: dict[str, Any]) -> None:
        self._manager = manager
        self._options = options
        self._is_done = False

    def __call__(self, app: Litestar) -> None:
        if self._is_done:
            return
        inner = _Plain(cast("ASGIApp", app.asgi_handler))
        app.asgi_handler = cast("Any", SessionMiddleware(inner, self._manager, **self._options))
        self._is_done = True


class _Plain:
    """Litestar's app, that breaks a response off with the error itself, and none of Litestar's."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: AnyScope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
            return
        except LitestarException as error:
            found = _beneath(error)
        raise found  # no longer within the other's handler: its context stays as it is


def _beneath(error: BaseException) -> BaseException:
    """The error that layers of Litestar have put errors of their own around."""
    while type(error) is LitestarException and error.__cause__ is not None:
        error = error.__cause__
    return error


def _note(error: Exception, scope: Scope) -> None:
    """Litestar closes a WebSocket for any error alike, and asks no handler: this tells of which."""
    current: AsyncCurrent | None = cast("dict[str, Any]", scope).get("devsess")
    if current is not None:
        exchange_of(current).failure = error


def _showing(config: CORSConfig) -> CORSConfig:
    """*config* with the headers of a refusal, for the scripts that may read the app's answers."""
    shown = [*config.expose_headers, *(it for it in SHOWN if it not in config.expose_headers)]
    return replace(config, expose_headers=shown)


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
