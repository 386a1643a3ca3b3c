"""
Device tokens: the ids on a browser's key ring, and a MAC.

They are no JWTs, so that no kind of token can be taken for another (RFC 8725 §3.12).
"""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING

from devsess.tokens.text import MAX_TOKEN_LENGTH, KeyedHash, base64url, framed, mac

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devsess.tokens.keys import Keys

_BEGIN = "ds1d."
_DEVICE = re.compile(
    re.escape(_BEGIN)
    + r"([A-Za-z0-9_-]{16,64}(?:~[A-Za-z0-9_-]{16,64}){0,4})\.([A-Za-z0-9_-]{43})",
    re.ASCII,
)


class DeviceTokens:
    """Mints and reads device tokens: any issuer's and audience's that has the same keys."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._hashes = [KeyedHash(key) for key in keys.derive("device")]

    def mint(self, device_ids: Sequence[str]) -> str:
        """The device token of a key ring with these ids."""
        text = f"{_BEGIN}{'~'.join(device_ids)}"
        return f"{text}.{mac(self._keys.derive('device')[0], text.encode())}"

    def read(self, token: str | None) -> tuple[str, ...]:
        """
        The device ids on the key ring, or none.

        A token that is not genuine counts as not sent: an old cookie must not
        keep anyone from signing in.
        """
        found = _parsed(token)
        if found is None or not self._is_signed(f"{_BEGIN}{found[1]}".encode(), found[2]):
            return ()
        return tuple(found[1].split("~"))

    def proves(self, token: str | None, device_id: str) -> bool | None:
        """
        Whether *token* names this device; None if no genuine token came.

        False is evidence: the sender is on another device, and this device's sessions are not
        theirs. None is none: a program may send no device token.
        """
        ring = self.read(token)
        return device_id in ring if ring else None

    def _is_signed(self, text: bytes, presented: str) -> bool:
        """As `is_mac`, which would hash the pads of the key each time."""
        message = framed(text)
        return any(
            hmac.compare_digest(base64url(one.digest(message)), presented) for one in self._hashes
        )


def names_device(token: str, device_id: str) -> bool:
    """
    Whether *token* names the device, provided that it is genuine, which is not looked at.

    No evidence of that device, but one that names it is no evidence of another.
    """
    if not isinstance(token, str) or len(token) > MAX_TOKEN_LENGTH:
        return False
    return device_id in token[len(_BEGIN) :].partition(".")[0].split("~")


def _parsed(token: str | None) -> re.Match[str] | None:
    if not isinstance(token, str) or len(token) > MAX_TOKEN_LENGTH:
        return None
    return _DEVICE.fullmatch(token)
