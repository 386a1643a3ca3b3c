"""
A migration takes its time, and a server that falls silent is noticed all the same.

The limit of a call stands for "the server is gone", which a long statement is not. So another
connection asks, several times within each `timeout`, whether the server is still at work on the
transaction, which goes by a name of its own there; with each yes the deadline moves on. Keepalives
of TCP would not do: the system of a server that is stuck answers them, and so does a proxy.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING, TypeAlias

import psycopg
from attrs import frozen

if TYPE_CHECKING:
    from devsess.stores.postgres.hosts import Hosts
    from devsess.stores.postgres.limits import LimitedAsyncConnection, LimitedConnection

    _Watched: TypeAlias = LimitedConnection | LimitedAsyncConnection

# For the first statement of a transaction: it has a name, and its work no limit, be it the server's
# or an administrator's (the last of them came with version 17). But it waits for a lock shortly:
# later calls wait behind it, readers too. It is more than the second after which an autovacuum
# gives way, and is said here: the pool's own is as long as `timeout` makes it, and an application's
# pool has none. And the server looks whether the client is still there, from version 14 on, and
# where its system can tell: elsewhere it refuses the setting.
UNLIMITED = (
    "SELECT set_config('application_name', %(name)s, true), (SELECT count(set_config(name, it,"
    " true)) FROM pg_settings JOIN (VALUES ('statement_timeout', '0'), ('transaction_timeout',"
    " '0'), ('lock_timeout', '2s'), ('client_connection_check_interval', '5s')) AS its (name, it)"
    " USING (name) WHERE name <> 'client_connection_check_interval' OR version() ~ 'linux')"
)
# An idle one has answered: if nothing has come, then the answer was lost.
_AT_WORK = "SELECT 1 FROM pg_stat_activity WHERE application_name = %s AND left(state, 4) <> 'idle'"
# How often it is asked within `timeout`.
_LOOKS = 4


@frozen
class Watch:
    """
    Moves the deadline of a connection while the server is seen at work on its transaction.

    Attributes:
        name: Of the transaction, which nothing else has.
        timeout: Seconds without a sign of life after which the server is taken for gone.
        hosts: Where the server is asked.
    """

    name: str
    timeout: float
    hosts: Hosts

    @contextmanager
    def over(self, connection: LimitedConnection) -> Iterator[None]:
        """Move the deadline of *connection* while the block runs."""
        is_over = Event()
        thread = Thread(target=self._watch, args=(connection, is_over), daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()

    def _watch(self, connection: LimitedConnection, is_over: Event) -> None:
        while not is_over.wait(self._pause) and _left(connection) > 0:
            with suppress(psycopg.Error), self.hosts.connect(_until(connection)) as other:
                while not is_over.is_set():
                    other.deadline = _until(connection)
                    if other.execute(_AT_WORK, (self.name,)).fetchone():
                        self._move(connection)
                    is_over.wait(self._pause)

    @asynccontextmanager
    async def over_awaited(self, connection: LimitedAsyncConnection) -> AsyncIterator[None]:
        """`over`, awaited."""
        task = asyncio.create_task(self._watch_awaited(connection))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _watch_awaited(self, connection: LimitedAsyncConnection) -> None:
        while _left(connection) > 0:
            await asyncio.sleep(self._pause)
            with suppress(psycopg.Error):
                async with await self.hosts.connect_awaited(_until(connection)) as other:
                    while True:
                        other.deadline = _until(connection)
                        found = await other.execute(_AT_WORK, (self.name,))
                        if await found.fetchone():
                            self._move(connection)
                        await asyncio.sleep(self._pause)

    @property
    def _pause(self) -> float:
        return self.timeout / _LOOKS

    def _move(self, connection: _Watched) -> None:
        connection.deadline = monotonic() + self.timeout


def _until(connection: _Watched) -> float:
    """A look that comes later than this is of no use any more."""
    return connection.deadline or 0.0


def _left(connection: _Watched) -> float:
    return _until(connection) - monotonic()
