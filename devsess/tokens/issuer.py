"""The kinds of token of one issuer and audience."""

from __future__ import annotations

from typing import TYPE_CHECKING

from devsess.errors import ConfigurationError
from devsess.tokens.access import AccessTokens
from devsess.tokens.device import DeviceTokens
from devsess.tokens.ending import EndingTokens
from devsess.tokens.notice import NoticeTokens
from devsess.tokens.pending import PendingTokens
from devsess.tokens.refresh import RefreshTokens
from devsess.tokens.ticket import Tickets

if TYPE_CHECKING:
    from devsess.policy import Policy
    from devsess.tokens.keys import Keys


class Tokens:
    """
    Mints and verifies every token of one issuer and audience.

    Raises:
        ConfigurationError: If issuer or audience is empty or no text.
    """

    def __init__(self, keys: Keys, issuer: str, audience: str, policy: Policy) -> None:
        for name, value in (("issuer", issuer), ("audience", audience)):
            if not isinstance(value, str) or not value:
                raise ConfigurationError(f"{name} must be a text that is not empty")
        self.access = AccessTokens(keys, issuer, audience, policy)
        self.refresh = RefreshTokens(keys, issuer, audience)
        self.device = DeviceTokens(keys)
        self.notice = NoticeTokens(keys, issuer, audience)
        self.ending = EndingTokens(keys, issuer, audience)
        self.pending = PendingTokens(keys, issuer, audience)
        self.ticket = Tickets(keys, issuer, audience)
