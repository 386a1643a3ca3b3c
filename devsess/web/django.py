"""Pages in Django: a view that hands the request to the pages' WSGI face."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.urls import re_path
from django.views.decorators.csrf import csrf_exempt

from devsess.adapters.django import add_cookie
from devsess.adapters.wsgi import KEY

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


def urls(app: WSGIApplication) -> list[Any]:
    """The patterns to include; the pages check by themselves which site a form comes from."""
    return [re_path(r"^(?P<path>.*)$", csrf_exempt(view_of(app)))]


def view_of(app: WSGIApplication) -> Callable[..., HttpResponse]:
    """A WSGI app as a view, mounted where its pattern is included."""

    # The pattern that includes these may capture parts of the mount point.
    def view(request: HttpRequest, path: str, **_: object) -> HttpResponse:
        started: list[Any] = []

        def start_response(*answer: Any) -> Callable[[bytes], object]:
            started.extend(answer)
            return started.append

        parts = app(_environ(request, path), start_response)
        status, headers = started[:2]
        response = HttpResponse(b"".join(parts), status=int(status[:3]))
        del response.headers["Content-Type"]  # which Django adds
        for name, value in headers:
            if name == "Set-Cookie":
                add_cookie(response, value)
            else:
                response.headers[name] = value
        return response

    return view


def _environ(request: HttpRequest, path: str) -> dict[str, Any]:
    mount = request.path[: len(request.path) - len(path)].rstrip("/")
    return {
        **request.META,
        "SCRIPT_NAME": _as_wsgi(mount),
        "PATH_INFO": _as_wsgi(f"/{path.removeprefix('/')}"),
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": BytesIO(request.body),
        "CONTENT_LENGTH": str(len(request.body)),
        KEY: getattr(request, "devsess", None),
    }


def _as_wsgi(text: str) -> str:
    return text.encode().decode("latin-1")
