"""The things that a store has for each event loop which uses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")


class ByLoop(Generic[T]):
    """
    One thing an event loop: a connection belongs to the loop that opened it.

    Loops in several threads may take turns. A program may also run each request in a loop
    of its own (`asyncio.run`): the things of a loop that was closed are let go.

    Args:
        make: Makes one for the running loop.
        let_go: Ends one without its loop.
    """

    def __init__(self, make: Callable[[], T], let_go: Callable[[T], object]) -> None:
        self._make, self._let_go = make, let_go
        self._items: dict[asyncio.AbstractEventLoop, T] = {}
        self._of_parent: list[object] = []  # kept, so that nothing is closed

    def here(self) -> T:
        """That of the running loop."""
        import asyncio

        loop = asyncio.get_running_loop()
        found = self._items.get(loop)
        if found is None:
            self._sweep()
            found = self._items[loop] = self._make()
        return found

    def taken(self) -> T | None:
        """That of the running loop, if there is one, to be ended: from here on there is none."""
        import asyncio

        self._sweep()
        return self._items.pop(asyncio.get_running_loop(), None)

    def _sweep(self) -> None:
        for loop in [*self._items]:
            if loop.is_closed():
                item = self._items.pop(loop, None)  # another thread may have been faster
                if item is not None:
                    self._let_go(item)

    def disown(self) -> None:
        """In a forked child: all are the parent's."""
        self._of_parent.append(self._items)
        self._items = {}
