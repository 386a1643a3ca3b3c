"""Two servers that speak MongoDB's protocol; see docs/mongodb.md for what each can show."""

from __future__ import annotations

import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pymongo
from attrs import frozen
from pymongo.errors import PyMongoError

PATIENCE = 60.0
HERE = Path(__file__).parent


@frozen
class Server:
    """
    A server that is neither stopped nor emptied by a test.

    Attributes:
        url: Its URL, without a database.
        address: Host and port.
    """

    url: str
    address: tuple[str, int]

    def place(self, **settings: object) -> str:
        """The URL of a collection that no other test has; a busy machine is given its time."""
        named = {"collection": f"c{secrets.token_hex(8)}", "timeout": PATIENCE, **settings}
        query = "&".join(f"{name}={value}" for name, value in named.items())
        base, _, own = self.url.partition("?")
        return f"{base.rstrip('/')}/devsess_test?{'&'.join(filter(None, [own, query]))}"

    def through(self, address: tuple[str, int], **settings: object) -> str:
        """As `place`, over a proxy at *address*: no other member of a set is looked for."""
        host, port = self.address
        url = self.place(directConnection="true", **settings)
        return url.replace(f"{host}:{port}", "{}:{}".format(*address))


class OwnServer:
    """
    A process on a free port of the loopback, with a folder of its own.

    Args:
        streaming: Whether it has change streams (nx-27017), or isolated
            transactions (mongoeco).
    """

    def __init__(self, *, streaming: bool) -> None:
        self._is_streaming = streaming
        self._process: subprocess.Popen[bytes] | None = None
        self.folder = Path(tempfile.mkdtemp(prefix="devsess-mongodb-"))
        self.port = _free_port()

    @property
    def server(self) -> Server:
        """Where it answers."""
        return Server(f"mongodb://127.0.0.1:{self.port}", ("127.0.0.1", self.port))

    def start(self) -> None:
        """Start it, and wait until it answers; nx-27017 has its documents of before."""
        command = [sys.executable, str(HERE / "_mongoeco.py"), str(self.port)]
        if self._is_streaming:
            command = [
                *(str(Path(sys.executable).with_name("nx-27017")), "--host", "127.0.0.1"),
                *("-p", str(self.port), "--db", str(self.folder / "data.db")),
                *("--pid-file", str(self.folder / "pid"), "--log-file", str(self.folder / "log")),
            ]
        with (self.folder / "output").open("ab") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=output)
        until = time.monotonic() + PATIENCE
        while not _answers(self.server.url):
            if self._process.poll() is not None or time.monotonic() > until:
                text = (self.folder / "output").read_text(encoding="utf-8", errors="replace")
                raise RuntimeError(text)
            time.sleep(0.05)

    def signal(self, number: int) -> None:
        """Send a signal to its process."""
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        (self.folder / "pid").unlink(missing_ok=True)

    def close(self) -> None:
        """End it, also where it was stopped, and delete its folder."""
        if self._process is not None:
            self.signal(signal.SIGCONT)
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def _answers(url: str) -> bool:
    client: pymongo.MongoClient[Any] = pymongo.MongoClient(url, serverSelectionTimeoutMS=500)
    with client:
        try:
            client.admin.command("ping")
        except PyMongoError:
            return False
        return True


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def server_at(url: str) -> Server:
    """The server at a URL, which must answer."""
    client: pymongo.MongoClient[Any] = pymongo.MongoClient(url, serverSelectionTimeoutMS=5_000)
    with client:
        client.admin.command("ping")
        assert client.primary or client.address
        host, port = client.primary or client.address or ("", 0)
        return Server(url, (host, int(port or 0)))
