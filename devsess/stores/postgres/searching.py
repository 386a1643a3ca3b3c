"""
Search in PostgreSQL: pages read in the order of an index, and no further than it is said.

An index begins with the column that is given, and has the order of pages behind it. Where a
condition is left that no column of the index answers, the place of the last row that may be looked
at is read first; then the page, up to there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import frozen

from devsess.models import Page
from devsess.stores import searching, semantics
from devsess.stores.postgres import reads, rows
from devsess.stores.postgres.copies import Copying
from devsess.stores.searching import COUNTED, LAST, LOOKED, MOST

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from devsess.lifecycle import LivenessCutoffs
    from devsess.stores.rows import EventRow, SessionRow
    from devsess.stores.searching import Filter, Place, QueuePlace

Asked: TypeAlias = tuple[str, dict[str, object]]

_NEWEST = 2**63 - 1
_IS_LIVE = f"({rows.UNENDED} AND {rows.LIVE})"
# As `rows` reads it: a covered session has its network in that place.
_IP = f"CASE WHEN s.revoked_at IS NOT NULL OR ({rows.UNENDED}) THEN s.ip ELSE s.network END"
# Each has an index with places behind it; the first that is given is taken.
_NAMES = ("device_id", "user_id", "network")
_PLACE = ("created_at", "id")
_QUEUE_PLACE = ("score", "created_at", "id")
_FROM = "FROM {s}.sessions s"
# They are found first: for all, the server would look up the sessions of all.
_ACTS = (
    rows.SELECT_EVENT.replace(  # noqa: S608
        "FROM {s}.events e",
        "FROM (SELECT e.* FROM {s}.events e WHERE e.actor IS NOT NULL AND e.actor <> e.user_id"
        " AND e.seq < %s ORDER BY e.seq DESC LIMIT %s) e",
        1,
    )
    + " ORDER BY e.seq DESC"
)


@frozen
class _Way:
    """
    A way through an index, from the highest place to the lowest.

    Attributes:
        fixed: The columns of which all rows have the same value that are looked at. They stand in
            each place, and in the order, rather than beside them: so no index but the one that
            begins with them has this order, and the server takes it without knowing how many
            rows there are of this value.
        place: The columns of a place behind them.
        among: Other conditions that the index answers.
        rest: The conditions that are left to ask of each row.
        values: Of all of them, by name.
    """

    fixed: Sequence[str]
    place: Sequence[str]
    among: Sequence[str]
    rest: Sequence[str]
    values: dict[str, object]

    def edge(self, before: Sequence[Any], after: Sequence[Any], looked: int) -> Asked:
        """The statement for the place of the last row that may be looked at; none if all may."""
        columns = ", ".join(f"s.{it}" for it in self.place)
        text, values = self._looked_at(columns, before, after)
        return f"{text} OFFSET %(skipped)s LIMIT 1", values | {"skipped": looked - 1}

    def page(self, before: Sequence[Any], after: Sequence[Any], limit: int, looked: int) -> Asked:
        """The statement for the first rows among so many that are looked at."""
        text, values = self._looked_at("s.*", before, after)
        among = f"FROM ({text} LIMIT %(looked)s) s"
        select = rows.SELECT_SESSION.replace(_FROM, among, 1)
        values |= {"looked": looked, "limit": limit}
        return f"{select} WHERE {self._asked} ORDER BY {self._order} LIMIT %(limit)s", values

    def count(self, before: Sequence[Any], after: Sequence[Any], most: int, looked: int) -> Asked:
        """The statement for their number."""
        text, values = self._looked_at("s.*", before, after)
        among = f"FROM ({text} LIMIT %(looked)s) s WHERE {self._asked}"
        counted = f"SELECT count(*) FROM (SELECT 1 {among} LIMIT %(limit)s) counted"  # noqa: S608
        return counted, values | {"looked": looked, "limit": most}

    def _looked_at(self, columns: str, before: Sequence[Any], after: Sequence[Any]) -> Asked:
        """
        The statement for all rows between two places, in order.

        The rest is asked of them from outside: inside, an estimate that few rows pass
        would have the server fetch all of these and sort them.
        """
        place = ", ".join(f"s.{it}" for it in (*self.fixed, *self.place))
        bounds = [f"({place}) {sign} ({', '.join(self._marks(end))})" for sign, end in _ENDS]
        values = self.values | self._named("before", before) | self._named("after", after)
        conditions = " AND ".join([*self.among, *bounds])
        return f"SELECT {columns} {_FROM} WHERE {conditions} ORDER BY {self._order}", values

    @property
    def _asked(self) -> str:
        return " AND ".join(self.rest) or "true"

    @property
    def _order(self) -> str:
        return ", ".join(f"s.{it} DESC" for it in (*self.fixed, *self.place))

    def _marks(self, end: str) -> list[str]:
        names = [*self.fixed, *(f"{end}_{it}" for it in self.place)]
        return [f"%({name})s" for name in names]

    def _named(self, end: str, values: Sequence[Any]) -> dict[str, object]:
        return {f"{end}_{name}": it for name, it in zip(self.place, values, strict=True)}


_ENDS = (("<", "before"), (">=", "after"))


class Searching(Copying):
    """The part of PostgresStore that searches all accounts; see SupportsSearch."""

    async def search(
        self,
        wanted: Filter,
        *,
        cutoffs: LivenessCutoffs,
        limit: int,
        cursor: str | None = None,
        looked: int = LOOKED,
    ) -> Page[SessionRow]:
        """See SupportsSearch.search: in one round trip, or two."""
        semantics.check_size(limit)
        before, after = wanted.before(searching.read_cursor(cursor)), wanted.after(cutoffs)
        if not reads.is_id(*wanted.texts):
            return Page(())
        way = _way(wanted, cutoffs)
        return await self._page(way, before, after, limit, looked, searching.place_of)

    async def count(
        self, wanted: Filter, *, cutoffs: LivenessCutoffs, most: int = MOST, looked: int = COUNTED
    ) -> int:
        """See SupportsSearch.count: in one round trip, or two."""
        semantics.check_size(most)
        if not reads.is_id(*wanted.texts):
            return 0
        before, after, way = wanted.before(None), wanted.after(cutoffs), _way(wanted, cutoffs)
        if await self._edge(way, before, after, looked + 1) is not None:
            return most + 1
        [[found]] = await self.ask(*way.count(before, after, most + 1, looked))
        return int(found)

    async def queue(
        self,
        at_least: int,
        *,
        cutoffs: LivenessCutoffs,
        limit: int,
        cursor: str | None = None,
        looked: int = LOOKED,
    ) -> Page[SessionRow]:
        """See SupportsSearch.queue: in two round trips."""
        semantics.check_size(limit)
        before: QueuePlace = searching.read_queue_cursor(cursor) or (_NEWEST, math.inf, "")
        after: QueuePlace = (at_least, *LAST)
        among = ("s.revoked_at IS NULL", "s.score IS NOT NULL")
        way = _Way((), _QUEUE_PLACE, among, (_IS_LIVE,), reads.of_live(cutoffs))
        return await self._page(way, before, after, limit, looked, searching.queue_place_of)

    async def acts(self, *, limit: int, cursor: str | None = None) -> Page[EventRow]:
        """See SupportsSearch.acts: in one round trip."""
        semantics.check_size(limit)
        before = semantics.read_cursor(cursor)
        found = await self.ask(_ACTS, (_NEWEST if before is None else before, limit + 1))
        following = str(found[limit - 1][0]) if len(found) > limit else None
        return Page(tuple(rows.event_row(it[1:]) for it in found[:limit]), following)

    async def _edge(
        self, way: _Way, before: Sequence[Any], after: Sequence[Any], looked: int
    ) -> tuple[Any, ...] | None:
        """The place of the last row that a page may look at; None if there are no more."""
        found = await self.ask(*way.edge(before, after, looked)) if way.rest else []
        return tuple(found[0]) if found else None

    async def _page(
        self,
        way: _Way,
        before: Sequence[Any],
        after: Sequence[Any],
        limit: int,
        looked: int,
        place_of: Callable[[SessionRow], Place | QueuePlace],
    ) -> Page[SessionRow]:
        edge = await self._edge(way, before, after, looked)
        # The edge bounds them; twice as many, since others may begin between the two reads.
        among = 2 * looked if way.rest else limit + 1
        read = await self.ask(*way.page(before, edge or after, limit + 1, among))
        found = [rows.session_row(it) for it in read]
        place: Any = place_of(found[limit - 1]) if len(found) > limit else edge
        return Page(tuple(found[:limit]), None if place is None else searching.cursor_of(place))


def _way(wanted: Filter, cutoffs: LivenessCutoffs) -> _Way:
    """Through the index of the column that is likely to leave the fewest rows."""
    named = [(name, getattr(wanted, name)) for name in _NAMES]
    named = [(name, value) for name, value in named if value is not None]
    values = reads.of_live(cutoffs) | dict(named) | {"ip": wanted.ip}
    fixed, rest = [name for name, _ in named[:1]], [f"s.{it} = %({it})s" for it, _ in named[1:]]
    is_live_of_user = fixed == ["user_id"] and wanted.is_ended is False
    if wanted.ip is not None:
        rest.append(f"{_IP} = %(ip)s")
    if wanted.is_ended is not None:
        rest.append(f"NOT {_IS_LIVE}" if wanted.is_ended else _IS_LIVE)
    among = ["s.revoked_at IS NULL"] if is_live_of_user else []
    return _Way(fixed, _PLACE, among, rest, values)
