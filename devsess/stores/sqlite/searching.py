"""
Search in SQLite: pages read in the order of an index, and no further than it is said.

An index has the instants at which sessions began, and not their ids: only those of one instant
are sorted. Each statement names its index: SQLite may take another one, and sort all that it finds.
Where a condition is left that no column of the index answers, the place of the last row that may
be looked at is found first; the page is read up to there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

from devsess.models import Page
from devsess.stores import searching, semantics
from devsess.stores.searching import COUNTED, LAST, LOOKED, MOST
from devsess.stores.sqlite import rows
from devsess.stores.sqlite.checks import is_text
from devsess.stores.sqlite.copies import Copying
from devsess.stores.sqlite.damage import DamagedError, checked_instant
from devsess.stores.sqlite.endings import LIVE, of_live

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from devsess.lifecycle import LivenessCutoffs
    from devsess.stores.rows import EventRow, SessionRow
    from devsess.stores.searching import Filter, Place, QueuePlace

Condition: TypeAlias = "tuple[str, tuple[object, ...]]"

_NEWEST = 2**63 - 1
# By the column that an index begins with; the first that is given is taken.
_INDEXES = {"user_id": "sessions_user", "network": "sessions_network"}
_DEVICE_KEYS = "SELECT key FROM devices WHERE id = ?"
_OF_ACCOUNT = " AND user_id = ?"
_IS_LIVE = f"({rows.UNENDED} AND {LIVE})"
# As `rows` reads it: a covered session has its network in that place.
_IP = f"iif(s.revoked_at IS NULL AND {rows.FIRST} IS NOT NULL, s.network, s.ip)"
_PLACE = ("s.created_at", "s.id")
_QUEUE_PLACE = ("s.score", "s.created_at", "s.id")
# The place of the last of so many sessions before another place. It is found in the index, and
# all rows of two instants are read, however many: those of the first that are not before that place
# are passed by, and those of the last are in the order of their ids.
_EDGE = """
WITH passed AS (SELECT count(*) {source} AND ({at}) = {marks} AND s.id >= ?),
edge AS (SELECT {at} {source} AND ({at}) <= {marks} AND ({at}) >= {marks}
    ORDER BY {order} LIMIT 1 OFFSET ? + (SELECT * FROM passed)),
newer AS (SELECT count(*) {source} AND ({at}) <= {marks} AND ({at}) > (SELECT * FROM edge))
SELECT {at}, s.id {source} AND ({at}) = (SELECT * FROM edge) ORDER BY s.id DESC
    LIMIT 1 OFFSET ? + (SELECT * FROM passed) - (SELECT * FROM newer)
"""
_ACTS = (
    rows.SELECT_EVENT.replace("events e", "events e INDEXED BY events_acts", 1)
    + " WHERE e.actor IS NOT NULL AND e.actor <> e.user_id AND e.seq < ?"
    " ORDER BY e.seq DESC LIMIT ?"
)


class _Way:
    """
    A way through an index, from the highest place to the lowest.

    Attributes:
        index: Its name.
        among: The condition that all entries meet that are looked at.
        rest: The conditions that are left to ask of each row.
        place: The columns of a place; all but the id are in the index.
    """

    def __init__(self, index: str, among: Condition, rest: Condition, place: Sequence[str]) -> None:
        self.among, self.rest = among, rest
        self._from = f"FROM sessions s INDEXED BY {index} WHERE {among[0]}"
        self._place, self._at = f"({', '.join(place)})", place[:-1]
        self._order = _downwards(place)
        self._select = f"{rows.through(index, rows.SELECT_SESSION)} WHERE {among[0]}"

    def edge(self, before: Sequence[object], after: Sequence[object], looked: int) -> Condition:
        """The statement for the place of the last row that may be looked at; none if all may."""
        among, [*at, before_id], lowest = self.among[1], before, after[:-1]
        statement = _EDGE.format(
            source=self._from, at=", ".join(self._at), order=_downwards(self._at), marks=_marks(at)
        )
        passed = *among, *at, before_id
        edge = *among, *at, *lowest, looked - 1
        return statement, (*passed, *edge, *among, *at, *among, looked - 1)

    def page(self, before: Sequence[object], after: Sequence[object], limit: int) -> Condition:
        """The statement for the rows between two places."""
        return self._between(self._select, before, after, f"ORDER BY {self._order}", limit)

    def count(self, before: Sequence[object], after: Sequence[object], most: int) -> Condition:
        """The statement for their number."""
        statement, values = self._between(f"SELECT 1 {self._from}", before, after, "", most)
        return f"SELECT count(*) FROM ({statement})", values  # noqa: S608

    def _between(
        self,
        select: str,
        before: Sequence[object],
        after: Sequence[object],
        order: str,
        limit: int,
    ) -> Condition:
        marks, (rest, values) = _marks(before), self.rest
        bounds = f"{self._place} < {marks} AND {self._place} >= {marks} AND {rest}"
        return (
            f"{select} AND {bounds} {order} LIMIT ?",
            (*self.among[1], *before, *after, *values, limit),
        )


class Searching(Copying):
    """The part of SQLiteStore that searches all accounts; see SupportsSearch."""

    def search(
        self,
        wanted: Filter,
        *,
        cutoffs: LivenessCutoffs,
        limit: int,
        cursor: str | None = None,
        looked: int = LOOKED,
    ) -> Page[SessionRow]:
        """See SupportsSearch.search."""
        semantics.check_size(limit)
        before, after = wanted.before(searching.read_cursor(cursor)), wanted.after(cutoffs)
        if not is_text(*wanted.texts):
            return Page(())
        way = _way(wanted, cutoffs, self._devices(wanted))
        edge = self._edge(way, before, after, looked)
        found = self._read(way, before, edge or after, limit)
        return _page(found, limit, edge, searching.place_of)

    def count(
        self,
        wanted: Filter,
        *,
        cutoffs: LivenessCutoffs,
        most: int = MOST,
        looked: int = COUNTED,
    ) -> int:
        """See SupportsSearch.count."""
        semantics.check_size(most)
        if not is_text(*wanted.texts):
            return 0
        before, after = wanted.before(None), wanted.after(cutoffs)
        way = _way(wanted, cutoffs, self._devices(wanted))
        if self._edge(way, before, after, looked + 1) is not None:
            return most + 1
        [[found]] = self._rows(*way.count(before, after, most + 1))
        return int(found)

    def queue(
        self,
        at_least: int,
        *,
        cutoffs: LivenessCutoffs,
        limit: int,
        cursor: str | None = None,
        looked: int = LOOKED,
    ) -> Page[SessionRow]:
        """See SupportsSearch.queue."""
        semantics.check_size(limit)
        before: QueuePlace = searching.read_queue_cursor(cursor) or (_NEWEST, math.inf, "")
        after: QueuePlace = (at_least, *LAST)
        way = _queue_way(cutoffs)
        edge = self._edge(way, before, after, looked)
        found = self._read(way, before, edge or after, limit)
        return _page(found, limit, edge, searching.queue_place_of)

    def acts(self, *, limit: int, cursor: str | None = None) -> Page[EventRow]:
        """See SupportsSearch.acts."""
        semantics.check_size(limit)
        before = semantics.read_cursor(cursor)
        found = self._rows(_ACTS, (_NEWEST if before is None else before, limit + 1))
        following = str(found[limit - 1][0]) if len(found) > limit else None
        events = self._made(rows.event_row, [values[1:] for values in found[:limit]])
        return Page(tuple(events), following)

    def _devices(self, wanted: Filter) -> list[int] | None:
        """
        The keys of the device *wanted*, which is one but by odd chance; None for any device.

        Until they are used, one may have become another device's: `_way` asks again.
        """
        if wanted.device_id is None:
            return None
        if wanted.user_id is None:
            found = self._rows(_DEVICE_KEYS, (wanted.device_id,))
        else:
            found = self._rows(_DEVICE_KEYS + _OF_ACCOUNT, (wanted.device_id, wanted.user_id))
        return [key for (key,) in found]

    def _edge(
        self, way: _Way, before: Sequence[object], after: Sequence[object], looked: int
    ) -> tuple[Any, ...] | None:
        """The place of the last row that a page may look at; None if there are no more."""
        if way.rest == _all([]):
            return None
        found = self._rows(*way.edge(before, after, looked))
        return self._made(_checked_place, found)[0] if found else None

    def _read(
        self, way: _Way, before: Sequence[object], after: Sequence[object], limit: int
    ) -> list[SessionRow]:
        return self._made(rows.session_row, self._rows(*way.page(before, after, limit + 1)))


def _page(
    found: list[SessionRow],
    limit: int,
    edge: Place | QueuePlace | None,
    place_of: Callable[[SessionRow], Place | QueuePlace],
) -> Page[SessionRow]:
    """A page of what was *found* up to the *edge* of what may be looked at."""
    place = place_of(found[limit - 1]) if len(found) > limit else edge
    return Page(tuple(found[:limit]), None if place is None else searching.cursor_of(place))


def _checked_place(found: Sequence[Any]) -> tuple[Any, ...]:
    *_, created_at, session_id = found
    if checked_instant(created_at) is None or not isinstance(session_id, str):
        raise DamagedError("there is no place among sessions where one should be")
    return tuple(found)


def _marks(values: Sequence[object]) -> str:
    return f"({', '.join('?' * len(values))})"


def _downwards(columns: Sequence[str]) -> str:
    return ", ".join(f"{it} DESC" for it in columns)


def _way(wanted: Filter, cutoffs: LivenessCutoffs, devices: Sequence[int] | None) -> _Way:
    """Through the index of the column that is likely to leave the fewest rows."""
    named = [(name, getattr(wanted, name)) for name in _INDEXES]
    named = [(name, value) for name, value in named if value is not None]
    index, among = "sessions_created", _all([])
    if devices is not None:
        # The sessions of one device are in order; those of several that have one id are sorted.
        keys = _marks(devices)
        still = f"(SELECT count(*) FROM devices WHERE id = ? AND key IN {keys}) = ?"  # noqa: S608
        values = (*devices, wanted.device_id, *devices, len(devices))
        index, among = "sessions_device", (f"s.device_key IN {keys} AND {still}", values)
    elif named:
        (name, value), *named = named
        index, among = _INDEXES[name], (f"s.{name} = ?", (value,))
    if index == "sessions_user" and wanted.is_ended is False:
        index, among = "sessions_live", (f"s.revoked_at IS NULL AND {among[0]}", among[1])
    rest: list[Condition] = [(f"s.{name} = ?", (value,)) for name, value in named]
    if wanted.ip is not None:
        rest.append((f"{_IP} = ?", (wanted.ip,)))
    if wanted.is_ended is not None:
        rest.append((f"NOT {_IS_LIVE}" if wanted.is_ended else _IS_LIVE, of_live(cutoffs)))
    return _Way(index, among, _all(rest), _PLACE)


def _all(conditions: Sequence[Condition]) -> Condition:
    """All of them; `1` where there is none."""
    texts = [text for text, _ in conditions]
    return " AND ".join(texts) or "1", tuple(it for _, values in conditions for it in values)


def _queue_way(cutoffs: LivenessCutoffs) -> _Way:
    among = "s.revoked_at IS NULL AND s.score IS NOT NULL"
    live = (_IS_LIVE, of_live(cutoffs))
    return _Way("sessions_score", (among, ()), live, _QUEUE_PLACE)
