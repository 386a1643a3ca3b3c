"""Litestar's plugin does what the other adapters do, whatever Litestar makes of errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from litestar import Litestar, WebSocket, get, websocket
from litestar.config.cors import CORSConfig
from litestar.exceptions import WebSocketDisconnect
from litestar.response import ServerSentEvent, Stream
from litestar.testing import TestClient

from devsess import AsyncSessionManager, Session, StoreUnavailableError
from devsess.adapters.litestar import AsyncCurrent, SessionPlugin, require

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
FRIEND = "https://www.app.example"
# From 2.23 on Litestar has another way to name a dependency, which its older versions do not know.
pytestmark = pytest.mark.filterwarnings("ignore:.*Inferred dependency field")
SESSIONS = AsyncSessionManager("memory://", keys=SECRET)


@get("/payout", guards=[require(acr="aal2")])
async def payout() -> str:
    return "done"


@websocket("/guarded", guards=[require()])
async def guarded(socket: WebSocket[Any, Any, Any]) -> None:
    await socket.accept()


@websocket("/depending")
async def depending(socket: WebSocket[Any, Any, Any], session: Session) -> None:
    await socket.accept()


@websocket("/down")
async def down(socket: WebSocket[Any, Any, Any]) -> None:
    raise StoreUnavailableError("the store did not answer")


@websocket("/broken")
async def broken(socket: WebSocket[Any, Any, Any]) -> None:
    raise LookupError


async def until_it_ends(current: AsyncCurrent) -> AsyncIterator[str]:
    """One message; then the session ends."""
    async with asyncio.timeout(30), current.guard(every=0.01):
        yield "one"
        assert current.session is not None
        await SESSIONS.revoke(current.session.id)
        await asyncio.Event().wait()


@websocket("/open")
async def opened(socket: WebSocket[Any, Any, Any], current: AsyncCurrent) -> None:
    await socket.accept()
    async for text in until_it_ends(current):
        await socket.send_text(text)


@get("/events", guards=[require()])
async def events(current: AsyncCurrent) -> ServerSentEvent:
    return ServerSentEvent(until_it_ends(current))


@get("/stream")
async def stream(current: AsyncCurrent) -> Stream:
    return Stream(until_it_ends(current))


@get("/breaking")
async def breaking() -> Stream:
    async def broken_off() -> AsyncIterator[str]:
        yield "one"
        raise LookupError

    return Stream(broken_off())


HANDLERS: list[Any] = [payout, guarded, depending, down, broken, opened, events, stream, breaking]


def app(**options: Any) -> Litestar:
    return Litestar(HANDLERS, plugins=[SessionPlugin(SESSIONS)], logging_config=None, **options)


@contextmanager
def visitor(served: Litestar) -> Iterator[TestClient[Litestar]]:
    """A client that is signed in."""
    with TestClient(served) as client:
        token = asyncio.run(SESSIONS.login("ada")).access_token
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def closed(client: TestClient[Litestar], path: str) -> int:
    """The code that a WebSocket ends with."""
    try:
        with client.websocket_connect(path) as socket:
            while True:
                socket.receive_text(timeout=30)
    except WebSocketDisconnect as error:
        return error.code


@pytest.mark.parametrize(
    ("path", "code"), [("/guarded", 1008), ("/depending", 1008), ("/down", 1013)]
)
def test_a_websocket_that_is_refused(path: str, code: int) -> None:
    """It is closed as the other adapters close it, and not with Litestar's 4500."""
    with TestClient(app()) as client:
        assert code == closed(client, path)


def test_a_websocket_whose_session_ends() -> None:
    """It is closed with 1008."""
    with visitor(app()) as client:
        assert 1008 == closed(client, "/open")


def test_a_websocket_that_fails_otherwise() -> None:
    """It is closed as Litestar closes it."""
    with TestClient(app()) as client:
        assert 4500 == closed(client, "/broken")


@pytest.mark.parametrize(("path", "text"), [("/events", "data: one\r\n\r\n"), ("/stream", "one")])
def test_a_stream_whose_session_ends(path: str, text: str) -> None:
    """It ends in good order after what was sent."""
    with visitor(app()) as client:
        assert text == client.get(path).text


def test_a_stream_that_fails_otherwise() -> None:
    """It breaks off, and the server is told why."""
    with TestClient(app()) as client, pytest.raises(ExceptionGroup) as error:
        client.get("/breaking")
    assert [LookupError] == [type(it) for it in error.value.exceptions]


def test_the_challenge_is_for_the_scripts_of_another_origin() -> None:
    """Beside what the app's own CORSConfig exposes, for the origins that it allows."""
    config = CORSConfig(allow_origins=[FRIEND], expose_headers=["X-Own"])
    with visitor(app(cors_config=config)) as client:
        answer = client.get("/payout", headers={"Origin": FRIEND})
    assert 401 == answer.status_code
    assert "WWW-Authenticate" in answer.headers
    exposed = answer.headers["access-control-expose-headers"].split(", ")
    assert ["Retry-After", "WWW-Authenticate", "X-Own"] == sorted(exposed)
    assert ["X-Own"] == config.expose_headers


def test_an_app_that_is_started_again() -> None:
    """It is wrapped once: an answer that renews a session sets each cookie once."""
    served, grant = app(), asyncio.run(SESSIONS.login("ada"))
    cookie = f"__Host-devsess-refresh={grant.refresh_token}"
    for _ in range(2):
        with TestClient(served) as client:
            answer = client.get("/payout", headers={"Cookie": cookie})
    assert "insufficient_user_authentication" == answer.json()["error"]
    names = [it.partition("=")[0] for it in answer.headers.get_list("set-cookie")]
    assert ["__Host-devsess-access", "__Host-devsess-refresh"] == sorted(names)


def test_two_apps_of_one_plugin() -> None:
    """Each is wrapped."""
    plugin = SessionPlugin(SESSIONS)
    for _ in range(2):
        with TestClient(Litestar([payout], plugins=[plugin], logging_config=None)) as client:
            assert 401 == client.get("/payout").status_code
