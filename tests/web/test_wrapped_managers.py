"""A manager may stand behind a wrapper: adapters ask it for nothing but public names."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from devsess import AsyncSessionManager, SessionManager
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
        transport=httpx.WSGITransport(wrapped),  # type: ignore[arg-type]
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
        wrong.SessionMiddleware(lambda *_: None, sessions)  # type: ignore[arg-type, return-value]
