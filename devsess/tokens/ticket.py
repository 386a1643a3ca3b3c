"""
Tickets: one request in the name of a session, where a browser sends no other credentials.

A link of a download, an event stream and an image are such requests. A ticket stands in a URL, and
so in logs and histories: it is good once, for half a minute, and for one purpose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import astuple, frozen

from devsess.tokens.signed import SignedTexts, require_in_time

if TYPE_CHECKING:
    from devsess.tokens.keys import Keys

# Seconds: a page asks for the ticket right before it is used.
LIFETIME = 30.0


@frozen
class TicketClaims:
    """
    The content of a verified ticket.

    Attributes:
        id: Under which its use is recorded.
        session_id: Of the session.
        expires_at: Seconds since the epoch.
    """

    id: str
    session_id: str
    expires_at: float


class Tickets:
    """Mints and verifies the tickets of one issuer and audience."""

    def __init__(self, keys: Keys, issuer: str, audience: str) -> None:
        self._texts = SignedTexts(keys, issuer, audience, "ticket", "ds1t")

    def mint(self, claims: TicketClaims, purpose: str) -> str:
        """The ticket for *purpose*, which is signed and not in it."""
        return self._texts.mint(astuple(claims), purpose.encode())

    def verify(self, ticket: str, now: float, purpose: str) -> TicketClaims:
        """
        The content of *ticket*: genuine, for *purpose*, and not expired at *now*.

        Raises:
            BadTokenError: If it is no ticket of ours, or is for another purpose.
            TokenExpiredError: If its time is over.
        """
        claims = TicketClaims(*self._texts.read(ticket, purpose.encode()))
        require_in_time(claims.expires_at, now, "the ticket was good")
        return claims
