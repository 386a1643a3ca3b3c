"""
Pending tokens: the secret with which a waiting browser collects its held sign-in.

They are no JWTs, so that no kind of token can be taken for another (RFC 8725 §3.12). The secret
is random and belongs to the one who waits: the store has a keyed digest of it, so that neither a
reader of the store nor a holder of the keys alone can make one.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from attrs import field, frozen

from devsess.tokens.segments import octets
from devsess.tokens.text import bad, base64url, check_length, is_mac, mac

if TYPE_CHECKING:
    from devsess.tokens.keys import Keys

_PENDING = re.compile(r"ds1h\.([A-Za-z0-9_-]{20,8000})\.([A-Za-z0-9_-]{43})", re.ASCII)


@frozen
class PendingClaims:
    """
    The content of a pending token; to be believed once its secret is verified.

    Attributes:
        id: Of the held sign-in, and of its session to be.
        user_id: Of the account.
        secret: Collects it.
    """

    id: str
    user_id: str
    secret: str = field(repr=False)


class PendingTokens:
    """Mints and verifies the pending tokens of one issuer and audience."""

    def __init__(self, keys: Keys, issuer: str, audience: str) -> None:
        self._keys = keys
        self._owner = issuer.encode(), audience.encode()

    def mint(self, claims: PendingClaims) -> str:
        """The token of a held sign-in."""
        body = json.dumps([claims.id, claims.user_id], separators=(",", ":"), ensure_ascii=False)
        return f"ds1h.{base64url(body.encode())}.{claims.secret}"

    def digest(self, claims: PendingClaims) -> str:
        """The digest of the secret, which is all of it that is stored."""
        return mac(self._keys.derive("held")[0], *self._parts(claims))

    def parse(self, token: str) -> PendingClaims:
        """
        The content of *token*; to be believed once `is_genuine` said so.

        Raises:
            BadTokenError: If it is no pending token.
        """
        check_length(token)
        found = _PENDING.fullmatch(token)
        if found is None:
            bad("is no pending token")
        try:
            names = json.loads(octets(found[1]))
        except (ValueError, RecursionError):
            names = None
        if not isinstance(names, list) or [str, str] != [*map(type, names)]:
            bad("is no pending token")
        held_id, user_id = names
        return PendingClaims(held_id, user_id, found[2])

    def is_genuine(self, claims: PendingClaims, digest: str) -> bool:
        """Whether the secret is the one whose *digest* is stored; compared in constant time."""
        return is_mac(digest, self._keys.derive("held"), *self._parts(claims))

    def _parts(self, claims: PendingClaims) -> tuple[bytes, ...]:
        return (*self._owner, claims.id.encode(), claims.secret.encode())
