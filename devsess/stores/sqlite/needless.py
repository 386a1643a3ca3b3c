"""
Devices that a purge deletes: found without the write lock, and each looked at once in a purge.

Those that are kept may be very many: named, trusted or blocked ones, and old ones whose sessions
are kept. Batch after batch goes on behind the last device that was looked at. A session that a
purge deletes is deleted before that: in no later batch is a device needless that was needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve, frozen

from devsess.stores.ways import Ways

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from typing import Any

    from devsess.stores.calls import Retention
    from devsess.stores.sqlite.endings import Ask

# Devices that are read at a time, as any other reader reads.
LOOKED = 1_000

# The index is named: SQLite would look at all sessions of the account.
_UNUSED = (
    "NOT EXISTS (SELECT 1 FROM sessions s INDEXED BY sessions_device"
    " WHERE s.device_key = devices.key)"
)
_OF_NO_USE = (
    "NOT blocked AND name IS NULL AND (trusted_until IS NULL OR trusted_until <= ?)"
    " AND last_seen_at < ?"
)
# Each in the order of its index, from a place on. What is kept for a reason of its own is not
# looked up among the sessions.
_FORGOTTEN = (
    f"SELECT key, 0.0, {_UNUSED} FROM devices INDEXED BY devices_forgotten"  # noqa: S608
    " WHERE forgotten = 1 AND key > ? ORDER BY key LIMIT ?"
)
_STALE = (
    f"SELECT key, last_seen_at, iif({_OF_NO_USE}, {_UNUSED}, 0)"  # noqa: S608
    " FROM devices INDEXED BY devices_seen"
    " WHERE last_seen_at < ? AND (last_seen_at, key) > (?, ?) ORDER BY last_seen_at, key LIMIT ?"
)
_DELETE = f"DELETE FROM devices WHERE key = ? AND (forgotten = 1 OR {_OF_NO_USE}) AND {_UNUSED}"  # noqa: S608


@frozen
class _Way:
    """
    How far a purge has looked: through those forgotten, and then through those not seen lately.

    Attributes:
        retention: Of the purge.
        part: Which of the two; 2 at the end.
        at: When the last device of this part was seen.
        key: Of that one.
    """

    retention: Retention
    part: int = 0
    at: float = float("-inf")
    key: int = 0

    @property
    def is_over(self) -> bool:
        return self.part > 1

    def look(self, ask: Ask, limit: int) -> tuple[list[int], _Way]:
        """The keys of at most *limit* needless devices among the next ones, and the way on."""
        way = self
        keys: list[int] = []
        found = ask(*self._next())
        for key, at, is_needless in found:
            way = evolve(self, at=at, key=key)
            if is_needless:
                keys.append(key)
            if len(keys) == limit:
                return keys, way
        return keys, way if len(found) == LOOKED else _Way(self.retention, self.part + 1)

    def _next(self) -> tuple[str, tuple[object, ...]]:
        if self.part == 0:
            return _FORGOTTEN, (self.key, LOOKED)
        before = self.retention.devices_before
        return _STALE, (self.retention.now, before, before, self.at, self.key, LOOKED)


class NeedlessDevices:
    """
    The devices of one file that purges delete.

    Args:
        ask: Reads rows.
        transaction: Does work in one, with the arguments that follow it.
    """

    def __init__(self, ask: Ask, transaction: Callable[..., Any]) -> None:
        self._ask = ask
        self._transaction = transaction
        self._ways = Ways[_Way]()

    def delete(self, retention: Retention, limit: int, done: int) -> int:
        """Rows of a batch that has *done* some of at most *limit*: with devices, the rest."""
        way = self._ways.take(retention) or _Way(retention)
        deleted = 0
        while done < limit and not deleted and not way.is_over:
            keys, way = self._found(way, limit - done)
            deleted = self._transaction(_delete, retention, keys) if keys else 0
        # A purge ends with an empty batch, and the next one looks at all again.
        if done + deleted:
            self._ways.keep(retention, way)
        return done + deleted

    def _found(self, way: _Way, limit: int) -> tuple[list[int], _Way]:
        keys: list[int] = []
        while len(keys) < limit and not way.is_over:
            more, way = way.look(self._ask, limit - len(keys))
            keys += more
        return keys, way


def _delete(db: sqlite3.Cursor, retention: Retention, keys: Sequence[int]) -> int:
    """Delete those that nobody has used since they were looked at."""
    bounds = retention.now, retention.devices_before
    return db.executemany(_DELETE, [(key, *bounds) for key in keys]).rowcount
