"""
FastAPI: the dependencies of `starlette` as annotations, ready to use.

    app.add_middleware(SessionMiddleware, manager=sessions, endpoints="/auth")

    @app.get("/me")
    async def me(session: SignedIn): ...
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, TypeAlias

from fastapi import Depends
from starlette.requests import HTTPConnection

from devsess.adapters.starlette import (
    Account,
    AsyncCurrent,
    Cookies,
    SessionMiddleware,
    current_session,
    require,
)
from devsess.models import Session

__all__ = [
    "Account",
    "AsyncCurrent",
    "Cookies",
    "Current",
    "LiveSession",
    "SessionMiddleware",
    "SignedIn",
    "current_session",
    "live_session",
    "require",
]


async def live_session(connection: HTTPConnection) -> AsyncIterator[Session]:
    """
    The live session of a WebSocket; when it ends, the view is cancelled and the socket closed.

    Raises:
        InvalidSessionError: If nobody is signed in, and when the session ends.
        StoreUnavailableError: If the store does not answer.
    """
    current = await current_session(connection)
    session = await current.require()
    async with current.guard():
        yield session


# The live session, or the answer that asks for a sign-in.
SignedIn: TypeAlias = Annotated[Session, Depends(require)]
# The request's session, or none, with its methods.
Current: TypeAlias = Annotated[AsyncCurrent, Depends(current_session)]
# As SignedIn for a WebSocket, which is closed when the session ends.
LiveSession: TypeAlias = Annotated[Session, Depends(live_session)]
