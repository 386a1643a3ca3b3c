"""
The events of all accounts, for programs that ask again and again.

No event is missed: its place is higher than any before it in its shard, and given by the script
that writes it. A position has the place of each shard. Places are the servers' microseconds, by
which the events of several shards are put in line, near enough.
"""

from __future__ import annotations

from devsess.errors import ConfigurationError
from devsess.models import Page
from devsess.stores import semantics
from devsess.stores.polled import check_given, read_places, readable
from devsess.stores.redis.reads import event
from devsess.stores.redis.shards import Shards
from devsess.stores.rows import EventRow


class Polling(Shards):
    """`SupportsPolling`; see there."""

    async def poll(self, position: str | None, *, limit: int) -> Page[EventRow]:
        semantics.check_size(limit)
        places = read_places(position, len(self._tags))
        await self._check_listed()
        answers = await self._ask_each("poll", [[str(it), str(limit)] for it in places])
        found = []
        for shard, (newest, events) in enumerate(answers):
            check_given([places[shard]], [int(newest)])
            found += [(int(it[0]), shard, it[1:]) for it in events]
        shown = sorted(found, key=lambda it: it[:2])[:limit]
        for place, shard, _ in shown:
            places[shard] = place
        read = readable(((place, texts) for place, _, texts in shown), event)
        return Page(read, ",".join(map(str, places)))

    async def _check_listed(self) -> None:
        if not self._is_opened:
            await self._open()
        if self._version < 3:
            raise ConfigurationError(
                "this data has no list of its events: an older devsess began it;"
                " run `devsess migrate`"
            )
