"""A proxy between a store and its server, which drops, delays and cuts."""

from __future__ import annotations

import socket
import struct
import time
from contextlib import suppress
from threading import Lock, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    _Way = Callable[[socket.socket, socket.socket], None]

_CHUNK = 65_536


class Proxy:
    """
    A TCP proxy on a free port of the loopback.

        with Proxy(("127.0.0.1", 5432)) as proxy:
            store = MyStore(*proxy.address, timeout=0.5)
            proxy.drop_replies()

    Attributes:
        address: Host and port to connect to.

    Args:
        target: Host and port of the server.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._lock = Lock()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listening.getsockname()
        self.heal()
        Thread(target=self._accept, daemon=True).start()

    # What happens to connections, from now on.

    def heal(self) -> None:
        """Pass everything on, at once."""
        self._refuses = self._drops_requests = self._drops_replies = False
        self._delay = self._gap = 0.0
        self._left: int | None = None

    def drop_replies(self) -> None:
        """Pass requests on, and swallow the replies: the server does it, and nobody hears."""
        self._drops_replies = True

    def drop_all(self) -> None:
        """Swallow requests and replies, of new connections too: a peer that fell silent."""
        self._drops_requests = self._drops_replies = True

    def delay_replies(self, seconds: float) -> None:
        """Pass each piece of a reply on after *seconds*."""
        self._delay = seconds

    def drip_replies(self, seconds: float) -> None:
        """Pass replies on byte by byte, *seconds* apart: something arrives all the time."""
        self._gap = seconds

    def cut_replies(self, after: int = 0) -> None:
        """Close a connection in the middle of a reply, once *after* more bytes have passed."""
        self._left = after

    def refuse(self) -> None:
        """Close each connection, and new ones at once: a server that is down."""
        self._refuses = True
        self.cut()

    def cut(self) -> None:
        """Close all connections that are open now."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            _close(*pair)

    def close(self) -> None:
        """Close all connections, and listen no more; closing twice is fine."""
        self._refuses = True
        with suppress(OSError):  # it wakes the thread that accepts
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return  # closed
            if self._refuses:
                _close(client)
                continue
            try:
                server = socket.create_connection(self._target)
            except OSError:
                _close(client)
                continue
            self._join(client, server)

    def _join(self, client: socket.socket, server: socket.socket) -> None:
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._pairs.add((client, server))
        for way in (self._pass_requests, self._pass_replies):
            Thread(target=self._run, args=(way, client, server), daemon=True).start()

    def _run(self, way: _Way, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            way(client, server)
        with self._lock:
            self._pairs.discard((client, server))
        _close(client, server)

    def _pass_requests(self, client: socket.socket, server: socket.socket) -> None:
        while data := client.recv(_CHUNK):
            if not self._drops_requests:
                server.sendall(data)

    def _pass_replies(self, client: socket.socket, server: socket.socket) -> None:
        while data := server.recv(_CHUNK):
            if self._drops_replies:
                continue
            if self._delay:
                time.sleep(self._delay)
            if self._left is not None:
                passed, self._left = data[: self._left], max(0, self._left - len(data))
                client.sendall(passed)
                if len(passed) < len(data):
                    return
            elif self._gap:
                self._drip(client, data)
            else:
                client.sendall(data)

    def _drip(self, client: socket.socket, data: bytes) -> None:
        for place in range(len(data)):
            gap = self._gap  # it may have healed meanwhile: then the rest comes at once
            client.sendall(data[place : place + 1] if gap else data[place:])
            if not gap:
                return
            time.sleep(gap)


def _close(*ends: socket.socket) -> None:
    """Close with a reset: the other end hears of it at once, with nothing left to read."""
    for end in ends:
        with suppress(OSError):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.shutdown(socket.SHUT_RDWR)
        end.close()
