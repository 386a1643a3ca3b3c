"""Poolers before a PostgreSQL server: pgbouncer where it is on the PATH, and always a small one."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from collections import deque
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Condition, Thread
from typing import TYPE_CHECKING

from benchmarks.servers import postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.servers.postgres import PostgresServer

PGBOUNCER = shutil.which("pgbouncer")
# Asks for TLS and for GSSAPI, which are declined; and to cancel, which is not done.
_DECLINED, _CANCEL = (80_877_103, 80_877_104), 80_877_102
_SETTINGS = """\
[databases]
postgres = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
auth_type = trust
auth_file = {folder}/users
pool_mode = {mode}
default_pool_size = {size}
unix_socket_dir =
"""


class TransactionPooler:
    """
    Gives each transaction the server's session that was not used for longest.

    Args:
        server: It trusts everybody.
        size: Sessions of the server, which all clients share.
    """

    def __init__(self, server: PostgresServer, size: int = 3) -> None:
        self._given = Condition()
        self._free: deque[socket.socket] = deque()
        for _ in range(size):
            session, self._greeting = _session(server.address)
            self._free.append(session)
        self._all = [*self._free]
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listening.accept()
                Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            code = _CANCEL
            while (code := _startup(client)) in _DECLINED:
                client.sendall(b"N")
            if code != _CANCEL:
                # Its own number in place of the session's, of which there is more than one.
                client.sendall(self._greeting + b"K\x00\x00\x00\x0c" + os.urandom(8) + _READY)
                while self._transaction(client):
                    pass

    def _transaction(self, client: socket.socket) -> bool:
        """Pass one transaction of *client* to a session; whether it wants another."""
        kind, message = _read(client)
        if kind == b"X":
            return False
        with self._given:
            while not self._free:
                self._given.wait()
            session = self._free.popleft()
        is_over = False
        while not is_over:
            session.sendall(message)
            if kind in b"QS":
                is_over = _pass_answer(session, client)
            if not is_over:
                kind, message = _read(client)
        with self._given:
            self._free.append(session)
            self._given.notify()
        return True

    def close(self) -> None:
        """Accept no more, and end the sessions."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for session in self._all:
            session.close()


_READY = b"Z\x00\x00\x00\x05I"


def _session(address: tuple[str, int]) -> tuple[socket.socket, bytes]:
    """A session of the server, and its greeting as far as it names its settings."""
    session = socket.create_connection(address)
    session.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    text = struct.pack("!i", 196_608) + b"user\0postgres\0database\0postgres\0\0"
    session.sendall(struct.pack("!i", len(text) + 4) + text)
    greeting, kind = b"", b""
    while kind != b"Z":
        kind, message = _read(session)
        greeting += message if kind in b"RS" else b""
    return session, greeting


def _startup(client: socket.socket) -> int:
    """The code of the first message: a version of the protocol, or what is asked before it."""
    [length] = struct.unpack("!i", _exactly(client, 4))
    code: int = struct.unpack("!i", _exactly(client, length - 4)[:4])[0]
    return code


def _pass_answer(session: socket.socket, client: socket.socket) -> bool:
    """Pass on all up to the end of an answer; whether no transaction is open then."""
    while True:
        kind, message = _read(session)
        client.sendall(message)
        if kind == b"Z":
            return message[-1:] == b"I"


def _read(source: socket.socket) -> tuple[bytes, bytes]:
    """The kind of the next message, and all of it."""
    head = _exactly(source, 5)
    [length] = struct.unpack("!i", head[1:])
    return head[:1], head + _exactly(source, length - 4)


def _exactly(source: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        piece = source.recv(count - len(found))
        if not piece:
            raise ConnectionResetError
        found += piece
    return found


@contextmanager
def pooling(server: PostgresServer, mode: str) -> Iterator[int]:
    """The port of pgbouncer in this *mode*; of the small pooler, where the mode is 'small'."""
    if mode == "small":
        pooler = TransactionPooler(server)
        try:
            yield pooler.port
        finally:
            pooler.close()
        return
    with tempfile.TemporaryDirectory() as name, socket.create_server(("127.0.0.1", 0)) as free:
        folder, port = Path(name), free.getsockname()[1]
        folder.chmod(0o755)
        free.close()
        size = 3 if mode == "transaction" else 20  # each client keeps one, by session
        settings = _SETTINGS.format(
            server=server.port, port=port, folder=folder, mode=mode, size=size
        )
        (folder / "users").write_text('"postgres" ""\n', encoding="utf-8")
        (folder / "settings").write_text(settings, encoding="utf-8")
        yield from _pgbouncer(folder, port)


def _pgbouncer(folder: Path, port: int) -> Iterator[int]:
    command = [str(PGBOUNCER), str(folder / "settings")]
    with (folder / "log").open("wb") as log:
        user = postgres._user()  # it too refuses to run as root
        process = subprocess.Popen(command, user=user, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError((folder / "log").read_text(encoding="utf-8")) from None
                time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait(30)
