"""Search in memory, as the reference: rows are chosen as an index would, and looked at in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from devsess.models import Page
from devsess.stores import searching, semantics
from devsess.stores.memory.copies import Copying
from devsess.stores.searching import COUNTED, LOOKED, MOST

if TYPE_CHECKING:
    from devsess.lifecycle import LivenessCutoffs
    from devsess.stores.rows import EventRow, SessionRow
    from devsess.stores.searching import Filter, Place, QueuePlace

P = TypeVar("P", "Place", "QueuePlace")


class Searching(Copying):
    """The part of MemoryStore that searches all accounts; see SupportsSearch."""

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
        before = searching.read_cursor(cursor)
        rows = self._among(wanted, before)
        return _page(
            rows[:looked],
            lambda row: searching.matches(row, wanted, cutoffs),
            limit,
            searching.place_of,
            is_more=len(rows) > looked,
        )

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
        rows = self._among(wanted, None)
        found = sum(searching.matches(row, wanted, cutoffs) for row in rows[:looked])
        return found if found <= most and len(rows) <= looked else most + 1

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
        before = searching.read_queue_cursor(cursor)
        rows = self._behind(before, searching.queue_place_of)
        return _page(
            rows[:looked],
            lambda row: searching.is_queued(row, at_least, cutoffs),
            limit,
            searching.queue_place_of,
            is_more=len(rows) > looked,
        )

    def acts(self, *, limit: int, cursor: str | None = None) -> Page[EventRow]:
        """See SupportsSearch.acts."""
        semantics.check_size(limit)
        before = semantics.read_cursor(cursor)
        with self._exclusive():
            places = (
                seq
                for seq in reversed(self._events)
                if (before is None or seq < before) and searching.is_act(self._events[seq])
            )
            found = [*islice(places, limit + 1)]
            events = tuple(self._read_event(self._events[seq]) for seq in found[:limit])
            return Page(events, str(found[limit - 1]) if len(found) > limit else None)

    def _among(self, wanted: Filter, before: Place | None) -> list[SessionRow]:
        """The rows that are looked at: those of the account, device or network wanted."""
        return [
            row
            for row in self._behind(before, searching.place_of)
            if wanted.user_id in (None, row.user_id)
            and wanted.device_id in (None, row.device.id)
            and wanted.network in (None, row.network)
        ]

    def _behind(self, before: P | None, place_of: Callable[[SessionRow], P]) -> list[SessionRow]:
        """The rows behind a place, as they read, in the order of their places."""
        with self._exclusive():
            rows = [self._as_read(row) for row in self._sessions.values()]
        rows.sort(key=place_of, reverse=True)
        return [row for row in rows if before is None or place_of(row) < before]


def _page(
    rows: Sequence[SessionRow],
    is_wanted: Callable[[SessionRow], bool],
    limit: int,
    place_of: Callable[[SessionRow], Place | QueuePlace],
    *,
    is_more: bool,
) -> Page[SessionRow]:
    """A page of those of *rows* that are wanted; *is_more* than they are to be looked at."""
    found = [row for row in rows if is_wanted(row)]
    if len(found) > limit:
        return Page(tuple(found[:limit]), searching.cursor_of(place_of(found[limit - 1])))
    following = searching.cursor_of(place_of(rows[-1])) if is_more else None
    return Page(tuple(found), following)
