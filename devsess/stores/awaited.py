"""A blocking store with the methods of an AsyncStore."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from devsess.errors import ConfigurationError
from devsess.stores.capabilities import Capabilities, capabilities_of
from devsess.stores.searching import COUNTED, LOOKED, MOST

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Sequence

    from devsess.lifecycle import Activity, LivenessCutoffs
    from devsess.models import Page
    from devsess.stores.accounts import Batch
    from devsess.stores.base import Changes, Ended, Ending, Erasure, Insertion, Refused, Store
    from devsess.stores.calls import Columns, InsertAnswer, Known, Retention, Settled
    from devsess.stores.capabilities import SupportsCopy
    from devsess.stores.counting import Numbers, Period
    from devsess.stores.items import Item
    from devsess.stores.rows import DeviceRow, EventRow, SessionRow
    from devsess.stores.searching import Filter, SupportsSearch

P = ParamSpec("P")
T = TypeVar("T")


class Awaited:
    """
    *store* with the methods of an AsyncStore, which never suspend.

    On an event loop they would make it wait: there, use it in tests only.

    Args:
        store: The store.
        capabilities: Its capabilities beside the protocol; looked up if left out.
    """

    def __init__(self, store: Store, capabilities: Capabilities | None = None) -> None:
        self.store = store
        found = capabilities or capabilities_of(store)
        self._stamps, self._copy, self._polling = found.stamps, found.copy, found.polling
        self._statistics, self._many = found.statistics, found.many
        self._searching = found.searching

    async def _do(
        self, name: str, method: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call *method*, the store's *name*: the one place that all calls pass."""
        del name
        return method(*args, **kwargs)

    async def changes(self, position: object) -> Changes:
        return await self._do("changes", self.store.changes, position)

    async def get(self, session_id: str) -> SessionRow | None:
        return await self._do("get", self.store.get, session_id)

    async def get_many(self, session_ids: Sequence[str]) -> builtins.list[SessionRow]:
        if self._many is None:
            each = [await self.get(it) for it in dict.fromkeys(session_ids)]
            return [it for it in each if it is not None]
        return await self._do("get_many", self._many.get_many, session_ids)

    async def stamp(self, session_id: str) -> int | None:
        if self._stamps is None:
            return None
        return await self._do("stamp", self._stamps.stamp, session_id)

    async def list(self, user_id: str) -> builtins.list[SessionRow]:
        return await self._do("list", self.store.list, user_id)

    async def live(
        self, user_id: str, *, cutoffs: LivenessCutoffs, limit: int, cursor: str | None = None
    ) -> Page[SessionRow]:
        return await self._do(
            "live", self.store.live, user_id, cutoffs=cutoffs, limit=limit, cursor=cursor
        )

    async def cut_off(self, user_id: str) -> float | None:
        return await self._do("cut_off", self.store.cut_off, user_id)

    async def insert(self, insertion: Insertion) -> InsertAnswer:
        return await self._do("insert", self.store.insert, insertion)

    async def touch(
        self, session_id: str, activity: Activity, *, bound: bool, presented: int | None = None
    ) -> bool:
        return await self._do(
            "touch", self.store.touch, session_id, activity, bound=bound, presented=presented
        )

    async def rotate(
        self, session_id: str, *, expected_generation: int, changes: Columns, event: EventRow | None
    ) -> SessionRow | None:
        return await self._do(
            "rotate",
            self.store.rotate,
            session_id,
            expected_generation=expected_generation,
            changes=changes,
            event=event,
        )

    async def update(
        self, session_id: str, *, expected: Columns, changes: Columns, event: EventRow
    ) -> SessionRow | None:
        return await self._do(
            "update", self.store.update, session_id, expected=expected, changes=changes, event=event
        )

    async def ending_number(self, user_id: str, *, digests: Sequence[bytes] = ()) -> int:
        return await self._do("ending_number", self.store.ending_number, user_id, digests=digests)

    async def ahead(self, *, after: float, limit: int) -> builtins.list[SessionRow]:
        return await self._do("ahead", self.store.ahead, after=after, limit=limit)

    async def newest_instants(self, *, limit: int) -> builtins.list[float]:
        return await self._do("newest_instants", self.store.newest_instants, limit=limit)

    async def set_back(
        self, session_id: str, *, expected: Columns, changes: Columns, wait: bool = True
    ) -> bool:
        return await self._do(
            "set_back",
            self.store.set_back,
            session_id,
            expected=expected,
            changes=changes,
            wait=wait,
        )

    async def end(self, ending: Ending) -> Ended:
        return await self._do("end", self.store.end, ending)

    async def covered(self, number: int, *, limit: int, cursor: str | None = None) -> Page[str]:
        return await self._do("covered", self.store.covered, number, limit=limit, cursor=cursor)

    async def settle(
        self, *, limit: int, own: int | None = None, before: float = math.inf
    ) -> Settled:
        return await self._do("settle", self.store.settle, limit=limit, own=own, before=before)

    async def devices(self, user_id: str) -> builtins.list[DeviceRow]:
        return await self._do("devices", self.store.devices, user_id)

    async def known_devices(
        self,
        user_id: str,
        *,
        ids: Sequence[str],
        fingerprints: Sequence[bytes],
        digests: Sequence[bytes] = (),
        kinds: Sequence[str] = (),
    ) -> Known:
        return await self._do(
            "known_devices",
            self.store.known_devices,
            user_id,
            ids=ids,
            fingerprints=fingerprints,
            digests=digests,
            kinds=kinds,
        )

    async def put_device(
        self,
        user_id: str,
        device_id: str,
        *,
        changes: Columns,
        event: EventRow,
        number: int | None = None,
    ) -> DeviceRow | Refused | None:
        return await self._do(
            "put_device",
            self.store.put_device,
            user_id,
            device_id,
            changes=changes,
            event=event,
            number=number,
        )

    async def add_event(self, event: EventRow) -> None:
        await self._do("add_event", self.store.add_event, event)

    async def events(
        self, user_id: str, *, limit: int, cursor: str | None = None
    ) -> Page[EventRow]:
        return await self._do("events", self.store.events, user_id, limit=limit, cursor=cursor)

    async def poll(self, position: str | None, *, limit: int) -> Page[EventRow]:
        if self._polling is None:
            raise ConfigurationError("this store does not support polling: use on_event")
        return await self._do("poll", self._polling.poll, position, limit=limit)

    async def statistics(self, period: Period) -> Numbers:
        if self._statistics is None:
            raise ConfigurationError("this store keeps no statistics")
        return await self._do("statistics", self._statistics.statistics, period)

    async def search(
        self,
        wanted: Filter,
        *,
        cutoffs: LivenessCutoffs,
        limit: int,
        cursor: str | None = None,
        looked: int = LOOKED,
    ) -> Page[SessionRow]:
        return await self._do(
            "search",
            self._finder().search,
            wanted,
            cutoffs=cutoffs,
            limit=limit,
            cursor=cursor,
            looked=looked,
        )

    async def count(
        self, wanted: Filter, *, cutoffs: LivenessCutoffs, most: int = MOST, looked: int = COUNTED
    ) -> int:
        count = self._finder().count
        return await self._do("count", count, wanted, cutoffs=cutoffs, most=most, looked=looked)

    async def queue(
        self,
        at_least: int,
        *,
        cutoffs: LivenessCutoffs,
        limit: int,
        cursor: str | None = None,
        looked: int = LOOKED,
    ) -> Page[SessionRow]:
        return await self._do(
            "queue",
            self._finder().queue,
            at_least,
            cutoffs=cutoffs,
            limit=limit,
            cursor=cursor,
            looked=looked,
        )

    async def acts(self, *, limit: int, cursor: str | None = None) -> Page[EventRow]:
        return await self._do("acts", self._finder().acts, limit=limit, cursor=cursor)

    def _finder(self) -> SupportsSearch:
        if self._searching is None:
            raise ConfigurationError("this store does not support search")
        return self._searching

    async def items(self, kind: str, owner: str, *, limit: int) -> builtins.list[Item]:
        return await self._do("items", self.store.items, kind, owner, limit=limit)

    async def put_item(self, item: Item, *, most: int = 1) -> bool:
        return await self._do("put_item", self.store.put_item, item, most=most)

    async def purge(self, retention: Retention, *, limit: int) -> int:
        return await self._do("purge", self.store.purge, retention, limit=limit)

    async def erase(self, erasure: Erasure) -> int:
        return await self._do("erase", self.store.erase, erasure)

    async def export(self, *, limit: int, cursor: str | None = None) -> Batch:
        return await self._do("export", self._copying().export, limit=limit, cursor=cursor)

    async def accounts(self, user_ids: Sequence[str]) -> Batch:
        return await self._do("accounts", self._copying().accounts, user_ids)

    async def merge(self, batch: Batch) -> None:
        await self._do("merge", self._copying().merge, batch)

    def _copying(self) -> SupportsCopy:
        if self._copy is None:
            raise ConfigurationError("this store does not support copies")
        return self._copy

    async def pending(self) -> builtins.list[str]:
        return await self._do("pending", self.store.pending)

    async def migrate(self) -> builtins.list[str]:
        return await self._do("migrate", self.store.migrate)

    async def close(self) -> None:
        await self._do("close", self.store.close)
