"""The three tokens of a session, and the store in which an application keeps them."""

from __future__ import annotations

import json
import math
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias

from attrs import asdict, field, fields, frozen
from attrs.validators import instance_of, optional

# The part of an access token's life after which it is renewed: a request that is sent then
# arrives before the end, and its body need not be sent twice.
USED_UP = 0.9

Release: TypeAlias = Callable[[], None]

_TEXT = optional(instance_of(str))


@frozen
class Tokens:
    """
    The tokens of a session; without a refresh token nobody is signed in.

    Attributes:
        access_token: Sent with every request, or None.
        refresh_token: Sent to `refresh` alone, or None.
        device_token: Names the device, also after the session's end, or None.
        renew_at: The instant by this machine's clock, in seconds since the epoch, from which
            the access token is to be renewed; None if only the server knows.
    """

    access_token: str | None = field(default=None, repr=False, validator=_TEXT)
    refresh_token: str | None = field(default=None, repr=False, validator=_TEXT)
    device_token: str | None = field(default=None, repr=False, validator=_TEXT)
    renew_at: float | None = field(default=None, validator=optional(instance_of((int, float))))

    @property
    def is_signed_in(self) -> bool:
        """Whether there is a session, as far as this machine knows."""
        return self.refresh_token is not None

    @property
    def user(self) -> object:
        """
        Whose access token it is, by its own unverified word; None where it does not say.

        Good for telling two apart, and for nothing else.
        """
        try:
            part = (self.access_token or "").split(".")[1]
            return json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))["sub"]
        except (IndexError, KeyError, TypeError, ValueError, RecursionError):
            return None

    def is_due(self, now: float) -> bool:
        """Whether the access token is to be renewed at *now*, in seconds since the epoch."""
        return self.access_token is None or (self.renew_at is not None and now >= self.renew_at)

    def followed_by(self, answer: Mapping[str, object], now: float) -> Tokens:
        """
        The tokens in a server's *answer* that came at *now*; the device token stays if it has none.

        The end of the access token is counted from now, and not read in the token: the two
        clocks may differ by an hour.

        Raises:
            ValueError: If *answer* does not have an access and a refresh token.
        """
        access, refresh = answer.get("access_token"), answer.get("refresh_token")
        if not (isinstance(access, str) and access and isinstance(refresh, str) and refresh):
            raise ValueError("the answer has no access_token and refresh_token")
        device = answer.get("device_token")
        device = device if isinstance(device, str) and device else self.device_token
        return Tokens(access, refresh, device, _renew_at(answer.get("expires_in"), now))

    def signed_out(self, *, forget_device: bool = False) -> Tokens:
        """The tokens that are left without a session."""
        return Tokens(device_token=None if forget_device else self.device_token)

    def to_json(self) -> str:
        """For a store."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Tokens:
        """
        The tokens that `to_json` wrote; members that it does not know are ignored.

        Raises:
            ValueError: If it wrote something else.
        """
        try:
            members = json.loads(text)
            names = {each.name for each in fields(cls)}
            return cls(**{name: value for name, value in members.items() if name in names})
        except (ValueError, TypeError, AttributeError, RecursionError):
            # The original may quote the text.
            raise ValueError("these are no tokens that devsess.client has kept") from None


def _renew_at(expires_in: object, now: float) -> float | None:
    if isinstance(expires_in, bool) or not isinstance(expires_in, (int, float)):
        return None
    return now + USED_UP * expires_in if math.isfinite(expires_in) else None


class TokenStore(Protocol):
    """
    Keeps the tokens of one session; each call is short, and whole or not at all.

    Threads call it, also those of an asyncio program.
    """

    def load(self) -> Tokens:
        """
        The tokens that were last saved; empty ones before that.

        Raises:
            TokenStoreError: If they cannot be used.
        """

    def save(self, tokens: Tokens) -> None:
        """Keep *tokens*, also if the machine stops directly after this call."""

    def try_lock(self) -> Release | None:
        """
        Lock the store for all who share it, and give the function that unlocks it.

        None if another one has locked it: it never waits. The lock does not bind `load` and
        `save`, and ends with the process that has it.
        """
