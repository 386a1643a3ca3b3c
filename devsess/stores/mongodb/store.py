"""
The store: each call of the protocol as one transaction or one read.

    SessionManager("mongodb://localhost/app", keys=...)
    AsyncSessionManager(MongoStore(client, database="app"), keys=...)
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from pymongo import DESCENDING, AsyncMongoClient, MongoClient

from devsess.errors import ConfigurationError
from devsess.stores import semantics
from devsess.stores.base import Ended, Refused
from devsess.stores.calls import Settled
from devsess.stores.items import check
from devsess.stores.mongodb import (
    copies,
    endings,
    items,
    leases,
    log,
    purge,
    queries,
    writes,
)
from devsess.stores.mongodb.documents import is_text
from devsess.stores.mongodb.needless import NeedlessDevices
from devsess.stores.mongodb.overall import Overall
from devsess.stores.mongodb.url import Place, place_in, with_settings

if TYPE_CHECKING:
    from devsess.lifecycle import Activity, LivenessCutoffs
    from devsess.models import Page
    from devsess.stores.accounts import Batch
    from devsess.stores.base import Changes, Ending, Erasure, Insertion
    from devsess.stores.calls import Columns, InsertAnswer, Known, Retention
    from devsess.stores.capabilities import Behind, Renewal
    from devsess.stores.items import Item
    from devsess.stores.mongodb.ports import Document, Filter
    from devsess.stores.rows import DeviceRow, EventRow, SessionRow

# Seconds for a page of accounts, or an account: the server ends a transaction after a minute.
_COPY = 50.0


class MongoStore(Overall):
    """
    Sessions in one collection of a MongoDB replica set, 4.4 or later.

    Args:
        server: A URL, or a client of the application's, which it closes itself.
        database, collection: Their names; by default those in the URL, or `devsess`.
        timeout: Seconds within which each call has an answer or fails; 5.
        is_awaited: Whether an AsyncSessionManager is to use a URL. Of a client its
            class says so.

    Raises:
        ConfigurationError: If the server is neither, or its URL cannot be read.
    """

    def __init__(
        self,
        server: str | MongoClient[Any] | AsyncMongoClient[Any],
        *,
        database: str | None = None,
        collection: str | None = None,
        timeout: float | None = None,
        is_awaited: bool = False,
    ) -> None:
        if isinstance(server, str):
            place = place_in(server)
        elif isinstance(server, (MongoClient, AsyncMongoClient)):
            place, is_awaited = Place(client=server), isinstance(server, AsyncMongoClient)
        else:
            raise ConfigurationError("a MongoStore takes a URL, a MongoClient or AsyncMongoClient")
        place = with_settings(place, database, collection, timeout)
        super().__init__(place, is_awaited=is_awaited)
        self._needless = NeedlessDevices(self._found, self._transact)

    # Reads.

    async def changes(self, position: object) -> Changes:
        """See Store.changes."""

        async def read() -> Changes:
            return await log.changes_behind(self._port, await log.read_header(self._port), position)

        return await self._run(read)

    async def get(self, session_id: str) -> SessionRow | None:
        """See Store.get."""
        if not is_text(session_id):
            return None
        return await self._run(partial(queries.get, self._port, session_id))

    async def list(self, user_id: str) -> builtins.list[SessionRow]:
        """See Store.list."""
        if not is_text(user_id):
            return []
        return await self._run(partial(queries.sessions, self._port, user_id))

    async def live(
        self, user_id: str, *, cutoffs: LivenessCutoffs, limit: int, cursor: str | None = None
    ) -> Page[SessionRow]:
        """See Store.live."""
        semantics.check_size(limit)
        before = semantics.read_live_cursor(cursor)
        if not is_text(user_id, before[1] if before else ""):
            return queries.EMPTY
        return await self._run(partial(queries.live, self._port, user_id, cutoffs, limit, before))

    async def cut_off(self, user_id: str) -> float | None:
        """See Store.cut_off."""
        if not is_text(user_id):
            return None
        marks = await self._run(partial(queries.marks, self._port, user_id, ()))
        at: float | None = marks.account.get("cut_off")
        return at

    async def ending_number(self, user_id: str, *, digests: Sequence[bytes] = ()) -> int:
        """See Store.ending_number."""
        if not is_text(user_id):
            return 0
        return (await self._run(partial(queries.marks, self._port, user_id, digests))).number

    async def ahead(self, *, after: float, limit: int) -> builtins.list[SessionRow]:
        """See Store.ahead."""
        semantics.check_size(limit)
        return await self._run(partial(queries.ahead, self._port, after, limit))

    async def newest_instants(self, *, limit: int) -> builtins.list[float]:
        """See Store.newest_instants."""
        semantics.check_size(limit)
        newest = partial(
            self._port.find,
            {"table": "event", "place": {"$gte": 0}},
            sort=[("place", DESCENDING)],
            limit=limit,
        )
        return [float(it["at"]) for it in await self._run(newest)]

    async def covered(self, number: int, *, limit: int, cursor: str | None = None) -> Page[str]:
        """See Store.covered."""
        semantics.check_size(limit)
        return await self._run(partial(endings.covered, self._port, number, limit, cursor))

    async def devices(self, user_id: str) -> builtins.list[DeviceRow]:
        """See Store.devices."""
        if not is_text(user_id):
            return []
        return await self._run(partial(queries.devices, self._port, user_id))

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
        if not is_text(user_id):
            return queries.UNKNOWN
        return await self._run(
            partial(queries.known, self._port, user_id, ids, fingerprints, digests, kinds)
        )

    async def events(
        self, user_id: str, *, limit: int, cursor: str | None = None
    ) -> Page[EventRow]:
        """See Store.events."""
        semantics.check_size(limit)
        before = semantics.read_cursor(cursor)
        if not is_text(user_id):
            return queries.NO_EVENTS
        return await self._run(partial(queries.events, self._port, user_id, limit, before))

    async def items(self, kind: str, owner: str, *, limit: int) -> builtins.list[Item]:
        """See Store.items."""
        semantics.check_size(limit)
        if not is_text(kind, owner):
            return []
        return await self._run(partial(items.of_kind, self._port, kind, owner, limit))

    # Writes.

    async def insert(self, insertion: Insertion) -> InsertAnswer:
        """See Store.insert."""
        for it in insertion.items:
            check(it)
        return await self._transact(partial(writes.insert, insertion=insertion))

    async def touch(
        self, session_id: str, activity: Activity, *, bound: bool, presented: int | None = None
    ) -> bool:
        """See Store.touch; the primary's word is enough."""
        if not is_text(session_id):
            return False
        return await self._run(
            partial(queries.touch, self._port, session_id, activity, bound, presented)
        )

    async def rotate(
        self, session_id: str, *, expected_generation: int, changes: Columns, event: EventRow | None
    ) -> SessionRow | None:
        """See Store.rotate."""
        expected = {"generation": expected_generation}
        changes = {**changes, "generation": expected_generation + 1}
        semantics.check_columns(expected, changes)
        if not is_text(session_id):
            return None
        if event is None and not semantics.is_heard(changes):
            return await self._run(
                partial(queries.rotate, self._port, session_id, expected_generation, changes)
            )
        return await self._transact(
            lambda unit: writes.rotate(unit, session_id, expected, changes, event)
        )

    async def update(
        self, session_id: str, *, expected: Columns, changes: Columns, event: EventRow
    ) -> SessionRow | None:
        """See Store.update."""
        semantics.check_columns(expected, changes)
        if not is_text(session_id):
            return None
        return await self._transact(
            lambda unit: writes.update(unit, session_id, expected, changes, event)
        )

    async def set_back(
        self, session_id: str, *, expected: Columns, changes: Columns, wait: bool = True
    ) -> bool:
        """See Store.set_back."""
        del wait
        if not is_text(session_id):
            return False
        return await self._transact(
            lambda unit: writes.set_back(unit, session_id, expected, changes)
        )

    async def end(self, ending: Ending) -> Ended:
        """See Store.end."""
        if not is_text(*semantics.names_in(ending.target)):
            return Ended()
        return await self._transact(partial(endings.end, ending=ending))

    async def settle(
        self, *, limit: int, own: int | None = None, before: float = math.inf
    ) -> Settled:
        """See Store.settle."""
        semantics.check_size(limit)
        return await self._transact(partial(endings.settle, limit=limit, own=own, before=before))

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
        if not is_text(user_id, device_id):
            return None
        return await self._transact(
            lambda unit: writes.put_device(unit, user_id, device_id, changes, event, number)
        )

    async def add_event(self, event: EventRow) -> None:
        """See Store.add_event."""
        await self._transact(partial(writes.add_event, event=event))

    async def put_item(self, item: Item, *, most: int = 1) -> bool:
        """See Store.put_item."""
        check(item)
        return await self._transact(partial(items.put_item, item=item, most=most))

    async def purge(self, retention: Retention, *, limit: int) -> int:
        """See Store.purge."""
        semantics.check_size(limit)
        done = await self._transact(partial(purge.purge, retention=retention, limit=limit))
        return await self._needless.delete(retention, limit, done)

    async def _found(self, where: Filter, **how: Any) -> builtins.list[Document]:
        return await self._run(partial(self._port.find, where, **how))

    async def erase(self, erasure: Erasure) -> int:
        """See Store.erase."""
        if not is_text(erasure.user_id):
            return 0
        return await self._transact(partial(writes.erase, erasure=erasure))

    # Copies.

    async def export(self, *, limit: int, cursor: str | None = None) -> Batch:
        """See SupportsCopy.export."""
        semantics.check_size(limit)
        if cursor is not None and not is_text(cursor):
            raise ValueError("this cursor was not given out by export")
        return await self._transact(partial(copies.page, limit=limit, cursor=cursor), _COPY)

    async def accounts(self, user_ids: Sequence[str]) -> Batch:
        """See SupportsCopy.accounts."""
        return await self._transact(partial(copies.accounts, user_ids=user_ids), _COPY)

    async def merge(self, batch: Batch) -> None:
        """See SupportsCopy.merge."""
        if not all(is_text(it.user_id) for it in batch.accounts):
            raise ValueError("MongoDB cannot keep the id of an account: a character in it")
        await self._transact(partial(copies.merge_numbers, batch=batch), _COPY)
        for theirs in batch.accounts:
            merge = partial(copies.merge_account, theirs=theirs, others=batch.mark)
            await self._transact(merge, _COPY)

    # Leases.

    async def renew(self, reader: str, position: object, *, lease: float) -> Renewal:
        """See SupportsLeases.renew."""
        return await self._run(partial(leases.renew, self._port, reader, position, lease))

    async def leave(self, reader: str) -> None:
        """See SupportsLeases.leave."""
        await self._run(partial(leases.leave, self._port, reader))

    async def readers_behind(self, position: object) -> Behind:
        """See SupportsLeases.readers_behind."""
        return await self._run(partial(leases.readers_behind, self._port, position))

    async def expel(self, reader: str, beat: int) -> None:
        """See SupportsLeases.expel."""
        await self._run(partial(leases.expel, self._port, reader, beat))

    async def season(self, history: str) -> None:
        """See SupportsLeases.season."""
        await self._run(partial(leases.season, self._port, history))

    async def wait(self, seconds: float) -> None:
        """See SupportsLeases.wait."""
        await leases.wait(self._port, seconds)
