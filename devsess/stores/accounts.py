"""The records of a copy between stores: all that a store keeps, account by account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen

if TYPE_CHECKING:
    from devsess.stores.items import Item
    from devsess.stores.rows import DeviceRow, EventRow, SessionRow


@frozen
class Mark:
    """An account's, or the store's, latest ending: its number, and the cut-off it left."""

    number: int = 0
    cut_off: float | None = None


@frozen
class Account:
    """
    All that a store keeps about an account, at one instant.

    Attributes:
        user_id: The account.
        mark: Its latest ending.
        devices: All of them, forgotten ones too.
        sessions: Whatever their state. One that an ending covers is as it reads.
        events: Oldest first.
        items: By kind and key.
    """

    user_id: str
    mark: Mark = Mark()
    devices: tuple[DeviceRow, ...] = ()
    sessions: tuple[SessionRow, ...] = ()
    events: tuple[EventRow, ...] = ()
    items: tuple[Item, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is kept about it."""
        return (
            not (self.devices or self.sessions or self.events or self.items) and self.mark == Mark()
        )


@frozen
class ErasedAccount:
    """The number that outlives an erased account under a digest, until that instant."""

    digest: bytes = field(repr=False)
    number: int
    until: float


@frozen
class Batch:
    """
    Accounts of one store, as they stood together.

    Attributes:
        accounts: Each of them whole.
        mark: The latest ending of everyone.
        last_number: The highest number drawn.
        erased: Of erased accounts; with the first page alone.
        next: Opaque cursor of the next page, or None at the end.
    """

    accounts: tuple[Account, ...] = ()
    mark: Mark = Mark()
    last_number: int = 0
    erased: tuple[ErasedAccount, ...] = ()
    next: str | None = None
