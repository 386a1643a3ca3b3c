"""
Requests that may change something come from the app's own pages, or from named origins.

Fetch Metadata first, then Origin, as OWASP's CSRF prevention cheat sheet has it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from devsess.adapters._settings import is_local, normal_origin

if TYPE_CHECKING:
    from devsess.adapters._carrier import Credentials
    from devsess.adapters._http import Request
    from devsess.adapters._settings import Settings

log = logging.getLogger("devsess")

_OWN = ("same-origin", "none")
_OTHERS = ("same-site", "cross-site")


def refusal(request: Request, credentials: Credentials, settings: Settings) -> str | None:
    """
    The reason to refuse *request*, or None.

    A browser never adds a bearer token by itself. Where cookies are read, every
    other request is checked, also one without cookies: otherwise another site
    could sign a browser in.
    """
    if request.is_safe or credentials.by == "bearer" or not settings.reads_cookies:
        return None
    if settings.is_exempt(request.path):
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
        return (
            None
            if normal_origin(origin) in own_origins(request, settings)
            else "this request comes from another origin"
        )
    if site in _OTHERS:
        return "this request comes from another site"
    if credentials.can_sign_in:
        return "this request does not say which page it comes from: send Origin"
    return None


def refusal_to_read(request: Request, credentials: Credentials, settings: Settings) -> str | None:
    """
    The reason to refuse *request* for a user's own data, or None.

    Another site neither embeds the answer nor leads there (OWASP ASVS 3.5.8); a
    named origin reads it.
    """
    if credentials.by == "bearer" or request.headers.get("sec-fetch-site") not in _OTHERS:
        return None
    origin = request.headers.get("origin")
    is_named = origin is not None and _is_named(origin, settings)
    return None if is_named else "this request comes from another site"


def _is_named(origin: str, settings: Settings) -> bool:
    return bool(settings.origins) and normal_origin(origin) in settings.origins


def own_origins(request: Request, settings: Settings) -> list[str]:
    """
    The origins of the app's own pages, as far as *request* shows them.

    Behind a proxy that ends TLS the server sees http where the browser has https.
    Plain http counts only where browsers keep our cookies over http.
    """
    host = request.headers.get("host")
    own = [normal_origin(f"https://{host}")] if host else []
    if host and request.scheme not in ("https", "wss"):
        plain = normal_origin(f"http://{host}")
        if plain and (not settings.secure or is_local(plain)):
            own.append(plain)
    return [origin for origin in own if origin]


def report(why: str, request: Request, settings: Settings) -> None:
    """Log the refused origin, and those that would have been accepted."""
    headers = request.headers
    log.warning(
        "answered 403: %s (Origin %.200r, Sec-Fetch-Site %.50r; expected %.500r)",
        why,
        headers.get("origin"),
        headers.get("sec-fetch-site"),
        " or ".join([*own_origins(request, settings), *sorted(settings.origins)]) or "a Host",
    )
