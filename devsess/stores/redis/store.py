"""
The store: each call of the protocol as one script, written once for both managers.

    SessionManager("redis://localhost/0", keys=...)
    AsyncSessionManager("valkey://localhost/0", keys=...)
"""

from __future__ import annotations

from typing import Any

from attrs import evolve

from devsess.stores.redis.awaiting import AwaitingLines
from devsess.stores.redis.blocking import BlockingLines
from devsess.stores.redis.copies import Copying
from devsess.stores.redis.log import Log
from devsess.stores.redis.polling import Polling
from devsess.stores.redis.port import Port
from devsess.stores.redis.reads import Reads
from devsess.stores.redis.servers import Disk
from devsess.stores.redis.settings import checked, of_client, of_url
from devsess.stores.redis.statistics import Statistics
from devsess.stores.redis.upgrading import Upgrading


class RedisStore(Reads, Polling, Statistics, Log, Copying, Upgrading):
    """
    Sessions in Redis (6.2 or newer) or Valkey.

    Args:
        where: A URL, or an application's own client of redis-py: its address and
            credentials are taken, and connections of the store's own are opened.
        is_awaited: Whether the manager awaits its store. Follows from a client.
        timeout: Seconds within which a server answers; beyond it a call raises
            StoreUnavailableError. By default as the URL says, or 5.
        pool_size: The most connections to one server; by default 32.
        prefix: The beginning of every key; by default `devsess`.
        shards: The parts of the data, each in one slot of a cluster; the same for all
            processes. By default 16 in a cluster, else 1.
        durable: Whether a write must be on the server's disk before it returns, so that a crash
            of the machine brings no ended session back; a failover still may. By default the
            server's settings decide.

    Raises:
        ConfigurationError: If the URL cannot be understood.
    """

    def __init__(
        self,
        where: Any,
        *,
        is_awaited: bool = False,
        timeout: float | None = None,
        pool_size: int | None = None,
        prefix: str | None = None,
        shards: int | None = None,
        durable: bool | None = None,
    ) -> None:
        if isinstance(where, str):
            settings = of_url(where, is_awaited=is_awaited)
        else:
            settings, is_awaited = of_client(where)
            self._client = where  # its pool may be asked for the master's address
        given = {"timeout": timeout, "pool_size": pool_size, "prefix": prefix, "shards": shards}
        given["durable"] = durable
        chosen: dict[str, Any] = {name: it for name, it in given.items() if it is not None}
        settings = checked(evolve(settings, **chosen))
        lines = AwaitingLines if is_awaited else BlockingLines
        port = Port(
            lines(settings.make, timeout=settings.timeout, size=settings.pool_size),
            settings.topology,
            Disk(settings.timeout) if settings.durable else None,
        )
        super().__init__(port, prefix=settings.prefix, shards=settings.shards)

    async def close(self) -> None:
        """See Store.close."""
        await self._port.close()
