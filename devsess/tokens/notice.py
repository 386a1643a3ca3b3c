"""
Notice tokens: the two answers to "was this you?", each good for one sign-in and one day.

They are no JWTs, so that no kind of token can be taken for another (RFC 8725 §3.12).
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from attrs import frozen

from devsess.errors import TokenExpiredError
from devsess.lifecycle import instant, is_over
from devsess.tokens.segments import octets
from devsess.tokens.text import bad, base64url, check_length, is_mac, mac

if TYPE_CHECKING:
    from devsess.tokens.keys import Keys

# Seconds in which a notice may be answered: mail is read within a day, or not at all.
LIFETIME = 86_400.0

_NOTICE = re.compile(r"(ds1n\.[A-Za-z0-9_-]{20,8000})\.([A-Za-z0-9_-]{43})", re.ASCII)


@frozen
class NoticeClaims:
    """
    The content of a verified notice token.

    Attributes:
        id: Of the notice.
        user_id, session_id, device_id: Of the sign-in.
        yes: The answer that it gives.
        expires_at: Whole second.
    """

    id: str
    user_id: str
    session_id: str
    device_id: str
    yes: bool
    expires_at: int


class NoticeTokens:
    """Mints and verifies the notice tokens of one issuer and audience."""

    def __init__(self, keys: Keys, issuer: str, audience: str) -> None:
        self._keys = keys
        self._owner = issuer.encode(), audience.encode()

    def mint(self, claims: NoticeClaims) -> str:
        """The token of one answer."""
        values = [claims.id, claims.user_id, claims.session_id, claims.device_id]
        body = json.dumps([*values, claims.yes, claims.expires_at], separators=(",", ":"))
        text = f"ds1n.{base64url(body.encode('utf-8', 'surrogatepass'))}"
        return f"{text}.{mac(self._keys.derive('notice')[0], *self._owner, text.encode())}"

    def verify(self, token: str, now: float) -> NoticeClaims:
        """
        The content of *token*: genuine, and not expired at *now*.

        Raises:
            BadTokenError: If it is no notice token of ours.
            TokenExpiredError: If its day is over.
        """
        check_length(token)
        found = _NOTICE.fullmatch(token)
        if found is None:
            bad("is no notice token")
        keys = self._keys.derive("notice")
        if not is_mac(found[2], keys, *self._owner, found[1].encode()):
            bad("is not a notice token of ours")
        claims = NoticeClaims(*json.loads(octets(found[1][5:])))
        if is_over(claims.expires_at, now):
            expired_at = instant(claims.expires_at)
            raise TokenExpiredError(
                f"the notice could be answered until {expired_at:%Y-%m-%d %H:%M:%S} UTC",
                expired_at=expired_at,
            )
        return claims
