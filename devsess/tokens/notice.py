"""Notice tokens: the two answers to "was this you?", each good for one sign-in and one day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import astuple, frozen

from devsess.tokens.signed import SignedTexts, require_in_time

if TYPE_CHECKING:
    from devsess.tokens.keys import Keys

# Seconds in which a notice may be answered: mail is read within a day, or not at all.
LIFETIME = 86_400.0


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
        self._texts = SignedTexts(keys, issuer, audience, "notice", "ds1n")

    def mint(self, claims: NoticeClaims) -> str:
        """The token of one answer."""
        return self._texts.mint(astuple(claims))

    def verify(self, token: str, now: float) -> NoticeClaims:
        """
        The content of *token*: genuine, and not expired at *now*.

        Raises:
            BadTokenError: If it is no notice token of ours.
            TokenExpiredError: If its day is over.
        """
        claims = NoticeClaims(*self._texts.read(token))
        require_in_time(claims.expires_at, now, "the notice could be answered")
        return claims
