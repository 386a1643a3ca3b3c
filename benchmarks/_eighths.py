"""A cache that evicts an eighth at once, to compare hits with."""

from __future__ import annotations


class Eighths:
    """
    Keys only, evicted as they once were.

    Args:
        size: How many there may be.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._used: dict[int, bool] = {}

    def share(self, keys: list[int]) -> float:
        """The share of *keys* that are there when they are asked for; the others are kept then."""
        hits = 0
        for key in keys:
            if key in self._used:
                self._used[key] = True
                hits += 1
                continue
            if len(self._used) >= self._size:
                self._evict()
            self._used[key] = False
        return hits / len(keys)

    def _evict(self) -> None:
        wanted = max(1, self._size // 8)
        idle = []
        for key, used in self._used.items():
            if used:
                self._used[key] = False
            else:
                idle.append(key)
                if len(idle) == wanted:
                    break
        if len(idle) < wanted:
            idle = list(self._used)[:wanted]
        for key in idle:
            del self._used[key]
