"""
Flask: wrap the app, and find the session in `current_session`.

    init_app(app, sessions, endpoints="/auth")

    @app.post("/change-password")
    @require(max_auth_age=300)
    def change_password(): ...
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from flask import Flask, Response, current_app, request
from werkzeug.local import LocalProxy

from devsess.adapters._cookies import Cookies
from devsess.adapters._current import Current
from devsess.adapters._wanted import Wanted, wanted
from devsess.adapters.wsgi import KEY, SessionMiddleware
from devsess.errors import ConfigurationError, DevsessError
from devsess.manager import SessionManager
from devsess.policy import Span

__all__ = ["Cookies", "Current", "current_session", "init_app", "require"]

P = ParamSpec("P")
R = TypeVar("R")


def _current() -> Current:
    # Outside of a request it is Flask's RuntimeError that says so.
    current: Current | None = request.environ.get(KEY)
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
    app.before_request(_check_marks)


def require(
    view: Callable[P, R] | None = None,
    /,
    *,
    max_auth_age: Span | None = None,
    acr: str | None = None,
) -> Any:
    """
    A decorator, with arguments or without, for views that need a session: Current.require.

    It may stand below the route's decorator or above it, and before `before_request`.

    Raises:
        TypeError: If an argument is wrong, or what stands in parentheses has no name.
    """
    if view is not None and not callable(view):
        raise TypeError(f"write require(max_auth_age={view!r}) or require(acr=...)")
    asked = wanted(max_auth_age, acr)

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            _check(asked)
            return current_app.ensure_sync(view)(*args, **kwargs)  # type: ignore[no-any-return]

        _mark(view, asked)
        return guarded

    return decorate if view is None else decorate(view)


# On a view itself, for a route that was declared before its guard.
_MARK = "__devsess_require__"


def _mark(view: Any, asked: Wanted) -> None:
    while view is not None:
        with suppress(AttributeError):  # a bound method: nothing that was declared as a route
            setattr(view, _MARK, (*getattr(view, _MARK, ()), asked))
        view = getattr(view, "__wrapped__", None)


def _check_marks() -> None:
    """Check what a route's view was decorated with after the route was declared."""
    view = current_app.view_functions.get(request.endpoint or "")
    for asked in getattr(view, _MARK, ()):
        _check(asked)


def _check(asked: Wanted) -> None:
    current_session.require(max_auth_age=asked.max_auth_age, acr=asked.acr)


def _answer(error: DevsessError) -> Response:
    answer = current_session.answer_to(error)
    if answer is None:
        raise error
    return Response(answer.body, answer.status, list(answer.headers))
