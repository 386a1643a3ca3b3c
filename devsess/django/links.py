"""Where the sign-in of a Django session comes from: its request, or the token in a test client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from devsess.adapters._current import Current, exchange_of
from devsess.django import signins
from devsess.errors import InvalidSessionError
from devsess.models import Client
from devsess.stores.rows import REPLACED

if TYPE_CHECKING:
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
    def sign_in(self, sign_in: SignIn) -> None: ...
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
        return None if self.aside is not None else self._current.session

    def leave(self) -> None:
        """Let the next `flush` be a sign-out, whatever follows."""
        self._leaves = True

    def set_aside(self) -> bool:
        """
        Hide the session until it is known what follows a `flush`; whether that may be.

        Django's `login` flushes the session of another user, who may stay signed in here.
        """
        may_stay = exchange_of(self._current).settings.accounts > 1 and not self._leaves
        self.aside = self._current.session if may_stay else None
        return self.aside is not None

    def sign_in(self, sign_in: SignIn) -> None:
        """Sign in on this response."""
        self.aside = None
        self._current.login(
            sign_in.user_id,
            amr=sign_in.amr,
            persistent=sign_in.persistent,
            claims=sign_in.claims,
        )

    def end(self) -> None:
        """Sign out on this response; once it has begun, at least end the session."""
        self.aside, self._leaves = None, False
        exchange = exchange_of(self._current)
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

    def sign_in(self, sign_in: SignIn) -> None:
        """A session of an unknown device."""
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
