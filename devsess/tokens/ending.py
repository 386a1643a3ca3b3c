"""
Ending tokens: the form that ends many sessions, as its preview showed them to one operator.

The form keeps all that the server needs to know, so that nothing is stored between preview and
ending. They are no JWTs, so that no kind of token can be taken for another (RFC 8725 §3.12).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from attrs import astuple, frozen

from devsess.errors import TokenExpiredError
from devsess.lifecycle import instant, is_over
from devsess.tokens.segments import octets
from devsess.tokens.text import bad, base64url, check_length, is_mac, mac

if TYPE_CHECKING:
    from devsess.tokens.keys import Keys

# Seconds in which a preview may be acted on, and in which an ending that has begun goes on.
LIFETIME = 900.0

_ENDING = re.compile(r"(ds1e\.[A-Za-z0-9_-]{20,8000})\.([A-Za-z0-9_-]{43})", re.ASCII)


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
        self._keys = keys
        self._owner = issuer.encode(), audience.encode()

    def mint(self, claims: EndingClaims) -> str:
        """The token of a preview, or of an ending that goes on."""
        body = json.dumps(astuple(claims), separators=(",", ":"))
        text = f"ds1e.{base64url(body.encode('utf-8', 'surrogatepass'))}"
        return f"{text}.{mac(self._keys.derive('ending')[0], *self._owner, text.encode())}"

    def verify(self, token: str, now: float, actor: str) -> EndingClaims:
        """
        The content of *token*: genuine, made for *actor*, and not expired at *now*.

        Raises:
            BadTokenError: If it is no ending token of ours, or another operator's.
            TokenExpiredError: If it is too old.
        """
        check_length(token)
        found = _ENDING.fullmatch(token)
        if found is None:
            bad("is no ending token")
        if not is_mac(found[2], self._keys.derive("ending"), *self._owner, found[1].encode()):
            bad("is not an ending token of ours")
        claims = EndingClaims(*json.loads(octets(found[1][5:])))
        if claims.actor != actor:
            bad("was made for another operator")
        if is_over(claims.expires_at, now):
            expired_at = instant(claims.expires_at)
            raise TokenExpiredError(
                f"the preview could be acted on until {expired_at:%Y-%m-%d %H:%M:%S} UTC",
                expired_at=expired_at,
            )
        return claims
