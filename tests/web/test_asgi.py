"""The ASGI side by itself: WebSockets, lifespan, guards, and a loop that is never blocked."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from functools import partial, wraps
from pathlib import Path
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator

from devsess import (
    AsyncSessionManager,
    ConfigurationError,
    Policy,
    SessionManager,
    SessionRevokedError,
    StoreUnavailableError,
)
from devsess.adapters.asgi import SessionMiddleware, _headers

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
ORIGIN = (b"origin", b"https://app.example")
CAN_DENY: dict[str, Any] = {"extensions": {"websocket.http.response": {}}}


def scope_of(kind: str, *headers: tuple[bytes, bytes], **members: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "wss" if kind == "websocket" else "https",
        "path": "/",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"app.example"), *headers],
        "client": ("192.0.2.1", 4711),
        **members,
    }


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a coroutine test with a manager."""

    @wraps(test)
    def run(tmp_path: Path) -> None:
        async def scenario() -> None:
            async with AsyncSessionManager(tmp_path / "sessions.db", keys=SECRET) as sessions:
                await test(sessions)

        asyncio.run(scenario())

    del run.__wrapped__
    run.__annotations__ = {"tmp_path": Path}
    return run


async def live(scope: Any, receive: Any, send: Any) -> None:
    """A WebSocket that greets, and ends with its session."""
    await receive()
    session = await scope["devsess"].require()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": session.user_id})
    async with scope["devsess"].guard(every=0.01):
        while True:
            await receive()


def cookies_of(grant: Any, **other: str) -> tuple[bytes, bytes]:
    tokens = {"access": grant.access_token, "refresh": grant.refresh_token, **other}
    line = "; ".join(f"__Host-devsess-{name}={token}" for name, token in tokens.items())
    return b"cookie", line.encode()


@in_loop
async def test_a_websocket_ends_with_its_session(sessions: AsyncSessionManager) -> None:
    """Open while the session lives; closed, with a code, soon after it was revoked."""
    grant = await sessions.login("ada")
    app = ApplicationCommunicator(
        SessionMiddleware(live, sessions), scope_of("websocket", cookies_of(grant), ORIGIN)
    )
    await app.send_input({"type": "websocket.connect"})
    assert "websocket.accept" == (await app.receive_output())["type"]
    assert "ada" == (await app.receive_output())["text"]
    assert await app.receive_nothing(timeout=0.1)
    await sessions.revoke(grant.session.id)
    assert {"type": "websocket.close", "code": 1008} == await app.receive_output()
    await app.wait()


@in_loop
async def test_a_stranger_opens_no_websocket(sessions: AsyncSessionManager) -> None:
    """Refused before it opens; as an http answer where the server can."""
    wrapped = SessionMiddleware(live, sessions)
    app = ApplicationCommunicator(wrapped, scope_of("websocket", ORIGIN))
    await app.send_input({"type": "websocket.connect"})
    assert {"type": "websocket.close", "code": 1008} == await app.receive_output()
    app = ApplicationCommunicator(wrapped, scope_of("websocket", ORIGIN, **CAN_DENY))
    await app.send_input({"type": "websocket.connect"})
    start = await app.receive_output()
    assert ("websocket.http.response.start", 401) == (start["type"], start["status"])


@pytest.mark.parametrize("origin", [b"https://evil.example", b"null", None])
def test_another_site_opens_no_websocket(tmp_path: Path, origin: bytes | None) -> None:
    """Browsers send cookies along with anybody's WebSocket: the origin is checked."""

    async def scenario() -> None:
        async with AsyncSessionManager(tmp_path / "sessions.db", keys=SECRET) as sessions:
            grant = await sessions.login("ada")
            page = [(b"origin", origin)] if origin else []
            scope = scope_of("websocket", cookies_of(grant), *page)
            app = ApplicationCommunicator(SessionMiddleware(live, sessions), scope)
            await app.send_input({"type": "websocket.connect"})
            assert {"type": "websocket.close", "code": 1008} == await app.receive_output()

    asyncio.run(scenario())


@in_loop
async def test_renewal_within_a_handshake(sessions: AsyncSessionManager) -> None:
    """The next cookies go out with the handshake's answer."""
    grant = await sessions.login("ada")
    app = ApplicationCommunicator(
        SessionMiddleware(live, sessions),
        scope_of("websocket", cookies_of(grant, access=""), ORIGIN, **CAN_DENY),
    )
    await app.send_input({"type": "websocket.connect"})
    names = [name for name, _ in (await app.receive_output())["headers"]]
    assert 2 == names.count(b"set-cookie")


@in_loop
async def test_no_renewal_whose_cookies_could_be_lost(sessions: AsyncSessionManager) -> None:
    """A server that cannot answer a handshake with headers loses them: nothing is rotated."""
    grant = await sessions.login("ada")
    app = ApplicationCommunicator(
        SessionMiddleware(live, sessions),
        scope_of("websocket", cookies_of(grant, access=""), ORIGIN),
    )
    await app.send_input({"type": "websocket.connect"})
    assert {"type": "websocket.close", "code": 1008} == await app.receive_output()
    assert not (await sessions.refresh(grant.refresh_token)).replayed


async def closes(_: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.close", "code": 4000})


async def denies(_: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.http.response.start", "status": 418, "headers": []})
    await send({"type": "websocket.http.response.body", "body": b""})


async def crashes(_: Any, __: Any, ___: Any) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("app", "kind", "status"),
    [
        (closes, "websocket", 403),
        (denies, "websocket", 418),
        (crashes, "websocket", 500),
        (crashes, "http", 500),
    ],
)
def test_cookies_survive(app: Any, kind: str, status: int, tmp_path: Path) -> None:
    """However the app declines, renewed cookies arrive: lost, they would sign their user out."""

    async def scenario() -> None:
        async with AsyncSessionManager(tmp_path / "sessions.db", keys=SECRET) as sessions:
            grant = await sessions.login("ada")
            scope = scope_of(kind, cookies_of(grant, access=""), ORIGIN, **CAN_DENY)
            talk = ApplicationCommunicator(SessionMiddleware(app, sessions), scope)
            await talk.send_input({"type": "websocket.connect"})
            start = await talk.receive_output()
            assert status == start["status"]
            assert 2 == [name for name, _ in start["headers"]].count(b"set-cookie")
            try:
                await talk.receive_output()
                await talk.wait()
            except ZeroDivisionError:
                assert app is crashes  # it reaches the server
            else:
                assert app is not crashes

    asyncio.run(scenario())


@in_loop
async def test_a_websocket_without_its_store(sessions: AsyncSessionManager) -> None:
    """It is closed with the code that means "try again later", also before it opened."""
    grant = await sessions.login("ada")
    await sessions.close()
    app = ApplicationCommunicator(
        SessionMiddleware(live, sessions), scope_of("websocket", cookies_of(grant), ORIGIN)
    )
    await app.send_input({"type": "websocket.connect"})
    assert {"type": "websocket.close", "code": 1013} == await app.receive_output()


@in_loop
async def test_a_stream_ends_with_its_session(sessions: AsyncSessionManager) -> None:
    """A guard that ends a stream completes its body: the client sees no fault."""
    grant = await sessions.login("ada")

    async def events(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        async with scope["devsess"].guard(every=0.01):
            await send({"type": "http.response.body", "body": b"1", "more_body": True})
            await asyncio.Event().wait()

    app = ApplicationCommunicator(
        SessionMiddleware(events, sessions), scope_of("http", cookies_of(grant))
    )
    assert 200 == (await app.receive_output())["status"]
    assert b"1" == (await app.receive_output())["body"]
    await sessions.revoke(grant.session.id)
    end = await app.receive_output()
    assert (b"", False) == (end["body"], end.get("more_body", False))
    await app.wait()


@in_loop
async def test_a_guard_that_cannot_look_lets_nothing_go_on(sessions: AsyncSessionManager) -> None:
    """An error that keeps it from looking ends the block, and is raised unchanged."""
    grant = await sessions.login("ada")
    current = await opened(sessions, grant)

    async def broken(*_: Any) -> None:
        raise ZeroDivisionError

    async def work() -> None:
        async with current.guard(every=0.01):
            sessions.get = broken  # type: ignore[assignment]
            await asyncio.Event().wait()

    with pytest.raises(ZeroDivisionError):
        await work()


@in_loop
async def test_other_scopes_pass(sessions: AsyncSessionManager) -> None:
    """Lifespan, and whatever comes next, is the app's; with its own scope and messages."""
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope["type"], "devsess" in scope, await receive()))

    for kind in ("lifespan", "future"):
        scope = {"type": kind}

        async def receive() -> Any:
            return {"type": "first"}

        async def send(message: Any) -> None: ...

        await SessionMiddleware(app, sessions)(scope, receive, send)
    assert [("lifespan", False, {"type": "first"}), ("future", False, {"type": "first"})] == seen


@in_loop
async def test_a_cached_session_takes_no_thread(sessions: AsyncSessionManager) -> None:
    """The second request is answered on the loop's own thread, without waiting once."""
    grant = await sessions.login("ada")
    before = threading.active_count()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["devsess"].session.user_id == "ada"

    wrapped = SessionMiddleware(app, sessions)
    scope = scope_of("http", (b"authorization", f"Bearer {grant.access_token}".encode()))

    async def nothing(*_: Any) -> Any:
        raise AssertionError("nothing is received or sent")

    await wrapped(scope, nothing, nothing)
    step = wrapped(scope, nothing, nothing)
    with pytest.raises(StopIteration):
        step.send(None)
    assert threading.active_count() == before


@in_loop
async def test_errors_of_the_app_are_its_own(sessions: AsyncSessionManager) -> None:
    """A bug, and an error behind the headers, are not hidden."""

    async def bug(*_: Any) -> None:
        raise ConfigurationError("a bug")

    async def late(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await scope["devsess"].require()

    for app, error in ((bug, ConfigurationError), (late, Exception)):
        communicator = ApplicationCommunicator(SessionMiddleware(app, sessions), scope_of("http"))
        with pytest.raises(error):
            await communicator.wait()


@in_loop
async def test_a_client_that_goes_away(sessions: AsyncSessionManager) -> None:
    """A request whose body breaks off rotates no token: its answer would reach nobody."""
    grant = await sessions.login("ada")
    wrapped = SessionMiddleware(live, sessions, endpoints="/auth")
    for path in ("/auth/refresh", "/auth/logout"):
        scope = scope_of("http", ORIGIN, cookies_of(grant), method="POST", path=path)
        app = ApplicationCommunicator(wrapped, scope)
        await app.send_input({"type": "http.request", "body": b'{"refr', "more_body": True})
        await app.send_input({"type": "http.disconnect"})
        await app.wait()
        assert await app.receive_nothing()
    assert not (await sessions.refresh(grant.refresh_token)).replayed


@in_loop
async def test_what_the_app_closed_stays_closed(sessions: AsyncSessionManager) -> None:
    """An app that tidies up by itself is not followed by a second close."""
    grant = await sessions.login("ada")

    async def tidy(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        try:
            async with scope["devsess"].guard(every=0.01):
                await asyncio.Event().wait()
        finally:
            await send({"type": "websocket.close", "code": 4001})

    app = ApplicationCommunicator(
        SessionMiddleware(tidy, sessions), scope_of("websocket", cookies_of(grant), ORIGIN)
    )
    await app.send_input({"type": "websocket.connect"})
    await app.receive_output()
    await sessions.revoke(grant.session.id)
    assert {"type": "websocket.close", "code": 4001} == await app.receive_output()
    await app.wait()
    assert await app.receive_nothing()


@in_loop
async def test_a_refusal_in_a_task_group(sessions: AsyncSessionManager) -> None:
    """It arrives in an exception group, and gets the same answer."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(scope["devsess"].require())

    talk = ApplicationCommunicator(SessionMiddleware(app, sessions), scope_of("http"))
    assert 401 == (await talk.receive_output())["status"]


@in_loop
async def test_mounted_apps(sessions: AsyncSessionManager) -> None:
    """Servers put the mount point into the path, and name it beside."""
    wrapped = SessionMiddleware(live, sessions, endpoints="/auth")
    for path in ("/shop/auth/jwks.json", "/auth/jwks.json"):
        scope = scope_of("http", path=path, root_path="/shop")
        app = ApplicationCommunicator(wrapped, scope)
        await app.send_input({"type": "http.request"})
        assert 200 == (await app.receive_output())["status"]


@in_loop
async def test_a_guard_ends_its_block(sessions: AsyncSessionManager) -> None:
    """The block's await is cancelled and the reason raised; the task itself goes on."""
    grant = await sessions.login("ada")
    current = await opened(sessions, grant)

    async def work() -> None:
        async with current.guard(every=0.01):
            await sessions.revoke(grant.session.id)
            await asyncio.Event().wait()

    with pytest.raises(SessionRevokedError):
        await work()
    assert 0 == asyncio.current_task().cancelling()  # type: ignore[union-attr]
    with pytest.raises(SessionRevokedError):
        async with current.guard():
            raise AssertionError("over before it began")


@in_loop
async def test_a_guard_is_no_activity(sessions: AsyncSessionManager) -> None:
    """A connection that is merely open does not keep its session alive, where any touch would."""
    policy = Policy(touch_interval=0)
    eager = AsyncSessionManager("memory://", keys=SECRET, policy=policy)
    grant = await eager.login("ada")
    current = await opened(eager, grant)
    seen_at = current.session.last_seen_at
    assert seen_at > grant.session.last_seen_at
    async with current.guard(every=0.001):
        await asyncio.sleep(0.05)
    session = await eager.get(grant.session.id)
    assert session is not None
    assert seen_at == session.last_seen_at


@in_loop
async def test_a_guard_leaves_others_cancellations_alone(sessions: AsyncSessionManager) -> None:
    """A task that is cancelled for another reason is cancelled."""
    grant = await sessions.login("ada")
    current = await opened(sessions, grant)
    inside = asyncio.Event()

    async def work() -> None:
        async with current.guard(every=0.01):
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@in_loop
async def test_a_cancellation_on_the_way_out_takes_effect(sessions: AsyncSessionManager) -> None:
    """A guard that stops its watcher swallows no cancellation of the task."""
    grant = await sessions.login("ada")
    current = await opened(sessions, grant)
    left = []

    async def work() -> None:
        async with current.guard():
            await asyncio.sleep(0)
            task = asyncio.current_task()
            assert task is not None
            asyncio.get_running_loop().call_soon(task.cancel)
        left.append(True)
        await asyncio.Event().wait()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(work())
    assert [] == left


@in_loop
async def test_a_guard_without_its_store(sessions: AsyncSessionManager) -> None:
    """Nothing can say whether it lives: the connection ends with the store's error."""
    grant = await sessions.login("ada")
    current = await opened(sessions, grant)

    async def work() -> None:
        async with current.guard(every=0.01):
            await sessions.close()
            await asyncio.Event().wait()

    with pytest.raises(StoreUnavailableError):
        await work()


def test_the_blocking_guard() -> None:
    """The blocking guard answers when it is called, and asks the store once in a while."""
    from _wsgi_driver import environ_of

    from devsess.adapters.wsgi import SessionMiddleware as ForWSGI

    with SessionManager("memory://", keys=SECRET) as sessions:
        grant = sessions.login("ada")
        seen: list[Any] = []

        def app(environ: Any, start_response: Any) -> list[bytes]:
            seen.append(environ["devsess"])
            return []

        headers = [("Authorization", f"Bearer {grant.access_token}")]
        ForWSGI(app, sessions)(environ_of("GET", "/", headers), lambda *_: None)  # type: ignore[arg-type]
        with seen[0].guard(every=0) as often, seen[0].guard(every=3600) as seldom:
            often.check()
            sessions.revoke(grant.session.id)
            seldom.check()
            with pytest.raises(SessionRevokedError):
                often.check()


async def opened(sessions: AsyncSessionManager, grant: Any) -> Any:
    """The current session of a request."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["devsess"])

    header = (b"authorization", f"Bearer {grant.access_token}".encode())
    await SessionMiddleware(app, sessions)(scope_of("http", header), None, None)  # type: ignore[arg-type]
    return seen[0]


def test_many_lines_of_a_header_are_joined_once() -> None:
    """A client chooses how many there are: sixteen times as many do not take 256 times as long."""
    lines = [(b"cookie", b"a=1"), (b"accept", b"x"), (b"cookie", b"b=2"), (b"accept", b"y")]
    assert {"cookie": "a=1; b=2", "accept": "x, y"} == _headers(lines)
    few, many = (_shortest(partial(_headers, lines * times)) for times in (2_000, 32_000))
    assert many < 48 * few


def _shortest(work: Callable[[], object]) -> float:
    """Seconds of processor time, of five rounds."""
    taken = []
    for _ in range(5):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken)
