"""The writes of one session, of a device and of the history: one script each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from devsess.models import EventType
from devsess.stores import items, semantics
from devsess.stores.base import Inserted, Refused
from devsess.stores.calls import CORRECTED, Full
from devsess.stores.redis import columns, counts
from devsess.stores.redis.columns import cutoffs as instants
from devsess.stores.redis.columns import instant, raw, some
from devsess.stores.redis.items import of_item
from devsess.stores.redis.reads import event as read_event
from devsess.stores.redis.reads import many, one
from devsess.stores.redis.shards import Shards
from devsess.stores.rows import EVICTED, REPLACED

if TYPE_CHECKING:
    from devsess.lifecycle import Activity
    from devsess.stores.base import Insertion
    from devsess.stores.calls import Columns, InsertAnswer
    from devsess.stores.items import Item
    from devsess.stores.redis.columns import Text
    from devsess.stores.rows import DeviceRow, EventRow, SessionRow

END_KIND = EventType.SESSION_REVOKED.value


def flag(is_so: bool) -> str:
    """A truth value as an argument."""
    return "1" if is_so else "0"


class Writes(Shards):
    """The writes of `Store` that end nothing, and the sign-in; see there."""

    async def insert(self, insertion: Insertion) -> InsertAnswer:
        row = insertion.row
        shard = self._of_user(row.user_id)
        for item in insertion.items:
            items.check(item)
        here = [it for it in insertion.items if self._of_user(it.owner) == shard]
        is_new = await self._claim(row.id, shard)
        answer, *rest = await self._ask(shard, "insert", *_insert(insertion, here))
        if is_new and answer not in (b"inserted", b"there already"):
            await self._unclaim([raw(row.id)], shard)
        if answer == b"there already":
            raise ValueError("there is a session with this id already")
        if answer == b"full":
            rows = many(rest[0])
            return Full(tuple(sorted(rows, key=lambda it: (it.last_seen_at, it.id))))
        if answer != b"inserted":
            return Refused(answer.decode())
        if len(self._tags) > 1:
            self._remembered(row.id, shard)
        # One script writes in one shard: an item of another's was not written either.
        written = iter(rest[1])
        missed = (it.kind for it in insertion.items if it not in here or not next(written))
        return Inserted(tuple(read_event([text]) for text in rest[0]), tuple(missed))

    async def touch(
        self, session_id: str, activity: Activity, *, bound: bool, presented: int | None = None
    ) -> bool:
        shard = await self._of_session(session_id)
        if shard is None:
            return False
        moved = (activity.last_seen_at, activity.idle_from, activity.idle_expires_at)
        shown = "" if presented is None else str(presented)
        how = (flag(bound), *map(instant, moved), shown)
        return bool(await self._ask(shard, "touch", raw(session_id), *how))

    async def rotate(
        self, session_id: str, *, expected_generation: int, changes: Columns, event: EventRow | None
    ) -> SessionRow | None:
        raised = {**changes, "generation": expected_generation + 1}
        expected = {"generation": expected_generation}
        is_heard = semantics.is_heard(changes)
        swapped = await self._swap(
            session_id, expected, raised, event, is_logged=is_heard, is_rotation=True
        )
        return one(swapped)

    async def update(
        self, session_id: str, *, expected: Columns, changes: Columns, event: EventRow
    ) -> SessionRow | None:
        return one(await self._swap(session_id, expected, changes, event))

    async def set_back(
        self, session_id: str, *, expected: Columns, changes: Columns, wait: bool = True
    ) -> bool:
        del wait  # no call waits for longer than for the server
        unknown = sorted(set(changes) - CORRECTED)
        if unknown:
            raise ValueError(f"these columns are not corrected: {', '.join(unknown)}")
        answer = await self._swap(session_id, expected, changes, None, is_back=True)
        return answer is not None

    async def _swap(
        self,
        session_id: str,
        expected: Columns,
        changes: Columns,
        event: EventRow | None,
        *,
        is_logged: bool = True,
        is_rotation: bool = False,
        is_back: bool = False,
    ) -> Any:
        if not is_back:
            semantics.check_columns(expected, changes)
        shard = await self._of_session(session_id)
        if shard is None:
            return None
        return await self._ask(
            *(shard, "swap", raw(session_id)),
            *(flag(not is_back), flag(is_logged), flag(is_rotation)),
            *some(columns.of_expected(expected)),
            *some(columns.of_changes(changes)),
            *columns.of_event(event),
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
        texts = columns.of_device_changes(changes)
        answer, *rest = await self._ask(
            *(self._of_user(user_id), "put_device", raw(user_id), raw(device_id)),
            "" if number is None else str(number),
            *some(texts),
            *columns.of_event(event),
        )
        if answer == b"changed":
            return columns.device(rest[0])
        return Refused.CUT_OFF if answer == b"cut-off" else None

    async def put_item(self, item: Item, *, most: int = 1) -> bool:
        items.check(item)
        shard = self._of_user(item.owner)
        return bool(await self._ask(shard, "put_item", *of_item(item), str(most)))

    async def add_event(self, event: EventRow) -> None:
        shard = self._of_user(event.user_id)
        await self._ask(shard, "add_event", *columns.of_event(event))


def _insert(insertion: Insertion, items_here: Sequence[Item]) -> list[Text]:
    row, at = insertion.row, insertion.cutoffs
    return [
        *(raw(row.id), raw(row.user_id), raw(row.device.id), str(row.ending_number)),
        *some(columns.of_session(row)),
        *some(columns.of_device(row.device)),
        *some(columns.of_device(row.device, semantics.SEEN_AGAIN)),
        *some(insertion.digests),
        "" if insertion.auth_instant is None else instant(insertion.auth_instant),
        *(*instants(at), instant(at.now)),
        "" if insertion.limit is None else str(insertion.limit),
        *(flag(insertion.evict), flag(insertion.replaces)),
        *(END_KIND, json.dumps(REPLACED), json.dumps(EVICTED)),
        *columns.of_event(insertion.event),
        *columns.of_event(None if insertion.limit is None else insertion.limit_event),
        *columns.of_event(insertion.device_event),
        *counts.begun(row),
        *(str(len(items_here)), *(text for item in items_here for text in of_item(item))),
    ]
