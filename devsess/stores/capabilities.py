"""
Capabilities that a store may have beside the protocol of `base`.

Both managers look for them by name: a store that lacks one is asked for what
there is instead.
"""

from __future__ import annotations

from typing import Protocol


class SupportsMark(Protocol):
    """
    A store, blocking or awaited, that knows at once whether its log has grown.

    Without a mark each validation asks for the changes.
    """

    @property
    def mark_in_use(self) -> str:
        """What `mark` compares, in a word, for those who look after it."""
        ...

    def mark(self) -> object:
        """
        A value that differs whenever the log may have grown since it was last read.

        Cheap: it is read on every validation, or, if it is a SharedMark, its
        memory is, and the store is asked twice a second. Raises StoreBusyError
        where it cannot be told at once.
        """
        ...


class SupportsStamps(Protocol):
    """A blocking store whose rows have stamps: with them a `fresh` validation need not read all."""

    def stamp(self, session_id: str, *, wait: bool = True) -> int | None:
        """
        A number for the row's whole content, device included: another once any of it changes.

        Cheaper than `get`, for those who have seen the row before. None for an
        unknown or revoked row.
        """
        ...


class AsyncSupportsStamps(Protocol):
    """`SupportsStamps`, awaited; see there."""

    async def stamp(self, session_id: str) -> int | None: ...
