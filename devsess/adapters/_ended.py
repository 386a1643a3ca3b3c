"""
Cookies of sessions that have ended: they are cleared, and authenticate nothing.

A cookie counts as ended only if its own token was verified and its row has ended.
A token that cannot be verified may be another app's, an expired one may be renewed,
and one on the wrong device belongs to a session that lives.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from devsess.adapters import _csrf as csrf
from devsess.adapters._carrier import Credentials
from devsess.errors import (
    InvalidSessionError,
    RefreshTokenReusedError,
    SessionExpiredError,
    SessionNotFoundError,
    SessionRevokedError,
    StoreUnavailableError,
    TokenExpiredError,
)

if TYPE_CHECKING:
    from devsess.adapters._cookies import CookieNames
    from devsess.adapters._exchange import Exchange
    from devsess.adapters._sessions import Sessions
    from devsess.models import Client

# Seconds after which a sign-in in another tab may have set newer cookies.
SOON = 3.0

_NOTHING = Credentials()
_ENDED = (SessionRevokedError, SessionExpiredError, RefreshTokenReusedError)


async def look(exchange: Exchange) -> None:
    """Find the cookies whose sessions have ended, where the response may clear them."""
    if exchange.session is None and exchange.error is not None and exchange.may_clear:
        exchange.jar.checked_at = exchange.core.now()
        with suppress(StoreUnavailableError):  # next time, then
            exchange.jar.ended = await _ended(exchange)


def may_still_clear(exchange: Exchange) -> bool:
    """Whether the response may clear cookies: a late one would clear those of a newer sign-in."""
    checked_at = exchange.jar.checked_at
    is_late = checked_at is not None and exchange.core.now() - checked_at > SOON
    return exchange.may_clear and not is_late


async def signs_nobody_in(exchange: Exchange) -> bool:
    """Whether the request authenticates no user: all its cookies belong to ended sessions."""
    if csrf.refusal(exchange.request, _NOTHING, exchange.settings):
        return False
    exchange.jar.ended = await _ended(exchange)
    names, credentials = exchange.settings.cookie_names, exchange.credentials
    sent = {names.access: credentials.access, names.refresh: credentials.refresh}
    return exchange.jar.ended >= {name for name, token in sent.items() if token}


async def _ended(exchange: Exchange) -> frozenset[str]:
    names = exchange.settings.cookie_names
    return await ended(exchange.sessions, exchange.credentials, exchange.client, names)


async def ended(
    sessions: Sessions, credentials: Credentials, client: Client, names: CookieNames
) -> frozenset[str]:
    """
    The names of the cookies whose sessions have ended; renews nothing, and is no activity.

    Raises:
        StoreUnavailableError: If the store did not answer.
    """
    if credentials.by != "cookie" or credentials.error is not None:
        return frozenset()
    found = set()
    refresh_ended = bool(credentials.refresh) and (
        await _has_ended(sessions, credentials.refresh or "", client)
    )
    if refresh_ended:
        found.add(names.refresh)
    if credentials.access:
        try:
            await sessions.validate(credentials.access, client, touch=False)
        # A session without a row cannot become live again.
        except (*_ENDED, SessionNotFoundError):
            found.add(names.access)
        except TokenExpiredError:
            if refresh_ended:  # the session that would renew it has ended
                found.add(names.access)
        except InvalidSessionError:
            pass
    return frozenset(found)


async def _has_ended(sessions: Sessions, refresh_token: str, client: Client) -> bool:
    """Whether the session of a refresh token has ended; only then the token is verified."""
    try:
        session = await sessions.get(sessions.core.tokens.refresh.parse(refresh_token).session_id)
        if session is not None and not session.is_active:
            await sessions.refresh(refresh_token, client, touch=False)
    except _ENDED:
        return True
    except InvalidSessionError:
        return False
    return False
