"""
Cookies of sessions that are over: they are cleared, and count for nothing.

A cookie is among them only if its own token was verified and its row has ended.
One that cannot be verified may be another app's, one that has only expired may
be renewed, and one on the wrong device belongs to a session that lives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.adapters import _ask as ask
from devsess.errors import (
    InvalidSessionError,
    RefreshTokenReusedError,
    SessionExpiredError,
    SessionNotFoundError,
    SessionRevokedError,
    TokenExpiredError,
)

if TYPE_CHECKING:
    from devsess._core import Core
    from devsess.adapters._carrier import Credentials
    from devsess.adapters._cookies import CookieNames
    from devsess.flows import Flow
    from devsess.models import Client

_ENDED = (SessionRevokedError, SessionExpiredError, RefreshTokenReusedError)


def ended(
    core: Core, brought: Credentials, client: Client, names: CookieNames
) -> Flow[frozenset[str]]:
    """
    The names of the cookies whose sessions have ended; nothing is renewed, nor noted as activity.

    Raises:
        StoreUnavailableError: If the store did not answer.
    """
    if brought.by != "cookie" or brought.error is not None:
        return frozenset()
    found = set()
    is_over = bool(brought.refresh) and (yield from _has_ended(core, brought.refresh or "", client))
    if is_over:
        found.add(names.refresh)
    if brought.access:
        try:
            yield from ask.validate(brought.access, client, touch=False)
        # Without a row there is nothing left that could come back to life.
        except (*_ENDED, SessionNotFoundError):
            found.add(names.access)
        except TokenExpiredError:
            if is_over:  # what would renew it is over
                found.add(names.access)
        except InvalidSessionError:
            pass
    return frozenset(found)


def _has_ended(core: Core, refresh_token: str, client: Client) -> Flow[bool]:
    """Whether the session of a refresh token is over; only then the token is verified."""
    try:
        session = yield from ask.get(core.tokens.parse_refresh(refresh_token).session_id)
        if session is not None and not session.is_active:
            yield from ask.refresh(refresh_token, client, touch=False)
    except _ENDED:
        return True
    except InvalidSessionError:
        return False
    return False
