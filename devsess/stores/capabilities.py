"""
Capabilities that a store may have beside the protocol of `base`.

Both managers find them once, with `capabilities_of`. Without a mark they ask for
the changes, without stamps for the row.
"""

from __future__ import annotations

from typing import Protocol, cast

from attrs import frozen


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


@frozen(eq=False)
class Capabilities:
    """
    The capabilities of one store; None for each that it does not have.

    Attributes:
        mark: Says whether the log has grown.
        stamps: Tells versions of a row apart. Awaited, where the store is.
    """

    mark: SupportsMark | None = None
    stamps: SupportsStamps | None = None

    @property
    def mark_in_use(self) -> str:
        """The kind of mark in one word: `none` without one, `unnamed` if it has no name."""
        return "none" if self.mark is None else getattr(self.mark, "mark_in_use", "unnamed")


def capabilities_of(store: object) -> Capabilities:
    """
    The capabilities of *store*, blocking or awaited.

    Each is found by the name of its method, on the store itself and not on its class: so a
    store keeps them behind a wrapper that passes each attribute on.
    """
    return Capabilities(
        mark=cast("SupportsMark", store) if _has(store, "mark") else None,
        stamps=cast("SupportsStamps", store) if _has(store, "stamp") else None,
    )


def _has(store: object, name: str) -> bool:
    return callable(getattr(store, name, None))
