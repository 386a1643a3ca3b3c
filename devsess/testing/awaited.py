"""A blocking store in the shape of an awaited one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import builtins
    from collections.abc import Sequence

    from devsess.lifecycle import Activity, Horizon
    from devsess.models import Page
    from devsess.rows import DeviceRow, EventRow, SessionRow
    from devsess.stores.base import (
        Changes,
        Columns,
        Ended,
        Ending,
        Erasure,
        InsertAnswer,
        Insertion,
        Refused,
        Retention,
        Settled,
        Store,
    )


class Awaited:
    """*store* with the methods of an AsyncStore; they await nothing, so use it in tests only."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def changes(self, position: object) -> Changes:
        return self.store.changes(position)

    async def get(self, session_id: str) -> SessionRow | None:
        return self.store.get(session_id)

    async def list(self, user_id: str) -> builtins.list[SessionRow]:
        return self.store.list(user_id)

    async def live(
        self, user_id: str, *, horizon: Horizon, limit: int, cursor: str | None = None
    ) -> Page[SessionRow]:
        return self.store.live(user_id, horizon=horizon, limit=limit, cursor=cursor)

    async def cut_off(self, user_id: str) -> float | None:
        return self.store.cut_off(user_id)

    async def insert(self, insertion: Insertion) -> InsertAnswer:
        return self.store.insert(insertion)

    async def touch(
        self, session_id: str, activity: Activity, *, bound: bool, presented: int | None = None
    ) -> bool:
        return self.store.touch(session_id, activity, bound=bound, presented=presented)

    async def rotate(
        self, session_id: str, *, expected_generation: int, changes: Columns, event: EventRow | None
    ) -> SessionRow | None:
        return self.store.rotate(
            session_id, expected_generation=expected_generation, changes=changes, event=event
        )

    async def update(
        self, session_id: str, *, expected: Columns, changes: Columns, event: EventRow
    ) -> SessionRow | None:
        return self.store.update(session_id, expected=expected, changes=changes, event=event)

    async def ending_number(self, user_id: str, *, digests: Sequence[bytes] = ()) -> int:
        return self.store.ending_number(user_id, digests=digests)

    async def ahead(self, *, after: float, limit: int) -> builtins.list[SessionRow]:
        return self.store.ahead(after=after, limit=limit)

    async def set_back(
        self, session_id: str, *, expected: Columns, changes: Columns, wait: bool = True
    ) -> bool:
        return self.store.set_back(session_id, expected=expected, changes=changes, wait=wait)

    async def end(self, ending: Ending) -> Ended:
        return self.store.end(ending)

    async def covered(self, number: int, *, limit: int, cursor: str | None = None) -> Page[str]:
        return self.store.covered(number, limit=limit, cursor=cursor)

    async def settle(
        self, *, limit: int, own: int | None = None, before: float = math.inf
    ) -> Settled:
        return self.store.settle(limit=limit, own=own, before=before)

    async def devices(self, user_id: str) -> builtins.list[DeviceRow]:
        return self.store.devices(user_id)

    async def known_devices(
        self, user_id: str, *, ids: Sequence[str], fingerprints: Sequence[bytes]
    ) -> builtins.list[DeviceRow]:
        return self.store.known_devices(user_id, ids=ids, fingerprints=fingerprints)

    async def put_device(
        self,
        user_id: str,
        device_id: str,
        *,
        changes: Columns,
        event: EventRow,
        number: int | None = None,
    ) -> DeviceRow | Refused | None:
        return self.store.put_device(
            user_id, device_id, changes=changes, event=event, number=number
        )

    async def add_event(self, event: EventRow) -> None:
        self.store.add_event(event)

    async def events(
        self, user_id: str, *, limit: int, cursor: str | None = None
    ) -> Page[EventRow]:
        return self.store.events(user_id, limit=limit, cursor=cursor)

    async def purge(self, retention: Retention, *, limit: int) -> int:
        return self.store.purge(retention, limit=limit)

    async def erase(self, erasure: Erasure) -> int:
        return self.store.erase(erasure)

    async def migrate(self) -> builtins.list[str]:
        return self.store.migrate()

    async def close(self) -> None:
        self.store.close()
