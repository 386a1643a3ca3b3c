"""A sign-in that is held, as the account's owner sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from devsess._instants import iso

if TYPE_CHECKING:
    from datetime import datetime


@frozen
class HeldSignIn:
    """
    A sign-in that waits for its approval, or to be collected.

    Attributes:
        code: Shown on both sides: the owner approves the sign-in that shows it.
        user_id: The account.
        at: When it was held.
        expires_at: From when on nobody can approve or collect it.
        device: The name of its device for people: "Chrome on macOS".
        network: Where it came from, as far as the policy's privacy keeps it.
        location: Where that is, for people; None where nothing knows it.
        is_approved: Whether it may be collected.
    """

    code: str
    user_id: str
    at: datetime
    expires_at: datetime
    device: str
    network: str | None
    location: str | None
    is_approved: bool

    def to_dict(self) -> dict[str, Any]:
        """This sign-in as JSON types."""
        return {
            "code": self.code,
            "userId": self.user_id,
            "at": iso(self.at),
            "expiresAt": iso(self.expires_at),
            "device": self.device,
            "network": self.network,
            "location": self.location,
            "approved": self.is_approved,
        }
