"""The protocol that a locator fulfils."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from devsess.models import Location


class Locator(Protocol):
    """
    Anything that knows where an address is.

    It is asked at each sign-in, and at a refresh that comes from another address. It may raise
    an error, and it may wait, for a database or another host: it is called in a thread of
    devsess's own and waited for no longer than a second; then the session has no location.
    Once eight calls hang, it is not asked until one of them returns.

    A locator that never waits sets `never_waits = True`: it is called in the thread of the
    operation, which saves a change of threads. Nothing ends a call of it that hangs.
    """

    def locate(self, ip: str) -> Location | None:
        """The location of *ip*, in its normal spelling; None where it is not known."""
        ...
