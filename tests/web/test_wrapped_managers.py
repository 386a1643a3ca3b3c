"""A manager may stand behind a wrapper: adapters ask it for nothing but public names."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from devsess import AsyncSessionManager, SessionManager, SessionRevokedError
from devsess.adapters import asgi, wsgi
from devsess.errors import ConfigurationError
from devsess.prometheus import SessionCollector

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"


class Counted:
    """A wrapper that an application may write: it counts the sign-ins."""

    def __init__(self, manager: Any) -> None:
        self._manager = manager
        self.logins = 0

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name == "login":
            self.logins += 1
        return getattr(self._manager, name)


def _wsgi(sessions: Any) -> httpx.Client:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        current = environ["devsess"]
        if environ["PATH_INFO"] == "/login":
            current.login("ada")
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [(current.session.user_id if current.session else "nobody").encode()]

    wrapped = wsgi.SessionMiddleware(app, sessions, endpoints="/auth")
    return httpx.Client(
        transport=httpx.WSGITransport(wrapped),
        base_url="https://app.example",
        headers={"Sec-Fetch-Site": "same-origin"},
    )


def test_a_wrapped_manager_serves_a_wsgi_app() -> None:
    """Signed in through it, recognised, shown by the endpoints, counted for Prometheus."""
    sessions = Counted(SessionManager("memory://", keys=SECRET))
    client = _wsgi(sessions)
    assert "ada" == client.post("/login").text
    assert "ada" == client.get("/").text
    assert client.get("/auth/session").json()["signed_in"]
    assert 1 == sessions.logins
    registry = CollectorRegistry()
    registry.register(SessionCollector(sessions))  # type: ignore[arg-type]
    assert 1 == registry.get_sample_value("devsess_entries")


@pytest.mark.parametrize("manager", [SessionManager, AsyncSessionManager])
def test_a_wrapper_does_not_hide_the_wrong_manager(manager: Any) -> None:
    """One that is awaited serves no WSGI app, nor the other an ASGI app, however it is wrapped."""
    sessions = Counted(manager("memory://", keys=SECRET))
    wrong = wsgi if manager is AsyncSessionManager else asgi
    with pytest.raises(ConfigurationError):
        wrong.SessionMiddleware(lambda *_: None, sessions)


def _suspended() -> SessionRevokedError:
    return SessionRevokedError("suspended", reason="suspended", revoked_at=None)


class Checked(SessionManager):
    """A manager with a rule of the application's own."""

    suspended = False

    def validate(self, *args: Any, **options: Any) -> Any:
        if self.suspended:
            raise _suspended()
        return super().validate(*args, **options)


class CheckedAsync(AsyncSessionManager):
    """As `Checked`, awaited."""

    suspended = False

    async def validate(self, *args: Any, **options: Any) -> Any:
        if self.suspended:
            raise _suspended()
        return await super().validate(*args, **options)


class Around(Counted):
    """As `Checked`, around a manager."""

    suspended = False

    def validate(self, *args: Any, **options: Any) -> Any:
        if self.suspended:
            raise _suspended()
        return self._manager.validate(*args, **options)


def _patched(sessions: Any) -> Any:
    """A manager whose `validate` was replaced, as test doubles do it."""
    sessions.suspended = False

    def validate(*args: Any, **options: Any) -> Any:
        if sessions.suspended:
            raise _suspended()
        return SessionManager.validate(sessions, *args, **options)

    sessions.validate = validate
    return sessions


@pytest.mark.parametrize(
    "make",
    [
        lambda: Checked("memory://", keys=SECRET),
        lambda: Around(SessionManager("memory://", keys=SECRET)),
        lambda: _patched(SessionManager("memory://", keys=SECRET)),
    ],
    ids=["a subclass", "a wrapper", "a replaced method"],
)
def test_a_validate_of_the_application_is_asked_on_every_request(make: Any) -> None:
    """A session that it begins to refuse is not answered from memory."""
    sessions = make()
    client = _wsgi(sessions)
    client.post("/login")
    assert ["ada", "ada"] == [client.get("/").text for _ in range(2)]
    sessions.suspended = True
    assert "nobody" == client.get("/").text


def test_an_awaited_validate_of_the_application_is_asked_on_every_request() -> None:
    """As over WSGI."""

    async def app(scope: Any, _: Any, send: Any) -> None:
        session = scope["devsess"].session
        await send({"type": "http.response.start", "status": 200, "headers": []})
        body = session.user_id if session else "nobody"
        await send({"type": "http.response.body", "body": body.encode()})

    async def run() -> list[str]:
        sessions = CheckedAsync("memory://", keys=SECRET)
        grant = await sessions.login("ada")
        transport = httpx.ASGITransport(asgi.SessionMiddleware(app, sessions))
        bearer = {"Authorization": f"Bearer {grant.access_token}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="https://app.example", headers=bearer
        ) as client:
            seen = [(await client.get("/")).text for _ in range(2)]
            sessions.suspended = True
            return [*seen, (await client.get("/")).text]

    assert ["ada", "ada", "nobody"] == asyncio.run(run())


def test_a_plain_manager_answers_from_memory() -> None:
    """Also behind a wrapper that leaves `validate` alone: the second request reads no row."""
    inner = SessionManager("memory://", keys=SECRET)
    client = _wsgi(Counted(inner))
    client.post("/login")
    client.get("/")
    before = inner.metrics()
    client.get("/")
    after = inner.metrics()
    assert (before.hits + 1, before.misses) == (after.hits, after.misses)
