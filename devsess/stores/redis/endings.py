"""Endings, the rows that follow them, the purge and the erasure."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from devsess.models import Page
from devsess.stores import semantics
from devsess.stores.base import ById, Ended, Everyone, OfDevice, OfUser
from devsess.stores.calls import Settled
from devsess.stores.redis import columns, counts
from devsess.stores.redis.columns import instant, raw, some, unraw
from devsess.stores.redis.reads import event as read_event
from devsess.stores.redis.writes import END_KIND, Writes, flag
from devsess.stores.rows import EXPIRED

if TYPE_CHECKING:
    from devsess.stores.base import Ending, Erasure
    from devsess.stores.calls import Retention, Target
    from devsess.stores.redis.columns import Text
    from devsess.stores.rows import EventRow


class Endings(Writes):
    """The writes of `Store` that end or delete sessions; see there."""

    async def end(self, ending: Ending) -> Ended:
        target = ending.target
        if isinstance(target, Everyone):
            return await self._end_all(ending)
        shard = await self._of_target(target)
        if shard is None:
            return Ended()
        number = await self._drawn() if isinstance(target, OfUser) else "0"
        future = instant(ending.cutoffs.future_after)
        how = [*how_of(ending), future, str(ending.at_once), END_KIND, number]
        event = columns.of_event(ending.event)
        following, with_own, texts = await self._ask(shard, "end", *_target(target), *how, *event)
        events = [read_event([text]) for text in texts]
        if with_own and ending.event is not None:
            events.append(ending.event)
        return Ended(tuple(events), int(following) if following else None)

    async def _of_target(self, target: ById | OfUser | OfDevice) -> int | None:
        if isinstance(target, ById):
            return await self._of_session(target.session_id)
        return self._of_user(target.user_id)

    async def _drawn(self) -> str:
        """A number for an ending by which all shards know it; one shard draws its own."""
        if len(self._tags) == 1:
            return "0"
        return str(await self._ask(0, "draw"))

    async def _end_all(self, ending: Ending) -> Ended:
        # No sign-in slips through, though the shards are not one transaction: an account's
        # number, its rows and its sign-ins are in one shard, whose number rises in one script.
        # A sign-in that read its number before that is refused by it. One that read it later
        # began after this ending, even where other shards have still to hear of it.
        few = sum(await self._ask_all("count")) <= ending.at_once
        number = await self._drawn()
        future = instant(ending.cutoffs.future_after)
        drawn = await self._ask_all("end_all", number, *how_of(ending), future)
        following = int(number) or int(drawn[0])
        events: list[EventRow] = []
        if few:
            events = await self._settled_at_once(following, ending.at_once)
        if ending.event is not None:
            await self.add_event(ending.event)
            events.append(ending.event)
        return Ended(tuple(events), None if few else following)

    async def _settled_at_once(self, number: int, at_once: int) -> list[EventRow]:
        found: list[Any] = []
        limit = str(max(at_once, 1))
        is_more = True
        while is_more:
            answers = await self._ask_all(
                "settle", limit, str(number), instant(-math.inf), END_KIND
            )
            found += [it for _, _, part in answers for it in part]
            is_more = any(more for more, _, _ in answers)
        events = [(float(seen), read_event([text])) for seen, text in found]
        events.sort(key=lambda it: (it[0], it[1].session_id or ""))
        return [event for _, event in events]

    async def covered(self, number: int, *, limit: int, cursor: str | None = None) -> Page[str]:
        semantics.check_size(limit)
        first, _, inner = (cursor or "0:").partition(":")
        ids: list[str] = []
        for shard in range(int(first), len(self._tags)):
            left = str(limit - len(ids))
            found, following = await self._ask(*(shard, "covered", str(number), left), raw(inner))
            ids += [unraw(it) for it in found]
            inner = ""
            if following:
                return Page(tuple(ids), f"{shard}:{unraw(following)}")
            if len(ids) == limit and shard + 1 < len(self._tags):
                return Page(tuple(ids), f"{shard + 1}:")
        return Page(tuple(ids), None)

    async def settle(
        self, *, limit: int, own: int | None = None, before: float = math.inf
    ) -> Settled:
        semantics.check_size(limit)
        events: list[EventRow] = []
        asked = ("" if own is None else str(own), instant(before), END_KIND)
        left = limit
        for shard in range(len(self._tags)):
            if left == 0:
                return Settled(tuple(events), True)
            more, count, found = await self._ask(shard, "settle", str(left), *asked)
            events += [read_event([text]) for _, text in found]
            left -= int(count)
            if more:
                return Settled(tuple(events), True)
        return Settled(tuple(events), False)

    async def purge(self, retention: Retention, *, limit: int) -> int:
        semantics.check_size(limit)
        done = 0
        instants = (retention.latest, retention.before, retention.devices_before)
        now = instant(retention.now)
        how = (now, now, *map(instant, instants), str(semantics.LOG_KEPT), json.dumps(EXPIRED))
        for shard in range(len(self._tags)):
            count, gone = await self._ask(shard, "purge", str(limit - done), *how)
            await self._unclaim(gone, shard)
            done += int(count)
            if done >= limit:
                break
        return done

    async def erase(self, erasure: Erasure) -> int:
        user, shard = raw(erasure.user_id), self._of_user(erasure.user_id)
        count, gone = await self._ask(
            *(shard, "erase", user, instant(erasure.until)),
            "" if erasure.at is None else instant(erasure.at),
            *some(erasure.digests),
        )
        await self._unclaim(gone, shard)
        return int(count)


def how_of(ending: Ending) -> list[Text]:
    """When, why and by whom, and which rows were live then."""
    at = ending.cutoffs
    actor = json.dumps(ending.actor)
    instants = (at.idle_after, at.created_after)
    when = (instant(at.now), json.dumps(ending.reason), actor, *map(instant, instants))
    return [*when, counts.of_reason(ending.reason)]


def _target(target: Target) -> list[Text]:
    """What kind it is, whose, and which; a name that may be missing has a mark before it."""
    if isinstance(target, ById):
        whose = b"" if target.user_id is None else b"=" + raw(target.user_id)
        return ["session", whose, raw(target.session_id), "0", "0"]
    if isinstance(target, OfDevice):
        ids = (raw(target.user_id), raw(target.device_id))
        return ["device", *ids, flag(target.forget), "0"]
    assert isinstance(target, OfUser)  # noqa: S101 - Everyone has a script of its own
    kept = b"" if target.keep is None else b"=" + raw(target.keep)
    return ["user", raw(target.user_id), kept, "0", flag(target.compromised)]
