"""A page that was made for one session must not act for another one: another tab has switched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from devsess.adapters._http import SESSION_HEADER
from devsess.adapters._problem import problem
from devsess.errors import BadTokenError

if TYPE_CHECKING:
    from devsess.adapters._authentication import Authentication
    from devsess.adapters._http import Answer


def is_stale(request: Authentication, verified: str | None = None) -> bool:
    """
    Whether *request* says that its page was made for another session than its cookies are of.

    Asks no store. *verified*: the session of its access token, where that is known already.
    """
    if request.credentials.by != "cookie" or request.is_for_any_page:
        return False
    made_for = request.request.headers.get(SESSION_HEADER)
    if made_for is None:
        return False
    named = {*_renewing(request), *((verified,) if verified else _authenticating(request))}
    return bool(named) and named != {made_for}


def refusal(request: Authentication) -> Answer:
    """The answer to such a request."""
    request.depends_on_user = True
    request.vary_on(SESSION_HEADER)
    sentence = "This page was made for another session: load it again."
    return request.ours(problem(409, sentence, error="another_session"))


def _authenticating(request: Authentication) -> Iterator[str]:
    with suppress(BadTokenError):
        token = request.credentials.access or ""
        yield request.core.tokens.access.identify(token, request.core.now()).session_id


def _renewing(request: Authentication) -> Iterator[str]:
    with suppress(BadTokenError):
        yield request.core.tokens.refresh.parse(request.credentials.refresh or "").session_id
