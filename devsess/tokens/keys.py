"""
Signing and verifying keys, their rotation, and the secrets derived from them.

HS256 is for one application that mints and verifies: its key does both. For other
services use EdDSA or ES256, and give them the JWK set (RFC 8725 §3.1, §3.2).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, get_args

from devsess.errors import ConfigurationError
from devsess.tokens.sources import HOW_TO, MIN_SECRET, KeySource, Purpose
from devsess.tokens.text import base64url

if TYPE_CHECKING:
    from devsess.tokens.material import Key

# `material` is imported where it is needed: PyJWT and cryptography take nearly half of
# the time that making a manager takes to load, and `import devsess` does not need them.


class Keys:
    """
    The keys of a manager: one that signs, and older ones that still verify.

    A key is a random secret of 32 bytes or more (HS256), a PEM or a JWK of an Ed25519
    (EdDSA) or P-256 (ES256) key. To rotate, put the new one first and keep the
    old one for as long as sessions live: their refresh tokens depend on it.

    Args:
        current: Signs and verifies.
        *previous: Verify only; public halves will do.
        secret: Keys everything that is not an access token; required with EdDSA
            and ES256. Several, current first, to rotate it.

    Raises:
        ConfigurationError: If a key is weak, of another kind, or cannot sign. A secret
            that a person made up is weak too: words, repeats, runs, a path.
    """

    def __init__(
        self,
        current: KeySource,
        *previous: KeySource,
        secret: str | bytes | Sequence[str | bytes] | None = None,
    ) -> None:
        from devsess.tokens.material import derive, load, roots

        loaded = [load(source) for source in (current, *previous)]
        keys = [key for key, _ in loaded]
        if not keys[0].can_sign:
            raise ConfigurationError("the current key is a public key: give the private one")
        derived_from = (
            [root for _, root in loaded if root] if secret is None else roots(secret, keys)
        )
        if secret is None and len(derived_from) < len(loaded):
            raise ConfigurationError(
                f"EdDSA and ES256 need secret=..., 32 bytes or more, for all other tokens; {HOW_TO}"
            )
        self._by_kid = {key.kid: key for key in reversed(keys)}
        self._current = keys[0]
        purposes: tuple[Purpose, ...] = get_args(Purpose)
        self._derived = {
            purpose: tuple(derive(root, purpose) for root in derived_from) for purpose in purposes
        }

    @classmethod
    def of(cls, keys: Keys | KeySource | Sequence[KeySource]) -> Keys:
        """
        *keys* in any form that a manager takes: one key, a list with the current first, or Keys.

        Raises:
            ConfigurationError: As `Keys` does.
        """
        if isinstance(keys, Keys):
            return keys
        if isinstance(keys, (str, bytes, Mapping)):
            return cls(keys)
        if not isinstance(keys, Sequence) or not keys:
            raise ConfigurationError(f"keys must be a secret, a list of them, or Keys; {HOW_TO}")
        return cls(*keys)

    def __repr__(self) -> str:
        return f"<Keys {self._current.alg} kid={self._current.kid} of {len(self._by_kid)}>"

    @property
    def current(self) -> Key:
        """The key that signs."""
        return self._current

    def all(self) -> tuple[Key, ...]:
        """Every key that verifies, the current one first."""
        rest = (key for key in self._by_kid.values() if key is not self._current)
        return self._current, *rest

    def find(self, kid: str) -> Key | None:
        """The key of that name, or None. A name is looked up and nothing else (RFC 8725 §3.10)."""
        return self._by_kid.get(kid)

    def derive(self, purpose: Purpose) -> tuple[bytes, ...]:
        """Secrets of 32 bytes for one *purpose*, current first (HKDF-SHA256, RFC 5869)."""
        return self._derived[purpose]

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public keys as a JWK set (RFC 7517 §5); empty with HS256."""
        return {"keys": [dict(key.public) for key in self.all() if key.public]}


def generate_secret(entropy: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """A secret for HS256, or for `Keys(secret=...)`: 256 random bits as text."""
    return base64url(entropy(MIN_SECRET))


def generate_pem(alg: Literal["EdDSA", "ES256"]) -> str:
    """A private key for *alg* as PEM (PKCS #8)."""
    from devsess.tokens.material import new_pem

    return new_pem(alg)
