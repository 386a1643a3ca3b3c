"""The test clients of frameworks, signed in or not, meet no 403."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from _framework_apps import django_app, flask_app, starlette_app
from _raw_apps import wsgi_app
from attrs import frozen
from django.test import Client as DjangoClient
from django.test import override_settings

from devsess import AsyncSessionManager, SessionManager
from devsess.adapters.wsgi import Cookies, SessionMiddleware
from devsess.testing import FakeClock, as_browser, sign_in
from devsess.tokens.keys import generate_secret

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would rather have httpx2, which few have yet
    from starlette.testclient import TestClient

pytestmark = pytest.mark.filterwarnings("ignore:insecure_cookies")


@frozen
class Backend:
    """A store and a clock; `sessions` blocks, and `others` are awaited."""

    sessions: SessionManager
    others: AsyncSessionManager
    clock: FakeClock

    def now(self) -> float:
        return self.clock.now().timestamp()


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    clock, secret = FakeClock(), generate_secret()
    path = tmp_path / "sessions.db"
    others = AsyncSessionManager(path, keys=secret, clock=clock)
    with SessionManager(path, keys=secret, clock=clock) as sessions:
        yield Backend(sessions, others, clock)
    asyncio.run(others.close())


def of_flask(backend: Backend, **wrapping: Any) -> Any:
    return flask_app(backend.now, backend.sessions, **wrapping).test_client()


def of_django(backend: Backend, **wrapping: Any) -> Any:
    django_app(backend.now, backend.sessions)  # which configures Django
    client = DjangoClient()
    with override_settings(DEVSESS={"manager": backend.sessions, **wrapping}):
        client.handler.load_middleware()
    return client


def of_starlette(backend: Backend, **wrapping: Any) -> Any:
    return TestClient(starlette_app(backend.now, backend.others, **wrapping))


def of_httpx(backend: Backend, **wrapping: Any) -> Any:
    app = SessionMiddleware(wsgi_app(backend.now), backend.sessions, **wrapping)
    return httpx.Client(transport=httpx.WSGITransport(app), base_url="http://www.app.example")


CLIENTS = [of_flask, of_django, of_starlette, of_httpx]
WRAPPINGS: list[dict[str, Any]] = [
    {},
    {"cookies": Cookies(name="shop")},
    {"insecure_cookies": True},
]


@pytest.mark.parametrize("client_of", CLIENTS)
@pytest.mark.parametrize("wrapping", WRAPPINGS, ids=str)
def test_a_client_is_signed_in(backend: Backend, client_of: Any, wrapping: Any) -> None:
    """It changes things, is renewed, and signed out, as a browser."""
    client = client_of(backend, endpoints="/auth", **wrapping)
    assert client is sign_in(client, backend.sessions.login("ada"), **wrapping)
    assert 200 == client.post("/me").status_code
    for _ in range(2):
        backend.clock.advance(timedelta(minutes=16))
        assert 200 == client.post("/me").status_code
    assert 204 == client.post("/auth/logout").status_code
    assert 401 == client.get("/me").status_code
    assert [] == backend.sessions.list("ada")


@pytest.mark.parametrize("client_of", CLIENTS)
def test_a_client_signs_in_by_itself(backend: Backend, client_of: Any) -> None:
    """The app's own form is a page of the app; and the cookies that it sets are kept."""
    client = client_of(backend)
    assert client is as_browser(client)
    assert 200 == client.post("/login?user=ada").status_code
    assert 200 == client.post("/login?user=ada").status_code
    assert 200 == client.get("/me").status_code
    assert 1 == len(backend.sessions.devices("ada"))


@pytest.mark.parametrize("client_of", CLIENTS)
def test_without_it_there_is_a_403(backend: Backend, client_of: Any) -> None:
    """Without the helper an unsafe request has no origin, and is refused."""
    client = sign_in(client_of(backend), backend.sessions.login("ada"))
    for place in (client, getattr(client, "headers", None)):
        for name in ("environ_base", "defaults"):
            getattr(place, name, {}).pop("HTTP_SEC_FETCH_SITE", None)
    if isinstance(client, httpx.Client):
        del client.headers["Sec-Fetch-Site"]
    assert 403 == client.post("/me").status_code


def test_what_is_no_client_is_refused() -> None:
    """The error comes at once and names the type."""
    with pytest.raises(TypeError, match="object"):
        as_browser(object())
    with pytest.raises(ValueError, match="base_url"):
        as_browser(httpx.Client())
