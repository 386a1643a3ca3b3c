"""
Capabilities that a store may have beside the protocol of `base`.

Both managers find them once, with `capabilities_of`. Without a mark they ask for
the changes, without stamps for the row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, cast

from attrs import frozen

if TYPE_CHECKING:
    from devsess.stores.calls import Changes


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


class SupportsLeases(Protocol):
    """
    An awaited store whose readers may answer from memory under a lease.

    A reader registers with the position of the log that it has applied, and so may
    an ending's caller wait until each has heard (Gray and Cheriton, "Leases", SOSP
    1989). Instants are the readers' own: the store has no clock, and removes none.
    """

    async def renew(self, reader: str, position: object, *, is_seasoned: bool) -> Renewal:
        """
        Register *reader*, which has applied all changes up to *position*; then read the log behind.

        The registration raises the reader's beat, and is committed before the log is read: an
        ending that is not in the answer finds the reader registered. *is_seasoned* says
        that the reader has known this history for longer than any lease; it is
        kept with the history of *position*, and counts for no other.

        Raises StoreUnavailableError where it was not registered, or where that is not
        known: no lease is granted.
        """
        ...

    async def leave(self, reader: str) -> None:
        """Take *reader* off the register: nobody waits for it any more."""
        ...

    async def readers_behind(self, position: object) -> Behind:
        """The readers that have not applied all changes up to *position*."""
        ...

    async def expel(self, reader: str, beat: int) -> None:
        """Take *reader* off the register if its beat is still *beat*: it died."""
        ...

    async def wait(self, seconds: float) -> None:
        """
        Return once the log may have grown, or after *seconds*.

        A hint, which may be lost. Raises StoreUnavailableError where nothing can
        be heard; the caller pauses then.
        """
        ...


@frozen
class Renewal:
    """
    A lease, and the changes behind the position that it was asked with.

    Attributes:
        changes: As `changes` gives them.
        history: The log's history: another one once the log may have lost entries that
            were committed (a failover, a restored backup, a server that was emptied).
    """

    changes: Changes
    history: str


@frozen
class Behind:
    """
    The readers that have still to hear.

    Attributes:
        beats: The beat of each, by its id.
        history: The log's history, as in `Renewal`.
        is_seasoned: Whether a reader has known it for longer than any lease: if none
            has, readers of an earlier history may hold leases, and are not named here.
    """

    beats: Mapping[str, int]
    history: str
    is_seasoned: bool


@frozen(eq=False)
class Capabilities:
    """
    The capabilities of one store; None for each that it does not have.

    Attributes:
        mark: Says whether the log has grown.
        stamps: Tells versions of a row apart. Awaited, where the store is.
        leases: Lets readers answer from memory while endings wait for them.
    """

    mark: SupportsMark | None = None
    stamps: SupportsStamps | None = None
    leases: SupportsLeases | None = None

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
        leases=cast("SupportsLeases", store) if _has(store, "renew") else None,
    )


def _has(store: object, name: str) -> bool:
    return callable(getattr(store, name, None))
