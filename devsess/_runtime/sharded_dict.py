"""A large table made of small ones: a dict is copied when it grows, in proportion to its size."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

# The bits of a key's hash that choose its table.
SHARD_MASK = 63


class ShardedDict(Generic[K, V]):
    """
    A table that grows in steps too small to notice.

    Attributes:
        tables: A number's is `tables[number & SHARD_MASK]`, any other key's that of its hash.
    """

    def __init__(self) -> None:
        self.tables: tuple[dict[K, V], ...] = tuple({} for _ in range(SHARD_MASK + 1))

    def __len__(self) -> int:
        return sum(map(len, self.tables))

    def _table(self, key: K) -> dict[K, V]:
        return self.tables[(key if isinstance(key, int) else hash(key)) & SHARD_MASK]

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
