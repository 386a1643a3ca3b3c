"""
May this request change anything? Only our own pages, and those named, make a browser ask so.

Fetch Metadata first, then Origin, as OWASP's CSRF prevention cheat sheet has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.adapters._settings import normal_origin

if TYPE_CHECKING:
    from devsess.adapters._carrier import Credentials
    from devsess.adapters._http import Request
    from devsess.adapters._settings import Settings

_OWN = ("same-origin", "none")
_OTHERS = ("same-site", "cross-site")


def refusal(request: Request, credentials: Credentials, settings: Settings) -> str | None:
    """
    Why *request* is refused, or None.

    A bearer token is no cookie: no browser adds it by itself. All else is
    checked, with cookies or without, or another site could sign a browser in.
    """
    if request.is_safe or credentials.by == "bearer" or settings.is_exempt(request.path):
        return None
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site in _OWN:
        return None
    if origin is not None:
        if _is_named(origin, settings):
            return None
        if site in _OTHERS:
            return "this request comes from another site"
        return None if _is_own(origin, request) else "this request comes from another origin"
    if site in _OTHERS:
        return "this request comes from another site"
    if credentials.came:
        return "this request does not say which page it comes from: send Origin"
    return None


def _is_named(origin: str, settings: Settings) -> bool:
    return bool(settings.origins) and normal_origin(origin) in settings.origins


def _is_own(origin: str, request: Request) -> bool:
    host = request.headers.get("host")
    found = normal_origin(origin)
    if not host or found is None:
        return False
    # Behind a proxy that ends TLS the server sees http, and the browser said https.
    schemes = ("https",) if request.scheme in ("https", "wss") else ("http", "https")
    return found in {normal_origin(f"{scheme}://{host}") for scheme in schemes}
