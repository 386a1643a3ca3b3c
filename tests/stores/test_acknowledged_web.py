"""The endpoints that end sessions, over a real server: they answer once every process has heard."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry
from servers.valkey import with_prefix

from devsess import AsyncSessionManager, Policy, SessionManager, SessionRevokedError
from devsess.adapters import asgi, wsgi
from devsess.prometheus import SessionCollector
from devsess.stores.redis import RedisStore

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
PATIENCE = 60.0
# So long that no wait ends with it, and so short that a test waits for its end.
LONG, SHORT = 50.0, 0.3


class Gated(RedisStore):
    """The store of a process that acknowledges nothing while its gate is closed."""

    gate: threading.Event

    async def renew(self, *args: Any, **kwargs: Any) -> Any:
        assert self.gate.wait(PATIENCE)
        return await super().renew(*args, **kwargs)


class Wsgi:
    """An application of one process, which answers requests in threads."""

    def __init__(self, url: str, policy: Policy) -> None:
        self.sessions: Any = SessionManager(url, keys=SECRET, policy=policy)
        app: Any = wsgi.SessionMiddleware(_nothing_wsgi, self.sessions, endpoints="/auth")
        self._client = httpx.Client(
            transport=httpx.WSGITransport(app), base_url="https://app.example"
        )

    async def ask(self, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
        ask = partial(self._client.request, method, path, headers=headers)
        return await asyncio.to_thread(ask)

    async def login(self, user: str) -> Any:
        return self.sessions.login(user)

    async def close(self) -> None:
        self.sessions.close()


class Asgi:
    """An application of one process, which answers requests on its loop."""

    def __init__(self, url: str, policy: Policy) -> None:
        self.sessions: Any = AsyncSessionManager(url, keys=SECRET, policy=policy)
        app: Any = asgi.SessionMiddleware(_nothing_asgi, self.sessions, endpoints="/auth")
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="https://app.example"
        )

    async def ask(self, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
        return await self._client.request(method, path, headers=headers)

    async def login(self, user: str) -> Any:
        return await self.sessions.login(user)

    async def close(self) -> None:
        await self.sessions.close()


def _nothing_wsgi(environ: Any, start_response: Any) -> list[bytes]:
    start_response("404 Not Found", [("Content-Length", "0")])
    return []


async def _nothing_asgi(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body"})


class Scene:
    """An application, and another process that answers under a lease and may be made deaf."""

    def __init__(self, url: str, kind: Callable[..., Any], lease: float) -> None:
        policy = Policy(acknowledged=True, lease=lease)
        self.site = kind(url, policy)
        store = Gated(url)
        store.gate = self.gate = threading.Event()
        self.gate.set()
        self.there = SessionManager(store, keys=SECRET, policy=policy)

    async def answered_there(self, token: str) -> None:
        """Have the other process answer this token from memory, without asking anybody."""
        deadline = time.monotonic() + PATIENCE
        while self.there.metrics().lease != "held":
            assert time.monotonic() < deadline
            await asyncio.to_thread(self.there.validate, token)
        store: Any = self.there._store
        await store.season((await store.readers_behind(None)).history)
        self.there.validate(token)
        before = self.there.metrics().hits
        self.there.validate(token)
        assert before + 1 == self.there.metrics().hits

    async def close(self) -> None:
        self.gate.set()
        await self.site.close()
        self.there.close()


ENDPOINTS = {
    "logout": ("POST", "/auth/logout", True),
    "revoke-others": ("POST", "/auth/sessions/revoke-others", False),
    "delete": ("DELETE", "/auth/sessions/{}", False),
}


def _headers(grant: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {grant.access_token}", "Devsess-Device": grant.device_token}


@pytest.mark.parametrize("kind", [Wsgi, Asgi])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_the_answer_comes_once_all_have_heard(
    endpoint: str, kind: Callable[..., Any], valkey_url: str
) -> None:
    """While another process may still accept the session, the response is not sent."""
    method, path, is_own = ENDPOINTS[endpoint]

    async def scenario() -> None:
        scene = Scene(with_prefix(valkey_url), kind, LONG)
        try:
            caller, other = await scene.site.login("ada"), await scene.site.login("ada")
            ended = caller if is_own else other
            await scene.answered_there(ended.access_token)
            scene.gate.clear()
            asked = asyncio.create_task(
                scene.site.ask(method, path.format(other.session.id), _headers(caller))
            )
            await asyncio.wait([asked], timeout=0.3)
            assert not asked.done()
            scene.gate.set()
            assert (await asyncio.wait_for(asked, PATIENCE)).status_code in (200, 204)
            with pytest.raises(SessionRevokedError):
                scene.there.validate(ended.access_token)
            assert (1, 0) == _waits(scene)
        finally:
            await scene.close()

    asyncio.run(scenario())


def _waits(scene: Scene) -> tuple[int, int]:
    metrics = scene.site.sessions.core.metrics()
    return metrics.waits, metrics.waits_in_vain


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    """What devsess logs."""
    records: list[str] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(f"{record.levelname} {record.getMessage()}")

    handler = Keeping()
    logging.getLogger("devsess").addHandler(handler)
    yield records
    logging.getLogger("devsess").removeHandler(handler)


@pytest.mark.parametrize("kind", [Wsgi, Asgi])
def test_a_wait_in_vain_shows(
    kind: Callable[..., Any], valkey_url: str, warnings: list[str]
) -> None:
    """A process that does not hear delays a response until its lease is over, and then asks.

    The numbers for Prometheus say so, the log does, and the dead reader is taken off.
    """

    async def scenario() -> None:
        scene = Scene(with_prefix(valkey_url), kind, SHORT)
        registry = CollectorRegistry()
        registry.register(SessionCollector(scene.site.sessions))

        def sample(name: str, **labels: str) -> float:
            return registry.get_sample_value(f"devsess_{name}", labels) or 0.0

        try:
            grant = await scene.site.login("ada")
            await scene.answered_there(grant.access_token)
            counters = ("waits_total", "waits_in_vain_total", "expelled_total")
            assert [0, 0, 0] == [sample(name) for name in counters]
            assert 1 == sample("way", way="acknowledged")
            assert 1 == sample("lease", lease="over")
            scene.gate.clear()
            answer = await scene.site.ask("POST", "/auth/logout", _headers(grant))
            assert 200 <= answer.status_code < 300
            with pytest.raises(SessionRevokedError):
                scene.there.validate(grant.access_token)
            assert [1, 1] == [sample(name) for name in counters[:2]]
            [warning] = warnings
            assert warning.startswith("WARNING an ending has waited 0.")
            deadline = time.monotonic() + PATIENCE
            token = (await scene.site.login("ada")).access_token
            seen = set()
            while not sample("expelled_total"):
                assert time.monotonic() < deadline
                await scene.site.ask("GET", "/auth/session", {"Authorization": f"Bearer {token}"})
                seen.add(sample("lease", lease="held"))
                await asyncio.sleep(0.01)
            assert 1 in seen
        finally:
            await scene.close()

    asyncio.run(scenario())
