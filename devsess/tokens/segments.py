"""
The segments of a JWT: JSON in base64url, and one spelling of each (RFC 7515 §2).

Everything unexpected is refused: a member twice, NaN, a second object, bits beyond the last byte.
"""

from __future__ import annotations

import binascii
import json
from typing import Any, NoReturn

from devsess.tokens.text import bad, base64url

# The characters that may end a segment, by its length modulo 4. The others set bits
# beyond the last byte, which would be a second spelling of the same bytes.
_ANY = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_LAST: tuple[frozenset[str], ...] = (
    _ANY,
    frozenset(),
    frozenset("AQgw"),
    frozenset("AEIMQUYcgkosw048"),
)


def segment(members: dict[str, Any]) -> str:
    """*members* as a segment."""
    return base64url(json.dumps(members, separators=(",", ":")).encode())


def check_spelling(text: str) -> None:
    """
    Check that *text* is the one spelling of its bytes.

    Raises:
        BadTokenError: If it is another.
    """
    if text[-1] not in _LAST[len(text) % 4]:
        bad("is not canonical base64url")


def json_object(text: str) -> dict[str, Any]:
    """
    The JSON object in *text*; no member twice, at any depth (RFC 8725 §2.6).

    Raises:
        BadTokenError: If there is none.
    """
    try:
        decoded = octets(text).decode()
        members, end = _DECODER.raw_decode(decoded)
    # Deep nesting exhausts the recursion limit, on some versions as a MemoryError.
    except (ValueError, RecursionError, MemoryError):
        members, decoded, end = None, "", 0
    if not isinstance(members, dict) or end != len(decoded):
        bad("holds no JSON object that can be read")
    return members


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_refuse)


def octets(text: str) -> bytes:
    """The bytes that *text* stands for."""
    # As base64.urlsafe_b64decode, at half its cost; the alphabet was checked before.
    return binascii.a2b_base64(text.replace("-", "+").replace("_", "/") + "==")
