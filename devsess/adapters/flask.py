"""
Flask: wrap the app, and find the session in `current_session`.

    init_app(app, sessions, endpoints="/auth")

    @app.post("/change-password")
    @require(max_auth_age=300)
    def change_password(): ...
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, TypeVar, cast, overload

from flask import (
    Flask,
    Response,
    current_app,
    got_request_exception,
    has_request_context,
    request,
    request_started,
)
from werkzeug.local import LocalProxy

from devsess.adapters._account import Account
from devsess.adapters._cookies import Cookies
from devsess.adapters._current import Current, exchange_of
from devsess.adapters.wsgi import KEY, SessionMiddleware
from devsess.errors import ConfigurationError, DevsessError
from devsess.manager import SessionManager
from devsess.policy import Span
from devsess.requirement import Requirement

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

__all__ = ["Account", "Cookies", "Current", "current_session", "init_app", "require"]

P = ParamSpec("P")
R = TypeVar("R")


def _current() -> Current:
    # Outside of a request it is Flask's RuntimeError that says so.
    current: Current | None = request.environ.get(KEY)
    if current is None:
        raise ConfigurationError("this app is not wrapped: call init_app(app, sessions) first")
    return current


current_session = cast("Current", LocalProxy(_current))


def _with_options_of(
    middleware: Callable[Concatenate[WSGIApplication, P], object],
) -> Callable[[Callable[..., None]], Callable[Concatenate[Flask, P], None]]:
    """Give a function the signature of *middleware*, for a Flask app."""

    def decorate(function: Callable[..., None]) -> Callable[Concatenate[Flask, P], None]:
        function.__signature__ = inspect.signature(middleware)  # type: ignore[attr-defined]
        return function

    return decorate


@_with_options_of(SessionMiddleware)
def init_app(app: Flask, manager: SessionManager, **options: Any) -> None:
    """
    Wrap *app*; errors of devsess become their answers rather than Flask's 500.

    Args:
        app: The app.
        manager: The manager.
        options: As for SessionMiddleware.

    Raises:
        ConfigurationError: If an argument cannot work.
    """
    app.wsgi_app = SessionMiddleware(app.wsgi_app, manager, **options)  # type: ignore[method-assign]
    app.register_error_handler(DevsessError, _answer)
    got_request_exception.connect(_note_failure, app)


# Stands for no argument: None is one, and `add_url_rule` returns it.
_NOTHING: Final[Any] = object()


@overload
def require(view: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def require(
    *,
    max_auth_age: Span | None = None,
    acr: str | None = None,
    trusted_device: bool = False,
    risk_below: int | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def require(
    view: Callable[P, R] = _NOTHING,
    /,
    *,
    max_auth_age: Span | None = None,
    acr: str | None = None,
    trusted_device: bool = False,
    risk_below: int | None = None,
) -> Any:
    """
    A decorator, with arguments or without, for views that need a session: Current.require.

    It may stand below the route's decorator or above it, and before `before_request`.
    Called without a view while a request is served, it checks that request at once, so
    a view may call it itself.

    Raises:
        TypeError: If an argument is wrong or has no name, or a class or an app is
            decorated.
        InvalidSessionError, StepUpRequiredError: If the request being served is refused.
    """
    requirement = Requirement(max_auth_age, acr, trusted_device, risk_below)

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        _check_guardable(view)

        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            _check(requirement)
            return current_app.ensure_sync(view)(*args, **kwargs)  # type: ignore[no-any-return]

        _mark(view, requirement)
        return guarded

    if view is not _NOTHING:
        return decorate(view)
    if has_request_context():
        _check(requirement)
    return decorate


def _check_guardable(view: object) -> None:
    if inspect.isclass(view):
        raise TypeError(f"{view.__name__} is a class: write decorators = [require] in it")
    if isinstance(view, Flask):
        raise TypeError("require guards a view; to guard a whole app, give init_app required=True")
    if not callable(view):
        raise TypeError(
            f"require guards a view, not {view!r}: arguments have names, require(max_auth_age=...)"
        )


# On a view itself, for a route that was declared before its guard.
_MARK = "__devsess_require__"


def _mark(view: Any, requirement: Requirement) -> None:
    # For every app, also one that was wrapped by hand, or not at all: there each such view fails.
    # Connected once, and not before: a signal that somebody hears costs each request something.
    request_started.connect(_check_marks)
    while view is not None:
        function = getattr(view, "__func__", view)  # a method's, for there is one a class
        marks = getattr(function, _MARK, ())
        if requirement not in marks:  # a view may be decorated at each request
            _set_mark(function, (*marks, requirement))
        view = getattr(view, "__wrapped__", None)


def _set_mark(function: Any, marks: tuple[Requirement, ...]) -> None:
    try:
        setattr(function, _MARK, marks)
    except (AttributeError, TypeError) as error:
        raise TypeError(f"{function!r} takes no mark: guard a function that calls it") from error


def _check_marks(app: Flask, **_: object) -> None:
    """Check the guards that decorate a route's view after the route was declared."""
    view = app.view_functions.get(request.endpoint or "")
    for requirement in getattr(view, _MARK, ()):
        _check(requirement)


def _check(requirement: Requirement) -> None:
    current_session.check(requirement)


def _note_failure(_: Flask, exception: BaseException, **__: object) -> None:
    current: Current | None = request.environ.get(KEY)
    if current is not None:  # a test's context has not come through the middleware
        exchange_of(current).failure = exception


def _answer(error: DevsessError) -> Response:
    answer = current_session.answer_to(error)
    if answer is None:
        raise error
    return Response(answer.body, answer.status, list(answer.headers))
