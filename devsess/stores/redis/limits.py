"""
A limit of time on all that a blocking connection does.

A socket has one on each wait alone: of a peer that sends byte by byte an answer comes at
some time, however short each wait is. So a connection has a deadline, which each wait looks at.
"""

from __future__ import annotations

import time
from functools import cache
from typing import Any


class LimitedSocket:
    """
    A socket whose waits end at a deadline.

    Args:
        sock: The socket, with or without TLS.

    Attributes:
        deadline: On the monotonic clock.
    """

    def __init__(self, sock: Any, deadline: float) -> None:
        self._sock, self.deadline = sock, deadline
        self._seconds: float | None = sock.gettimeout()

    def settimeout(self, seconds: float | None) -> None:
        """The limit on each wait; the deadline may be earlier."""
        self._seconds = seconds

    def gettimeout(self) -> float | None:
        """See `settimeout`."""
        return self._seconds

    def recv(self, *arguments: Any) -> bytes:
        """See socket.recv."""
        received: bytes = self._limited().recv(*arguments)
        return received

    def recv_into(self, *arguments: Any) -> int:
        """See socket.recv_into."""
        count: int = self._limited().recv_into(*arguments)
        return count

    def sendall(self, data: bytes) -> None:
        """See socket.sendall."""
        self._limited().sendall(data)

    def _limited(self) -> Any:
        left = self.deadline - time.monotonic()
        if self._seconds is not None:
            left = min(left, self._seconds)
        if left <= 0 and self._seconds != 0:
            raise TimeoutError
        self._sock.settimeout(max(left, 0.0))
        return self._sock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


@cache
def limited(kind: Any) -> Any:
    """The class of connections that is *kind*, with the limit; `limit` sets it."""

    class Limited(kind):  # type: ignore[misc]
        deadline = 0.0

        def _connect(self) -> Any:
            return LimitedSocket(super()._connect(), self.deadline)

    Limited.__name__ = f"Limited{kind.__name__}"
    return Limited


def limit(connection: Any, deadline: float) -> None:
    """
    Let *connection*, of a class of `limited`, do nothing beyond *deadline*.

    Raises:
        TimeoutError: If it has passed.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    connection.deadline = deadline
    connection.socket_timeout = connection.socket_connect_timeout = left
    if connection._sock is not None:
        connection._sock.deadline = deadline
        connection._sock.settimeout(left)
