"""A guard ends with its session, whichever way that ends, at the next look."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from _wsgi_driver import environ_of

from devsess import (
    AsyncSessionManager,
    InvalidSessionError,
    Policy,
    SessionExpiredError,
    SessionManager,
    SessionNotFoundError,
    SessionRevokedError,
    StoreUnavailableError,
)
from devsess.adapters import asgi, wsgi
from devsess.stores.memory import MemoryStore
from devsess.testing import Awaited, FakeClock

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
POLICY = Policy(access_lifetime=60, idle_timeout=600, absolute_lifetime=3600)
# Each way to end the session, and the error that the guard raises then.
WAYS_TO_END: dict[str, tuple[Callable[[Any, str], Any], type[InvalidSessionError]]] = {
    "revoked": (lambda sessions, session_id: sessions.revoke(session_id), SessionRevokedError),
    "deleted": (lambda sessions, _: sessions.erase_user("ada"), SessionNotFoundError),
}
EXPIRIES = {"to the second": 600, "long ago": 86_400}


def blocking(sessions: SessionManager, token: str | None = None) -> Any:
    """The current session of a WSGI request of a signed-in program, or of *token*."""
    seen: list[Any] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        seen.append(environ["devsess"])
        return []

    headers = [("Authorization", f"Bearer {token or sessions.login('ada').access_token}")]
    environ = environ_of("GET", "/", headers)
    wsgi.SessionMiddleware(app, sessions)(environ, lambda *_: None)  # type: ignore[arg-type]
    return seen[0]


async def awaited(sessions: AsyncSessionManager, token: str | None = None) -> Any:
    """The current session of an ASGI request of a signed-in program, or of *token*."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["devsess"])

    token = token or (await sessions.login("ada")).access_token
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {token}".encode())],
    }
    await asgi.SessionMiddleware(app, sessions)(scope, None, None)  # type: ignore[arg-type]
    return seen[0]


@pytest.mark.parametrize("later", EXPIRIES.values(), ids=EXPIRIES)
def test_a_blocking_guard_ends_at_the_deadline(later: int) -> None:
    """A connection outlives neither deadline of its session."""
    clock = FakeClock()
    with SessionManager("memory://", keys=SECRET, clock=clock, policy=POLICY) as sessions:
        guard = blocking(sessions).guard(every=0)
        clock.advance(599)
        guard.check()
        clock.advance(later - 599)
        with pytest.raises(SessionExpiredError):
            guard.check()


@pytest.mark.parametrize("name", WAYS_TO_END)
def test_a_blocking_guard_says_why(name: str) -> None:
    """Revoked and deleted raise different errors."""
    end, error = WAYS_TO_END[name]
    with SessionManager("memory://", keys=SECRET) as sessions:
        current = blocking(sessions)
        guard = current.guard(every=0)
        guard.check()
        end(sessions, current.session.id)
        with pytest.raises(error):
            guard.check()


def test_a_blocking_guard_ends_an_impersonation_with_the_session_that_began_it() -> None:
    """Staff who are signed out are gone from open connections too."""
    with SessionManager("memory://", keys=SECRET) as sessions:
        staff = sessions.login("staff").session
        guard = blocking(sessions, sessions.impersonate("ada", staff).access_token).guard(every=0)
        guard.check()
        sessions.revoke(staff.id)
        with pytest.raises(SessionRevokedError, match="began this impersonation"):
            guard.check()


def test_an_awaited_guard_ends_an_impersonation_with_the_session_that_began_it() -> None:
    """The block's await is cancelled then."""

    async def scenario() -> None:
        sessions = AsyncSessionManager("memory://", keys=SECRET)
        staff = (await sessions.login("staff")).session
        acted = await sessions.impersonate("ada", staff)
        current = await awaited(sessions, acted.access_token)
        async with asyncio.timeout(10), current.guard(every=0.01):
            await sessions.revoke(staff.id)
            await asyncio.Event().wait()

    with pytest.raises(SessionRevokedError, match="began this impersonation"):
        asyncio.run(scenario())


@pytest.mark.parametrize("later", EXPIRIES.values(), ids=EXPIRIES)
def test_an_awaited_guard_ends_at_the_deadline(later: int) -> None:
    """The block's await is cancelled once the session has expired."""

    async def scenario() -> None:
        clock = FakeClock()
        sessions = AsyncSessionManager("memory://", keys=SECRET, clock=clock, policy=POLICY)
        current = await awaited(sessions)
        async with asyncio.timeout(10), current.guard(every=0.01):
            clock.advance(later)
            await asyncio.Event().wait()

    with pytest.raises(SessionExpiredError):
        asyncio.run(scenario())


def test_an_awaited_guard_does_not_begin_too_late() -> None:
    """No block is entered whose session has expired meanwhile."""

    async def scenario() -> None:
        clock = FakeClock()
        sessions = AsyncSessionManager("memory://", keys=SECRET, clock=clock, policy=POLICY)
        current = await awaited(sessions)
        clock.advance(600)
        async with current.guard():
            raise AssertionError("the session had expired")

    with pytest.raises(SessionExpiredError):
        asyncio.run(scenario())


def test_an_awaited_guard_ends_where_its_store_cancels_the_look() -> None:
    """A driver cancels the look when its connection is closed; without a watcher the block ends."""

    class Cancelling(Awaited):
        is_closed = False

        async def get(self, session_id: str) -> Any:
            if self.is_closed:
                raise asyncio.CancelledError
            return await super().get(session_id)

    async def scenario() -> None:
        store = Cancelling(MemoryStore())
        current = await awaited(AsyncSessionManager(store, keys=SECRET))
        async with asyncio.timeout(10), current.guard(every=0.01):
            store.is_closed = True
            await asyncio.Event().wait()

    with pytest.raises(StoreUnavailableError):
        asyncio.run(scenario())
