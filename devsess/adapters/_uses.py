"""
The tokens of one request, each used once, and the cookies among them whose sessions have ended.

A cookie counts as ended only if its row has ended, and its own token or another one of
the same session was verified. A token that cannot be verified may be another app's, an expired
one may be renewed, and one on the wrong device belongs to a session that lives.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from devsess.errors import (
    InvalidSessionError,
    RefreshTokenReusedError,
    SessionExpiredError,
    SessionNotFoundError,
    SessionRevokedError,
    TokenExpiredError,
)

if TYPE_CHECKING:
    from devsess.adapters._carrier import Credentials
    from devsess.adapters._cookies import CookieNames
    from devsess.adapters._sessions import Sessions
    from devsess.models import Client, Grant, Session

T = TypeVar("T")

_ENDED = (SessionRevokedError, SessionExpiredError, RefreshTokenReusedError)


class TokenUses:
    """
    The uses of one request's tokens.

    A token that was refused is not used again, and no other one of a session that was found
    to have ended: the application gets one event for each request that uses it.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._refusals: dict[str, InvalidSessionError] = {}
        self._ended: dict[str, InvalidSessionError] = {}

    @property
    def overtaken(self) -> str | None:
        """The live session of a token that was refused because a step-up had taken its place."""
        errors = self._refusals.values()
        found = (it.session_id for it in errors if isinstance(it, TokenExpiredError))
        return next((it for it in found if it is not None), None)

    async def validate(self, access_token: str, client: Client, *, touch: bool) -> Session:
        """As the manager's."""
        use = partial(self._sessions.validate, access_token, client, touch=touch)
        return await self._once(access_token, self._session_of_access, use)

    async def refresh(self, refresh_token: str, client: Client, *, touch: bool) -> Grant:
        """As the manager's."""
        use = partial(self._sessions.refresh, refresh_token, client, touch=touch)
        return await self._once(refresh_token, self._session_of_refresh, use)

    async def _once(
        self,
        token: str,
        session_of: Callable[[str], str],
        use: Callable[[], Coroutine[object, object, T]],
    ) -> T:
        known = self._refusals.get(token)
        if known is None and self._ended:
            known = self._ended.get(session_of(token))
        if known is not None:
            raise known
        try:
            return await use()
        except InvalidSessionError as error:
            self._refusals[token] = error
            if isinstance(error, _ENDED):
                self._ended[session_of(token)] = error
            raise

    async def ended(
        self, credentials: Credentials, client: Client, names: CookieNames
    ) -> frozenset[str]:
        """
        The names of the cookies whose sessions have ended; renews nothing, and is no activity.

        Raises:
            StoreUnavailableError: If the store did not answer.
        """
        if credentials.by != "cookie" or credentials.error is not None:
            return frozenset()
        found = set()
        may_be_renewed = False
        if credentials.access:
            try:
                if await self._has_access_ended(credentials.access, client):
                    found.add(names.access)
            except TokenExpiredError:
                may_be_renewed = True
        if credentials.refresh and await self._has_refresh_ended(credentials.refresh, client):
            found.add(names.refresh)
            if may_be_renewed:  # the session that would renew it has ended
                found.add(names.access)
        return frozenset(found)

    async def _has_access_ended(self, access_token: str, client: Client) -> bool:
        try:
            await self.validate(access_token, client, touch=False)
        except (*_ENDED, SessionNotFoundError):  # one without a row cannot become live again
            return True
        except TokenExpiredError:
            raise
        except InvalidSessionError:
            return False
        return False

    async def _has_refresh_ended(self, refresh_token: str, client: Client) -> bool:
        """Whether the session of a refresh token has ended; only then the token is verified."""
        try:
            session_id = self._session_of_refresh(refresh_token)
            if session_id in self._ended:
                return True
            session = await self._sessions.get(session_id)
            if session is not None and not session.is_active:
                await self.refresh(refresh_token, client, touch=False)
        except _ENDED:
            return True
        except InvalidSessionError:
            return False
        return False

    def _session_of_access(self, access_token: str) -> str:
        core = self._sessions.core
        return core.tokens.access.identify(access_token, core.now()).session_id

    def _session_of_refresh(self, refresh_token: str) -> str:
        return self._sessions.core.tokens.refresh.parse(refresh_token).session_id
