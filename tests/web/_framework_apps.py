"""The small app of `_raw_apps` in frameworks, which catch errors and change headers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import django
import fastapi
import flask
import litestar
from _raw_apps import at_once, view_at
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.test import override_settings
from django.urls import re_path
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from devsess.adapters import fastapi as devsess_fastapi
from devsess.adapters import flask as devsess_flask
from devsess.adapters import litestar as devsess_litestar
from devsess.adapters import starlette as devsess_starlette

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def flask_app(now: Callable[[], float], sessions: Any, **wrapping: Any) -> Any:
    """Views find the session in the proxy."""
    app = flask.Flask(__name__)
    devsess_flask.init_app(app, sessions, **wrapping)

    @app.route("/", defaults={"path": ""}, methods=METHODS, provide_automatic_options=False)
    @app.route("/<path:path>", methods=METHODS, provide_automatic_options=False)
    def view(path: str) -> flask.Response:
        query = parse_qs(flask.request.query_string.decode(), True)
        answer = at_once(view_at(f"/{path}")(devsess_flask.current_session, query, now))
        return flask.Response(answer.body, answer.status, answer.headers, content_type=answer.kind)

    return app


def starlette_app(now: Callable[[], float], sessions: Any, **wrapping: Any) -> Any:
    """The middleware stands where Starlette puts it: inside the one that makes 500s of errors."""

    async def view(request: Request) -> Response:
        current = await devsess_starlette.current_session(request)
        answer = await view_at(request.scope["path"])(
            current, parse_qs(request.url.query, True), now
        )
        kind = {"Content-Type": answer.kind}
        return Response(answer.body, answer.status, answer.headers | kind)

    app = Starlette(routes=[Route("/{path:path}", view, methods=METHODS)])
    app.add_middleware(devsess_starlette.SessionMiddleware, manager=sessions, **wrapping)
    return app


def litestar_app(now: Callable[[], float], sessions: Any, **wrapping: Any) -> Any:
    """The plugin wraps the app; its views find the session where all of ASGI do."""

    @litestar.route("/{path:path}", http_method=["GET", "POST", "DELETE"])
    async def view(request: litestar.Request[Any, Any, Any]) -> litestar.Response[str]:
        scope: Any = request.scope
        query = parse_qs(request.url.query, True)
        answer = await view_at(scope["path"])(scope["devsess"], query, now)
        return litestar.Response(
            answer.body, status_code=answer.status, headers=answer.headers, media_type=answer.kind
        )

    plugin = devsess_litestar.SessionPlugin(sessions, **wrapping)
    app = litestar.Litestar([view], plugins=[plugin], logging_config=None)
    start: Any = app.on_startup[0]  # as a server does, and a bare transport does not
    start(app)
    return app


def fastapi_app(now: Callable[[], float], sessions: Any, **wrapping: Any) -> Any:
    """As Starlette's, with its own name for the middleware."""

    async def view(request: Request) -> Response:
        current = request.scope["devsess"]
        query = parse_qs(request.url.query, True)
        answer = await view_at(request.scope["path"])(current, query, now)
        kind = {"Content-Type": answer.kind}
        return Response(answer.body, answer.status, answer.headers | kind)

    app = fastapi.FastAPI()
    app.add_api_route("/{path:path}", view, methods=METHODS)
    app.add_middleware(devsess_fastapi.SessionMiddleware, manager=sessions, **wrapping)
    return app


urlpatterns = [re_path("", lambda request: _django_view(request))]


def django_app(now: Callable[[], float], sessions: Any, **wrapping: Any) -> Any:
    """Settings are read when the middleware is made."""
    if not settings.configured:
        settings.configure(
            ROOT_URLCONF=__name__,
            ALLOWED_HOSTS=["*"],
            MIDDLEWARE=["devsess.adapters.django.SessionMiddleware"],
            SECURE_PROXY_SSL_HEADER=None,
        )
        django.setup()
    DjangoClock.now = now
    with override_settings(DEVSESS={"manager": sessions, **wrapping}):
        return WSGIHandler()


class DjangoClock:
    """The clock of Django's view, which takes no argument but the request."""

    now: Callable[[], float]


def _django_view(request: Any) -> HttpResponse:
    query = parse_qs(request.META["QUERY_STRING"], True)
    answer = at_once(view_at(request.path)(request.devsess, query, DjangoClock.now))
    return HttpResponse(
        answer.body, content_type=answer.kind, status=answer.status, headers=answer.headers
    )
