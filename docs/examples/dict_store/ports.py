"""The two ways to ask the server: one blocks its thread, one lets the event loop go on."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
from typing import Any, Protocol

from devsess.errors import StoreUnavailableError

Address = tuple[str, int]


class Port(Protocol):
    """The requests that a store sends to its database."""

    async def ask(self, *request: object) -> Any:
        """
        The answer to one request.

        Raises:
            StoreUnavailableError: If none came; the request may have been carried out.
        """
        ...

    async def hold(self, seconds: float, *request: object) -> Any:
        """As `ask`, of a request that may take *seconds* more: over a connection of its own."""
        ...

    async def close(self) -> None:
        """Release the connection; closing twice is fine."""
        ...


class BlockingPort:
    """
    For SessionManager: its coroutines never suspend, so that no event loop is needed.

    Each thread has a connection of its own, and so has each process after a fork.
    """

    def __init__(self, address: Address, timeout: float = 5.0) -> None:
        self._address = address
        self._timeout = timeout
        self._open: dict[tuple[int, int], socket.socket] = {}

    async def ask(self, *request: object) -> Any:
        owner = (os.getpid(), threading.get_ident())
        try:
            connection = self._open.get(owner) or self._connected(owner)
            connection.sendall(_line(request))
            return _answer(_received(connection))
        except BaseException as error:
            self._drop(owner)  # its next answer may be the one to this request
            if isinstance(error, OSError):
                raise _unavailable(error) from error
            raise

    async def hold(self, seconds: float, *request: object) -> Any:
        try:
            with socket.create_connection(self._address, self._timeout) as connection:
                connection.settimeout(self._timeout + seconds)
                connection.sendall(_line(request))
                return _answer(_received(connection))
        except OSError as error:
            raise _unavailable(error) from error

    def _connected(self, owner: tuple[int, int]) -> socket.socket:
        connection = socket.create_connection(self._address, self._timeout)
        self._open[owner] = connection
        return connection

    def _drop(self, owner: tuple[int, int]) -> None:
        if connection := self._open.pop(owner, None):
            connection.close()

    async def close(self) -> None:
        for owner in [*self._open]:
            self._drop(owner)


def _received(connection: socket.socket) -> bytes:
    # By hand: a file of the socket has a lock, which a thread may hold while its process
    # forks, and the child could never close it.
    parts = [b""]
    while not parts[-1].endswith(b"\n"):
        parts.append(connection.recv(65_536))
        if not parts[-1]:
            break
    return b"".join(parts)


# Bytes of the longest answer.
_LONGEST = 2**26


class AwaitingPort:
    """For AsyncSessionManager; it connects at its first request, inside the running loop."""

    def __init__(self, address: Address, timeout: float = 5.0) -> None:
        self._address = address
        self._timeout = timeout
        self._lock = asyncio.Lock()
        self._owner = 0
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, *request: object) -> Any:
        try:
            async with asyncio.timeout(self._timeout), self._lock:
                return await self._asked(request)
        except (OSError, ValueError) as error:  # TimeoutError and too long a line are among them
            raise _unavailable(error) from error

    async def hold(self, seconds: float, *request: object) -> Any:
        try:
            async with asyncio.timeout(self._timeout + seconds):
                reader, writer = await asyncio.open_connection(*self._address)
                try:
                    writer.write(_line(request))
                    return _answer(await reader.readline())
                finally:
                    writer.close()
        except (OSError, ValueError) as error:
            raise _unavailable(error) from error

    async def _asked(self, request: tuple[object, ...]) -> Any:
        if self._streams is None or self._owner != os.getpid():
            self._streams = await asyncio.open_connection(*self._address, limit=_LONGEST)
            self._owner = os.getpid()
        reader, writer = self._streams
        try:
            writer.write(_line(request))
            return _answer(await reader.readline())
        except BaseException:
            self._drop()
            raise

    def _drop(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None

    async def close(self) -> None:
        if self._streams is not None:
            _, writer = self._streams
            self._drop()
            await writer.wait_closed()


def _line(request: tuple[object, ...]) -> bytes:
    return json.dumps(request).encode() + b"\n"


def _unavailable(error: Exception) -> StoreUnavailableError:
    return StoreUnavailableError(f"the database did not answer: {error}")


def _answer(line: bytes) -> Any:
    if not line.endswith(b"\n"):
        raise ConnectionError("the connection was closed")
    return json.loads(line)
