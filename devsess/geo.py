"""Where an address is: the protocol a locator fulfils."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from devsess.models import Location


class Locator(Protocol):
    """Anything that knows where an address is. On an event loop it is asked in a thread."""

    def locate(self, ip: str) -> Location | None:
        """The place of *ip*, or None where it is not known."""
        ...
