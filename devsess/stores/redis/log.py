"""
The change log: one a shard, in the slot of the rows that it is about.

No entry is missed: its number, the entry and the row's change are one script, and a server runs
scripts one after the other, so entries become visible in the order of their numbers.
"""

from __future__ import annotations

import secrets
from typing import Any

from devsess.stores import semantics
from devsess.stores.base import ALL, Changes
from devsess.stores.redis.columns import unraw
from devsess.stores.redis.port import Call
from devsess.stores.redis.shards import Shards

# Of each shard the history, and how many entries there ever were.
Position = tuple[tuple[str, int], ...]


class Log(Shards):
    """The log of `Store`, and the leases; see there."""

    async def changes(self, position: object) -> Changes:
        if not self._is_opened:
            await self._open()
        places = self._places_in(position)
        fresh = secrets.token_hex(8)
        calls = [
            Call.of(tag, "changes", history, str(seq), str(semantics.LOG_READ), fresh)
            for tag, (history, seq) in zip(self._tags, places, strict=True)
        ]
        return changes_of(await self._port.run_all(calls))

    def _places_in(self, position: object) -> Position:
        if isinstance(position, tuple) and len(position) == len(self._tags):
            return position
        return (("", 0),) * len(self._tags)


def changes_of(answers: list[Any]) -> Changes:
    """The changes in the answers of all shards."""
    position = tuple((here.decode(), int(seq)) for here, seq, _ in answers)
    found = [ids for _, _, ids in answers]
    if any(ids is None for ids in found):
        return Changes(position, ALL)
    ids = dict.fromkeys(unraw(it) for part in found for it in part)
    return Changes(position, tuple(ids))
