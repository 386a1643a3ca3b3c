"""No other site changes anything: each POST comes from a page of this site, as in the adapters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.adapters import _csrf as csrf
from devsess.adapters._carrier import Credentials

if TYPE_CHECKING:
    from devsess.adapters._exchange import Exchange
    from devsess.adapters._http import Request
    from devsess.adapters._settings import Settings

# Stands for the cookies of a browser that is signed in, wherever the application keeps them.
_SIGNED_IN = Credentials(by="cookie", access="-")


def refusal(request: Request, exchange: Exchange | None, defaults: Settings) -> str | None:
    """
    The reason to refuse *request*, or None.

    The law of the adapters, with the middleware's origins where *exchange* is of one, but with
    none of its exceptions: paths that any site may post to are the application's, not these. Where
    the middleware reads no cookies, an operator may come with one of the application's own.
    """
    if exchange is None:
        return csrf.refusal(request, _SIGNED_IN, defaults)
    credentials = exchange.credentials if exchange.credentials.by == "bearer" else _SIGNED_IN
    return csrf.refusal(request, credentials, exchange.settings.without_exceptions())
