"""An account that a browser is signed in to, beside others."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from devsess.devices.recognise import MAX_RING
from devsess.models import Session

# The greatest number of accounts in one browser. A sign-in presents the devices of all of them.
MAX_ACCOUNTS = MAX_RING


@frozen
class Account:
    """
    An account that a browser is signed in to.

    Attributes:
        slot: Its number in this browser, for `switch`; 0 or more.
        session: Its live session.
        is_current: Whether the browser's requests act for it.
    """

    slot: int
    session: Session
    is_current: bool

    def to_dict(self) -> dict[str, Any]:
        """This account as JSON types."""
        session = {**self.session.to_dict(), "current": self.is_current}
        return {"slot": self.slot, "current": self.is_current, "session": session}
