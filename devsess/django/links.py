"""Where the sign-in of a Django session comes from: its request, or the token in a test client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from devsess.adapters._current import Current, exchange_of
from devsess.django import signins
from devsess.errors import InvalidSessionError
from devsess.models import Client
from devsess.stores.rows import REPLACED

if TYPE_CHECKING:
    from devsess.django.dealings import DjangoExchange
    from devsess.django.signins import SignIn
    from devsess.manager import SessionManager
    from devsess.models import Session


class Link(Protocol):
    """
    The sign-in behind a session of Django's.

    Attributes:
        session: The live session of devsess, or None.
        token: The access token that a browser brings, where there is no request; or None.
        aside: The live session that `set_aside` has hidden, or None.
    """

    @property
    def session(self) -> Session | None: ...
    @property
    def token(self) -> str | None: ...
    @property
    def aside(self) -> Session | None: ...
    def leave(self) -> None: ...
    def set_aside(self) -> bool: ...
    def sign_in(self, sign_in: SignIn) -> Session | None: ...
    def end(self) -> None: ...
    def go_on_under(self, password_hash: str) -> None: ...


class OfRequest:
    """The sign-in of a request that the middleware serves."""

    token = None
    aside: Session | None = None
    _leaves = False

    def __init__(self, current: Current, manager: SessionManager) -> None:
        self._current = current
        self._manager = manager

    @property
    def session(self) -> Session | None:
        """See Link; an answer that looked depends on its user."""
        return self._current.session

    def leave(self) -> None:
        """Let the next `flush` be a sign-out, whatever follows."""
        self._leaves = True

    def set_aside(self) -> bool:
        """
        Hide the session until it is known what follows a `flush`; whether that may be.

        Django's `login` flushes the session of another user, who may stay signed in here. Until
        then nobody is, for whoever asks.
        """
        exchange = self._exchange
        if exchange.settings.accounts == 1 or exchange.credentials.by == "bearer":
            return False
        if self._leaves or exchange.has_begun or exchange.store is None:
            return False  # no answer follows that would settle it
        if exchange.session is not None:
            self.aside, exchange.session = exchange.session, None
        return self.aside is not None

    @property
    def _exchange(self) -> DjangoExchange:
        return cast("DjangoExchange", exchange_of(self._current))

    def _take_back(self) -> DjangoExchange:
        """The exchange, with the session that was set aside."""
        exchange, aside = self._exchange, self.aside
        if aside is not None:
            self.aside, exchange.session = None, aside
        return exchange

    def sign_in(self, sign_in: SignIn) -> Session | None:
        """Sign in on this response; the session that was in its place, if one was."""
        exchange = self._take_back()
        # Not as a view does: Django's `login` renews the CSRF token, and changes the user, itself.
        Current.login(
            self._current,
            sign_in.user_id,
            amr=sign_in.amr,
            persistent=sign_in.persistent,
            claims=sign_in.claims,
        )
        return exchange.replaced

    def end(self) -> None:
        """Sign out on this response; once it has begun, at least end the session."""
        exchange, self._leaves = self._take_back(), False
        session = exchange.session
        if not exchange.has_begun:
            self._current.logout()
        elif session is not None:
            self._manager.revoke(session.id, user_id=session.user_id, reason="logout")
            exchange.session = None

    def go_on_under(self, password_hash: str) -> None:
        """Let the session go on under another password."""
        exchange = exchange_of(self._current)
        if exchange.session is not None:
            exchange.session = _under(password_hash, self._manager, exchange.session)


class OfToken:
    """The sign-in of an access token, where no request of ours is served: in a test client."""

    aside = None

    def __init__(self, token: str | None, manager: SessionManager) -> None:
        self._manager = manager
        self._session: Session | None = None
        self._is_read = token is None
        self.token = token

    @property
    def session(self) -> Session | None:
        """See Link."""
        if not self._is_read:
            self._is_read = True
            try:
                self._session = self._manager.validate(self.token or "", touch=False)
            except InvalidSessionError:
                self.token = None
        return self._session

    def leave(self) -> None:
        """See Link; there is one account."""

    def set_aside(self) -> bool:
        """See Link; there is one account."""
        return False

    def sign_in(self, sign_in: SignIn) -> Session | None:
        """A session of an unknown device; the one before it."""
        before = self.session
        grant = self._manager.login(
            sign_in.user_id,
            Client(),
            amr=sign_in.amr,
            persistent=sign_in.persistent,
            claims=sign_in.claims,
        )
        if before is not None:
            self._manager.revoke(before.id, user_id=before.user_id, reason=REPLACED)
        self.token, self._session, self._is_read = grant.access_token, grant.session, True
        return before

    def end(self) -> None:
        """End the session."""
        session = self.session
        if session is not None:
            self._manager.revoke(session.id, user_id=session.user_id, reason="logout")
        self.token, self._session = None, None

    def go_on_under(self, password_hash: str) -> None:
        """Let the session go on under another password."""
        if self.session is not None:
            self._session = _under(password_hash, self._manager, self.session)


def _under(password_hash: str, manager: SessionManager, session: Session) -> Session:
    return signins.change(manager, session, lambda it: signins.with_hash(it, password_hash))
