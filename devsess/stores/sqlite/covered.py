"""
Rows that an ending covers: found page by page, and written as ended in batches.

The table `endings` holds the endings whose rows follow. It hardly ever holds any.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import frozen

from devsess.models import Page
from devsess.stores.calls import Settled
from devsess.stores.counting import Counts
from devsess.stores.semantics import Covering
from devsess.stores.sqlite import ids, rows, statistics
from devsess.stores.sqlite.damage import DamagedError
from devsess.stores.sqlite.endings import FOR_EVENT, LIVE, WITH_AGENT, end_events, of_live
from devsess.stores.sqlite.ids import Id, Odd

if TYPE_CHECKING:
    import sqlite3

    from devsess.stores.rows import EventRow
    from devsess.stores.sqlite.endings import Ask

_PENDING = (
    "SELECT number, user_id, at, idle_after, created_after, reason, actor, reached FROM endings"
)
_NAMED = f"{_PENDING} WHERE number = ?"
_OLDEST = f"{_PENDING} WHERE number = ? OR at <= ? ORDER BY number LIMIT 1"
# The rows that are not written as ended, in an order in which one can go on.
_PLACE = "s.user_id, s.device_key, s.key"
# A damaged key may be a text, which Python cannot always read, or a blob.
_KEYS = (
    f"iif(typeof(s.device_key) IN ('text', 'blob'), {ids.stored('s.device_key')}, s.device_key),"
    " s.key"
)
_WALK = rows.through(
    "sessions_unrevoked",
    f"SELECT {FOR_EVENT}, {_KEYS}, {rows.FIRST}, {LIVE}, {statistics.OF_ROW} {WITH_AGENT}"
    " WHERE s.revoked_at IS NULL AND {whose}"
    f" ORDER BY {_PLACE} LIMIT ?",
)
# What _WALK gives of a row: what its event needs, the keys of its device and its own, the ending
# that covers it and whether it was live then, and what is counted.
_EVENT, _DEVICE, _KEY, _COVERED_BY, _WAS_LIVE, _COUNTED = slice(5), 5, 6, 7, 8, slice(9, None)
_REDUCE = (
    "UPDATE events SET ip = network WHERE ip IS NOT network"
    " AND session_id = (SELECT id FROM sessions WHERE key = ?)"
)
_END = "UPDATE sessions SET revoked_at = ?, reason = ?, actor = ?, ip = network WHERE key = ?"
# The account of a row, the key of its device, and its own.
Place: TypeAlias = tuple[Id, Id | float, int]


@frozen
class Walk:
    """
    A way through the rows that an ending may cover.

    Attributes:
        by: The ending.
        after: The place of the last row that was read; None at the beginning.
    """

    by: Covering
    after: Place | None = None

    @classmethod
    def of(cls, found: Sequence[Sequence[Any]], cursor: str | None = None) -> Walk | None:
        """From a row of `endings`; from *cursor* on, or from where its rows were written up to."""
        if not found:
            return None
        [(*columns, reached)] = found
        place = cursor or reached
        return cls(Covering(*columns), _unpacked(place) if place else None)

    def read(self, ask: Ask, limit: int) -> list[Sequence[Any]]:
        """The next rows: the rest of the device's, and those behind it."""
        live, one = of_live(self.by.cutoffs), self.by.user_id
        if self.after is None:
            whose, values = ("1", ()) if one is None else ("s.user_id = ?", (one,))
            return [*ask(_WALK.format(whose=whose), (*live, *values, limit))]
        (user, user_id), (key, device), (_, session) = map(ids.bound, self.after)
        rest = f"s.user_id = {user} AND s.device_key = {key} AND s.key > ?"
        found = [*ask(_WALK.format(whose=rest), (*live, user_id, device, session, limit))]
        if len(found) < limit:
            whose = f"(s.user_id, s.device_key) > ({user}, {key})"
            if one is not None:
                whose = f"s.user_id = {user} AND s.device_key > {key}"
            found += ask(_WALK.format(whose=whose), (*live, user_id, device, limit - len(found)))
        return found

    def place(self, walked: Sequence[Sequence[Any]], limit: int) -> str | None:
        """The place after *walked*; None at the end of the way."""
        if len(walked) < limit:
            return None
        last = walked[-1]
        return _packed((ids.read(last[0]), _device(last[_DEVICE]), last[_KEY]))

    def covered(self, walked: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
        """Those of the rows that this ending was the first to cover."""
        return [row for row in walked if row[_COVERED_BY] == self.by.number]


def _device(key: Any) -> Id | float:
    """The key of a device in a place, whatever its column holds."""
    if key is None:
        return -math.inf
    return key if isinstance(key, int | float) else ids.read(key)


def _packed(place: Place) -> str:
    """*place* as a text that can be kept."""
    return json.dumps([[it.raw.hex(), it.is_text] if isinstance(it, Odd) else it for it in place])


def _unpacked(text: str) -> Place:
    """The place; a wrong one would pass over rows, and they would be live again."""
    try:
        user_id, device, session = map(_value, json.loads(text))
    except (ValueError, TypeError, LookupError) as error:
        raise DamagedError("there is no place among sessions where one should be") from error
    is_key = type(device) in (int, float) and device == device
    if not isinstance(user_id, str | Odd) or not (is_key or isinstance(device, str | Odd)):
        raise DamagedError("there is no account or device in a place among sessions")
    if type(session) is not int:
        raise DamagedError("there is no session in a place among sessions")
    return user_id, device, session


def _value(kept: Any) -> Any:
    if isinstance(kept, list):
        return Odd(bytes.fromhex(kept[0]), is_text=kept[1] is True)
    return kept


def live_covered(ask: Ask, number: int, limit: int, cursor: str | None) -> Page[str]:
    """See Store.covered."""
    way = Walk.of(ask(_NAMED, (number,)), cursor)
    if way is None:
        return Page((), None)
    walked = way.read(ask, limit)
    found = [ids.read(row[2]) for row in way.covered(walked) if row[_WAS_LIVE]]
    return Page(tuple(it for it in found if isinstance(it, str)), way.place(walked, limit))


def settle(db: sqlite3.Cursor, limit: int, own: int | None, before: float) -> Settled:
    """See Store.settle."""
    way = Walk.of(db.execute(_OLDEST, [own, before]).fetchall())
    if way is None:
        return Settled()
    walked = way.read(lambda *asked: db.execute(*asked).fetchall(), limit)
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
    statistics.ended(counts, [row[_COUNTED] for row in covered], by.at, by.reason)
    statistics.add(db, counts)
    live = [row[_EVENT] for row in covered if row[_WAS_LIVE]]
    return end_events(db, live, by.at, by.reason, by.actor)
