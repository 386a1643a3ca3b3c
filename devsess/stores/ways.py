"""How far each purge that is under way has looked: its next batch goes on from there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import evolve, frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from devsess.stores.calls import Retention

W = TypeVar("W")
Place = TypeVar("Place")
Key = TypeVar("Key")

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


@frozen
class Way(Generic[Place, Key]):
    """
    How far a purge has looked among the devices of a store.

    Attributes:
        place: Where to go on; None at the end.
        found: The keys of those that were found, and are still to be deleted.
    """

    place: Place | None
    found: tuple[Key, ...] = ()


class DevicePurges(ABC, Generic[Place, Key]):
    """
    The purges of the devices of one store: a look at many of them, and then batches of those found.

    Args:
        start: The place where a purge begins.
    """

    def __init__(self, start: Place) -> None:
        self._start = start
        self._ways = Ways[Way[Place, Key]]()

    async def delete(self, retention: Retention, limit: int, done: int) -> int:
        """Rows of a batch that has *done* some of at most *limit*: with devices, the rest."""
        way = self._ways.take(retention) or Way(self._start)
        deleted = 0
        while done < limit and not deleted and (way.place is not None or way.found):
            way = await self._further(way, retention, limit - done)
            keys = way.found[: limit - done]
            deleted = await self._deleted(retention, keys) if keys else 0
            way = evolve(way, found=way.found[len(keys) :])
        # A purge ends with an empty batch, and the next one looks at all again.
        if done + deleted:
            self._ways.keep(retention, way)
        return done + deleted

    async def _further(
        self, way: Way[Place, Key], retention: Retention, wanted: int
    ) -> Way[Place, Key]:
        """A way on which as many are found as are wanted, or all."""
        while way.place is not None and len(way.found) < wanted:
            place, keys = await self._look(retention, way.place)
            way = Way(place, (*way.found, *keys))
        return way

    @abstractmethod
    async def _look(self, retention: Retention, place: Place) -> tuple[Place | None, Sequence[Key]]:
        """The place behind the next devices, or None, and the keys of the needless among them."""

    @abstractmethod
    async def _deleted(self, retention: Retention, keys: Sequence[Key]) -> int:
        """Delete those that nobody has used since they were looked at; how many these were."""
