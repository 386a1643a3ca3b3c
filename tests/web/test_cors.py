"""Scripts of named origins may read what devsess answers itself; nobody else's may."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from devsess import AsyncSessionManager
from devsess.adapters._settings import normal_origin
from devsess.adapters.starlette import SessionMiddleware, current_session
from devsess.tokens.keys import generate_secret

FRIEND = "https://www.app.example"
STRANGERS = [
    "https://evil.example",
    "null",
    "*",
    "",
    "https://www.app.example.evil.example",
    "https://WWW.app.example",
    "https://www.app.example:443",
    "https://www.app.example/",
    "http://www.app.example",
]
REQUESTS = {
    "sessions": ("GET", "/auth/sessions", "ada", 200),
    "refresh": ("POST", "/auth/refresh", "ada", 200),
    "nothing": ("GET", "/auth/nothing", None, 404),
    "wrong method": ("GET", "/auth/refresh", None, 405),
    "challenged": ("GET", "/strong", "ada", 401),
    "hidden by the app": ("GET", "/swallow", None, 401),
    "nobody": ("GET", "/me", None, 401),
}


def shared(answer: Any) -> dict[str, str]:
    return {key: value for key, value in answer.headers.items() if key.startswith("access-c")}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_named_origin_reads_our_answers(make: Any, name: str) -> None:
    """Its very name, with credentials, and the challenge; caches keep the origins apart."""
    site = make(origins=[FRIEND])
    method, path, user, status = REQUESTS[name]
    answer = site.browser(user).ask(method, path, site="same-site", Origin=FRIEND)
    assert status == answer.status_code
    expected = {
        "access-control-allow-origin": FRIEND,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "WWW-Authenticate, Retry-After",
    }
    assert expected == shared(answer)
    assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize("origin", STRANGERS)
def test_no_other_origin_does(make: Any, origin: str) -> None:
    """Not a name that only looks alike, never `null`, never `*`; the answer still varies."""
    site = make(origins=[FRIEND])
    for client in (site.browser("ada"), site.browser()):
        for path in ("/auth/sessions", "/strong", "/auth/jwks.json"):
            answer = client.get(path, Origin=origin)
            assert {} == shared(answer)
            assert "Origin" in answer.headers["vary"]


def test_without_origins_nobody_does(site: Any) -> None:
    """And the answer does not vary by origin."""
    answer = site.browser().get("/auth/jwks.json", Origin=FRIEND)
    assert {} == shared(answer)
    assert "vary" not in answer.headers


def test_the_apps_answers_are_the_apps(make: Any) -> None:
    """The app itself says which origins may read them."""
    site = make(origins=[FRIEND])
    assert {} == shared(site.browser("ada").ask("GET", "/", site="same-site", Origin=FRIEND))


def test_what_the_app_says_of_a_refusal_stands(make: Any) -> None:
    """The origin is not named twice: browsers refuse two. The challenge is exposed all the same."""
    site = make(origins=[FRIEND])
    answer = site.browser().ask("GET", "/refused-and-shared", site="same-site", Origin=FRIEND)
    assert [FRIEND] == answer.headers.get_list("access-control-allow-origin")
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert {"X-Own", "WWW-Authenticate", "Retry-After"} == set(exposed)


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/auth/refresh", "POST"),
        ("/auth/sessions", "GET"),
        ("/auth/sessions/abc", "DELETE"),
        ("/auth/sessions/revoke-others", "POST"),
    ],
)
def test_preflights_of_our_endpoints(make: Any, path: str, methods: str, required: bool) -> None:
    """Ours to answer, with the methods that there are; an origin that is not named gets none."""
    site = make(origins=[FRIEND], required=required)
    preflight = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    answer = site.browser().ask("OPTIONS", path, site="same-site", Origin=FRIEND, **preflight)
    assert 204 == answer.status_code
    assert FRIEND == answer.headers["access-control-allow-origin"]
    assert methods == answer.headers["access-control-allow-methods"]
    assert "authorization, content-type" == answer.headers["access-control-allow-headers"]
    other = site.browser().ask("OPTIONS", path, Origin=STRANGERS[0], **preflight)
    assert (204, {}) == (other.status_code, shared(other))
    bare = site.browser().ask("OPTIONS", path, Origin=FRIEND)
    assert 405 == bare.status_code


def recipe(sessions: AsyncSessionManager) -> Starlette:
    """Two middlewares in the order that the docs advise."""

    async def view(request: Request) -> Response:
        current = await current_session(request)
        return PlainTextResponse((await current.require()).user_id)

    app = Starlette(routes=[Route("/me", view)])
    app.add_middleware(
        SessionMiddleware, manager=sessions, origins=[FRIEND], endpoints="/auth", required=True
    )
    app.add_middleware(CORSMiddleware, allow_origins=[FRIEND], allow_credentials=True)
    return app


@pytest.mark.parametrize(
    ("method", "path", "signed_in", "status"),
    [
        ("GET", "/me", True, 200),
        ("GET", "/me", False, 401),
        ("GET", "/auth/sessions", True, 200),
        ("GET", "/auth/session", False, 200),
        ("OPTIONS", "/me", False, 200),
        ("OPTIONS", "/auth/sessions", False, 200),
    ],
)
def test_the_docs_recipe(method: str, path: str, signed_in: bool, status: int) -> None:
    """Each answer names the origin once, the app's as ours: browsers refuse two."""

    async def scenario() -> httpx.Response:
        async with AsyncSessionManager("memory://", keys=generate_secret()) as sessions:
            transport = httpx.ASGITransport(recipe(sessions))
            headers = {"Origin": FRIEND, "Access-Control-Request-Method": "GET"}
            if signed_in:
                token = (await sessions.login("ada")).access_token
                headers["Authorization"] = f"Bearer {token}"
            async with httpx.AsyncClient(transport=transport, base_url="https://a.example") as it:
                return await it.request(method, path, headers=headers)

    answer = asyncio.run(scenario())
    assert status == answer.status_code
    assert [FRIEND] == answer.headers.get_list("access-control-allow-origin")
    assert ["true"] == answer.headers.get_list("access-control-allow-credentials")


def test_a_long_origin_is_none() -> None:
    """It is not even parsed: Python remembers the texts that it has parsed."""
    before = urlsplit.cache_info().misses  # type: ignore[attr-defined]
    assert normal_origin(f"https://{'a' * 600}.example") is None
    assert before == urlsplit.cache_info().misses  # type: ignore[attr-defined]
