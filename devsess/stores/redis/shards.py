"""
The parts of the data, each in one slot: a user's rows, the log of their changes, and the endings.

A server alone has one shard, a cluster several. A user's shard follows from the user's id.
A session's id names no user: with several shards each id has a key of its own, written
once, that names its shard.
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from zlib import crc32

from devsess.errors import ConfigurationError
from devsess.stores.redis.columns import raw, some, unraw
from devsess.stores.redis.port import Call

if TYPE_CHECKING:
    from devsess.stores.redis.columns import Text
    from devsess.stores.redis.port import Port

# Of the keys and their contents. From 2 on there is a list of the users, from 3 on of all
# events, from 4 on of all sessions, and from 5 on accounts are counted by their open sessions.
VERSION = 5
# Shards of sessions that this process remembers.
REMEMBERED = 100_000


class Shards:
    """
    The shards, and the scripts that run in them.

    Args:
        port: Runs scripts.
        prefix: The beginning of every key.
        shards: How many there are; the same for all processes, for as long as there is data.
    """

    def __init__(self, port: Port, *, prefix: str, shards: int) -> None:
        self._port, self._prefix = port, prefix
        self._tags = [raw(f"{{{prefix}:{number}}}") for number in range(shards)]
        self._about = raw(f"{{{prefix}:about}}")
        self._places: dict[str, int] = {}
        self._is_opened, self._version = False, 0

    async def _ask(self, shard: int, name: str, *arguments: Text) -> Any:
        """The answer of a script in one shard."""
        [answer] = await self._run(Call.of(self._tags[shard], name, *arguments))
        return answer

    async def _ask_all(self, name: str, *arguments: Text) -> builtins.list[Any]:
        """The answers of a script in every shard."""
        return await self._ask_some(range(len(self._tags)), name, *arguments)

    async def _ask_some(
        self, shards: Sequence[int], name: str, *arguments: Text
    ) -> builtins.list[Any]:
        """The answers of a script in some shards."""
        return await self._run(*(Call.of(self._tags[it], name, *arguments) for it in shards))

    async def _ask_each(self, name: str, arguments: Sequence[Sequence[Text]]) -> builtins.list[Any]:
        """The answers of a script in every shard, each with arguments of its own."""
        shards = zip(self._tags, arguments, strict=True)
        return await self._run(*(Call.of(tag, name, *each) for tag, each in shards))

    async def _run(self, *calls: Call) -> builtins.list[Any]:
        """The answers of scripts, of data that was found to be this store's."""
        if not self._is_opened:
            await self._open()
        return await self._port.run_all(calls)

    async def _open(self) -> None:
        """
        Compare the data with this store's settings; new data takes them.

        Raises:
            ConfigurationError: If the data has another number of shards, or a newer version, or
                if a server deletes keys when its memory is full, or does not write to its disk
                as `durable` asks for.
        """
        count = str(len(self._tags))
        opening = Call.of(self._about, "about", str(VERSION), count)
        version, shards = await self._port.run(opening)
        if int(version) > VERSION:
            raise ConfigurationError("the data was written by a newer devsess: upgrade this one")
        if int(shards) != len(self._tags):
            raise ConfigurationError(
                f"the data has {int(shards)} shards, and this store {count}: set `shards`"
            )
        await self._port.check_servers(self._tags)
        self._version = int(version)
        self._is_opened = True

    def _of_user(self, user_id: str) -> int:
        """The shard of a user."""
        return crc32(raw(user_id)) % len(self._tags)

    async def _of_session(self, session_id: str) -> int | None:
        """The shard of a session; None if there is no such session."""
        if len(self._tags) == 1:
            return 0
        shard = self._places.get(session_id)
        if shard is None:
            [found] = await self._run(Call.of(self._id_key(session_id), "find"))
            if found is None:
                return None
            shard = self._remembered(session_id, int(found))
        return shard

    def _remembered(self, session_id: str, shard: int) -> int:
        if len(self._places) >= REMEMBERED:
            self._places.clear()
        self._places[session_id] = shard
        return shard

    async def _claim(self, session_id: str, shard: int) -> bool:
        """
        Write the shard of a new session's id before the session; whether it was written now.

        Raises:
            ValueError: If the id has another shard, and so is in use.
        """
        if len(self._tags) == 1:
            return False
        [(is_new, found)] = await self._run(Call.of(self._id_key(session_id), "claim", str(shard)))
        if int(found) != shard:
            raise ValueError("there is a session with this id already")
        return bool(is_new)

    async def _unclaim(self, session_ids: Sequence[bytes], shard: int) -> None:
        """Delete the keys of ids whose sessions are gone from their *shard*."""
        if len(self._tags) > 1 and session_ids:
            keys = {it: self._id_key(unraw(it)) for it in session_ids}
            await self._run(*(Call.of(key, "unclaim") for key in keys.values()))
            # A merge writes rows first and then the keys, here it is the other way round: so
            # whichever of the two ends last, a session that came back has its key.
            there = await self._ask(shard, "there", *some(session_ids))
            await self._run(*(Call.of(keys[it], "claim", str(shard)) for it in there))

    def _id_key(self, session_id: str) -> bytes:
        return raw(f"{{{self._prefix}:id:{session_id}}}")
