"""
Refresh tokens: a session, a generation and a MAC; nothing of one is stored.

They are no JWTs, so that no kind of token can be taken for another (RFC 8725 §3.12).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import field, frozen

from devsess.tokens.text import bad, check_length, is_mac, mac

if TYPE_CHECKING:
    from devsess.tokens.keys import Keys

# The nine digits that a refresh token has for its generation.
LAST_GENERATION = 999_999_999

_REFRESH = re.compile(
    r"ds1r\.([A-Za-z0-9_-]{16,64})\.(0|[1-9][0-9]{0,8})\.([A-Za-z0-9_-]{43})", re.ASCII
)


@frozen
class RefreshClaims:
    """The content of a refresh token; to be believed once its MAC is verified."""

    session_id: str
    generation: int
    mac: str = field(repr=False)


class RefreshTokens:
    """Mints and verifies the refresh tokens of one issuer and audience."""

    def __init__(self, keys: Keys, issuer: str, audience: str) -> None:
        self._keys = keys
        # In each MAC: two applications on one store and key stay apart.
        self._owner = issuer.encode(), audience.encode()

    def mint(self, session_id: str, generation: int, salt: bytes) -> str:
        """The refresh token of this *generation*, for the row that has *salt*."""
        text = f"ds1r.{session_id}.{generation}"
        key = self._keys.derive("refresh")[0]
        return f"{text}.{mac(key, salt, *self._owner, text.encode())}"

    def parse(self, token: str) -> RefreshClaims:
        """
        The content of *token*; to be believed once `verify` returned.

        Raises:
            BadTokenError: If it is no refresh token.
        """
        check_length(token)
        found = _REFRESH.fullmatch(token)
        if found is None:
            bad("is no refresh token")
        return RefreshClaims(found[1], int(found[2]), found[3])

    def verify(self, claims: RefreshClaims, salt: bytes) -> None:
        """
        Check that we minted it for the row that has *salt* (RFC 9700 §4.14.2).

        Raises:
            BadTokenError: If we did not.
        """
        text = f"ds1r.{claims.session_id}.{claims.generation}"
        keys = self._keys.derive("refresh")
        if not is_mac(claims.mac, keys, salt, *self._owner, text.encode()):
            bad("is not a refresh token of ours")
