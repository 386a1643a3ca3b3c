"""The reads: one script each, which sees one instant."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from devsess.errors import StoreUnavailableError
from devsess.models import Page
from devsess.stores import semantics
from devsess.stores.as_json import UnreadableRowError
from devsess.stores.calls import Known
from devsess.stores.redis import columns, items
from devsess.stores.redis.columns import cutoffs as instants
from devsess.stores.redis.columns import instant, raw, some
from devsess.stores.redis.shards import Shards

if TYPE_CHECKING:
    from devsess.lifecycle import LivenessCutoffs
    from devsess.stores.items import Item
    from devsess.stores.rows import DeviceRow, EventRow, SessionRow


class Reads(Shards):
    """The reads of `Store`; see there."""

    async def get(self, session_id: str) -> SessionRow | None:
        shard = await self._of_session(session_id)
        if shard is None:
            return None
        return one(await self._ask(shard, "get", raw(session_id)))

    async def list(self, user_id: str) -> builtins.list[SessionRow]:
        rows = many(await self._ask(self._of_user(user_id), "list", raw(user_id)))
        return sorted(rows, key=lambda row: (-row.last_seen_at, row.id))

    async def live(
        self, user_id: str, *, cutoffs: LivenessCutoffs, limit: int, cursor: str | None = None
    ) -> Page[SessionRow]:
        semantics.check_size(limit)
        before = semantics.read_live_cursor(cursor)
        place = ("+inf", b"") if before is None else (instant(before[0]), raw(before[1]))
        user, page = raw(user_id), (str(limit + 1), *place)
        shard = self._of_user(user_id)
        rows = many(await self._ask(shard, "live", user, *instants(cutoffs), *page))
        following = semantics.live_cursor(rows[limit - 1]) if len(rows) > limit else None
        return Page(tuple(rows[:limit]), following)

    async def cut_off(self, user_id: str) -> float | None:
        found = await self._ask(self._of_user(user_id), "cut_off", raw(user_id))
        return None if found is None else float(found)

    async def ending_number(self, user_id: str, *, digests: Sequence[bytes] = ()) -> int:
        shard = self._of_user(user_id)
        return int(await self._ask(shard, "number", raw(user_id), *some(digests)))

    async def ahead(self, *, after: float, limit: int) -> builtins.list[SessionRow]:
        semantics.check_size(limit)
        answers = await self._ask_all("ahead", instant(after), str(limit))
        rows = [row for answer in answers for row in many(answer)]
        return sorted(rows, key=lambda row: (-row.idle_expires_at, row.id))[:limit]

    async def newest_instants(self, *, limit: int) -> builtins.list[float]:
        semantics.check_size(limit)
        answers = await self._ask_all("newest", str(limit))
        found = [it.split(b" ") for answer in answers for it in answer]
        found.sort(key=lambda it: -int(it[0]))
        return [float(at) for _, at in found[:limit]]

    async def devices(self, user_id: str) -> builtins.list[DeviceRow]:
        answer = await self._ask(self._of_user(user_id), "devices", raw(user_id))
        return [it for it in devices(answer) if not it.forgotten]

    async def known_devices(
        self,
        user_id: str,
        *,
        ids: Sequence[str],
        fingerprints: Sequence[bytes],
        digests: Sequence[bytes] = (),
        kinds: Sequence[str] = (),
    ) -> Known:
        prints = [columns.text_of("fingerprint", it) for it in fingerprints]
        places = [items.place_of(kind) for kind in kinds]
        number, found, texts = await self._ask(
            *(self._of_user(user_id), "known_devices", raw(user_id)),
            str(semantics.DEVICES_COMPARED),
            *(*some([raw(it) for it in ids]), *some(prints), *some(digests), *some(places)),
        )
        there = [it for it in zip(places, texts, strict=True) if it[1] is not None]
        return Known(devices(found), int(number), items.items(user_id, there))

    async def events(
        self, user_id: str, *, limit: int, cursor: str | None = None
    ) -> Page[EventRow]:
        semantics.check_size(limit)
        before = semantics.read_cursor(cursor)
        place = "+inf" if before is None else f"({before}"
        user = (self._of_user(user_id), "events", raw(user_id))
        found = await self._ask(*user, str(limit + 1), place)
        following = found[limit - 1][0].decode() if len(found) > limit else None
        return Page(tuple(event(it[1:]) for it in found[:limit]), following)

    async def items(self, kind: str, owner: str, *, limit: int) -> builtins.list[Item]:
        semantics.check_size(limit)
        asked = (raw(owner), items.place_of(kind), str(limit))
        return items.items(owner, await self._ask(self._of_user(owner), "items", *asked))


def one(answer: Any) -> SessionRow | None:
    """
    The session of an answer with its device; None if there is none.

    Raises:
        StoreUnavailableError: If it is damaged.
    """
    if answer is None:
        return None
    try:
        return columns.session(answer[0], columns.device(answer[1]))
    except UnreadableRowError as error:
        raise StoreUnavailableError(f"a row is damaged: {error}") from error


def many(answer: Any) -> builtins.list[SessionRow]:
    """
    The sessions of an answer, whose devices come once each.

    Raises:
        StoreUnavailableError: If one is damaged.
    """
    rows, found = answer
    known = {(it.user_id, it.id): it for it in devices(found)}
    try:
        return [columns.session(it, known[columns.owner(it)]) for it in rows]
    except (UnreadableRowError, LookupError) as error:
        raise StoreUnavailableError(f"a row is damaged: {error}") from error


def devices(answer: Sequence[Sequence[bytes]]) -> builtins.list[DeviceRow]:
    """
    The devices of an answer, latest sign-in first, then by id.

    Raises:
        StoreUnavailableError: If one is damaged.
    """
    try:
        rows = [columns.device(it) for it in answer]
    except UnreadableRowError as error:
        raise StoreUnavailableError(f"a row is damaged: {error}") from error
    return sorted(rows, key=lambda row: (-row.last_seen_at, row.id))


def event(texts: Sequence[bytes]) -> EventRow:
    """
    The event of an answer.

    Raises:
        StoreUnavailableError: If it is damaged.
    """
    try:
        return columns.event(*texts)
    except UnreadableRowError as error:
        raise StoreUnavailableError(f"a row is damaged: {error}") from error
