"""The frameworks' helpers fail with a clear error where they are used wrongly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import flask
import pytest
from _framework_apps import django_app
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.test import RequestFactory, override_settings
from django.utils.decorators import decorator_from_middleware
from starlette.requests import HTTPConnection

from devsess import (
    Client,
    ConfigurationError,
    Points,
    Policy,
    Risk,
    SessionManager,
    SignInHeldError,
)
from devsess.adapters import flask as devsess_flask
from devsess.adapters import starlette as devsess_starlette
from devsess.adapters.django import SessionMiddleware as DjangoMiddleware
from devsess.tokens.keys import generate_secret


def test_flask_without_init_app() -> None:
    """The error says what to do."""
    with (
        flask.Flask(__name__).test_request_context(),
        pytest.raises(ConfigurationError, match="init_app"),
    ):
        devsess_flask.current_session.require()


def test_starlette_without_its_middleware() -> None:
    """The error says what to do."""
    connection = HTTPConnection({"type": "http", "headers": []})
    with pytest.raises(ConfigurationError, match="add_middleware"):
        asyncio.run(devsess_starlette.current_session(connection))


@pytest.mark.parametrize("age", [300, "aal2"])
def test_require_takes_names(age: Any) -> None:
    """A number in its place is an error; otherwise the view would be open to everybody."""
    with pytest.raises(TypeError, match="max_auth_age"):
        devsess_flask.require(age)


@pytest.mark.parametrize("required", [True, False])
def test_djangos_middleware_is_no_decorator(required: bool) -> None:
    """Django would never call it then, and the view would be open: it fails instead."""
    with SessionManager("memory://", keys=generate_secret()) as sessions:
        django_app(time.time, sessions)  # which configures Django
        with override_settings(DEVSESS={"manager": sessions, "required": required}):
            view = decorator_from_middleware(DjangoMiddleware)(lambda _: HttpResponse("open"))
        with pytest.raises(ConfigurationError, match="MIDDLEWARE"):
            view(RequestFactory().get("/"))


_HELD = Policy(risk=Risk(mode="enforce", points=Points(base=50), hold_from=10))


def _approved(sessions: SessionManager) -> str:
    """A held sign-in that was approved, to be collected."""
    sessions.login("ada", Client())
    with pytest.raises(SignInHeldError) as held:
        sessions.login("ada", Client())
    sessions.approve("ada", held.value.code)
    return str(held.value.pending_token)


_ACTS: dict[str, tuple[Callable[[Any, SessionManager], object], bool]] = {
    "a sign-in": (lambda request, _: request.devsess.login("ada"), True),
    "a sign-in with options": (lambda request, _: request.devsess.login("ada", amr=("otp",)), True),
    "one that was held": (
        lambda request, sessions: request.devsess.collect(_approved(sessions)),
        True,
    ),
    "a program's": (lambda request, _: request.devsess.login("ada", cookies=False), False),
    "nothing": (lambda request, _: request.devsess.session, False),
}


@pytest.mark.parametrize("name", _ACTS)
def test_djangos_csrf_token_is_renewed(name: str) -> None:
    """By what signs a browser in, as Django's own `login` does: forms from before are refused."""
    act, is_renewed = _ACTS[name]
    with SessionManager("memory://", keys=generate_secret(), policy=_HELD) as sessions:
        django_app(time.time, sessions)  # which configures Django

        def view(request: HttpRequest) -> HttpResponse:
            act(request, sessions)
            return HttpResponse("done")

        with override_settings(DEVSESS={"manager": sessions}):
            app = DjangoMiddleware(CsrfViewMiddleware(view))
        request = RequestFactory().get("/")
        request.COOKIES["csrftoken"] = before = "t" * 32
        answer = app(request)
        renewed = answer.cookies.get("csrftoken")
        assert is_renewed == (renewed is not None)
        assert renewed is None or renewed.value != before


def test_djangos_csrf_token_is_renewed_by_an_endpoint() -> None:
    """The one that collects a held sign-in: the view's middlewares do not see its answer."""
    with SessionManager("memory://", keys=generate_secret(), policy=_HELD) as sessions:
        django_app(time.time, sessions)  # which configures Django
        with override_settings(DEVSESS={"manager": sessions, "endpoints": "/auth"}):
            app = DjangoMiddleware(lambda _: HttpResponse("done"))
        request = RequestFactory().post(
            "/auth/held/collect",
            {"pending_token": _approved(sessions)},
            content_type="application/json",
            headers={"Sec-Fetch-Site": "same-origin"},
        )
        request.COOKIES["csrftoken"] = before = "t" * 32
        answer = app(request)
        assert (answer.status_code, answer.cookies["csrftoken"].value != before) == (200, True)
