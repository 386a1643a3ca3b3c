"""
Cross-Origin Resource Sharing (Fetch §3.3) of the answers that devsess itself gives.

The origins named in the settings may read them, each by its own name: never `*`,
which credentials rule out, and never `null`, which any page can be.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from devsess.adapters._http import Answer, Header, Request, empty_answer
from devsess.adapters._settings import normal_origin

if TYPE_CHECKING:
    from collections.abc import Collection

    from devsess.adapters._settings import Settings

ALLOW_ORIGIN = "access-control-allow-origin"
# Headers that an answer to a preflight depends on, beside Origin.
PREFLIGHT_VARY = ("Access-Control-Request-Method", "Access-Control-Request-Headers")
# Headers of a refusal that a script needs.
SHOWN = ("WWW-Authenticate", "Retry-After")
_EXPOSED = ("Access-Control-Expose-Headers", ", ".join(SHOWN))
# Seconds for which a browser need not ask again.
_MAX_AGE = "600"
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110 §5.6.2
_METHOD = re.compile(_TOKEN)
_HEADERS = re.compile(rf"{_TOKEN}(?:, ?{_TOKEN}){{0,63}}")


def sharing(request: Request, settings: Settings, *, is_shared: bool = False) -> list[Header]:
    """The headers that let a named origin's script read an answer, beside those of the app's."""
    origin = request.headers.get("origin")
    # Browsers write an origin in one way alone; nothing else is ever sent back.
    if origin is None or origin not in settings.origins or normal_origin(origin) != origin:
        return []
    if is_shared:  # browsers refuse two of the others
        return [_EXPOSED]
    credentials = ("Access-Control-Allow-Credentials", "true")
    return [("Access-Control-Allow-Origin", origin), credentials, _EXPOSED]


def preflight(request: Request, settings: Settings, methods: Collection[str] | None) -> Answer:
    """
    The answer to a preflight; it names the origin only if the settings do.

    Args:
        request: The preflight.
        settings: The settings that name the origins.
        methods: The methods to allow; None allows any, where the app decides later.
    """
    if not sharing(request, settings):
        return empty_answer(204)
    method = request.headers["access-control-request-method"]
    requested = request.headers.get("access-control-request-headers", "")
    allowed = [*methods] if methods is not None else [method] * bool(_METHOD.fullmatch(method))
    headers = [("Access-Control-Max-Age", _MAX_AGE)]
    if allowed:
        headers.append(("Access-Control-Allow-Methods", ", ".join(allowed)))
    if _HEADERS.fullmatch(requested):
        headers.append(("Access-Control-Allow-Headers", requested))
    return empty_answer(204, *headers)
