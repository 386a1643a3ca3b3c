"""The store: each call of the protocol as one transaction, written once for both managers."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from devsess.models import Page
from devsess.stores import semantics
from devsess.stores.base import Ended, OfDevice, Refused
from devsess.stores.calls import Known, Settled
from devsess.stores.counting import Counts
from devsess.stores.items import check
from devsess.stores.postgres import (
    endings,
    items,
    login,
    polling,
    reads,
    rows,
    statistics,
    upkeep,
    writes,
)
from devsess.stores.postgres.needless import NeedlessDevices
from devsess.stores.postgres.searching import Searching
from devsess.stores.postgres.transaction import BEGIN, Transaction

if TYPE_CHECKING:
    from devsess.lifecycle import Activity, LivenessCutoffs
    from devsess.stores.base import Ending, Erasure, Insertion
    from devsess.stores.calls import Columns, InsertAnswer, Retention
    from devsess.stores.counting import Numbers, Period
    from devsess.stores.items import Item
    from devsess.stores.postgres.opened import GivenPool
    from devsess.stores.rows import DeviceRow, EventRow, SessionRow


class PostgresStore(Searching):
    """
    Sessions in PostgreSQL 13 or later; an AsyncStore for both managers.

    Args:
        url: `postgresql://` with libpq's options, and with ours: `schema`, `timeout`, `pool_size`.
        pool: The application's own pool in place of a URL, made with
            `connection_class=LimitedConnection` or `LimitedAsyncConnection`. It is not closed here.
        is_awaited: Whether AsyncSessionManager uses it; a pool says so by itself.
        schema: The schema of the tables; by default as the URL says, or `devsess`.
        timeout: Seconds that a call may take; by default as the URL says, or 5.
        pool_size: Connections that a process may have open at once, beside one that listens; by
            default as the URL says, or 10.

    Raises:
        ConfigurationError: If an argument or the URL is wrong. Nothing is connected yet.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        pool: GivenPool | None = None,
        is_awaited: bool = False,
        schema: str | None = None,
        timeout: float | None = None,
        pool_size: int | None = None,
    ) -> None:
        given = {"schema": schema, "timeout": timeout, "pool_size": pool_size}
        chosen = {name: it for name, it in given.items() if it is not None}
        super().__init__(url, pool, chosen, is_awaited=is_awaited)
        self._needless = NeedlessDevices(self.ask, self.write)

    # Reads.

    async def get(self, session_id: str) -> SessionRow | None:
        """See Store.get: in one round trip, or two while an ending's rows are still written."""
        if not reads.is_id(session_id):
            return None
        found = await self.ask(reads.GET_UNCOVERED, (session_id,))
        if found and not found[0][-1]:
            return rows.session_row(found[0][:-1])
        found = await self.ask(reads.GET, (session_id,)) if found else []
        return rows.session_row(found[0]) if found else None

    async def get_many(self, session_ids: Sequence[str]) -> builtins.list[SessionRow]:
        """See SupportsMany.get_many: in one round trip."""
        found = await self.ask(reads.GET_MANY, (reads.known(session_ids),))
        return [rows.session_row(it) for it in found]

    async def list(self, user_id: str) -> builtins.list[SessionRow]:
        """See Store.list."""
        found = await self.ask(reads.LIST, (user_id,)) if reads.is_id(user_id) else []
        return [rows.session_row(it) for it in found]

    async def live(
        self, user_id: str, *, cutoffs: LivenessCutoffs, limit: int, cursor: str | None = None
    ) -> Page[SessionRow]:
        """See Store.live."""
        semantics.check_size(limit)
        before = semantics.read_live_cursor(cursor)
        if not reads.is_id(user_id, before[1] if before else ""):
            return Page((), None)
        found = await self.ask(*reads.live_page(user_id, cutoffs, limit + 1, before))
        shown = [rows.session_row(it) for it in found[:limit]]
        return Page(shown, semantics.live_cursor(shown[-1]) if len(found) > limit else None)

    async def cut_off(self, user_id: str) -> float | None:
        """See Store.cut_off."""
        found = await self.ask(reads.CUT_OFF, (user_id,)) if reads.is_id(user_id) else []
        return float(found[0][0]) if found else None

    async def ending_number(self, user_id: str, *, digests: Sequence[bytes] = ()) -> int:
        """See Store.ending_number."""
        values = {"user": user_id if reads.is_id(user_id) else "", "digests": [*digests]}
        [[number]] = await self.ask(reads.ENDING_NUMBER, values)
        return int(number)

    async def ahead(self, *, after: float, limit: int) -> builtins.list[SessionRow]:
        """See Store.ahead."""
        semantics.check_size(limit)
        return [rows.session_row(it) for it in await self.ask(reads.AHEAD, (after, limit))]

    async def newest_instants(self, *, limit: int) -> builtins.list[float]:
        """See Store.newest_instants."""
        semantics.check_size(limit)
        return [at for (at,) in await self.ask(reads.NEWEST_INSTANTS, (limit,))]

    async def covered(self, number: int, *, limit: int, cursor: str | None = None) -> Page[str]:
        """See Store.covered."""
        semantics.check_size(limit)
        found = await self.ask(reads.COVERED, (number, cursor or "", limit + 1))
        ids = [session_id for (session_id,) in found]
        return Page(tuple(ids[:limit]), ids[limit - 1] if len(ids) > limit else None)

    async def devices(self, user_id: str) -> builtins.list[DeviceRow]:
        """See Store.devices."""
        found = await self.ask(reads.DEVICES, (user_id,)) if reads.is_id(user_id) else []
        return [rows.device_row(it) for it in found]

    async def known_devices(
        self,
        user_id: str,
        *,
        ids: Sequence[str],
        fingerprints: Sequence[bytes],
        digests: Sequence[bytes] = (),
        kinds: Sequence[str] = (),
    ) -> Known:
        """See Store.known_devices."""
        if not reads.is_id(user_id):
            return Known([], await self.ending_number(user_id, digests=digests))
        values = {
            "user": user_id,
            "digests": [*digests],
            "ids": reads.known(ids),
            "fingerprints": [*fingerprints],
        }
        found, *others = await self.ask_all(
            (reads.KNOWN_DEVICES, values), *items.of_account(user_id, kinds)
        )
        known = [rows.device_row(it) for _, *it in found if it[0] is not None]
        found_items = [items.item(it) for each in others for it in each]
        return Known(known, int(found[0][0]), found_items)

    async def events(
        self, user_id: str, *, limit: int, cursor: str | None = None
    ) -> Page[EventRow]:
        """See Store.events."""
        semantics.check_size(limit)
        before = semantics.read_cursor(cursor)
        if not reads.is_id(user_id):
            return Page((), None)
        below = 2**62 if before is None else before
        found = await self.ask(reads.EVENTS, (user_id, below, limit + 1))
        following = str(found[limit - 1][0]) if len(found) > limit else None
        return Page(tuple(rows.event_row(it[1:]) for it in found[:limit]), following)

    async def poll(self, position: str | None, *, limit: int) -> Page[EventRow]:
        """See SupportsPolling.poll."""
        return await polling.poll(self, position, limit)

    async def statistics(self, period: Period) -> Numbers:
        """See SupportsStatistics.statistics."""
        asking = statistics.asking(period)
        return statistics.numbers(await self.view(lambda db: db.ask_all(*asking)))

    async def items(self, kind: str, owner: str, *, limit: int) -> builtins.list[Item]:
        """See Store.items."""
        semantics.check_size(limit)
        is_possible = reads.is_id(kind, owner)
        found = await self.ask(items.OF_KIND, (owner, kind, limit)) if is_possible else []
        return [items.item(it) for it in found]

    # Writes.

    async def insert(self, insertion: Insertion) -> InsertAnswer:
        """See Store.insert: in one round trip, if it ends nothing and nothing refuses it."""
        for it in insertion.items:
            check(it)
        locks = writes.locks(insertion)
        if login.is_plain(insertion):
            plain = (login.PLAIN, login.values_of(insertion))
            adding = statistics.adding_with_session(login.counts_of(insertion), insertion.row.id)
            *_, done, _, _ = await self.batch((BEGIN, ()), *locks, plain, adding, ("COMMIT", ()))
            if done:
                return login.answer(insertion, is_written=done[0][0])
        return await self.write(lambda db: writes.insert(db, insertion), *locks)

    async def touch(
        self, session_id: str, activity: Activity, *, bound: bool, presented: int | None = None
    ) -> bool:
        """See Store.touch."""
        if not reads.is_id(session_id):
            return False
        values = {name: getattr(activity, name) for name in semantics.ACTIVITY}
        own = {"id": session_id, "bound": bound, "presented": presented}
        [done] = await self.batch((writes.TOUCH, values | own))
        return bool(done)

    async def rotate(
        self, session_id: str, *, expected_generation: int, changes: Columns, event: EventRow | None
    ) -> SessionRow | None:
        """See Store.rotate."""
        semantics.check_columns(changes)

        async def work(db: Transaction) -> SessionRow | None:
            return await writes.rotate(db, session_id, expected_generation, changes, event)

        return await self.write(work, *_owner(session_id)) if reads.is_id(session_id) else None

    async def update(
        self, session_id: str, *, expected: Columns, changes: Columns, event: EventRow
    ) -> SessionRow | None:
        """See Store.update."""
        semantics.check_columns(expected, changes)

        async def work(db: Transaction) -> SessionRow | None:
            return await writes.update(db, session_id, expected, changes, event)

        return await self.write(work, *_owner(session_id)) if reads.is_id(session_id) else None

    async def set_back(
        self, session_id: str, *, expected: Columns, changes: Columns, wait: bool = True
    ) -> bool:
        """See Store.set_back."""
        del wait  # it is awaited

        async def work(db: Transaction) -> bool:
            return await writes.set_back(db, session_id, expected, changes)

        return reads.is_id(session_id) and await self.write(work, *_owner(session_id))

    async def end(self, ending: Ending) -> Ended:
        """See Store.end."""
        if not endings.is_possible(ending.target):
            return Ended()
        lock = endings.lock(ending.target)
        return await self.write(lambda db: endings.end(db, ending), lock)

    async def settle(
        self, *, limit: int, own: int | None = None, before: float = math.inf
    ) -> Settled:
        """See Store.settle."""
        semantics.check_size(limit)
        return await self.write(lambda db: upkeep.settle(db, limit, own, before), (upkeep.LOCK, ()))

    async def put_device(
        self,
        user_id: str,
        device_id: str,
        *,
        changes: Columns,
        event: EventRow,
        number: int | None = None,
    ) -> DeviceRow | Refused | None:
        """See Store.put_device."""
        target = OfDevice(user_id, device_id)
        if not endings.is_possible(target):
            return None
        return await self.write(
            lambda db: writes.put_device(db, target, changes, event, number),
            endings.lock(target),
        )

    async def add_event(self, event: EventRow) -> None:
        """See Store.add_event."""
        await self.batch(*writes.inserting([event]))

    async def put_item(self, item: Item, *, most: int = 1) -> bool:
        """See Store.put_item: in one round trip."""
        check(item)
        lock = (writes.LOCK_ACCOUNT, (item.owner,))
        put, trim = items.put(item, most)
        counts = Counts()
        counts.put(item.kind, item.at, item.until)
        adding = statistics.adding_with_item(counts, item.owner, item.kind, item.key)
        done = await self.batch((BEGIN, ()), lock, put, *adding, trim, ("COMMIT", ()))
        return bool(done[2][0][0])

    async def purge(self, retention: Retention, *, limit: int) -> int:
        """See Store.purge."""
        semantics.check_size(limit)
        work = partial(upkeep.purge, retention=retention, limit=limit)
        done = await self.write(work, (upkeep.LOCK, ()))
        return await self._needless.delete(retention, limit, done)

    async def erase(self, erasure: Erasure) -> int:
        """See Store.erase."""
        if not reads.is_id(erasure.user_id):
            return 0
        lock = (writes.LOCK_ACCOUNT, (erasure.user_id,))
        return await self.write(lambda db: endings.erase(db, erasure), lock)


def _owner(session_id: str) -> tuple[tuple[str, tuple[str]]]:
    return ((writes.LOCK_OWNER, (session_id,)),)
