"""Whether a connection that nobody uses is still open, without a round trip."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn


def is_quiet(connection: PGconn) -> bool:
    """
    Whether the server has sent nothing on an unused *connection*.

    Where it was stopped, or ended the session, its farewell is there, or the end of the
    stream. Nothing was sent on the connection then, so that a write can take another one.
    """
    if connection.status != 0:  # CONNECTION_OK
        return False
    if not hasattr(select, "poll"):
        return not select.select([connection.socket], [], [], 0)[0]
    poll = select.poll()
    poll.register(connection.socket, select.POLLIN)
    return not poll.poll(0)
