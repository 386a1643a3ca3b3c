"""
The change log, and the register of its readers: one a shard, in the slot of the shard's rows.

No entry is missed: its number, the entry and the row's change are one script, and a server runs
scripts one after the other, so entries become visible in the order of their numbers.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence
from time import monotonic
from typing import Any

from devsess.errors import StoreUnavailableError
from devsess.stores import semantics
from devsess.stores.base import ALL, Changes
from devsess.stores.calls import PartlyUnavailableError
from devsess.stores.capabilities import Behind, Renewal
from devsess.stores.redis.columns import Text, instant, raw, unraw
from devsess.stores.redis.shards import Shards

# Seconds after which the history is compared with the server's own again. Each ending and each
# entry compares it too, so nothing depends on it but how soon all is dropped after a failover.
_COMPARE_EVERY = 1.0
# Of each shard its history, and the number of the latest entry.
Position = tuple[tuple[str, int], ...]


class Log(Shards):
    """
    The log of `Store`, and `SupportsLeases`; see there.

    A reader registers in every shard, under one lease: while a node does not answer there is
    none, and each validation reads its session's row, from a node that does.
    """

    _compared_at = -math.inf

    async def changes(self, position: object) -> Changes:
        now = monotonic()
        is_due = now >= self._compared_at + _COMPARE_EVERY
        places = [[*it, str(int(is_due))] for it in _behind(self._places_in(position))]
        try:
            answers = await self._ask_each("changes", places)
        except StoreUnavailableError as error:
            if len(self._tags) == 1:
                raise
            raise PartlyUnavailableError(str(error)) from error
        if is_due:
            self._compared_at = now
        return _changes(answers)

    async def renew(self, reader: str, position: object, *, lease: float) -> Renewal:
        # The beat is one number for all shards, which nobody had before, near enough.
        how: list[Text] = [raw(reader), str(secrets.randbits(62)), instant(lease)]
        places = [[*it, *how] for it in _behind(self._places_in(position))]
        answers = await self._ask_each("renew", places)
        return Renewal(_changes(answers), _history(answers))

    async def leave(self, reader: str) -> None:
        await self._ask_all("leave", raw(reader))

    async def readers_behind(self, position: object) -> Behind:
        fresh = secrets.token_hex(8)
        places = [[history, str(seq), fresh] for history, seq in self._places_in(position)]
        answers = await self._ask_each("readers", places)
        beats: dict[str, int] = {}
        for _, _, _, late in answers:
            for reader, beat in late:
                beats.setdefault(unraw(reader), int(beat))
        is_seasoned = all(it == 1 for _, it, _, _ in answers)
        lease = max(float(it) for _, _, it, _ in answers)
        return Behind(beats, _history(answers), is_seasoned, lease)

    async def expel(self, reader: str, beat: int) -> None:
        await self._ask_all("expel", raw(reader), str(beat))

    async def season(self, history: str) -> None:
        parts = history.split(",")
        if len(parts) == len(self._tags):
            fresh = secrets.token_hex(8)
            await self._ask_each("season", [[it, fresh] for it in parts])

    async def wait(self, seconds: float) -> None:
        # A message of a script reaches every node of a cluster, so one is enough to listen to.
        await self._port.wait(self._tags[0], f"{self._prefix}:log", seconds)

    def _places_in(self, position: object) -> Position:
        nothing = (("", 0),) * len(self._tags)
        if not isinstance(position, tuple) or len(position) != len(self._tags):
            return nothing
        is_ours = all(isinstance(it, tuple) and len(it) == 2 for it in position)
        return position if is_ours else nothing


def _behind(places: Position) -> list[list[Text]]:
    fresh, most = secrets.token_hex(8), str(semantics.LOG_READ)
    return [[history, str(seq), most, fresh] for history, seq in places]


def _history(answers: Sequence[Sequence[Any]]) -> str:
    return ",".join(it[0].decode() for it in answers)


def _changes(answers: Sequence[Any]) -> Changes:
    position = tuple((here.decode(), int(seq)) for here, seq, _ in answers)
    found = [ids for _, _, ids in answers]
    if any(ids is None for ids in found):
        return Changes(position, ALL)
    return Changes(position, tuple(dict.fromkeys(unraw(it) for part in found for it in part)))
