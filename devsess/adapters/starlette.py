"""
Starlette and FastAPI: the session as a dependency.

    app.add_middleware(SessionMiddleware, manager=sessions, endpoints="/auth")

    @app.get("/me")
    async def me(session: Annotated[Session, Depends(require)]): ...
"""

from __future__ import annotations

import inspect
from collections.abc import Coroutine
from typing import Any, Final, NoReturn, overload

from starlette.requests import HTTPConnection

from devsess.adapters._account import Account
from devsess.adapters._current import SERVED, AsyncCurrent, resolved
from devsess.adapters.asgi import Cookies, SessionMiddleware
from devsess.errors import ConfigurationError
from devsess.models import Session
from devsess.policy import Span
from devsess.requirement import NOTHING, Requirement

try:
    from devsess.adapters._fastapi import Bearer, cookie_parameter
except ModuleNotFoundError:  # Starlette without FastAPI: nothing is described

    class Bearer:  # type: ignore[no-redef]
        """No more than a class to build upon."""

    _PARAMETERS = []
else:
    _PARAMETERS = [cookie_parameter()]

__all__ = ["Account", "AsyncCurrent", "Cookies", "SessionMiddleware", "current_session", "require"]


async def current_session(connection: HTTPConnection) -> AsyncCurrent:
    """
    The session of a request or WebSocket, with its methods.

    Raises:
        ConfigurationError: If the app is not wrapped.
    """
    return _current(connection)


def _current(connection: HTTPConnection) -> AsyncCurrent:
    current: AsyncCurrent | None = connection.scope.get("devsess")
    if current is None:
        raise ConfigurationError(
            "this app is not wrapped: app.add_middleware(SessionMiddleware, manager=sessions) first"
        )
    return current


# Stands for no argument: None is one, which a decorator may be given by mistake.
_NOTHING: Final[Any] = object()
_NO_DEPENDENCY = "require guards as a dependency alone: write Depends(require)"


class Guard(Bearer):
    """
    A dependency: the live session, or the answer that asks for one; see Current.require.

    Elsewhere in a route's declaration it would be taken for a value, and guard nothing:
    so each use of pydantic and FastAPI for values raises a TypeError.
    """

    # All that FastAPI may fill in: no request chooses how it is guarded.
    __signature__ = inspect.Signature(
        [
            inspect.Parameter(
                "connection", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=HTTPConnection
            ),
            *_PARAMETERS,
        ]
    )

    def __init__(self, requirement: Requirement = NOTHING) -> None:
        self._requirement = requirement
        # FastAPI looks here for whether to await the answer. The class's own, which is
        # called, is not asynchronous: where it decorates a view, it fails at once.
        self.__dict__["__call__"] = self._awaited

    def __call__(self, connection: HTTPConnection, **_: None) -> Coroutine[Any, Any, Session]:
        return resolved(self._session(connection))

    def _session(self, connection: HTTPConnection) -> Session:
        if not isinstance(connection, HTTPConnection):
            raise TypeError(_NO_DEPENDENCY)
        return _current(connection).check(self._requirement)

    def check_served(self) -> None:
        """Check the request that is being served, if one is."""
        current = SERVED.get()
        if current is not None:
            current.check(self._requirement)

    async def _awaited(self, connection: HTTPConnection) -> Session:
        return self._session(connection)

    def __deepcopy__(self, memo: object) -> NoReturn:
        """FastAPI copies so a parameter's default."""
        raise TypeError(_NO_DEPENDENCY)

    def __get_pydantic_core_schema__(self, *_: object) -> NoReturn:
        """Pydantic calls this for an annotated value."""
        raise TypeError(_NO_DEPENDENCY)


class Require(Guard):
    """
    A dependency, with arguments or without: `Depends(require)`, `Depends(require(acr="aal2"))`.

    It gives the live session, or raises the error that becomes the answer; see Current.require.
    Called without a connection while a request is served, it checks that request at
    once, so a view may call it itself.

    Raises:
        TypeError: If an argument is wrong, or it decorates something.
        InvalidSessionError, StepUpRequiredError: If the request being served is refused.
    """

    @overload
    def __call__(self, connection: HTTPConnection, **_: None) -> Coroutine[Any, Any, Session]: ...

    @overload
    def __call__(
        self,
        *,
        max_auth_age: Span | None = None,
        acr: str | None = None,
        trusted_device: bool = False,
        risk_below: int | None = None,
    ) -> Guard: ...

    def __call__(
        self,
        connection: HTTPConnection = _NOTHING,
        *,
        max_auth_age: Span | None = None,
        acr: str | None = None,
        trusted_device: bool | None = None,
        risk_below: int | None = None,
        **_: None,
    ) -> Coroutine[Any, Any, Session] | Guard:
        requirement = Requirement(max_auth_age, acr, trusted_device or False, risk_below)
        if connection is _NOTHING:
            guard = Guard(requirement)
            guard.check_served()
            return guard
        if requirement.asks:
            raise TypeError("write require(max_auth_age=..., acr=...) without a connection")
        return super().__call__(connection)


require = Require()
