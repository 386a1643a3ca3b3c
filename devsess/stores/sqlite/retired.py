"""Connections that were closed while a thread may still read by one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess.stores.sqlite.connections import Connections


class Retired:
    """Those of one store: a fork waits for the threads that are at it."""

    def __init__(self) -> None:
        self._all: list[Connections] = []

    def close(self, opened: Connections, *, checkpoint: bool = False) -> None:
        """Close *opened*, which nobody finds in the store any more; under the write lock."""
        self._all = [*self._at_work(), opened]
        opened.close(checkpoint=checkpoint)

    def _at_work(self) -> list[Connections]:
        return [it for it in self._all if not it.readers.are_closed]

    def finish(self, left: Callable[[], float]) -> None:
        """Wait for no longer than is *left* until all have read to their end, and close them."""
        for connections in self._all:
            connections.readers.finish(left)

    def abandon(self) -> bool:
        """In a child: leave those that were not done in time; whether there are any."""
        at_work, self._all = self._at_work(), []
        for connections in at_work:
            connections.abandon(is_writer_ours=False)
        return bool(at_work)
