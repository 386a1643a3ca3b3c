"""The session as a view sees it, and the operations on it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from devsess._provider import PASSWORD
from devsess._runtime.drive import drive
from devsess.adapters._guard import LOOK_INTERVAL, AsyncGuard, Guard, Watched
from devsess.adapters._settings import is_local_path
from devsess.requirement import NOTHING, Requirement

if TYPE_CHECKING:
    from devsess.adapters._account import Account
    from devsess.adapters._exchange import Exchange
    from devsess.adapters._http import Answer
    from devsess.adapters._sessions import LoginOptions, StepUpOptions
    from devsess.errors import DevsessError, InvalidSessionError
    from devsess.models import Client, Grant, Session
    from devsess.policy import Span

T = TypeVar("T")


def _needed(
    max_auth_age: Span | None, acr: str | None, trusted_device: bool, risk_below: int | None
) -> Requirement:
    """The requirement with these arguments; where there are none, none is made."""
    if trusted_device is False and (max_auth_age, acr, risk_below) == (None, None, None):
        return NOTHING
    return Requirement(max_auth_age, acr, trusted_device, risk_below)


class _BaseCurrent:
    """The part of Current and AsyncCurrent that reads no store."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    @property
    def session(self) -> Session | None:
        """The live session that the request came with, or None."""
        self._exchange.depends_on_user = True
        return self._exchange.session

    @property
    def client(self) -> Client:
        """The client: address behind trusted proxies, user agent, hints, device token."""
        return self._exchange.client

    @property
    def error(self) -> InvalidSessionError | None:
        """The reason why credentials gave no session; for logs, not for the client."""
        self._exchange.depends_on_user = True
        return self._exchange.error

    @staticmethod
    def return_to(wanted: str | None, default: str = "/") -> str:
        """*wanted* if a browser that follows it stays on this site, else *default*."""
        return wanted if wanted is not None and is_local_path(wanted) else default

    def answer_to(self, error: DevsessError) -> Answer | None:
        """The answer that an error means, for handlers of frameworks; None if it is the app's."""
        return self._exchange.answer_to(error)

    def check(self, needed: Requirement) -> Session:
        """As Current.require, with nothing to await on ASGI either: for guards of views."""
        return self._exchange.require(needed)

    def _watched(self, look: Callable[[Coroutine[Any, None, Session | None]], Any]) -> Watched:
        """The session for a guard."""
        exchange, session = self._exchange, self._exchange.signed_in()
        exchange.is_guarded = True

        def current() -> Session:
            newest = exchange.session
            return newest if newest is not None and newest.id == session.id else session

        def ended_by(reason: DevsessError) -> None:
            exchange.ended_by = reason

        return Watched(
            look=lambda: look(exchange.sessions.get(session.id)),
            current=current,
            now=exchange.core.now,
            ended_by=ended_by,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(session={self.session!r})"


class Current(_BaseCurrent):
    """
    The session of a WSGI request: `environ["devsess"]`.

    Cookies go out with the response: call the methods that set them before it begins.
    """

    def login(
        self,
        user_id: str,
        *,
        amr: Sequence[str] = PASSWORD,
        acr: str | None = None,
        auth_time: datetime | float | None = None,
        persistent: bool = False,
        claims: Mapping[str, object] | None = None,
        lifetime: Span | None = None,
        provider: str | None = None,
        cookies: bool = True,
    ) -> Grant:
        """
        Sign *user_id* in; arguments and errors as for SessionManager.login.

        The browser's previous session ends; where it may have several accounts, that of the same
        one, or the current one's if there is no room. With *cookies* false no
        cookie is set, and none overwritten: the grant's tokens are for a program.
        """
        options = _options(amr, acr, auth_time, persistent, claims, lifetime, provider)
        return drive(self._exchange.login(user_id, options, cookies=cookies))

    def collect(self, pending_token: str, *, cookies: bool = True) -> Grant:
        """
        The session of a held sign-in, once it is approved; as `login`.

        Errors as for SessionManager.collect: SignInHeldError while it waits.
        """
        return drive(self._exchange.collect(pending_token, cookies=cookies))

    def logout(self, *, forget_device: bool = False, all_accounts: bool = False) -> None:
        """
        End this session and clear its cookies.

        The device stays known; with *forget_device*, for computers that people
        share, its cookie goes too, and the trust in it ends. Of several accounts the others
        stay, and none of them is current until `switch`; with *all_accounts*, or
        *forget_device*, all of them end.
        """
        drive(self._exchange.logout(forget_device=forget_device, all_accounts=all_accounts))

    def accounts(self) -> tuple[Account, ...]:
        """
        The accounts that this browser is signed in to; to ask is no activity of the others.

        Raises:
            StoreUnavailableError: If the store did not answer.
        """
        return drive(self._exchange.accounts())

    def switch(self, slot: int) -> Session:
        """
        Act for the account in *slot* from now on: this request, and those of the browser after it.

        Raises:
            InvalidSessionError: If no live session is there, with the reason; unhandled, it
                becomes the answer, as that of `require`.
        """
        return drive(self._exchange.switch(_slot(slot)))

    def require(
        self,
        *,
        max_auth_age: Span | None = None,
        acr: str | None = None,
        trusted_device: bool = False,
        risk_below: int | None = None,
    ) -> Session:
        """
        The session; unhandled, the error becomes the answer with its challenge.

        Args:
            max_auth_age, acr: As for SessionManager.validate.
            trusted_device: Whether its device must be trusted.
            risk_below: Points that its score must be below.

        Raises:
            InvalidSessionError: If there is none.
            StepUpRequiredError: If its authentication is too old or too weak, a step-up was
                asked of it, or it does not meet another argument.
        """
        needed = _needed(max_auth_age, acr, trusted_device, risk_below)
        return self._exchange.require(needed)

    def require_seniority(self, *, ends: str | None = None, ends_others: bool = False) -> Session:
        """
        The session, if it may end the session *ends*, or all others; or trust and export.

        No impersonation may, under any policy; `Policy.seniority` keeps young sessions from it.
        Errors as for SessionManager.require_seniority; unhandled, they become the answer.
        """
        return drive(self._exchange.require_seniority(ends=ends, ends_others=ends_others))

    def step_up(
        self, *, amr: Sequence[str], acr: str | None = None, provider: str | None = None
    ) -> Grant:
        """The person proved themselves again; errors as for SessionManager.step_up."""
        return drive(self._exchange.step_up({"amr": amr, "acr": acr, "provider": provider}))

    def extend(self, by: Span) -> Session:
        """Move the idle deadline and that of its cookies; errors as for SessionManager.extend."""
        return drive(self._exchange.extend(by))

    def guard(self, *, every: float = LOOK_INTERVAL) -> Guard:
        """
        A context manager whose `check()` raises once the session, or the token, has ended.

        Args:
            every: The least seconds between two looks at the store; the deadline is
                checked without one.

        Raises:
            InvalidSessionError: If there is no session to begin with.
        """
        return Guard(self._watched(drive), every)


class AsyncCurrent(_BaseCurrent):
    """
    The session of an ASGI connection: `scope["devsess"]`; as `Current`, awaited.

    A response that begins while a call was never awaited is a RuntimeError.
    """

    def login(
        self,
        user_id: str,
        *,
        amr: Sequence[str] = PASSWORD,
        acr: str | None = None,
        auth_time: datetime | float | None = None,
        persistent: bool = False,
        claims: Mapping[str, object] | None = None,
        lifetime: Span | None = None,
        provider: str | None = None,
        cookies: bool = True,
    ) -> Coroutine[Any, Any, Grant]:
        """See Current.login."""
        options = _options(amr, acr, auth_time, persistent, claims, lifetime, provider)
        return self._call("login", lambda it: it.login(user_id, options, cookies=cookies))

    def collect(self, pending_token: str, *, cookies: bool = True) -> Coroutine[Any, Any, Grant]:
        """See Current.collect."""
        return self._call("collect", lambda it: it.collect(pending_token, cookies=cookies))

    def logout(
        self, *, forget_device: bool = False, all_accounts: bool = False
    ) -> Coroutine[Any, Any, None]:
        """See Current.logout."""
        return self._call(
            "logout",
            lambda it: it.logout(forget_device=forget_device, all_accounts=all_accounts),
        )

    def accounts(self) -> Coroutine[Any, Any, tuple[Account, ...]]:
        """See Current.accounts."""
        return self._call("accounts", lambda it: it.accounts())

    def switch(self, slot: int) -> Coroutine[Any, Any, Session]:
        """See Current.switch."""
        number = _slot(slot)
        return self._call("switch", lambda it: it.switch(number))

    def require(
        self,
        *,
        max_auth_age: Span | None = None,
        acr: str | None = None,
        trusted_device: bool = False,
        risk_below: int | None = None,
    ) -> Coroutine[Any, Any, Session]:
        """See Current.require; it raises when it is called, also without `await`."""
        needed = _needed(max_auth_age, acr, trusted_device, risk_below)
        return resolved(self._exchange.require(needed))

    def require_seniority(
        self, *, ends: str | None = None, ends_others: bool = False
    ) -> Coroutine[Any, Any, Session]:
        """See Current.require_seniority."""
        return self._call(
            "require_seniority",
            lambda it: it.require_seniority(ends=ends, ends_others=ends_others),
        )

    def step_up(
        self, *, amr: Sequence[str], acr: str | None = None, provider: str | None = None
    ) -> Coroutine[Any, Any, Grant]:
        """See Current.step_up."""
        options: StepUpOptions = {"amr": amr, "acr": acr, "provider": provider}
        return self._call("step_up", lambda it: it.step_up(options))

    def extend(self, by: Span) -> Coroutine[Any, Any, Session]:
        """See Current.extend."""
        return self._call("extend", lambda it: it.extend(by))

    def _call(
        self, name: str, begin: Callable[[Exchange], Coroutine[Any, Any, T]]
    ) -> Coroutine[Any, Any, T]:
        """A coroutine that is recorded until it begins: the response finds one never awaited."""
        exchange = self._exchange
        exchange.unawaited = (*exchange.unawaited, name)

        async def begun() -> T:
            waiting = list(exchange.unawaited)
            if name in waiting:
                waiting.remove(name)
                exchange.unawaited = tuple(waiting)
            return await begin(exchange)

        return begun()

    def guard(self, *, every: float = LOOK_INTERVAL) -> AsyncGuard:
        """
        An asynchronous context manager whose block ends, with the reason, when the session does.

        Args:
            every: Seconds between two looks at the store.

        Raises:
            InvalidSessionError: If there is no session to begin with.
        """
        return AsyncGuard(self._watched(_awaited), every)


def exchange_of(current: _BaseCurrent) -> Exchange:
    """The exchange behind *current*, for the pages."""
    return current._exchange


# The request that the running task serves; threads that work for the task see it too.
SERVED: ContextVar[AsyncCurrent | None] = ContextVar("devsess.served", default=None)


def _awaited(look: Coroutine[Any, None, Session | None]) -> Coroutine[Any, None, Session | None]:
    return look


async def resolved(session: Session) -> Session:
    """*session*, for an API that is awaited."""
    return session


def _slot(slot: int) -> int:
    """
    *slot*, if it is a number: "1", as a form sends it, would silently be no account's.

    Raises:
        TypeError: If it is not.
    """
    if type(slot) is not int:
        raise TypeError(f"a slot is an int, not {type(slot).__name__}")
    return slot


def _options(
    amr: Sequence[str],
    acr: str | None,
    auth_time: datetime | float | None,
    persistent: bool,
    claims: Mapping[str, object] | None,
    lifetime: Span | None,
    provider: str | None,
) -> LoginOptions:
    return {
        "amr": amr,
        "acr": acr,
        "auth_time": auth_time,
        "persistent": persistent,
        "claims": claims,
        "lifetime": lifetime,
        "provider": provider,
    }
