"""
The store: each call of the protocol as one transaction, written once for both managers.

    SessionManager(DictStore(BlockingPort(address)), keys=...)
    AsyncSessionManager(DictStore(AwaitingPort(address)), keys=...)
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from devsess.errors import StoreUnavailableError
from devsess.lifecycle import counts_as_live
from devsess.models import Page
from devsess.stores import polled, semantics
from devsess.stores.as_json import UnreadableRowError
from devsess.stores.base import Ended, Refused
from devsess.stores.calls import Known, Settled, StoreBusyError
from dict_store import copies, leases, log, purge, writes
from dict_store.tables import MovedError, Tables

if TYPE_CHECKING:
    from devsess.lifecycle import Activity, LivenessCutoffs
    from devsess.stores.accounts import Batch
    from devsess.stores.base import Changes, Ending, Erasure, Insertion
    from devsess.stores.calls import Columns, InsertAnswer, Retention
    from devsess.stores.capabilities import Behind, Renewal
    from devsess.stores.items import Item
    from devsess.stores.rows import DeviceRow, EventRow, SessionRow
    from dict_store.ports import Port

T = TypeVar("T")

# Transactions that others may overtake before a call gives up.
TRIES = 100


class DictStore:
    """An AsyncStore; over a BlockingPort none of its coroutines ever suspends."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._heard: object = None  # the position that was read last

    async def _in_one(self, work: Callable[[Tables], Awaitable[T]], *, tries: int = TRIES) -> T:
        """Do *work* in one transaction and return its result."""
        for _ in range(tries):
            tables = Tables(self._port)
            try:
                answer = await work(tables)
                await tables.commit()
            except MovedError:
                continue
            except UnreadableRowError as error:
                raise StoreUnavailableError(f"a row is damaged: {error}") from error
            return answer
        raise StoreBusyError("other processes write; try again")

    # Reads.

    async def changes(self, position: object) -> Changes:
        changes = await self._in_one(lambda tables: log.changes(tables, position))
        self._heard = changes.position
        return changes

    async def get(self, session_id: str) -> SessionRow | None:
        return await self._in_one(lambda tables: tables.session(session_id))

    async def list(self, user_id: str) -> builtins.list[SessionRow]:
        rows = await self._in_one(lambda tables: tables.sessions(user_id))
        return sorted(rows, key=lambda row: (-row.last_seen_at, row.id))

    async def live(
        self, user_id: str, *, cutoffs: LivenessCutoffs, limit: int, cursor: str | None = None
    ) -> Page[SessionRow]:
        semantics.check_size(limit)
        before = semantics.read_live_cursor(cursor)
        rows = await self._in_one(lambda tables: tables.sessions(user_id))
        found = [it for it in rows if before is None or (it.created_at, it.id) < before]
        found = [it for it in found if counts_as_live(it, cutoffs)]
        found.sort(key=lambda row: (row.created_at, row.id), reverse=True)
        following = semantics.live_cursor(found[limit - 1]) if len(found) > limit else None
        return Page(tuple(found[:limit]), following)

    async def cut_off(self, user_id: str) -> float | None:
        account = await self._in_one(lambda tables: writes.account(tables, user_id))
        cut_off: float | None = account["cut_off"]
        return cut_off

    async def ending_number(self, user_id: str, *, digests: Sequence[bytes] = ()) -> int:
        return await self._in_one(lambda tables: writes.ending_number(tables, user_id, digests))

    async def ahead(self, *, after: float, limit: int) -> builtins.list[SessionRow]:
        semantics.check_size(limit)
        rows = await self._in_one(lambda tables: tables.sessions())
        late = [it for it in rows if it.revoked_at is None and it.idle_expires_at > after]
        return sorted(late, key=lambda row: (-row.idle_expires_at, row.id))[:limit]

    async def newest_instants(self, *, limit: int) -> builtins.list[float]:
        semantics.check_size(limit)
        events = await self._in_one(lambda tables: tables.events())
        return [event.at for event in [*events.values()][::-1][:limit]]

    async def covered(self, number: int, *, limit: int, cursor: str | None = None) -> Page[str]:
        semantics.check_size(limit)
        found = await self._in_one(writes.covered)
        live = sorted(
            row.id for row, by in found if by.number == number and counts_as_live(row, by.cutoffs)
        )
        ids = [it for it in live if cursor is None or it > cursor]
        return Page(tuple(ids[:limit]), ids[limit - 1] if len(ids) > limit else None)

    async def devices(self, user_id: str) -> builtins.list[DeviceRow]:
        rows = await self._in_one(lambda tables: tables.all_devices(user_id))
        kept = [row for row in rows if not row.forgotten]
        return sorted(kept, key=lambda row: (-row.last_seen_at, row.id))

    async def known_devices(
        self,
        user_id: str,
        *,
        ids: Sequence[str],
        fingerprints: Sequence[bytes],
        digests: Sequence[bytes] = (),
        kinds: Sequence[str] = (),
    ) -> Known:
        number = await self.ending_number(user_id, digests=digests)  # first: see the protocol
        known = semantics.worth_comparing(await self.devices(user_id), ids, fingerprints)
        items = await self._in_one(lambda tables: tables.account_items(user_id, kinds))
        return Known(known, number, items)

    async def items(self, kind: str, owner: str, *, limit: int) -> builtins.list[Item]:
        semantics.check_size(limit)
        return (await self._in_one(lambda tables: tables.items(owner, kind)))[:limit]

    async def events(
        self, user_id: str, *, limit: int, cursor: str | None = None
    ) -> Page[EventRow]:
        semantics.check_size(limit)
        before = semantics.read_cursor(cursor)
        found = await self._in_one(lambda tables: writes.history(tables, user_id))
        places = [seq for seq in sorted(found, reverse=True) if not before or seq < before]
        shown = places[:limit]
        following = str(shown[-1]) if len(places) > limit else None
        return Page(tuple(found[seq] for seq in shown), following)

    async def poll(self, position: str | None, *, limit: int) -> Page[EventRow]:
        semantics.check_size(limit)

        async def read(tables: Tables) -> Page[EventRow]:
            behind = polled.read_position(position, (await tables.meta())["last_event"])
            found = await writes.history(tables)
            places = [seq for seq in sorted(found) if seq > behind][:limit]
            following = str(places[-1] if places else behind)
            return Page(tuple(found[seq] for seq in places), following)

        return await self._in_one(read)

    # Writes.

    async def insert(self, insertion: Insertion) -> InsertAnswer:
        return await self._in_one(lambda tables: writes.insert(tables, insertion))

    async def touch(
        self, session_id: str, activity: Activity, *, bound: bool, presented: int | None = None
    ) -> bool:
        async def write(tables: Tables) -> bool:
            row = await tables.unrevoked(session_id)
            if row is None:
                return False
            tables.put_session(semantics.touched(row, activity, bound=bound, presented=presented))
            return True

        return await self._in_one(write, tries=1)  # a touch waits for nobody

    async def rotate(
        self, session_id: str, *, expected_generation: int, changes: Columns, event: EventRow | None
    ) -> SessionRow | None:
        async def write(tables: Tables) -> SessionRow | None:
            kept = changes
            if event is not None and await tables.is_full(event):
                kept = semantics.without_agent(changes)
            expected = {"generation": expected_generation}
            raised = {**kept, "generation": expected_generation + 1}
            row = await writes.swap(tables, session_id, expected, raised)
            if row is not None and semantics.is_heard(changes):
                await tables.append_change(row.id)
            if row is not None and event is not None:
                await tables.insert_event(event)
            return row

        return await self._in_one(write)

    async def update(
        self, session_id: str, *, expected: Columns, changes: Columns, event: EventRow
    ) -> SessionRow | None:
        async def write(tables: Tables) -> SessionRow | None:
            row = await writes.swap(tables, session_id, expected, changes)
            if row is not None:
                await tables.append_change(row.id)
                await tables.insert_event(event)
            return row

        return await self._in_one(write)

    async def set_back(
        self, session_id: str, *, expected: Columns, changes: Columns, wait: bool = True
    ) -> bool:
        async def write(tables: Tables) -> bool:
            row = await tables.unrevoked(session_id)
            if row is None or not semantics.holds(row, expected):
                return False
            tables.put_session(semantics.corrected(row, changes))
            await tables.append_change(row.id)
            return True

        return await self._in_one(write, tries=TRIES if wait else 1)

    async def end(self, ending: Ending) -> Ended:
        return await self._in_one(lambda tables: writes.end(tables, ending))

    async def settle(
        self, *, limit: int, own: int | None = None, before: float = math.inf
    ) -> Settled:
        semantics.check_size(limit)
        return await self._in_one(lambda tables: writes.settle(tables, limit, own, before))

    async def put_device(
        self,
        user_id: str,
        device_id: str,
        *,
        changes: Columns,
        event: EventRow,
        number: int | None = None,
    ) -> DeviceRow | Refused | None:
        async def write(tables: Tables) -> DeviceRow | Refused | None:
            device = await tables.device(user_id, device_id)
            if device is None or device.forgotten:
                return None
            if number is not None and not await writes.is_current(tables, user_id, number):
                return Refused.CUT_OFF
            device = semantics.changed_device(device, changes)
            for row in await tables.sessions(user_id):
                if row.device.id == device_id and row.revoked_at is None:
                    await tables.append_change(row.id)
            tables.put_device(device)
            await tables.insert_event(event)
            return device

        return await self._in_one(write)

    async def add_event(self, event: EventRow) -> None:
        await self._in_one(lambda tables: tables.insert_event(event))

    async def put_item(self, item: Item, *, most: int = 1) -> bool:
        return await self._in_one(lambda tables: tables.put_item(item, most))

    async def purge(self, retention: Retention, *, limit: int) -> int:
        semantics.check_size(limit)
        return await self._in_one(lambda tables: purge.purge(tables, retention, limit))

    async def erase(self, erasure: Erasure) -> int:
        return await self._in_one(lambda tables: writes.erase(tables, erasure))

    # Leases, a capability beside the protocol.

    async def renew(self, reader: str, position: object, *, lease: float) -> Renewal:
        renewal = await self._in_one(lambda tables: leases.renew(tables, reader, position, lease))
        self._heard = renewal.changes.position
        return renewal

    async def leave(self, reader: str) -> None:
        await self._in_one(lambda tables: leases.leave(tables, reader))

    async def readers_behind(self, position: object) -> Behind:
        return await self._in_one(lambda tables: leases.readers_behind(tables, position))

    async def expel(self, reader: str, beat: int) -> None:
        await self._in_one(lambda tables: leases.expel(tables, reader, beat))

    async def season(self, history: str) -> None:
        await self._in_one(lambda tables: leases.season(tables, history))

    async def wait(self, seconds: float) -> None:
        await self._port.hold(seconds, "wait", log.next_key(self._heard), seconds)

    # Copies, another capability.

    async def export(self, *, limit: int, cursor: str | None = None) -> Batch:
        return await self._in_one(lambda tables: copies.export(tables, limit, cursor))

    async def accounts(self, user_ids: Sequence[str]) -> Batch:
        return await self._in_one(lambda tables: copies.accounts(tables, user_ids))

    async def merge(self, batch: Batch) -> None:
        await self._in_one(lambda tables: copies.merge(tables, batch))

    async def pending(self) -> builtins.list[str]:
        return []

    async def migrate(self) -> builtins.list[str]:
        return []  # a column that is missing in a row has its default

    async def close(self) -> None:
        await self._port.close()
