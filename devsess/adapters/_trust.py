"""
End trust in the device that a sign-out forgets, whatever state the session is in.

The request's tokens prove the device and its account. A live session proves its own
device. A token that has expired, or whose session has ended or is another device's,
still proves the account, and the device token proves which of its devices it is. The
trust of other accounts stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.adapters._body import with_device_token

if TYPE_CHECKING:
    from devsess.adapters._body import Body
    from devsess.adapters._exchange import Exchange


async def end_trust(exchange: Exchange, body: Body) -> None:
    """End the trust that tokens in cookies, in headers or in the body prove."""
    session, credentials = exchange.session, exchange.credentials
    if session is not None and session.device.trusted_until is not None:
        await exchange.sessions.trust_device(session.user_id, session.device.id, None)
    client, refresh_token = (
        with_device_token(exchange.client, body),
        body.refresh_token or credentials.refresh,
    )
    await exchange.sessions.end_trust(
        client, access_token=credentials.access, refresh_token=refresh_token
    )
