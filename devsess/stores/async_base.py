"""
The storage protocol for stores that are awaited: the methods of `Store`, and the same contract.

A line says what each gives; what else holds is said once, at the blocking twin in `base`.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from devsess.lifecycle import Activity, LivenessCutoffs
    from devsess.models import Page
    from devsess.stores.calls import (
        Changes,
        Columns,
        Ended,
        Ending,
        Erasure,
        InsertAnswer,
        Insertion,
        Known,
        Refused,
        Retention,
        Settled,
    )
    from devsess.stores.items import Item
    from devsess.stores.rows import DeviceRow, EventRow, SessionRow


class AsyncStore(Protocol):
    """`Store`, awaited; see there. It may offer a mark and stamps too: see `capabilities`."""

    async def changes(self, position: object) -> Changes:
        """The changes in the log behind *position*, or ALL: see `Store.changes`."""
        ...

    async def get(self, session_id: str) -> SessionRow | None:
        """The session, whatever its state, or None."""
        ...

    async def list(self, user_id: str) -> builtins.list[SessionRow]:
        """All rows of a user, whatever their state; latest activity first, then by id."""
        ...

    async def live(
        self, user_id: str, *, cutoffs: LivenessCutoffs, limit: int, cursor: str | None = None
    ) -> Page[SessionRow]:
        """A page of at most *limit* rows that count as live; newest first: see `Store.live`."""
        ...

    async def cut_off(self, user_id: str) -> float | None:
        """The instant (epoch seconds) before which a dated sign-in is refused, or None."""
        ...

    async def insert(self, insertion: Insertion) -> InsertAnswer:
        """Write a session, its device and its event, or say why not: see `Store.insert`."""
        ...

    async def touch(
        self, session_id: str, activity: Activity, *, bound: bool, presented: int | None = None
    ) -> bool:
        """Move a row's activity forward; whether the row was there: see `Store.touch`."""
        ...

    async def rotate(
        self, session_id: str, *, expected_generation: int, changes: Columns, event: EventRow | None
    ) -> SessionRow | None:
        """Raise a row's generation by one and apply *changes*; or None: see `Store.rotate`."""
        ...

    async def update(
        self, session_id: str, *, expected: Columns, changes: Columns, event: EventRow
    ) -> SessionRow | None:
        """Apply *changes* where all *expected* hold, and log it; or None: see `Store.update`."""
        ...

    async def ending_number(self, user_id: str, *, digests: Sequence[bytes] = ()) -> int:
        """The highest ending number that binds the account, 0 before the first ending."""
        ...

    async def ahead(self, *, after: float, limit: int) -> builtins.list[SessionRow]:
        """At most *limit* sessions with an idle deadline later than *after* (epoch seconds)."""
        ...

    async def newest_instants(self, *, limit: int) -> builtins.list[float]:
        """Instants (epoch seconds) of the events that were inserted last, newest first."""
        ...

    async def set_back(
        self, session_id: str, *, expected: Columns, changes: Columns, wait: bool = True
    ) -> bool:
        """Correct instants that a clock dated ahead; whether it did: see `Store.set_back`."""
        ...

    async def end(self, ending: Ending) -> Ended:
        """End the sessions of the ending's target, as `Store.end` says."""
        ...

    async def covered(self, number: int, *, limit: int, cursor: str | None = None) -> Page[str]:
        """Ids of the sessions that the ending *number* was the first to cover, page by page."""
        ...

    async def settle(
        self, *, limit: int, own: int | None = None, before: float = math.inf
    ) -> Settled:
        """Write at most *limit* covered rows as ended, with their events: see `Store.settle`."""
        ...

    async def devices(self, user_id: str) -> builtins.list[DeviceRow]:
        """A user's devices that are not forgotten; latest sign-in first, then by id."""
        ...

    async def known_devices(
        self,
        user_id: str,
        *,
        ids: Sequence[str],
        fingerprints: Sequence[bytes],
        digests: Sequence[bytes] = (),
        kinds: Sequence[str] = (),
    ) -> Known:
        """Those of the devices that a sign-in compares: see `Store.known_devices`."""
        ...

    async def put_device(
        self,
        user_id: str,
        device_id: str,
        *,
        changes: Columns,
        event: EventRow,
        number: int | None = None,
    ) -> DeviceRow | Refused | None:
        """Change a device that is not forgotten, and log its sessions: see `Store.put_device`."""
        ...

    async def add_event(self, event: EventRow) -> None:
        """Insert an event; of each type 1,000 are kept: see `Store.add_event`."""
        ...

    async def events(
        self, user_id: str, *, limit: int, cursor: str | None = None
    ) -> Page[EventRow]:
        """A page of at most *limit* of a user's events, newest first."""
        ...

    async def items(self, kind: str, owner: str, *, limit: int) -> builtins.list[Item]:
        """At most *limit* items of a kind and owner: the one that lasts longest first."""
        ...

    async def put_item(self, item: Item, *, most: int = 1) -> bool:
        """Write an item if the version before it is there; whether it did: see `Store.put_item`."""
        ...

    async def purge(self, retention: Retention, *, limit: int) -> int:
        """One batch of cleaning of at most *limit* rows; how many it was: see `Store.purge`."""
        ...

    async def erase(self, erasure: Erasure) -> int:
        """Delete everything about a user; rows deleted: see `Store.erase`."""
        ...

    async def pending(self) -> builtins.list[str]:
        """The names of the steps that `migrate` would take; writes nothing."""
        ...

    async def migrate(self) -> builtins.list[str]:
        """Bring the schema up to date; the names of the steps taken."""
        ...

    async def close(self) -> None:
        """Release everything; closing twice is fine."""
        ...
