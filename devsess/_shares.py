"""A table of sessions that never stands still to grow."""

from __future__ import annotations


class Shares:
    """
    The keys of each session's tokens, in small tables.

    A table that grows is copied: a large one, beside that of the entries, for longer
    than an event loop should stand still.
    """

    def __init__(self) -> None:
        self._shares: tuple[dict[str, tuple[int, ...]], ...] = tuple({} for _ in range(64))

    def _share(self, session_id: str) -> dict[str, tuple[int, ...]]:
        return self._shares[hash(session_id) % 64]

    def __len__(self) -> int:
        return sum(map(len, self._shares))

    def get(self, session_id: str) -> tuple[int, ...]:
        return self._share(session_id).get(session_id, ())

    def put(self, session_id: str, keys: tuple[int, ...]) -> None:
        if keys:
            self._share(session_id)[session_id] = keys
        else:
            self.take(session_id)

    def take(self, session_id: str) -> tuple[int, ...]:
        return self._share(session_id).pop(session_id, ())

    def all(self) -> dict[str, tuple[int, ...]]:
        return {name: keys for share in self._shares for name, keys in share.items()}
