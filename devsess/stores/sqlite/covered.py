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
from devsess.stores.sqlite.endings import FOR_EVENT, LIVE, WITH_AGENT, end_events, of_live
from devsess.stores.sqlite.ids import Odd

if TYPE_CHECKING:
    import sqlite3

    from devsess.stores.rows import EventRow
    from devsess.stores.sqlite.endings import Ask
    from devsess.stores.sqlite.ids import Id, Place

_PENDING = (
    "SELECT number, user_id, at, idle_after, created_after, reason, actor, reached FROM endings"
)
_NAMED = f"{_PENDING} WHERE number = ?"
_OLDEST = f"{_PENDING} WHERE number = ? OR at <= ? ORDER BY number LIMIT 1"
# The rows that are not written as ended, in an order in which one can go on.
_PLACE = "s.user_id, s.device_key, s.key"
# Python cannot read every damaged text.
_NUMBERS = "iif(typeof(s.device_key) = 'text', x'', s.device_key), s.key"
_WALK = (
    f"SELECT {FOR_EVENT}, {_NUMBERS}, {rows.FIRST}, {LIVE}, {statistics.OF_ROW} "
    + WITH_AGENT.replace("sessions s", "sessions s INDEXED BY sessions_unrevoked", 1)
    + " WHERE s.revoked_at IS NULL AND {whose}"
    f" ORDER BY {_PLACE} LIMIT ?"
)
_REDUCE = (
    "UPDATE events SET ip = network WHERE ip IS NOT network"
    " AND session_id = (SELECT id FROM sessions WHERE key = ?)"
)
_END = "UPDATE sessions SET revoked_at = ?, reason = ?, actor = ?, ip = network WHERE key = ?"
# Where they stand in its answer: the account, the session's id, the numbers of the device and the
# session, the ending that covers a row, whether it was live then, and what is counted.
_USER, _ID, _DEVICE, _KEY, _COVERED_BY, _WAS_LIVE, _COUNTED = 0, 1, 5, 6, 7, 8, 9
# SQLite puts it behind every number and text. The rows between have lost their device, as their
# damaged numbers name none: so they are refused without any ending.
_BEHIND_NUMBERS = Odd(b"\xff" * 9, is_text=False)


@frozen
class Walk:
    """
    A way through the rows that an ending may cover.

    Attributes:
        by: The ending.
        after: The account of the last row that was looked at, its device's number and its own.
    """

    by: Covering
    after: Place = ("", -1, -1)

    @classmethod
    def of(cls, found: Sequence[Sequence[Any]], cursor: str | None = None) -> Walk | None:
        """From a row of `endings`; from *cursor* on, or from where its rows were written up to."""
        if not found:
            return None
        [(*columns, reached)] = found
        place = cursor or reached
        return cls(Covering(*columns), ids.unpacked(place)) if place else cls(Covering(*columns))

    def look(self, ask: Ask, limit: int) -> list[Sequence[Any]]:
        """The next rows: the rest of the device's, and those behind it."""
        after = self.after if self.by.user_id is None else (self.by.user_id, *self.after[1:])
        (user, user_id), (_, device), (_, session) = [ids.bound(it) for it in after]
        live = of_live(self.by.cutoffs)
        # SQLite looks up no place of three columns in an index whose last one is the row's number.
        rest = _WALK.format(whose=f"s.user_id = {user} AND s.device_key = ? AND s.key > ?")
        found = [*ask(rest, (*live, user_id, device, session, limit))]
        if len(found) < limit:
            whose = f"(s.user_id, s.device_key) > ({user}, ?)"
            if self.by.user_id is not None:
                whose = f"s.user_id = {user} AND s.device_key > ?"
            found += ask(_WALK.format(whose=whose), (*live, user_id, device, limit - len(found)))
        return found

    def place(self, walked: Sequence[Sequence[Any]], limit: int) -> str | None:
        """The place after *walked*; None at the end of the way."""
        if len(walked) < limit:
            return None
        last = walked[-1]
        return ids.packed((ids.read(last[_USER]), _device(last[_DEVICE]), last[_KEY]))

    def covered(self, walked: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
        """Those of the rows that this ending was the first to cover."""
        return [row for row in walked if row[_COVERED_BY] == self.by.number]


def _device(key: object) -> Id | float:
    """The number of a device in a place, whatever its column holds."""
    if isinstance(key, int | float):
        return key
    return 0 if key is None else _BEHIND_NUMBERS


def live_covered(ask: Ask, number: int, limit: int, cursor: str | None) -> Page[str]:
    """See Store.covered."""
    way = Walk.of(ask(_NAMED, (number,)), cursor)
    if way is None:
        return Page((), None)
    walked = way.look(ask, limit)
    found = [ids.read(row[_ID]) for row in way.covered(walked) if row[_WAS_LIVE]]
    return Page(tuple(it for it in found if isinstance(it, str)), way.place(walked, limit))


def settle(db: sqlite3.Cursor, limit: int, own: int | None, before: float) -> Settled:
    """See Store.settle."""
    way = Walk.of(db.execute(_OLDEST, [own, before]).fetchall())
    if way is None:
        return Settled()
    walked = way.look(lambda *asked: db.execute(*asked).fetchall(), limit)
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
    db.executemany(_REDUCE, [(row[_KEY],) for row in covered])
    db.executemany(_END, [(by.at, by.reason, by.actor, row[_KEY]) for row in covered])
    counts = Counts()
    statistics.ended(counts, [row[_COUNTED:] for row in covered], by.at, by.reason)
    statistics.add(db, counts)
    return end_events(db, [it for it in covered if it[_WAS_LIVE]], by.at, by.reason, by.actor)
