"""
Flask: wrap the app, and find the session in `current_session`.

    init_app(app, sessions, endpoints="/auth")

    @app.post("/change-password")
    @require(max_auth_age=300)
    def change_password(): ...
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from flask import Flask, Response, request
from werkzeug.local import LocalProxy

from devsess.adapters._current import Current
from devsess.adapters.wsgi import SessionMiddleware
from devsess.errors import ConfigurationError, DevsessError
from devsess.manager import SessionManager
from devsess.policy import Span

P = ParamSpec("P")
R = TypeVar("R")


def _current() -> Current:
    # Outside of a request it is Flask's RuntimeError that says so.
    current: Current | None = request.environ.get("devsess")
    if current is None:
        raise ConfigurationError("this app is not wrapped: call init_app(app, sessions) first")
    return current


current_session = cast("Current", LocalProxy(_current))


def init_app(app: Flask, manager: SessionManager, **settings: Any) -> None:
    """
    Wrap *app*; errors of devsess become their answers rather than Flask's 500.

    Args:
        app: The app.
        manager: The manager.
        settings: As for SessionMiddleware.

    Raises:
        ConfigurationError: If an argument cannot work.
    """
    app.wsgi_app = SessionMiddleware(app.wsgi_app, manager, **settings)  # type: ignore[method-assign]
    app.register_error_handler(DevsessError, _answer)


def require(
    view: Callable[P, R] | None = None,
    /,
    *,
    max_auth_age: Span | None = None,
    acr: str | None = None,
) -> Any:
    """
    A decorator, with arguments or without, for views that need a session: Current.require.

    Raises:
        TypeError: If what stands in parentheses has no name.
    """
    if view is not None and not callable(view):
        raise TypeError(f"write require(max_auth_age={view!r}) or require(acr=...)")

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            current_session.require(max_auth_age=max_auth_age, acr=acr)
            return view(*args, **kwargs)

        return guarded

    return decorate if view is None else decorate(view)


def _answer(error: DevsessError) -> Response:
    answer = current_session.answer_to(error)
    if answer is None:
        raise error
    return Response(answer.body, answer.status, list(answer.headers))
