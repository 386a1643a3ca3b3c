"""A guard ends with its session's deadline, and with the token it was opened with."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from _wsgi_driver import environ_of

from devsess import AsyncSessionManager, SessionExpiredError, SessionManager, TokenExpiredError
from devsess.adapters import asgi, wsgi
from devsess.testing import FakeClock

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
SELDOM = 3600


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sessions(clock: FakeClock) -> Iterator[SessionManager]:
    with SessionManager("memory://", keys=SECRET, clock=clock) as sessions:
        yield sessions


def opened(sessions: SessionManager, token: str) -> Any:
    """The current session of a view, after its response began."""
    seen: list[Any] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        seen.append(environ["devsess"])
        return []

    environ = environ_of("GET", "/", [("Authorization", f"Bearer {token}")])
    wsgi.SessionMiddleware(app, sessions)(environ, lambda *_: None)  # type: ignore[arg-type]
    return seen[0]


def test_at_the_deadline(sessions: SessionManager, clock: FakeClock) -> None:
    """It ends at the deadline itself, not at the next look."""
    grant = sessions.login("ada")
    with opened(sessions, grant.access_token).guard(every=SELDOM) as guard:
        clock.advance(timedelta(days=14) - timedelta(seconds=1))
        guard.check()
        clock.advance(1)
        with pytest.raises(SessionExpiredError):
            guard.check()


def test_a_deadline_that_moved_is_kept_to_where_it_is_now(
    sessions: SessionManager, clock: FakeClock
) -> None:
    """If activity elsewhere moves the deadline, the guard waits for the new one."""
    grant = sessions.login("ada")
    with opened(sessions, grant.access_token).guard(every=SELDOM) as guard:
        sessions.extend(grant.session.id, timedelta(days=1))
        clock.advance(timedelta(days=14, hours=23))
        guard.check()
        clock.advance(timedelta(hours=1))
        with pytest.raises(SessionExpiredError):
            guard.check()


def test_a_step_up_elsewhere_ends_it(sessions: SessionManager, clock: FakeClock) -> None:
    """Its token is no longer good for a request, so not for a connection either."""
    grant = sessions.login("ada")
    guard = opened(sessions, grant.access_token).guard(every=0)
    guard.check()
    clock.advance(5)
    sessions.step_up(grant.access_token, amr=("otp",))
    with pytest.raises(TokenExpiredError):
        guard.check()


@pytest.mark.parametrize("first", ["guard", "step up"])
def test_a_step_up_of_its_own_does_not(
    sessions: SessionManager, clock: FakeClock, first: str
) -> None:
    """A step-up on the same connection does not end it, before the guard or within it."""
    grant = sessions.login("ada")
    current = opened(sessions, grant.access_token)
    current._exchange.has_begun = False
    clock.advance(5)
    guard = current.guard(every=0) if first == "guard" else None
    current.step_up(amr=("otp",))
    guard = guard or current.guard(every=0)
    guard.check()
    sessions.step_up(current._exchange.jar.held.access, amr=("otp",))
    with pytest.raises(TokenExpiredError):
        guard.check()


async def current_of(sessions: AsyncSessionManager, token: str) -> Any:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["devsess"])

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "headers": [(b"authorization", f"Bearer {token}".encode())],
    }
    await asgi.SessionMiddleware(app, sessions)(scope, None, None)  # type: ignore[arg-type]
    return seen[0]


@pytest.mark.parametrize(
    ("event", "error", "every"),
    [("deadline", SessionExpiredError, SELDOM), ("step up", TokenExpiredError, 0.01)],
)
def test_an_asynchronous_block_ends_too(event: str, error: type[Exception], every: float) -> None:
    """Its await is cancelled and the reason raised."""

    async def scenario() -> None:
        clock = FakeClock()
        async with AsyncSessionManager("memory://", keys=SECRET, clock=clock) as sessions:
            grant = await sessions.login("ada")
            current = await current_of(sessions, grant.access_token)
            if event == "deadline":
                clock.advance(timedelta(days=14) - timedelta(seconds=0.05))
            async with asyncio.timeout(30), current.guard(every=every):
                clock.advance(1)
                if event == "step up":
                    await sessions.step_up(grant.access_token, amr=("otp",))
                await asyncio.Event().wait()

    with pytest.raises(error):
        asyncio.run(scenario())


def test_an_asynchronous_guard_follows_a_deadline_that_moved() -> None:
    """Past the old one it goes back to looking seldom."""

    async def scenario() -> int:
        clock = FakeClock()
        async with AsyncSessionManager("memory://", keys=SECRET, clock=clock) as sessions:
            grant = await sessions.login("ada")
            current = await current_of(sessions, grant.access_token)
            clock.advance(timedelta(days=14) - timedelta(seconds=0.01))
            async with current.guard(every=SELDOM):
                await sessions.extend(grant.session.id, timedelta(days=1))
                clock.advance(1)
                await asyncio.sleep(0.2)
            return (await sessions.metrics()).calls["get"].count

    assert asyncio.run(scenario()) < 20
