"""Bottle, Quart and Litestar, which have no adapter of their own, and the servers' ways."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.validate import validator

import httpx
import pytest
import waitress
import werkzeug.test
from _wsgi_driver import on_wsgi

from devsess import AsyncSessionManager, SessionManager
from devsess.adapters import asgi, wsgi

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
CHALLENGE = 'Bearer realm="devsess"'


@pytest.fixture
def sessions() -> Iterator[SessionManager]:
    with SessionManager("memory://", keys=SECRET) as sessions:
        yield sessions


def bottle_app(*, catchall: bool) -> Any:
    """Bottle, whose views find the session in its request's environment."""
    from bottle import Bottle, request

    app = Bottle()
    app.config["catchall"] = catchall

    @app.get("/me")
    def me() -> str:
        user_id: str = request.environ["devsess"].require().user_id
        return user_id

    return app


def over_driver(app: Any, headers: list[tuple[str, str]]) -> tuple[int, dict[str, str], str]:
    answer = on_wsgi(app, "GET", "/me", headers)
    return answer.status_code, dict(answer.headers), answer.text


def over_werkzeug(app: Any, headers: list[tuple[str, str]]) -> tuple[int, dict[str, str], str]:
    """Its client raises whatever error an app hands to start_response."""
    answer = werkzeug.test.Client(app).get("/me", headers=headers)
    fields = {name.lower(): value for name, value in answer.headers.items()}
    return answer.status_code, fields, answer.text


@pytest.mark.parametrize("request_to", [over_driver, over_werkzeug])
@pytest.mark.parametrize("catchall", [True, False])
def test_bottle(sessions: SessionManager, request_to: Callable[..., Any], catchall: bool) -> None:
    """A refusal is no error of the app, whether Bottle makes a 500 of it or lets it through."""
    app = wsgi.SessionMiddleware(bottle_app(catchall=catchall), sessions)
    status, headers, text = request_to(app, [])
    assert (401, CHALLENGE) == (status, headers["www-authenticate"])
    assert "Sign in first" in text
    bearer = [("Authorization", f"Bearer {sessions.login('ada').access_token}")]
    assert (200, "ada") == request_to(app, bearer)[::2]


async def ask(app: Any, path: str, token: str | None = None) -> httpx.Response:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="https://app.example") as client:
        return await client.get(path, headers=headers)


def test_quart_and_its_test_client() -> None:
    """Wrapped at its `asgi_app`, it gives answers that its test client understands."""
    from quart import Quart, request

    async def scenario() -> None:
        async with AsyncSessionManager("memory://", keys=SECRET) as sessions:
            app = Quart(__name__)
            inner: Any = app.asgi_app
            wrapped: Any = asgi.SessionMiddleware(
                inner, sessions, endpoints="/auth", required=True, public=["/me"]
            )
            app.asgi_app = wrapped  # type: ignore[method-assign]

            @app.get("/me")
            async def me() -> str:
                current: Any = request.scope["devsess"]  # type: ignore[typeddict-item]
                return str((await current.require()).user_id)

            client = app.test_client()
            token = (await sessions.login("ada")).access_token
            signed_in = {"Authorization": f"Bearer {token}"}
            for path in ("/me", "/closed", "/auth/sessions"):
                refused = await client.get(path)
                assert (401, CHALLENGE) == (
                    refused.status_code,
                    refused.headers["www-authenticate"],
                )
            assert "ada" == await (await client.get("/me", headers=signed_in)).get_data(
                as_text=True
            )
            listed = await client.get("/auth/sessions", headers=signed_in)
            assert 1 == len((await listed.get_json())["sessions"])

    asyncio.run(scenario())


def litestar_apps(sessions: AsyncSessionManager) -> dict[str, Any]:
    """Wrapped from outside, and with Litestar's own way of naming a middleware."""
    from litestar import Litestar, Request, get
    from litestar.middleware import DefineMiddleware

    async def me(request: Any) -> str:
        return str((await request.scope["devsess"].require()).user_id)

    me.__annotations__ = {"request": Request, "return": str}
    # Its types of ASGI messages are its own.
    middleware: Any = asgi.SessionMiddleware
    inside = DefineMiddleware(middleware, manager=sessions, endpoints="/auth")
    bare: dict[str, Any] = {"openapi_config": None, "logging_config": None}
    return {
        "outside": middleware(Litestar([get("/me")(me)], **bare), sessions, endpoints="/auth"),
        "inside": Litestar([get("/me")(me)], middleware=[inside], **bare),
    }


@pytest.mark.parametrize(("where", "endpoints"), [("outside", 200), ("inside", 404)])
def test_litestar(where: str, endpoints: int) -> None:
    """Both ways guard its routes; the endpoints, which are no routes, need the outer one."""

    async def scenario() -> None:
        async with AsyncSessionManager("memory://", keys=SECRET) as sessions:
            app = litestar_apps(sessions)[where]
            token = (await sessions.login("ada")).access_token
            assert "ada" == (await ask(app, "/me", token)).text
            refused = await ask(app, "/me")
            assert (401, CHALLENGE) == (refused.status_code, refused.headers["www-authenticate"])
            assert endpoints == (await ask(app, "/auth/sessions", token)).status_code

    asyncio.run(scenario())


def test_the_validator_may_stand_inside(sessions: SessionManager) -> None:
    """The names that devsess adds to the environment are names that PEP 3333 allows."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        user = environ["devsess.current"].session.user_id
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [user.encode()]

    bearer = [("Authorization", f"Bearer {sessions.login('ada').access_token}")]
    wrapped = wsgi.SessionMiddleware(validator(app), sessions)
    assert "ada" == on_wsgi(wrapped, "GET", "/", bearer).text


def test_both_names_are_one(sessions: SessionManager) -> None:
    """`devsess` and `devsess.current` hold the same object."""
    seen: list[Any] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        seen.extend([environ["devsess"], environ["devsess.current"]])
        start_response("200 OK", [("Content-Type", "text/plain")])
        return []

    on_wsgi(wsgi.SessionMiddleware(app, sessions), "GET", "/")
    assert seen[0] is seen[1]


@pytest.mark.parametrize(
    ("adjustments", "expected"),
    [
        ({}, "127.0.0.1"),
        ({"clear_untrusted_proxy_headers": False}, "203.0.113.7"),
        ({"trusted_proxy": "127.0.0.1", "trusted_proxy_headers": "x-forwarded-for"}, "203.0.113.7"),
    ],
)
def test_waitress_strips_untrusted_headers(
    sessions: SessionManager, adjustments: dict[str, Any], expected: str
) -> None:
    """Unless it trusts the proxy, or clears nothing, no header names the client."""

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(environ["devsess"].client.ip).encode()]

    wrapped = wsgi.SessionMiddleware(app, sessions, trusted_proxies=["127.0.0.1/32"])
    server: Any = waitress.create_server(wrapped, listen="127.0.0.1:0", threads=1, **adjustments)
    done = threading.Event()

    def serve() -> None:
        # Closed by the thread that serves: it may be waiting for what another one closes.
        while not done.is_set():
            server.asyncore.loop(timeout=0.05, count=1, map=server._map)
        server.task_dispatcher.shutdown()
        server.asyncore.close_all(server._map)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        request = urllib.request.Request(
            f"http://127.0.0.1:{server.effective_port}/", headers={"X-Forwarded-For": "203.0.113.7"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert expected == json.load(answer)
    finally:
        done.set()
        thread.join(30)
