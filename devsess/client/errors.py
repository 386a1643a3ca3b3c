"""
The errors that a program's side of a session can meet.

    ClientError
    ├─ SessionEndedError       sign in again
    ├─ RenewalError            try again later; the tokens are kept
    ├─ StepUpUnansweredError   nobody proved that it is them
    └─ TokenStoreError         the store has no tokens that can be used

These are no errors of `devsess.DevsessError`: in a view of a server that is itself a client
of another one, they say nothing about the view's own user.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from devsess.client.challenges import StepUp


class ClientError(Exception):
    """The base of all errors of `devsess.client`."""


class SessionEndedError(ClientError):
    """The session has ended, or was signed out: sign in again. The device token is kept."""


class RenewalError(ClientError):
    """
    The tokens could not be renewed now, and are kept: try again later.

    Attributes:
        status: The server's status code; None if no request was sent.
        retry_after: Seconds that the server asked to wait, or None.
    """

    def __init__(
        self, message: str, *, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class StepUpUnansweredError(ClientError):
    """
    The server wants a newer or stronger sign-in, and got none.

    The session lives, unless the answer to a proof was lost (a `status` from 500 on).

    Attributes:
        challenge: What it wants.
        status: The status code that refused the proof; None if none was sent.
    """

    def __init__(self, message: str, *, challenge: StepUp, status: int | None = None) -> None:
        super().__init__(message)
        self.challenge = challenge
        self.status = status


class TokenStoreError(ClientError):
    """The store's tokens cannot be used; the message says why, and never shows them."""
