"""
Whether a pooler, such as pgbouncer, stands before the server.

It may give each transaction another session: nothing that is set, prepared or listened to in one
is there in the next. That is found out when a connection is opened, and logged.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from devsess.stores.postgres.limits import LimitedAsyncConnection, LimitedConnection

NOT_PREPARED = "PostgreSQL is behind a pooler: statements are not prepared or limited there"
NOT_HEARD = (
    "PostgreSQL is behind a pooler: changes by other processes are not heard at once, but when "
    "this one asks; connect past the pooler where that matters"
)

# A pooler makes up the number that it gives its clients for the server's process.
_IS_POOLED = "SELECT pg_backend_pid() <> %s"
_log = logging.getLogger("devsess")


def is_pooled(connection: LimitedConnection) -> bool:
    """Whether *connection*, a new one, leads to a pooler."""
    pid = connection.info.backend_pid
    return connection.execute(_IS_POOLED, (pid,)).fetchone() != (False,)


async def is_pooled_awaited(connection: LimitedAsyncConnection) -> bool:
    """`is_pooled`, awaited."""
    answer = await connection.execute(_IS_POOLED, (connection.info.backend_pid,))
    return await answer.fetchone() != (False,)


def warn(what: str) -> None:
    """Log what is lost behind the pooler."""
    _log.warning(what)
