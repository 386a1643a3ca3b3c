"""Pages while the store on a network is down, over WSGI and ASGI: 503, never 'not signed in'."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from _redis import behind_proxy
from servers.mongo import excuse_forgotten_sockets
from servers.postgres import new_schema

from devsess import AsyncSessionManager, Policy, SessionManager, StoreUnavailableError
from devsess._runtime.drive import drive
from devsess.adapters import asgi, wsgi
from devsess.stores.mongodb import MongoStore
from devsess.testing import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from servers.mongo import Server
    from servers.postgres import PostgresServer

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
# Seconds: of a call that is answered, and of how long a store that has come back is waited for.
TIMEOUT, PATIENCE = 2.0, 60.0


def over_postgres(request: pytest.FixtureRequest) -> tuple[Proxy, str]:
    server: PostgresServer = request.getfixturevalue("postgres")
    proxy = Proxy(server.address)
    schema = new_schema()
    request.addfinalizer(lambda: server.ask(f"DROP SCHEMA {schema} CASCADE"))
    return proxy, server.url(port=proxy.address[1], schema=schema, timeout=TIMEOUT)


def over_valkey(request: pytest.FixtureRequest) -> tuple[Proxy, str]:
    proxy, url = behind_proxy(request.getfixturevalue("valkey_url"))
    return proxy, f"{url}&timeout={TIMEOUT}"


def over_mongodb(request: pytest.FixtureRequest) -> tuple[Proxy, str]:
    server: Server = request.getfixturevalue("mongo")
    proxy = Proxy(server.address)
    excuse_forgotten_sockets(request.config, proxy.address)
    url = server.through(proxy.address, timeout=PATIENCE)
    store = MongoStore(url)
    drive(store.migrate())
    drive(store.close())
    # Where nothing listens its driver tries again until the time is over: it has less of it.
    return proxy, url.replace(f"timeout={PATIENCE}", f"timeout={TIMEOUT / 2}")


STORES: dict[str, Callable[[pytest.FixtureRequest], tuple[Proxy, str]]] = {
    "postgres": over_postgres,
    "valkey": over_valkey,
    "mongodb": over_mongodb,
}
FAULTS: dict[str, Callable[[Proxy], None]] = {"refused": Proxy.refuse, "silent": Proxy.drop_all}
# Each asks the store, or answers from memory under a lease that is over meanwhile.
WAYS = {"asked": Policy(max_staleness=0), "leased": Policy(acknowledged=True, lease=1)}


# Of MongoDB's driver the longest is waited for: it asks again and again.
@pytest.fixture(
    params=[
        pytest.param(it, marks=pytest.mark.thorough) if it == "mongodb" else it for it in STORES
    ]
)
def proxied(request: pytest.FixtureRequest) -> Iterator[tuple[Proxy, str]]:
    proxy, url = STORES[request.param](request)
    with proxy:
        yield proxy, url


def _signed_in(environ: dict[str, Any], start: Any) -> list[bytes]:
    current = environ["devsess"]
    if environ["PATH_INFO"] == "/me":
        current.require()
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"a page"]


async def _signed_in_awaited(scope: Any, receive: Any, send: Any) -> None:
    del receive
    if scope["path"] == "/me":
        await scope["devsess"].require()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"a page"})


@contextmanager
def _healed(proxy: Proxy, fault: str) -> Iterator[None]:
    FAULTS[fault](proxy)
    yield
    proxy.heal()
    proxy.cut()


@pytest.mark.parametrize("fault", ["refused", pytest.param("silent", marks=pytest.mark.thorough)])
@pytest.mark.parametrize("way", ["asked", pytest.param("leased", marks=pytest.mark.thorough)])
def test_wsgi(proxied: tuple[Proxy, str], fault: str, way: str) -> None:
    """The signed-in wait for the store, a stranger's page needs none; then all is as it was."""
    proxy, url = proxied
    with SessionManager(url, keys=SECRET, policy=WAYS[way]) as sessions:
        token = sessions.login("ada").access_token
        app = wsgi.SessionMiddleware(_signed_in, sessions)
        with httpx.Client(transport=httpx.WSGITransport(app), base_url="https://a.test") as browser:
            headers = {"Authorization": f"Bearer {token}"}
            assert 200 == browser.get("/me", headers=headers).status_code
            with _healed(proxy, fault):
                while 200 == browser.get("/me", headers=headers).status_code:
                    assert "leased" == way  # until its lease is over
                for _ in range(2):
                    answer = browser.get("/me", headers=headers)
                    assert (503, "5") == (answer.status_code, answer.headers["retry-after"])
                    assert 200 == browser.get("/").status_code
                    assert 401 == browser.get("/me").status_code
            _until_answered(lambda: sessions.list("ada"))
            assert 200 == browser.get("/me", headers=headers).status_code


def _until_answered(ask: Callable[[], object]) -> None:
    """A driver may wait a while before it connects anew."""
    until = monotonic() + PATIENCE
    while monotonic() < until:
        try:
            ask()
        except StoreUnavailableError:
            continue
        return


@pytest.mark.parametrize("fault", ["refused", pytest.param("silent", marks=pytest.mark.thorough)])
@pytest.mark.parametrize("way", ["asked", pytest.param("leased", marks=pytest.mark.thorough)])
def test_asgi(proxied: tuple[Proxy, str], fault: str, way: str) -> None:
    """The same, awaited."""
    proxy, url = proxied

    async def run() -> None:
        async with AsyncSessionManager(url, keys=SECRET, policy=WAYS[way]) as sessions:
            token = (await sessions.login("ada")).access_token
            app = asgi.SessionMiddleware(_signed_in_awaited, sessions)
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="https://a.test") as browser:
                await _visit(browser, {"Authorization": f"Bearer {token}"}, sessions)

    async def _visit(browser: Any, headers: dict[str, str], sessions: AsyncSessionManager) -> None:
        assert 200 == (await browser.get("/me", headers=headers)).status_code
        with _healed(proxy, fault):
            while 200 == (await browser.get("/me", headers=headers)).status_code:
                assert "leased" == way  # until its lease is over
            for _ in range(2):
                answer = await browser.get("/me", headers=headers)
                assert (503, "5") == (answer.status_code, answer.headers["retry-after"])
                assert 200 == (await browser.get("/")).status_code
                assert 401 == (await browser.get("/me")).status_code
        until = asyncio.get_running_loop().time() + PATIENCE
        while asyncio.get_running_loop().time() < until:
            try:
                await sessions.list("ada")
            except StoreUnavailableError:
                continue
            break
        assert 200 == (await browser.get("/me", headers=headers)).status_code

    asyncio.run(run())
