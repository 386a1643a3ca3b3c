"""The calls of the protocol, each as one transaction, and how they run."""

from __future__ import annotations

import builtins
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from devsess.errors import StoreUnavailableError
from devsess.stores import searching as places
from devsess.stores import semantics
from devsess.stores.as_json import UnreadableRowError
from devsess.stores.calls import Known
from devsess.stores.searching import COUNTED, LOOKED, MOST
from devsess.stores.sqlalchemy import (
    copies,
    endings,
    erasing,
    log,
    migrating,
    reads,
    searching,
    writes,
)
from devsess.stores.sqlalchemy.errors import EmptiedError, UndoneError
from devsess.stores.sqlalchemy.needless import NeedlessDevices
from devsess.stores.sqlalchemy.ports import Isolation
from devsess.stores.sqlalchemy.purge import purge
from devsess.stores.sqlalchemy.unit import Unit

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from devsess.lifecycle import Activity, LivenessCutoffs
    from devsess.models import Page
    from devsess.stores.accounts import Batch
    from devsess.stores.base import Changes, Ended, Ending, Erasure, Insertion, Refused
    from devsess.stores.calls import Columns, InsertAnswer, Retention, Settled
    from devsess.stores.items import Item
    from devsess.stores.rows import DeviceRow, EventRow, SessionRow
    from devsess.stores.searching import Filter
    from devsess.stores.sqlalchemy.ports import Execute, Port, Work
    from devsess.stores.sqlalchemy.schema import Tables

T = TypeVar("T")
# A call of the protocol, as it runs over one connection.
Call = Callable[[Unit], Awaitable[T]]

# How often a transaction is tried that the database undid for the sake of others.
_TRIES = 5


class Calls:
    """
    All calls but those about the schema.

    Attributes:
        tables: The tables.
        port: The connections.
        is_ready: Whether the first rows are known to be there.
    """

    is_ready = False

    def __init__(self, tables: Tables, port: Port) -> None:
        self.tables, self.port = tables, port
        self._needless = NeedlessDevices(self.read, self.write)

    @property
    def is_awaited(self) -> bool:
        """Whether it is a store for AsyncSessionManager."""
        return self.port.is_awaited

    # How calls run.

    async def read(self, work: Call[T], isolation: Isolation = Isolation.READ) -> T:
        await self.check()
        return await self.run(work, isolation)

    async def write(self, work: Call[T], *, waits: bool = True) -> T:
        await self.check()
        for _ in range(_TRIES - 1):
            try:
                return await self.run(work, Isolation.WRITE, waits=waits)
            except UndoneError:
                continue
            except EmptiedError:
                self.is_ready = False
                await self.check()
        return await self.run(work, Isolation.WRITE, waits=waits)

    async def run(self, work: Call[T], isolation: Isolation, *, waits: bool = True) -> T:
        async def whole(execute: Execute) -> T:
            db = self._unit(execute, is_write=isolation is Isolation.WRITE, waits=waits)
            answer = await work(db)
            await self._log(db)
            return answer

        try:
            return await self._run_whole(whole, isolation)
        except UnreadableRowError as error:
            raise StoreUnavailableError(f"a row is damaged: {error}") from error

    # What a store within another transaction does in its own way.

    def _unit(self, execute: Execute, *, is_write: bool, waits: bool) -> Unit:
        return Unit(self.tables, execute, self.port.dialect, is_write=is_write, waits=waits)

    async def _log(self, db: Unit) -> None:
        await log.append(db, db.logged)

    async def _run_whole(self, whole: Work[T], isolation: Isolation) -> T:
        return await self.port.run(whole, isolation)

    async def check(self) -> None:
        """At the first call: write the rows without which no call works."""
        if self.is_ready:
            return
        if not await self.run(migrating.is_ready, Isolation.READ):
            await self.run(migrating.put_first_rows, Isolation.WRITE)
        self.is_ready = True

    async def draw(self) -> int:
        """The next ending number, in a transaction of its own."""
        return await self.write(lambda db: db.draw())

    def is_of(self, engine: Engine) -> bool:
        return self.port.is_of(engine)

    # Reads.

    async def changes(self, position: object) -> Changes:
        """See Store.changes: one round trip where nothing has changed."""
        return await self.read(lambda db: log.changes(db, position))

    async def get(self, session_id: str) -> SessionRow | None:
        """See Store.get."""
        return await self.read(lambda db: db.session(session_id))

    async def get_many(self, session_ids: Sequence[str]) -> builtins.list[SessionRow]:
        """See SupportsMany."""
        return await self.read(lambda db: reads.many(db, session_ids))

    async def list(self, user_id: str) -> builtins.list[SessionRow]:
        """See Store.list."""
        found = await self.read(lambda db: reads.of_user(db, user_id))
        return sorted(found, key=lambda row: (-row.last_seen_at, row.id))

    async def live(
        self, user_id: str, *, cutoffs: LivenessCutoffs, limit: int, cursor: str | None = None
    ) -> Page[SessionRow]:
        """See Store.live."""
        semantics.check_size(limit)
        before = semantics.read_live_cursor(cursor)
        return await self.read(lambda db: reads.live(db, user_id, cutoffs, limit, before))

    async def cut_off(self, user_id: str) -> float | None:
        """See Store.cut_off."""
        return await self.read(lambda db: reads.cut_off(db, user_id))

    async def ending_number(self, user_id: str, *, digests: Sequence[bytes] = ()) -> int:
        """See Store.ending_number."""
        return await self.read(lambda db: db.ending_number(user_id, digests))

    async def ahead(self, *, after: float, limit: int) -> builtins.list[SessionRow]:
        """See Store.ahead."""
        semantics.check_size(limit)
        return await self.read(lambda db: reads.ahead(db, after, limit))

    async def newest_instants(self, *, limit: int) -> builtins.list[float]:
        """See Store.newest_instants."""
        semantics.check_size(limit)
        return await self.read(lambda db: reads.newest_instants(db, limit))

    async def covered(self, number: int, *, limit: int, cursor: str | None = None) -> Page[str]:
        """See Store.covered."""
        semantics.check_size(limit)
        return await self.read(lambda db: endings.covered(db, number, limit, cursor))

    async def devices(self, user_id: str) -> builtins.list[DeviceRow]:
        """See Store.devices."""
        return await self.read(lambda db: reads.devices(db, user_id))

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

        async def read(db: Unit) -> Known:
            number = await db.ending_number(user_id, digests)  # first: see the protocol
            known = await reads.worth_comparing(db, user_id, ids, fingerprints)
            return Known(known, number, await writes.account_items(db, user_id, kinds))

        return await self.read(read)

    async def items(self, kind: str, owner: str, *, limit: int) -> builtins.list[Item]:
        """See Store.items."""
        semantics.check_size(limit)
        return await self.read(lambda db: writes.items_of(db, kind, owner, limit))

    async def events(
        self, user_id: str, *, limit: int, cursor: str | None = None
    ) -> Page[EventRow]:
        """See Store.events."""
        semantics.check_size(limit)
        before = semantics.read_cursor(cursor)
        return await self.read(lambda db: reads.events(db, user_id, limit, before))

    # Writes.

    async def insert(self, insertion: Insertion) -> InsertAnswer:
        """See Store.insert."""
        return await self.write(lambda db: writes.insert_session(db, insertion))

    async def touch(
        self, session_id: str, activity: Activity, *, bound: bool, presented: int | None = None
    ) -> bool:
        """See Store.touch."""
        return await self.write(
            lambda db: writes.touch(db, session_id, activity, bound=bound, presented=presented),
            waits=False,
        )

    async def rotate(
        self, session_id: str, *, expected_generation: int, changes: Columns, event: EventRow | None
    ) -> SessionRow | None:
        """See Store.rotate."""
        return await self.write(
            lambda db: writes.rotate(db, session_id, expected_generation, changes, event)
        )

    async def update(
        self, session_id: str, *, expected: Columns, changes: Columns, event: EventRow
    ) -> SessionRow | None:
        """See Store.update."""
        return await self.write(lambda db: writes.change(db, session_id, expected, changes, event))

    async def set_back(
        self, session_id: str, *, expected: Columns, changes: Columns, wait: bool = True
    ) -> bool:
        """See Store.set_back."""
        return await self.write(
            lambda db: writes.set_back(db, session_id, expected, changes), waits=wait
        )

    async def end(self, ending: Ending) -> Ended:
        """See Store.end."""
        return await self.write(lambda db: endings.end(db, ending))

    async def settle(
        self, *, limit: int, own: int | None = None, before: float = math.inf
    ) -> Settled:
        """See Store.settle."""
        semantics.check_size(limit)
        return await self.write(lambda db: endings.settle(db, limit, own, before))

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
        return await self.write(
            lambda db: writes.put_device(db, user_id, device_id, changes, event, number)
        )

    async def add_event(self, event: EventRow) -> None:
        """See Store.add_event."""
        await self.write(lambda db: writes.add_event(db, event))

    async def put_item(self, item: Item, *, most: int = 1) -> bool:
        """See Store.put_item."""
        return await self.write(lambda db: writes.put_item(db, item, most))

    async def purge(self, retention: Retention, *, limit: int) -> int:
        """See Store.purge."""
        semantics.check_size(limit)
        done = await self.write(lambda db: purge(db, retention, limit))
        return await self._needless.delete(retention, limit, done)

    async def erase(self, erasure: Erasure) -> int:
        """See Store.erase."""
        return await self.write(lambda db: erasing.erase(db, erasure))

    # Capabilities beside the protocol.

    async def search(
        self,
        wanted: Filter,
        *,
        cutoffs: LivenessCutoffs,
        limit: int,
        cursor: str | None = None,
        looked: int = LOOKED,
    ) -> Page[SessionRow]:
        """See SupportsSearch."""
        semantics.check_size(limit)
        before = places.read_cursor(cursor)
        return await self.read(
            lambda db: searching.search(db, wanted, cutoffs, limit, before, looked)
        )

    async def count(
        self, wanted: Filter, *, cutoffs: LivenessCutoffs, most: int = MOST, looked: int = COUNTED
    ) -> int:
        """See SupportsSearch."""
        semantics.check_size(most)
        return await self.read(lambda db: searching.count(db, wanted, cutoffs, most, looked))

    async def queue(
        self,
        at_least: int,
        *,
        cutoffs: LivenessCutoffs,
        limit: int,
        cursor: str | None = None,
        looked: int = LOOKED,
    ) -> Page[SessionRow]:
        """See SupportsSearch."""
        semantics.check_size(limit)
        before = places.read_queue_cursor(cursor)
        return await self.read(
            lambda db: searching.queue(db, at_least, cutoffs, limit, before, looked)
        )

    async def acts(self, *, limit: int, cursor: str | None = None) -> Page[EventRow]:
        """See SupportsSearch."""
        semantics.check_size(limit)
        before = semantics.read_cursor(cursor)
        return await self.read(lambda db: searching.acts(db, limit, before))

    async def export(self, *, limit: int, cursor: str | None = None) -> Batch:
        """See SupportsCopy."""
        semantics.check_size(limit)
        return await self.read(lambda db: copies.export(db, limit, cursor), Isolation.SNAPSHOT)

    async def accounts(self, user_ids: Sequence[str]) -> Batch:
        """See SupportsCopy."""
        return await self.read(lambda db: copies.accounts(db, user_ids), Isolation.SNAPSHOT)

    async def merge(self, batch: Batch) -> None:
        """See SupportsCopy."""
        await self.write(lambda db: copies.merge(db, batch))
