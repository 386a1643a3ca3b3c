"""
Ending tokens: the form that ends many sessions, as its preview showed them to one operator.

The form keeps all that the server needs to know, so that nothing is stored between preview and
ending.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import astuple, frozen

from devsess.tokens.signed import SignedTexts, require_in_time
from devsess.tokens.text import bad

if TYPE_CHECKING:
    from devsess.tokens.keys import Keys

# Seconds in which a preview may be acted on, and in which an ending that has begun goes on.
LIFETIME = 900.0


@frozen
class EndingClaims:
    """
    The content of a verified ending token.

    Attributes:
        actor: The operator that the preview was shown to.
        user_id, ip, device_id, since, until: The filter; *ip* an address or a network.
        before: The preview's instant: sessions that began later live on.
        count: The sessions that the preview counted.
        expires_at: Whole second.
        begun: Whether the count was typed: the ending has begun.
        ended: Sessions that ended so far.
        cursor: Where an ending that walks goes on, or None.
    """

    actor: str
    user_id: str | None
    ip: str | None
    device_id: str | None
    since: float | None
    until: float | None
    before: float
    count: int
    expires_at: int
    begun: bool = False
    ended: int = 0
    cursor: str | None = None


class EndingTokens:
    """Mints and verifies the ending tokens of one issuer and audience."""

    def __init__(self, keys: Keys, issuer: str, audience: str) -> None:
        self._texts = SignedTexts(keys, issuer, audience, "ending", "ds1e")

    def mint(self, claims: EndingClaims) -> str:
        """The token of a preview, or of an ending that goes on."""
        return self._texts.mint(astuple(claims))

    def verify(self, token: str, now: float, actor: str) -> EndingClaims:
        """
        The content of *token*: genuine, made for *actor*, and not expired at *now*.

        Raises:
            BadTokenError: If it is no ending token of ours, or another operator's.
            TokenExpiredError: If it is too old.
        """
        claims = EndingClaims(*self._texts.read(token))
        if claims.actor != actor:
            bad("was made for another operator")
        require_in_time(claims.expires_at, now, "the preview could be acted on")
        return claims
