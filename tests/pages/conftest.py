"""Every law of the pages holds on WSGI and on ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import CodeType
from typing import Any

import httpx
import pytest
from _admin_site import STAFF, Desk, at, authorize, mounted
from _pages_site import SECRET, Places, Site, below, beneath, on_asgi
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from web._raw_apps import asgi_app, wsgi_app
from web._wsgi_driver import on_wsgi

from devsess import AsyncSessionManager, Policy, SessionManager
from devsess.adapters import asgi, wsgi
from devsess.risk_policy import Risk
from devsess.testing import FakeClock
from devsess.web import Look, account_app, drawing
from devsess.web.admin import admin_app


class Compiled(BytecodeCache):
    """Of each text of a template its code: a test's app compiles none that another's has."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._known.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        assert bucket.code is not None
        self._known[bucket.key, bucket.checksum] = bucket.code


@pytest.fixture(scope="session", autouse=True)
def _templates_are_compiled_once() -> Iterator[None]:
    """They were a third of the pages' time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawing, "Environment", partial(Environment, bytecode_cache=Compiled()))
        yield


@pytest.fixture(params=["wsgi", pytest.param("asgi", marks=pytest.mark.thorough)])
def face(request: pytest.FixtureRequest) -> str:
    """The face that a test runs over."""
    kind: str = request.param
    return kind


@pytest.fixture
def make_site(face: str, empty_copy: Path) -> Iterator[Callable[..., Site]]:
    """A function that makes a site; what it opened is closed after the test."""
    opened: list[Callable[[], object]] = []

    def make(
        policy: Policy = Policy(),  # noqa: B008 - frozen
        look: Look = Look(),  # noqa: B008 - frozen
        wrapping: dict[str, Any] | None = None,
        **options: Any,
    ) -> Site:
        clock = FakeClock()

        def now() -> float:
            return clock.now().timestamp()

        common: dict[str, Any] = {
            "keys": SECRET,
            "policy": policy,
            "clock": clock,
            "locator": Places(),
        }
        blocking = SessionManager(empty_copy, **common)
        opened.append(blocking.close)
        wrapping = wrapping or {}
        if face == "wsgi":
            pages = account_app(blocking, look=look, **options)
            inner = beneath(wsgi_app(now), pages.wsgi)
            app: Any = wsgi.SessionMiddleware(inner, blocking, **wrapping)

            def send(*request: Any) -> httpx.Response:
                return on_wsgi(app, *request)
        else:
            runner = asyncio.Runner()
            manager = AsyncSessionManager(empty_copy, **common)
            pages = account_app(manager, look=look, **options)
            app = asgi.SessionMiddleware(below(asgi_app(now), pages.asgi), manager, **wrapping)

            def send(*request: Any) -> httpx.Response:
                return runner.run(on_asgi(app, *request))

            opened.append(runner.close)
            opened.append(lambda: runner.run(manager.close()))
        return Site(send, blocking, clock, empty_copy, pages)

    yield make
    for close in reversed(opened):
        close()


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """A site with the default policy."""
    return make_site()


@pytest.fixture
def empty_copy(empty_database: Path, tmp_path: Path) -> Path:
    """A database of its own."""
    path = tmp_path / "sessions.db"
    path.write_bytes(empty_database.read_bytes())
    return path


@pytest.fixture
def make_desk(face: str, empty_copy: Path) -> Iterator[Callable[..., Desk]]:
    """A function that makes an operator's desk; what it opened is closed after the test."""
    opened: list[Callable[[], object]] = []

    def make(hook: Any = authorize, policy: Policy | None = None, **options: Any) -> Desk:
        clock = FakeClock()
        common: dict[str, Any] = {
            "keys": SECRET,
            "policy": policy or Policy(risk=Risk()),
            "clock": clock,
            "locator": Places(),
        }
        blocking = SessionManager(empty_copy, **common)
        opened.append(blocking.close)
        if face == "wsgi":
            app = at(STAFF, admin_app(blocking, authorize=hook, **options).wsgi)

            def send(*request: Any) -> httpx.Response:
                return on_wsgi(app, *request)
        else:
            runner = asyncio.Runner()
            manager = AsyncSessionManager(empty_copy, **common)
            asgi_pages = admin_app(manager, authorize=hook, **options).asgi

            def send(*request: Any) -> httpx.Response:
                return runner.run(on_asgi(mounted(STAFF, asgi_pages), *request))

            opened.append(runner.close)
            opened.append(lambda: runner.run(manager.close()))
        return Desk(send, blocking, clock)

    yield make
    for close in reversed(opened):
        close()


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    """A desk with risk on, over both faces."""
    return make_desk()
