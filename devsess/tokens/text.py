"""Shared by all kinds of token: the greatest length, base64url, and MACs."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import NoReturn

from devsess.errors import BadTokenError

# Measured before anything else is done with a token, be it a dict lookup.
MAX_TOKEN_LENGTH = 8192
# Bytes that SHA-256 hashes at a time.
_BLOCK = 64


def check_length(token: object) -> None:
    """
    Refuse a token that is no text, or too long to look at.

    Raises:
        BadTokenError: If it is.
    """
    if not isinstance(token, str):
        bad(f"must be a str, not {type(token).__name__}")
    if len(token) > MAX_TOKEN_LENGTH:
        bad(f"is longer than {MAX_TOKEN_LENGTH} characters")


def bad(why: str) -> NoReturn:
    """Refuse a token; *why* follows "the token", and never quotes it."""
    raise BadTokenError(f"the token {why}")


def base64url(raw: bytes) -> str:
    """*raw* in base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class KeyedHash:
    """
    HMAC-SHA256 under one key, whose two pads are hashed once (RFC 2104 §4): half the work.

    Safe to use from many threads: what is shared is only copied.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(octet ^ 0x36 for octet in block))
        self._outer = hashlib.sha256(bytes(octet ^ 0x5C for octet in block))

    def digest(self, message: bytes) -> bytes:
        """The MAC over *message*."""
        inner = self._inner.copy()
        inner.update(message)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()


def mac(key: bytes, *parts: bytes) -> str:
    """HMAC-SHA256 over *parts*, each with its length, so that no two lists of parts are equal."""
    return base64url(hmac.digest(key, framed(*parts), hashlib.sha256))


def framed(*parts: bytes) -> bytes:
    """*parts*, each behind its length."""
    return b"".join([len(part).to_bytes(4, "big") + part for part in parts])


def is_mac(presented: str, keys: Sequence[bytes], *parts: bytes) -> bool:
    """Whether *presented* is the MAC over *parts* under one of *keys*."""
    return any(hmac.compare_digest(mac(key, *parts), presented) for key in keys)
