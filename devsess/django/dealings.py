"""
A request's dealings with the manager: where a session is required, Django's auth must know it too.

A password or an account that was changed past the model, by an UPDATE or another program, sends no
signal that could end its sessions. Django notices when it loads the user. So does `require`: it
loads the user as `request.user` does, once for both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, cast

from django.contrib import auth

from devsess.adapters._accounts import AccountsExchange
from devsess.adapters._body import EMPTY_BODY, Body
from devsess.adapters._exchange import Exchange
from devsess.adapters._middleware import UncachedAccountsExchange, UncachedExchange
from devsess.django import signins
from devsess.errors import InvalidSessionError

if TYPE_CHECKING:
    from django.http import HttpRequest

    from devsess.adapters._http import Answer
    from devsess.models import Client, Grant, Session


class Store(Protocol):
    """Django's session, as an exchange knows it: see SessionStore."""

    def settle(self) -> None: ...
    def drop_read(self) -> None: ...


class DjangoExchange(Exchange):
    """
    An exchange whose session Django's auth knows, wherever one is required.

    Attributes:
        user_of: The user whom Django's auth finds behind a session; None where no request of
            Django's is served.
        store: Django's session of the request; None where none is served.
        replaced: The session that the latest sign-in has taken the place of.
    """

    user_of: Callable[[Session], Any] | None = None
    store: Store | None = None
    replaced: Session | None = None

    async def _make_room_for(self, grant: Grant) -> Session | None:
        self.replaced = await super()._make_room_for(grant)
        return self.replaced

    def try_cache(self) -> bool:
        # `open` has to ask for the user, which the event loop may not wait for.
        return not self.settings.is_closed(self.request) and super().try_cache()

    async def open(self) -> Answer | None:
        """See Authentication; a path that is required is required of the user as well."""
        answer = await super().open()
        if answer is None and self.session is not None and self.settings.is_closed(self.request):
            try:
                self.signed_in()
            except InvalidSessionError as error:
                return self.answer_to(error)
        return answer

    def signed_in(self) -> Session:
        """See Exchange."""
        session = self.session
        if session is None or self._knows(session):
            return super().signed_in()
        self.depends_on_user = True
        self.refused = InvalidSessionError(
            "the password behind this session has changed, or its account is closed or gone"
        )
        raise self.refused

    def _knows(self, session: Session) -> bool:
        """Whether Django's auth knows its user. On an event loop it cannot be asked."""
        if self.user_of is None or _is_on_loop():
            return True
        if signins.facts_in(session.claims) is None:
            return True  # signed in past the app: no password stands behind it
        return _is_of(self.user_of(session), session)


class UncachedDjangoExchange(DjangoExchange, UncachedExchange):
    """As it, for a manager whose `validate` is the project's."""


class DjangoAccountsExchange(DjangoExchange, AccountsExchange):
    """
    As it, with a browser that may be signed in to several accounts.

    An account that a `flush` has set aside is signed out before another call changes who acts: it
    stays only where Django's `login` comes first.
    """

    def _settle(self) -> None:
        if self.store is not None:
            self.store.settle()

    async def switch(self, slot: int) -> Session:
        """See Exchange; what nobody has kept stays nobody's."""
        self._settle()
        session = await super().switch(slot)
        if self.store is not None:
            self.store.drop_read()
        return session

    async def logout(
        self,
        *,
        forget_device: bool = False,
        all_accounts: bool = False,
        body: Body = EMPTY_BODY,
    ) -> None:
        """See Exchange."""
        self._settle()
        await super().logout(forget_device=forget_device, all_accounts=all_accounts, body=body)

    async def _signed_in_by(
        self, sign_in: Callable[[Client], Awaitable[Grant]], *, cookies: bool
    ) -> Grant:
        self._settle()
        return await super()._signed_in_by(sign_in, cookies=cookies)


class UncachedDjangoAccountsExchange(DjangoAccountsExchange, UncachedAccountsExchange):
    """As it, for a manager whose `validate` is the project's."""


def kind_for(kind: type[Exchange]) -> type[Exchange]:
    """The class for exchanges of *kind* in a Django project."""
    is_uncached = issubclass(kind, UncachedExchange)
    if issubclass(kind, AccountsExchange):
        return UncachedDjangoAccountsExchange if is_uncached else DjangoAccountsExchange
    return UncachedDjangoExchange if is_uncached else DjangoExchange


def tie(exchange: Exchange, request: HttpRequest) -> None:
    """Let *exchange* find the session of *request*, and its user."""
    ours = cast("DjangoExchange", exchange)
    ours.user_of, ours.store = partial(_user_of, request), request.session


def _user_of(request: HttpRequest, session: Session) -> Any:
    from django.contrib.auth.middleware import get_user  # late: a project may have no users

    user = get_user(request)  # once: `request.user` is the same
    return user if _is_of(user, session) else auth.get_user(request)  # signed in since


def _is_of(user: Any, session: Session) -> bool:
    return bool(user.is_authenticated) and signins.key_of(user) == session.user_id


def _is_on_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
