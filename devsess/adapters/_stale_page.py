"""
A page that was made for one session must not act for another one.

Another tab has switched, or somebody has signed in there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from devsess.adapters._http import SESSION_HEADER
from devsess.errors import BadTokenError

if TYPE_CHECKING:
    from devsess._runtime.core import Core
    from devsess.adapters._carrier import Credentials
    from devsess.adapters._http import Request

WHY = "This page was made for another session: load it again."


def is_stale(
    request: Request, credentials: Credentials, core: Core, verified: str | None = None
) -> bool:
    """
    Whether *request* says that its page was made for another session than its cookies are of.

    Asks no store. *verified*: the session that it is known to be of, if there is one.
    """
    made_for = request.headers.get(SESSION_HEADER)
    if made_for is None or credentials.by == "bearer":
        return False
    sessions = named(credentials, core, verified)
    return bool(sessions) and sessions != {made_for}


def named(credentials: Credentials, core: Core, verified: str | None = None) -> set[str]:
    """The sessions that the tokens name; asks no store, and a refresh token may be forged."""
    access = (verified,) if verified else _authenticating(credentials, core)
    return {*_renewing(credentials, core), *access}


def _authenticating(credentials: Credentials, core: Core) -> Iterator[str]:
    with suppress(BadTokenError):
        yield core.tokens.access.identify(credentials.access or "", core.now()).session_id


def _renewing(credentials: Credentials, core: Core) -> Iterator[str]:
    with suppress(BadTokenError):
        yield core.tokens.refresh.parse(credentials.refresh or "").session_id
