"""
Signed texts: what a link or a form brings back, which nobody else can have written.

They are no JWTs, and each kind has a prefix and a key of its own, so that no kind of token can be
taken for another (RFC 8725 §3.12). Anybody can read them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from devsess.errors import TokenExpiredError
from devsess.lifecycle import instant, is_over
from devsess.tokens.segments import octets
from devsess.tokens.text import bad, base64url, check_length, is_mac, mac

if TYPE_CHECKING:
    from devsess.tokens.keys import Keys
    from devsess.tokens.sources import Purpose


class SignedTexts:
    """
    Mints and verifies the signed texts of one kind, issuer and audience.

    Args:
        kind: Their use; also names the derived key.
        prefix: The beginning of each.
    """

    def __init__(self, keys: Keys, issuer: str, audience: str, kind: Purpose, prefix: str) -> None:
        self._keys = keys
        self._owner = issuer.encode(), audience.encode()
        self._kind: Purpose = kind
        self._prefix = f"{prefix}."
        self._pattern = re.compile(
            rf"({prefix}\.[A-Za-z0-9_-]{{20,8000}})\.([A-Za-z0-9_-]{{43}})", re.ASCII
        )

    def mint(self, values: Sequence[object], *context: bytes) -> str:
        """
        The text with *values*, which JSON can hold.

        Args:
            values: They can be read by anybody.
            context: Signed too, and not in the text.
        """
        body = json.dumps(values, separators=(",", ":"))
        text = f"{self._prefix}{base64url(body.encode('utf-8', 'surrogatepass'))}"
        return f"{text}.{mac(self._keys.derive(self._kind)[0], *self._signed(text, context))}"

    def read(self, token: str, *context: bytes) -> list[Any]:
        """
        The values of a genuine *token*.

        Raises:
            BadTokenError: If it is none of ours, or was made in another context.
        """
        check_length(token)
        found = self._pattern.fullmatch(token)
        keys = self._keys.derive(self._kind)
        if found is None or not is_mac(found[2], keys, *self._signed(found[1], context)):
            bad(f"is no {self._kind} token of ours")
        values: list[Any] = json.loads(octets(found[1].removeprefix(self._prefix)))
        return values

    def _signed(self, text: str, context: Sequence[bytes]) -> tuple[bytes, ...]:
        return (*self._owner, text.encode(), *context)


def require_in_time(expires_at: float, now: float, what: str) -> None:
    """
    Check that a token is not over at *now*.

    Args:
        expires_at: From then on it is.
        now: Seconds since the epoch.
        what: The beginning of the message, such as "the ticket was good".

    Raises:
        TokenExpiredError: If it is over.
    """
    if is_over(expires_at, now):
        until = instant(expires_at)
        message = f"{what} until {until:%Y-%m-%d %H:%M:%S} UTC"
        raise TokenExpiredError(message, expired_at=until)
