"""Whether a connection that nobody uses is still open, without a round trip."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING

import psycopg
from psycopg.pq import ConnStatus

if TYPE_CHECKING:
    from psycopg.pq.abc import PGconn

# A farewell and the end of the stream; or what a server sends unasked, such as a new setting.
_LOOKS = 3


def is_open(connection: PGconn) -> bool:
    """
    Whether the server has not ended an unused *connection*, as far as is known here.

    Where it was stopped, or ended the session, the end of the stream has arrived. Nothing was
    sent on the connection then, so that a write can take another one.
    """
    for _ in range(_LOOKS):
        if connection.status != ConnStatus.OK:
            return False
        if not _is_readable(connection.socket):
            return True
        try:
            connection.consume_input()
        except psycopg.OperationalError:
            return False
    return False


def _is_readable(descriptor: int) -> bool:
    if not hasattr(select, "poll"):
        return bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
