"""
Search over all accounts: each shard looks through one index of its own, the newest first.

A shard that stops before the end of its index says where. A page has no row behind the foremost of
these places: there another shard has rows that it has not looked at.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from devsess.errors import ConfigurationError
from devsess.models import Page
from devsess.stores import searching, semantics
from devsess.stores.redis.columns import cutoffs as instants
from devsess.stores.redis.columns import instant, raw, text_of, unraw
from devsess.stores.redis.reads import event, many
from devsess.stores.redis.shards import Shards
from devsess.stores.searching import COUNTED, LOOKED, MOST, Filter

if TYPE_CHECKING:
    from devsess.lifecycle import LivenessCutoffs
    from devsess.stores.redis.columns import Text
    from devsess.stores.rows import EventRow, SessionRow

P = TypeVar("P", searching.Place, searching.QueuePlace)


class Searching(Shards):
    """`SupportsSearch`; see there."""

    async def search(
        self,
        wanted: Filter,
        *,
        cutoffs: LivenessCutoffs,
        limit: int,
        cursor: str | None = None,
        looked: int = LOOKED,
    ) -> Page[SessionRow]:
        semantics.check_size(limit)
        before = wanted.before(searching.read_cursor(cursor))
        shards = self._shards_of(wanted)
        how: list[Text] = [
            str(limit),
            self._share(looked, shards, limit),
            instant(before[0]),
            raw(before[1]),
        ]
        asked = [*_filter(wanted, cutoffs, before), *how]
        answers = await self._ask_indexed(shards, "search", asked)
        return _page(answers, limit, searching.place_of, _place)

    async def count(
        self, wanted: Filter, *, cutoffs: LivenessCutoffs, most: int = MOST, looked: int = COUNTED
    ) -> int:
        semantics.check_size(most)
        asked = [*_filter(wanted, cutoffs, wanted.before(None)), str(most + 1), str(looked)]
        answers = await self._ask_indexed(self._shards_of(wanted), "count_found", asked)
        found, there = (sum(map(int, each)) for each in zip(*answers, strict=True))
        return most + 1 if there > looked else min(found, most + 1)

    async def queue(
        self,
        at_least: int,
        *,
        cutoffs: LivenessCutoffs,
        limit: int,
        cursor: str | None = None,
        looked: int = LOOKED,
    ) -> Page[SessionRow]:
        semantics.check_size(limit)
        before = searching.read_queue_cursor(cursor)
        place: list[Text] = ["0"]
        if before is not None:
            place = ["1", str(before[0]), instant(before[1]), raw(before[2])]
        shards = range(len(self._tags))
        how = (str(limit), self._share(looked, shards, limit), str(at_least), *place)
        asked = [*instants(cutoffs), *how]
        answers = await self._ask_indexed(shards, "queue", asked)
        return _page(answers, limit, searching.queue_place_of, _queue_place)

    async def acts(self, *, limit: int, cursor: str | None = None) -> Page[EventRow]:
        """The cursor is the place of the last event, and its shard."""
        semantics.check_size(limit)
        place, last = _read_acts(cursor)
        await self._check_indexed()
        # Of equal places the highest shard's comes first.
        ends = [f"({place}" if it >= last else place for it in range(len(self._tags))]
        answers = await self._ask_each("acts", [[end, str(limit + 1)] for end in ends])
        found = [(int(it[0]), shard, it) for shard, part in enumerate(answers) for it in part]
        found.sort(key=lambda it: it[:2], reverse=True)
        following = "{}.{}".format(*found[limit - 1]) if len(found) > limit else None
        return Page(tuple(event(it[1:]) for *_, it in found[:limit]), following)

    def _shards_of(self, wanted: Filter) -> Sequence[int]:
        return range(len(self._tags)) if wanted.user_id is None else [self._of_user(wanted.user_id)]

    def _share(self, looked: int, shards: Sequence[int], limit: int) -> str:
        """The rows that each shard looks at: all together *looked*, but as many as a page has."""
        return str(min(looked, max(looked // len(shards), limit)))

    async def _ask_indexed(
        self, shards: Sequence[int], name: str, arguments: Sequence[Text]
    ) -> builtins.list[Any]:
        await self._check_indexed()
        return await self._ask_some(shards, name, *arguments)

    async def _check_indexed(self, version: int = 4) -> None:
        if self._version < version:  # or not opened, or upgraded since
            await self._open()
        if self._version < version:
            raise ConfigurationError(
                "this data has no index of its sessions: an older devsess began it;"
                " run `devsess migrate`"
            )


def _read_acts(cursor: str | None) -> tuple[str, int]:
    """The place and the shard that *cursor* names; None is the newest end."""
    if cursor is None:
        return "inf", 0
    place, _, shard = cursor.partition(".")
    return str(semantics.read_cursor(place)), semantics.read_cursor(shard) or 0


def _filter(wanted: Filter, at: LivenessCutoffs, before: searching.Place) -> list[Text]:
    """The index that finds the fewest, the range in it, and all that is compared."""
    named: dict[str, bytes] = {}
    if wanted.user_id is not None:
        named["user"] = raw(wanted.user_id)
    if wanted.device_id is not None:
        named["dev"] = raw(wanted.device_id)
    if wanted.network is not None:
        named["network"] = raw(text_of("network", wanted.network))
    index = next((b":%b:%b" % (_INDEXES[name], text) for name, text in named.items()), b":made")
    if wanted.ip is not None:
        named["ip"] = raw(text_of("ip", wanted.ip))
    since, until = instant(wanted.after(at)[0]), instant(before[0])
    is_ended = "" if wanted.is_ended is None else str(int(wanted.is_ended))
    return [
        *(index, since, until if before[1] else f"({until}", is_ended, *instants(at)),
        *(str(len(named)), *(text for pair in named.items() for text in pair)),
    ]


# By how few sessions each finds.
_INDEXES = {"user": b"u", "dev": b"dev", "network": b"net"}


def _page(
    answers: Sequence[Any],
    limit: int,
    place_of: Callable[[SessionRow], P],
    read_place: Callable[[Sequence[Any]], P],
) -> Page[SessionRow]:
    """The foremost rows of all shards, as far as each has looked."""
    rows = sorted((row for found, _ in answers for row in many(found)), key=place_of, reverse=True)
    stops = [read_place(stop) for _, stop in answers if stop]
    seen = [row for row in rows if not stops or place_of(row) >= max(stops)]
    if len(seen) > limit:
        return Page(tuple(seen[:limit]), searching.cursor_of(place_of(seen[limit - 1])))
    return Page(tuple(seen), searching.cursor_of(max(stops)) if stops else None)


def _place(stop: Sequence[Any]) -> searching.Place:
    return float(stop[0]), unraw(stop[1])


def _queue_place(stop: Sequence[Any]) -> searching.QueuePlace:
    return int(stop[0]), float(stop[1]), unraw(stop[2])
