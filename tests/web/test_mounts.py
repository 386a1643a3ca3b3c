"""An app below a mount point finds the paths that it knows, with or without the mount point."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from _raw_apps import asgi_app, wsgi_app
from _wsgi_driver import environ_of

from devsess import AsyncSessionManager, SessionManager
from devsess.adapters import asgi, wsgi

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
# Path of the request below the mount point /shop, `login_url`, and the status for a stranger.
CASES = [
    ("/login", "/login", 200),
    ("/login", "/shop/login", 200),
    ("/login", "/shopping/login", 401),
    ("/shopping/login", "/shopping/login", 404),
    ("/", "/login", 401),
    ("/", "/shop/login", 401),
    ("/shop/login", "/shop/login", 401),
]


def over_wsgi(path: str, login_url: str) -> int:
    started: list[str] = []
    with SessionManager("memory://", keys=SECRET) as sessions:
        app = wsgi.SessionMiddleware(
            wsgi_app(lambda: 0), sessions, required=True, login_url=login_url
        )
        environ = environ_of("GET", f"{path}?user=ada", [("Host", "app.example")])
        environ["SCRIPT_NAME"] = "/shop"
        b"".join(app(environ, lambda status, *_: started.append(status)))  # type: ignore[arg-type]
    return int(started[0][:3])


def over_asgi(path: str, login_url: str) -> int:
    async def scenario() -> int:
        sessions = AsyncSessionManager("memory://", keys=SECRET)

        async def inner(scope: Any, receive: Any, send: Any) -> None:
            below = {**scope, "path": scope["path"].removeprefix("/shop")}
            await asgi_app(lambda: 0)(below, receive, send)

        app = asgi.SessionMiddleware(inner, sessions, required=True, login_url=login_url)
        transport = httpx.ASGITransport(app, root_path="/shop")
        async with httpx.AsyncClient(transport=transport, base_url="https://app.example") as client:
            return (await client.get(f"/shop{path}?user=ada")).status_code

    return asyncio.run(scenario())


@pytest.mark.parametrize("ask", [over_wsgi, over_asgi])
@pytest.mark.parametrize(("path", "login_url", "expected"), CASES)
def test_the_login_url_is_below_the_mount_point(
    ask: Any, path: str, login_url: str, expected: int
) -> None:
    """`login_url` is a path of the app, as all others are; with the mount point in it, the same."""
    assert expected == ask(path, login_url)
