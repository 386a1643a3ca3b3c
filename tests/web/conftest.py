"""
Every law of the adapters holds on WSGI and on ASGI.

A framework's app is wrapped by the same middleware; by default test_adapters.py alone runs over
each of them, and the other files over a bare app of each kind.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from _browser import Browser, Program
from _chromium import Chromium
from _framework_apps import django_app, fastapi_app, flask_app, litestar_app, starlette_app
from _raw_apps import asgi_app, wsgi_app
from _wsgi_driver import on_wsgi
from attrs import define

from devsess import AsyncSessionManager, SessionManager
from devsess.adapters import asgi, wsgi
from devsess.testing import FakeClock

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"


def raw_wsgi(now: Any, sessions: Any, **wrapping: Any) -> Any:
    return wsgi.SessionMiddleware(wsgi_app(now), sessions, **wrapping)


def raw_asgi(now: Any, sessions: Any, **wrapping: Any) -> Any:
    return asgi.SessionMiddleware(asgi_app(now), sessions, **wrapping)


ON_WSGI = {"wsgi": raw_wsgi, "flask": flask_app, "django": django_app}
ON_ASGI = {"asgi": raw_asgi, "starlette": starlette_app}
FRAMEWORKS = {"flask", "django", "starlette"}
# What a framework's own way of wrapping could get wrong is asked of these too.
EVERY = ON_WSGI | ON_ASGI | {"fastapi": fastapi_app, "litestar": litestar_app}


@define
class Site:
    """A wrapped app, its manager (blocking, on the same store) and its clock."""

    send: Callable[..., httpx.Response]
    sessions: SessionManager
    clock: FakeClock
    path: Path

    def browser(self, user: str | None = None, query: str = "") -> Browser:
        """A browser, signed in as *user* if there is one."""
        browser = Browser(self.send)
        if user is not None:
            answer = browser.post(f"/login?user={user}{query}")
            assert 200 == answer.status_code, answer.text
        return browser

    def program(self, user: str) -> Program:
        """A program that is signed in."""
        program = Program(self.send)
        program.tokens = program.ask("POST", f"/login?user={user}").json()
        return program


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Choose the apps that a file's tests run over."""
    if "app_kind" in metafunc.fixturenames:
        name = metafunc.module.__name__
        dear = set() if name in ("test_adapters", "test_every_adapter") else FRAMEWORKS
        kinds = [
            pytest.param(kind, marks=pytest.mark.thorough) if kind in dear else kind
            for kind in (EVERY if name == "test_every_adapter" else (*ON_WSGI, *ON_ASGI))
        ]
        metafunc.parametrize("app_kind", kinds)


@pytest.fixture
def make(app_kind: str, tmp_path: Path, empty_database: Path) -> Iterator[Callable[..., Site]]:
    """Makes sites of one kind, wrapped as the arguments say."""
    closing: list[Callable[[], Any]] = []
    clock = FakeClock()
    path = Path(shutil.copy(empty_database, tmp_path / "sessions.db"))

    def now() -> float:
        return clock.now().timestamp()

    def make(policy: Any = None, on_event: Any = None, **wrapping: Any) -> Site:
        settings: dict[str, Any] = {"keys": SECRET, "clock": clock, "on_event": on_event}
        settings |= {"policy": policy} if policy else {}
        wrapping = {"endpoints": "/auth", **wrapping}
        sessions = SessionManager(path, **settings)
        closing.append(sessions.close)
        if app_kind in ON_WSGI:
            send = over_wsgi(ON_WSGI[app_kind](now, sessions, **wrapping))
        else:
            others = AsyncSessionManager(path, **settings)
            send = over_asgi(EVERY[app_kind](now, others, **wrapping), others, closing)
        return Site(send, sessions, clock, path)

    yield make
    for close in reversed(closing):
        close()


def over_wsgi(app: Any) -> Any:
    def send(method: str, path: str, headers: Any, content: bytes) -> httpx.Response:
        return on_wsgi(app, method, path, headers, content)

    return send


def over_asgi(app: Any, sessions: AsyncSessionManager, closing: list[Any]) -> Any:
    runner = asyncio.Runner()
    closing.append(runner.close)
    closing.append(lambda: runner.run(sessions.close()))
    transport = httpx.ASGITransport(app, raise_app_exceptions=True, client=("192.0.2.1", 4711))
    client = httpx.AsyncClient(transport=transport, base_url="https://app.example")

    def send(method: str, path: str, headers: Any, content: bytes) -> httpx.Response:
        return runner.run(client.send(exact_request(client, method, path, headers, content)))

    return send


def exact_request(
    client: Any, method: str, path: str, headers: Any, content: bytes
) -> httpx.Request:
    """The request as given: only the length is added."""
    built = client.build_request(method, path, content=content)
    length = [("Content-Length", str(len(content)))] if content else []
    return httpx.Request(method, built.url, headers=[*headers, *length], content=content)


@pytest.fixture
def site(make: Callable[..., Site]) -> Site:
    return make()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chromium]:
    """A real browser with a profile of its own."""
    browser = Chromium(tmp_path / "profile")
    try:
        yield browser
    finally:
        browser.close()
