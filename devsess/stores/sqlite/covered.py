"""
Rows that an ending covers: found page by page, and written as ended in batches.

The table `endings` holds the endings whose rows follow. It hardly ever holds any.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from devsess.models import Page
from devsess.stores.calls import Settled
from devsess.stores.counting import Counts
from devsess.stores.semantics import Covering
from devsess.stores.sqlite import ids, rows, statistics
from devsess.stores.sqlite.endings import FOR_EVENT, IDS, LIVE, end_events, of_live

if TYPE_CHECKING:
    import sqlite3

    from devsess.stores.rows import EventRow
    from devsess.stores.sqlite.endings import Ask
    from devsess.stores.sqlite.ids import Id

_PENDING = (
    "SELECT number, user_id, at, idle_after, created_after, reason, actor, reached FROM endings"
)
_NAMED = f"{_PENDING} WHERE number = ?"
_OLDEST = f"{_PENDING} WHERE number = ? OR at <= ? ORDER BY number LIMIT 1"
# The rows that are not written as ended, in an order in which one can go on.
_PLACE = "s.user_id, s.device_id, s.id"
_WALK = (
    f"SELECT {IDS}, {FOR_EVENT}, {rows.FIRST}, {LIVE}, {statistics.OF_ROW}"  # noqa: S608
    " FROM sessions s INDEXED BY sessions_unrevoked LEFT JOIN agents a ON a.id = s.agent_id"
    " WHERE s.revoked_at IS NULL AND {whose}"
    f" ORDER BY {_PLACE} LIMIT ?"
)
_REDUCE = "UPDATE events SET ip = network WHERE ip IS NOT network AND session_id = {}"
_END = "UPDATE sessions SET revoked_at = ?, reason = ?, actor = ?, ip = network WHERE id = {}"
# Where they stand in its answer: the ending that covers a row, whether it was live then, and
# what is counted.
_COVERED_BY, _WAS_LIVE, _COUNTED = 5, 6, 7


@frozen
class Walk:
    """
    A way through the rows that an ending may cover.

    Attributes:
        by: The ending.
        after: User, device and id of the last row that was looked at.
    """

    by: Covering
    after: Sequence[Id] = ("", "", "")

    @classmethod
    def of(cls, found: Sequence[Sequence[Any]], cursor: str | None = None) -> Walk | None:
        """From a row of `endings`; from *cursor* on, or from where its rows were written up to."""
        if not found:
            return None
        [(*columns, reached)] = found
        place = cursor or reached
        return cls(Covering(*columns), ids.unpacked(place)) if place else cls(Covering(*columns))

    def next(self, limit: int) -> tuple[str, tuple[object, ...]]:
        """The statement, with its values, for the next rows."""
        after = self.after if self.by.user_id is None else (self.by.user_id, *self.after[1:])
        (user, *_), (device, *_), (session, *_) = places = [ids.bound(it) for it in after]
        whose = f"({_PLACE}) > ({user}, {device}, {session})"
        if self.by.user_id is not None:
            whose = f"s.user_id = ? AND (s.device_id, s.id) > ({device}, {session})"
        values = [value for _, value in places]
        return _WALK.format(whose=whose), (*of_live(self.by.cutoffs), *values, limit)

    def place(self, walked: Sequence[Sequence[Any]], limit: int) -> str | None:
        """The place after *walked*; None at the end of the way."""
        return ids.packed([*map(ids.read, walked[-1][:3])]) if len(walked) == limit else None

    def covered(self, walked: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
        """Those of the rows that this ending was the first to cover."""
        return [row for row in walked if row[_COVERED_BY] == self.by.number]


def live_covered(ask: Ask, number: int, limit: int, cursor: str | None) -> Page[str]:
    """See Store.covered."""
    way = Walk.of(ask(_NAMED, (number,)), cursor)
    if way is None:
        return Page((), None)
    walked = ask(*way.next(limit))
    found = [ids.read(row[2]) for row in way.covered(walked) if row[_WAS_LIVE]]
    return Page(tuple(it for it in found if isinstance(it, str)), way.place(walked, limit))


def settle(db: sqlite3.Cursor, limit: int, own: int | None, before: float) -> Settled:
    """See Store.settle."""
    way = Walk.of(db.execute(_OLDEST, [own, before]).fetchall())
    if way is None:
        return Settled()
    walked = db.execute(*way.next(limit)).fetchall()
    events = _write_covered(db, way.by, way.covered(walked))
    reached = way.place(walked, limit)
    if reached is None:
        db.execute("DELETE FROM endings WHERE number = ?", [way.by.number])
        return Settled(events, is_more=bool(db.execute(_OLDEST, [own, before]).fetchall()))
    db.execute("UPDATE endings SET reached = ? WHERE number = ?", [reached, way.by.number])
    return Settled(events, is_more=True)


def _write_covered(
    db: sqlite3.Cursor, by: Covering, covered: Sequence[Sequence[Any]]
) -> tuple[EventRow, ...]:
    named = [ids.read(row[2]) for row in covered]
    ids.execute_each(db, _REDUCE, (), named)
    ids.execute_each(db, _END, (by.at, by.reason, by.actor), named)
    counts = Counts()
    statistics.ended(counts, [row[_COUNTED:] for row in covered], by.at, by.reason)
    statistics.add(db, counts)
    return end_events(db, [it for it in covered if it[_WAS_LIVE]], by.at, by.reason, by.actor)
