"""
Django: a middleware that gives every request its `request.devsess`.

    MIDDLEWARE = ["devsess.adapters.django.SessionMiddleware", ...]
    DEVSESS = {"manager": "myproject.sessions.sessions", "endpoints": "/auth"}

`manager` is a SessionManager or the dotted path of one; everything else is as
for `devsess.adapters.wsgi.SessionMiddleware`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.module_loading import import_string

from devsess._drivers import run
from devsess.adapters import _endpoints as endpoints
from devsess.adapters._current import Current
from devsess.adapters._http import Answer
from devsess.adapters.wsgi import SessionMiddleware as WSGIMiddleware
from devsess.adapters.wsgi import request_of
from devsess.errors import DevsessError


class SessionMiddleware:
    """See the module; put it before what needs to know who asks."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        options: dict[str, Any] = dict(settings.DEVSESS)
        manager = options.pop("manager")
        if isinstance(manager, str):
            manager = import_string(manager)
        self._get_response = get_response
        # Of the WSGI middleware it is the settings that are used, and their checks.
        self._wrapped = WSGIMiddleware(_no_app, manager, **options)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Serve one request."""
        environ = {**request.META, "wsgi.url_scheme": request.scheme}
        current = self._wrapped.current(request_of(environ))
        request.devsess = current
        answer = _before(current, request)
        response = self._get_response(request) if answer is None else _response(request, answer)
        noted = current.exchange.noted
        if noted is not None and response.status_code == 500:
            answer = current.answer_to(noted)
            response = response if answer is None else _response(request, answer)
        _add_ours(response, current)
        return response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Django's hook for what a view raised: errors of devsess become their answers."""
        current: Current = request.devsess
        answer = current.answer_to(error) if isinstance(error, DevsessError) else None
        return None if answer is None else _response(request, answer)


def _no_app(*_: object) -> Any:
    raise AssertionError("Django calls no app behind its middlewares")


def _before(current: Current, request: HttpRequest) -> Answer | None:
    exchange = current.exchange
    path = endpoints.path_below(exchange)
    if path is None:
        return run(exchange.open(), current.perform)
    body = request.read(endpoints.MAX_BODY + 1)
    whole = body if len(body) <= endpoints.MAX_BODY else None
    return run(endpoints.serve(exchange, path, whole), current.perform)


def _response(request: HttpRequest, answer: Answer) -> HttpResponse:
    body = b"" if request.method == "HEAD" else answer.body
    response = HttpResponse(body, status=answer.status, headers=dict(answer.headers))
    if answer.status == 204:
        del response.headers["Content-Type"]  # Django's own idea
    return response


def _add_ours(response: HttpResponseBase, current: Current) -> None:
    # Set-Cookie has a jar of its own in Django: headers hold one line each.
    for name, value in current.exchange.headers(response.get("Content-Type", "")):
        if name == "Set-Cookie":
            response.cookies.load(value)
        else:
            response.headers[name] = value
    current.exchange.has_begun = True
