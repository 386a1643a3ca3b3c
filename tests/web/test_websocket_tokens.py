"""A WebSocket's token as a subprotocol: for scripts, which can give it no header."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvicorn
from _wsgi_driver import on_wsgi
from asgiref.testing import ApplicationCommunicator
from websockets.asyncio.client import connect

from devsess import AsyncSessionManager, SessionManager
from devsess.adapters.asgi import SessionMiddleware
from devsess.adapters.wsgi import SessionMiddleware as ForWSGI

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
ELSEWHERE = (b"origin", b"https://evil.example")


def with_token(*offered: str) -> Any:
    """The subprotocols of a handshake; TOKEN stands for a good token's."""

    def protocols(token: str) -> list[str]:
        return [each.replace("TOKEN", f"devsess.bearer.{token}") for each in offered]

    return protocols


class Chat:
    """An app that records its scope, and accepts *chosen* or the first protocol offered."""

    def __init__(self, chosen: str | None = None) -> None:
        self.chosen = chosen
        self.scope: dict[str, Any] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "websocket":
            return
        self.scope = scope
        await receive()
        session = await scope["devsess"].require()
        chosen = self.chosen or next(iter(scope["subprotocols"]), None)
        await send({"type": "websocket.accept", "subprotocol": chosen})
        await send({"type": "websocket.send", "text": session.user_id})


async def handshake(
    app: Any, offered: list[str], *headers: tuple[bytes, bytes], **wrapping: Any
) -> Any:
    scope = {
        "type": "websocket",
        "path": "/",
        "headers": [
            (b"host", b"app.example"),
            (b"sec-websocket-protocol", ", ".join(offered).encode()),
            *headers,
        ],
        "subprotocols": offered,
    }
    talk = ApplicationCommunicator(app, scope)
    await talk.send_input({"type": "websocket.connect"})
    return await talk.receive_output()


CASES = {
    "alone": (with_token("TOKEN"), None),
    "first": (with_token("TOKEN", "chat"), "chat"),
    "last": (with_token("chat", "graphql-ws", "TOKEN"), "chat"),
}


@pytest.mark.parametrize("name", CASES)
def test_it_signs_in_and_stays_unseen(name: str) -> None:
    """From any origin, as a header would; the app sees, and chooses, its own protocols alone."""
    protocols, chosen = CASES[name]

    async def scenario() -> None:
        async with AsyncSessionManager("memory://", keys=SECRET) as sessions:
            token = (await sessions.login("ada")).access_token
            chat = Chat()
            first = await handshake(SessionMiddleware(chat, sessions), protocols(token), ELSEWHERE)
            assert ("websocket.accept", chosen) == (first["type"], first["subprotocol"])
            seen = {key: value for key, value in chat.scope.items() if key != "devsess"}
            assert token not in str(seen)
            assert "bearer" not in str(seen)
            assert "ada" == chat.scope["devsess"].session.user_id

    asyncio.run(scenario())


REFUSED = {
    "bad": (with_token("devsess.bearer.nonsense", "chat"), ()),
    "empty": (with_token("devsess.bearer.", "chat"), ()),
    "two": (with_token("TOKEN", "TOKEN"), ()),
    "two ways": (with_token("TOKEN"), ((b"authorization", b"Bearer x.y.z"),)),
    "none": (with_token("chat"), ()),
    "another spelling": (with_token("Devsess.Bearer.x"), ()),
}


@pytest.mark.parametrize("name", REFUSED)
def test_handshakes_that_are_refused(name: str) -> None:
    """They are closed before they open."""
    protocols, headers = REFUSED[name]

    async def scenario() -> None:
        async with AsyncSessionManager("memory://", keys=SECRET) as sessions:
            token = (await sessions.login("ada")).access_token
            app = SessionMiddleware(Chat(), sessions)
            first = await handshake(app, protocols(token), *headers)
            assert {"type": "websocket.close", "code": 1008} == first

    asyncio.run(scenario())


def test_where_only_cookies_are_taken_it_is_no_way_in() -> None:
    """The token is refused, and hidden from the app all the same."""

    async def scenario() -> None:
        async with AsyncSessionManager("memory://", keys=SECRET) as sessions:
            token = (await sessions.login("ada")).access_token
            chat = Chat()
            app = SessionMiddleware(chat, sessions, transport="cookie")
            own = (b"origin", b"https://app.example")
            first = await handshake(app, [f"devsess.bearer.{token}"], own)
            assert "websocket.close" == first["type"]
            assert [] == chat.scope["subprotocols"]

    asyncio.run(scenario())


def test_it_is_never_echoed() -> None:
    """Not even where an app has got hold of it."""

    async def scenario() -> None:
        async with AsyncSessionManager("memory://", keys=SECRET) as sessions:
            token = (await sessions.login("ada")).access_token
            app = SessionMiddleware(Chat(f"devsess.bearer.{token}"), sessions)
            first = await handshake(app, [f"devsess.bearer.{token}", "chat"])
            assert ("websocket.accept", None) == (first["type"], first["subprotocol"])

    asyncio.run(scenario())


def test_over_a_real_connection() -> None:
    """Server and client agree on the app's own protocol."""

    async def scenario() -> None:
        async with AsyncSessionManager("memory://", keys=SECRET) as sessions:
            token = (await sessions.login("ada")).access_token
            app = SessionMiddleware(Chat(), sessions)
            server = uvicorn.Server(
                uvicorn.Config(app, host="127.0.0.1", port=0, lifespan="off", log_level="error")
            )
            serving = asyncio.create_task(server.serve())
            while not server.started:
                await asyncio.sleep(0.01)
            port = server.servers[0].sockets[0].getsockname()[1]
            offered: Any = [f"devsess.bearer.{token}", "chat"]
            async with connect(f"ws://127.0.0.1:{port}/", subprotocols=offered) as socket:
                assert "ada" == await socket.recv()
                assert "chat" == socket.subprotocol
            server.should_exit = True
            await serving

    asyncio.run(scenario())


def test_on_wsgi_it_is_the_same() -> None:
    """For servers that hand a WebSocket's handshake to the app."""
    with SessionManager("memory://", keys=SECRET) as sessions:
        token = sessions.login("ada").access_token
        seen: list[Any] = []

        def app(environ: Any, start_response: Any) -> list[bytes]:
            seen.append(environ["HTTP_SEC_WEBSOCKET_PROTOCOL"])
            user = environ["devsess"].require().user_id
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [user.encode()]

        headers = [
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Protocol", f"devsess.bearer.{token}, chat"),
        ]
        assert "ada" == on_wsgi(ForWSGI(app, sessions), "GET", "/", headers).text
        assert ["chat"] == seen
        bare = [("Sec-WebSocket-Protocol", f"devsess.bearer.{token}")]
        assert 401 == on_wsgi(ForWSGI(app, sessions), "GET", "/", bare).status_code


def test_a_token_of_a_handshake_is_no_account_of_the_browser() -> None:
    """Its cookies are not read, and the choice among accounts is one of them."""

    async def scenario() -> None:
        async with AsyncSessionManager("memory://", keys=SECRET) as sessions:
            token = (await sessions.login("ada")).access_token
            found: list[tuple[int, str]] = []

            async def app(scope: Any, _: Any, send: Any) -> None:
                found.extend(
                    (it.slot, it.session.user_id) for it in await scope["devsess"].accounts()
                )
                await send({"type": "websocket.close"})

            choice = (b"cookie", b"__Host-devsess-slot=1")
            wrapped = SessionMiddleware(app, sessions, accounts=2)
            await handshake(wrapped, with_token("TOKEN")(token), choice)
            assert [(0, "ada")] == found

    asyncio.run(scenario())
