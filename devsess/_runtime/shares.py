"""A large table in small ones: a dict that grows is copied, which takes as long as it is large."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

# What the last bits of a key's hash choose from.
LAST = 63


class Shares(Generic[K, V]):
    """
    A table that grows in steps too small to notice.

    Attributes:
        tables: The one of a number is `tables[number & LAST]`, of another key that of its hash.
    """

    def __init__(self) -> None:
        self.tables: tuple[dict[K, V], ...] = tuple({} for _ in range(LAST + 1))

    def __len__(self) -> int:
        return sum(map(len, self.tables))

    def _table(self, key: K) -> dict[K, V]:
        return self.tables[(key if isinstance(key, int) else hash(key)) & LAST]

    def get(self, key: K) -> V | None:
        """The value of *key*, or None."""
        return self._table(key).get(key)

    def put(self, key: K, value: V) -> None:
        """Set the value of *key*."""
        self._table(key)[key] = value

    def pop(self, key: K) -> V | None:
        """Take *key* out; its value, or None."""
        return self._table(key).pop(key, None)

    def items(self) -> Iterator[tuple[K, V]]:
        """All of them, in no order."""
        for table in self.tables:
            yield from table.items()
