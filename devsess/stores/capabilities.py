"""
Capabilities that a store may have beside the protocol of `base`.

Both managers look for them by name. Without a mark they ask for the changes,
without stamps for the row.
"""

from __future__ import annotations

from typing import Protocol


class SupportsMark(Protocol):
    """
    A store, blocking or awaited, that can say without I/O whether its log has grown.

    Without a mark each validation asks for the changes.
    """

    @property
    def mark_in_use(self) -> str:
        """The kind of mark in one word, for metrics."""
        ...

    def mark(self) -> object:
        """
        A value that differs whenever the log may have grown since it was last read.

        Never awaited, and cheap: every validation reads it. Of a SharedMark every
        validation reads the memory, and asks the store twice a second.

        Raises StoreBusyError where it cannot be read at once.
        """
        ...


class SupportsStamps(Protocol):
    """A blocking store whose rows have stamps, so that a `fresh` validation reads less."""

    def stamp(self, session_id: str, *, wait: bool = True) -> int | None:
        """
        A number for the row's whole content, device included: another once any of it changes.

        Cheaper than `get`, and enough if the row was read before. None for an unknown
        or revoked row.
        """
        ...


class AsyncSupportsStamps(Protocol):
    """`SupportsStamps`, awaited; see there."""

    async def stamp(self, session_id: str) -> int | None: ...
