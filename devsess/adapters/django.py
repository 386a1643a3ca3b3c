"""
Django: a middleware that gives every request its `request.devsess`.

    MIDDLEWARE = ["devsess.adapters.django.SessionMiddleware", ...]
    DEVSESS = {"manager": "myproject.sessions.sessions", "endpoints": "/auth"}

`manager` is a SessionManager or the dotted path of one; everything else is as
for `devsess.adapters.wsgi.SessionMiddleware`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from http.cookies import Morsel
from typing import Any, NoReturn, TypeAlias, TypedDict, Unpack

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import got_request_exception
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware, rotate_token
from django.utils.cache import patch_vary_headers
from django.utils.module_loading import import_string

from devsess._runtime.drive import drive
from devsess.adapters._account import Account
from devsess.adapters._body import MAX_DROPPED
from devsess.adapters._cookies import Cookies
from devsess.adapters._cors import ALLOW_ORIGIN
from devsess.adapters._current import Current, exchange_of
from devsess.adapters._exchange import Exchange
from devsess.adapters._http import Answer
from devsess.adapters._middleware import Middleware
from devsess.adapters._sessions import BlockingSessions, Sessions
from devsess.adapters.wsgi import before, limited, request_of
from devsess.errors import ConfigurationError, DevsessError
from devsess.manager import SessionManager
from devsess.models import Grant, Session
from devsess.policy import Span

__all__ = ["Account", "Cookies", "Current", "SessionMiddleware"]

GetResponse: TypeAlias = Callable[[HttpRequest], HttpResponseBase]


class _LoginOptions(TypedDict, total=False):
    """The options of Current.login."""

    amr: Sequence[str]
    acr: str | None
    auth_time: datetime | float | None
    persistent: bool
    claims: Mapping[str, object] | None
    lifetime: Span | None
    provider: str | None


class RequestCurrent(Current):
    """`Current` in a view of Django: forms from before a sign-in or a switch are refused."""

    def __init__(self, exchange: Exchange, request: HttpRequest | None = None) -> None:
        super().__init__(exchange)
        self._request = request

    def login(
        self, user_id: str, *, cookies: bool = True, **options: Unpack[_LoginOptions]
    ) -> Grant:
        """See Current.login."""
        with self._changing(cookies=cookies):
            return super().login(user_id, cookies=cookies, **options)

    def collect(self, pending_token: str, *, cookies: bool = True) -> Grant:
        """See Current.collect."""
        with self._changing(cookies=cookies):
            return super().collect(pending_token, cookies=cookies)

    def switch(self, slot: int) -> Session:
        """See Current.switch."""
        with self._changing():
            return super().switch(slot)

    @contextmanager
    def _changing(self, *, cookies: bool = True) -> Iterator[None]:
        """Around what makes the browser act for another session, if it is about *cookies*."""
        yield
        if cookies and self._request is not None:
            rotate_token(self._request)


class SessionMiddleware(Middleware[GetResponse, SessionManager]):
    """See the module; put it before the middlewares that use the session."""

    _awaits = False
    _manager_name = "SessionManager"

    def _face(self, manager: SessionManager) -> Sessions:
        return BlockingSessions(manager)

    def __init__(self, get_response: GetResponse) -> None:
        given = getattr(settings, "DEVSESS", None)
        if not isinstance(given, Mapping):
            raise ImproperlyConfigured('DEVSESS = {"manager": ...} is missing in the settings')
        options: dict[str, Any] = dict(given)
        manager = options.pop("manager", None)
        if isinstance(manager, str):
            manager = import_string(manager)
        self._wrap(get_response, manager, options)

    def _wrap(self, get_response: GetResponse, manager: Any, options: dict[str, Any]) -> None:
        Middleware.__init__(self, get_response, manager, **options)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Serve one request."""
        exchange = self._begin(request)
        response = self._before(request, exchange)
        if response is None:
            response = self._in_place_of(request, exchange, self._app(request))
        self._finish(request, response, exchange)
        return response

    def _begin(self, request: HttpRequest) -> Exchange:
        mount = request.path.removesuffix(request.path_info)
        exchange = self._exchange(request_of(self._environ(request), mount, request.path_info))
        request.devsess = RequestCurrent(exchange, request)
        return exchange

    def _environ(self, request: HttpRequest) -> dict[str, Any]:
        return {**request.META, "wsgi.url_scheme": request.scheme}

    def _before(self, request: HttpRequest, exchange: Exchange) -> HttpResponseBase | None:
        answer = before(exchange, lambda: limited(request.read(_MOST)))
        if answer is None:
            return None
        response = response_to(request, answer)
        if exchange.has_switched:
            self._rotate(request, response)
        return response

    def _rotate(self, request: HttpRequest, response: HttpResponse) -> None:
        """Refuse forms of the account before; no middleware within this one sees the answer."""
        in_session = settings.CSRF_USE_SESSIONS and hasattr(request, "session")
        if in_session or settings.CSRF_COOKIE_NAME in request.COOKIES:
            rotate_token(request)
            CsrfViewMiddleware(self._app).process_response(request, response)

    def _in_place_of(
        self, request: HttpRequest, exchange: Exchange, response: HttpResponseBase
    ) -> HttpResponseBase:
        instead = exchange.in_place_of_500() if response.status_code == 500 else None
        return response if instead is None else response_to(request, instead)

    def process_request(self, _: HttpRequest) -> NoReturn:
        """
        No hook: Django calls it only where the middleware was made a view's decorator.

        Raises:
            ConfigurationError: Always, since nothing else of it would be called.
        """
        raise ConfigurationError("SessionMiddleware guards nothing as a decorator: see MIDDLEWARE")

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Django's hook for a view's errors: those of devsess become their answers."""
        current: Current = request.devsess
        answer = current.answer_to(error) if isinstance(error, DevsessError) else None
        if answer is None:
            exchange_of(current).failure = error
            return None
        return response_to(request, answer)

    def _finish(
        self,
        request: HttpRequest,  # noqa: ARG002 - for the app's
        response: HttpResponseBase,
        exchange: Exchange,
    ) -> None:
        if exchange.has_cookies_to_update:
            drive(exchange.update_cookies())
        # Set-Cookie has a jar of its own in Django: headers hold one line each.
        ours = exchange.headers(
            is_html=response.get("Content-Type", "").startswith("text/html"),
            is_marked=response.has_header("Cache-Control"),
            is_shared=bool(exchange.settings.origins) and response.has_header(ALLOW_ORIGIN),
        )
        for name, value in ours:
            if name == "Set-Cookie":
                add_cookie(response, value)
            elif name == "Vary" and name in response.headers:
                patch_vary_headers(response, value.split(", "))
            elif name in _LISTS and name in response.headers:
                response.headers[name] += f", {value}"
            else:
                response.headers[name] = value
        exchange.has_begun = True


def _note_failure(request: HttpRequest | None = None, **_: object) -> None:
    """What Django makes a 500 of: also an error of a middleware, of which no hook tells."""
    current = getattr(request, "devsess", None)
    if isinstance(current, Current):
        exchange_of(current).failure = sys.exception()


got_request_exception.connect(_note_failure)


class _Line(Morsel[str]):
    """A Set-Cookie line as it stands: Morsel knows no Partitioned before Python 3.14."""

    def __init__(self, line: str) -> None:
        super().__init__()
        self.line = line
        pair, *attributes = line.split("; ")
        name, _, value = pair.partition("=")
        self.set(name, value, value)
        for attribute in attributes:
            key, is_valued, value = attribute.partition("=")
            if self.isReservedKey(key):
                self[key] = value if is_valued else True

    def OutputString(self, attrs: object = None) -> str:  # noqa: ARG002, N802 - as Morsel's
        """The line."""
        return self.line


def add_cookie(response: HttpResponseBase, line: str) -> None:
    """Add *line*; those of one name, for other places, each have their own key in the jar."""
    name = line.partition("=")[0]
    while name in response.cookies and isinstance(response.cookies[name], _Line):
        name += "'"
    response.cookies[name] = _Line(line)


_MOST = MAX_DROPPED
# What the app has said in them stays.
_LISTS = ("Accept-CH", "Access-Control-Expose-Headers")


def response_to(request: HttpRequest, answer: Answer) -> HttpResponse:
    """*answer* as Django sends it."""
    body = b"" if request.method == "HEAD" else answer.body
    response = HttpResponse(body, status=answer.status, headers=dict(answer.headers))
    if answer.status == 204:
        del response.headers["Content-Type"]  # which Django adds
    return response
