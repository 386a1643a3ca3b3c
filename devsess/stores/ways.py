"""How far each purge that is under way has looked: its next batch goes on from there."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from devsess.stores.calls import Retention

W = TypeVar("W")

# Purges of one store whose ways are kept. One that is cut short leaves its own until others come;
# one whose way is dropped looks at all again.
MOST = 16


class Ways(Generic[W]):
    """
    The ways of the purges of one store: several may be under way, in threads or tasks.

    A purge is known by its retention, which is the same object in all its batches: two by one
    clock would be equal.
    """

    def __init__(self) -> None:
        self._ways: OrderedDict[int, tuple[Retention, W]] = OrderedDict()

    def take(self, retention: Retention) -> W | None:
        """The way of a purge, which is kept no longer; None if it begins."""
        kept = self._ways.pop(id(retention), None)
        return kept[1] if kept is not None else None

    def keep(self, retention: Retention, way: W) -> None:
        """Keep a way until the next batch. While it is kept, no other purge has that id."""
        self._ways[id(retention)] = retention, way
        if len(self._ways) > MOST:
            with suppress(KeyError):  # another thread may have taken the last one
                self._ways.popitem(last=False)
