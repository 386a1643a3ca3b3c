"""The frameworks' helpers fail with a clear error where they are used wrongly."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import flask
import pytest
from _framework_apps import django_app
from django.http import HttpResponse
from django.test import RequestFactory, override_settings
from django.utils.decorators import decorator_from_middleware
from starlette.requests import HTTPConnection

from devsess import ConfigurationError, SessionManager
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
