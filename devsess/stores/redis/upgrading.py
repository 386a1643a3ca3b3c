"""
The upgrade of data that an older devsess began: what was written before is indexed and counted.

Account by account, in their order, one script each: sign-ins go on meanwhile. Whatever is
written to an account whose turn is still to come is counted with it then. An upgrade that is cut
short goes on where it was. Then accounts come, in their order again, into the numbers of those
with as many open sessions.
"""

from __future__ import annotations

import builtins

from devsess.errors import ConfigurationError, StoreUnavailableError
from devsess.stores import searching
from devsess.stores.counting import Counts
from devsess.stores.redis import counts as counted
from devsess.stores.redis import stored
from devsess.stores.redis.columns import some, unraw
from devsess.stores.redis.port import Call
from devsess.stores.redis.shards import VERSION, Shards

# By the version of the data that each makes.
STEPS = {4: "0004_all_sessions", 5: "0005_open_to_accounts"}
# Accounts that are asked for at once, and how often one that changes meanwhile is read again.
TOGETHER, TRIES = 100, 50


class Upgrading(Shards):
    """The part of RedisStore that brings older data up to date; see `Store`."""

    async def pending(self) -> builtins.list[str]:
        """See Store.pending."""
        await self._open()
        return [name for version, name in STEPS.items() if self._version < version]

    async def migrate(self) -> builtins.list[str]:
        """See Store.migrate: of new data the first write makes what is missing."""
        steps = await self.pending()
        if not steps:
            return []
        if self._version < 2:
            raise ConfigurationError(
                "this data has no list of its users: an older devsess began it;"
                " end its sessions, and begin with another prefix"
            )
        for shard in range(len(self._tags)):
            while users := await self._ask(shard, "unadopted", str(TOGETHER)):
                for user in users:
                    await self._adopt(shard, user)
            while await self._ask(shard, "size", str(TOGETHER)):
                pass
        await self._run(Call.of(self._about, "upgraded", str(VERSION)))
        self._version = VERSION
        return steps

    async def _adopt(self, shard: int, user: bytes) -> None:
        for _ in range(TRIES):
            answer = await self._ask(shard, "account", user)
            read = stored.read(unraw(user), answer)
            found = Counts()
            for row in read.account.sessions:
                found.began(row)
                if row.revoked_at is not None:
                    found.over(row)
            found.happened(*read.account.events)
            still_open = sum(row.revoked_at is None for row in read.account.sessions)
            events = zip(answer[5], read.account.events, strict=True)
            acts = [place for place, event in events if searching.is_act(event)]
            how = (*some(acts), *counted.of_counts(found))
            if await self._ask(shard, "adopt", user, read.state, str(still_open), *how):
                return
        raise StoreUnavailableError("an account changed again and again while it was indexed")
