"""The calls about all accounts: for operators, and for programs that poll."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from devsess.stores import semantics
from devsess.stores.mongodb import polling, queries, searching, statistics
from devsess.stores.mongodb.documents import is_text
from devsess.stores.mongodb.opened import Opened
from devsess.stores.searching import COUNTED, LOOKED, MOST, read_cursor, read_queue_cursor

if TYPE_CHECKING:
    from devsess.lifecycle import LivenessCutoffs
    from devsess.models import Page
    from devsess.stores.counting import Numbers, Period
    from devsess.stores.rows import EventRow, SessionRow
    from devsess.stores.searching import Filter


class Overall(Opened):
    """`SupportsPolling`, `SupportsSearch` and `SupportsStatistics`; see there."""

    async def statistics(self, period: Period) -> Numbers:
        """See SupportsStatistics.statistics; of one instant."""
        return await self._transact(partial(statistics.numbers, period=period))

    async def poll(self, position: str | None, *, limit: int) -> Page[EventRow]:
        """See SupportsPolling.poll."""
        semantics.check_size(limit)
        return await self._run(partial(polling.poll, self._port, position, limit))

    async def search(
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
        before = read_cursor(cursor)
        if not is_text(*wanted.texts):
            return queries.EMPTY
        return await self._run(
            partial(searching.search, self._port, wanted, cutoffs, limit, before, looked)
        )

    async def count(
        self, wanted: Filter, *, cutoffs: LivenessCutoffs, most: int = MOST, looked: int = COUNTED
    ) -> int:
        """See SupportsSearch.count."""
        semantics.check_size(most)
        if not is_text(*wanted.texts):
            return 0
        return await self._run(partial(searching.count, self._port, wanted, cutoffs, most, looked))

    async def queue(
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
        before = read_queue_cursor(cursor)
        return await self._run(
            partial(searching.queue, self._port, at_least, cutoffs, limit, before, looked)
        )

    async def acts(self, *, limit: int, cursor: str | None = None) -> Page[EventRow]:
        """See SupportsSearch.acts."""
        semantics.check_size(limit)
        before = semantics.read_cursor(cursor)
        return await self._run(partial(searching.acts, self._port, limit, before))
