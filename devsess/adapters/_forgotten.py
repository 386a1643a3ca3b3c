"""
The trust in the device that a sign-out is to forget: it ends, whatever state the session is in.

What the request proves decides whose device it is. A live session proves its own; a token that
has expired, or whose session has ended or is another device's, still proves the account, and the
device token which of its devices. Nobody else's trust is touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.adapters import _ask as ask
from devsess.adapters._given import presenting

if TYPE_CHECKING:
    from devsess.adapters._ask import Flow
    from devsess.adapters._exchange import Exchange
    from devsess.adapters._given import Given


def end_trust(exchange: Exchange, said: Given) -> Flow[None]:
    """End the trust that tokens in cookies, in headers or in what a body *said* prove."""
    session, brought = exchange.session, exchange.brought
    if session is not None and session.device.trusted_until is not None:
        yield from ask.distrust(session.user_id, session.device.id)
    client, refresh_token = presenting(exchange.client, said), said.refresh_token or brought.refresh
    yield from ask.end_trust(client, brought.access, refresh_token)
