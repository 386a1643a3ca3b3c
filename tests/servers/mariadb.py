"""A MariaDB server of Debian's package, or the one that DEVSESS_TEST_MARIADB_URL names."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pymysql
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MariaServer", "mariadb", "mariadb_url"]

URL = "DEVSESS_TEST_MARIADB_URL"
# A crash of the machine may lose what it wrote.
_FAST = (
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--innodb-buffer-pool-size=32M",
    "--innodb-log-file-size=32M",
    "--skip-log-bin",
    "--max-connections=60",
)


def _program(*names: str) -> str | None:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    return next((it for name in names if (it := shutil.which(name, path=path))), None)


class MariaServer:
    """A server of its own on a free port of the loopback, in a temporary folder."""

    def __init__(self, server: str, install: str) -> None:
        self._server, self._install = server, install
        self._process: subprocess.Popen[bytes] | None = None
        self._user = "mysql" if os.geteuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix="devsess-mariadb-"))
        if self._user:
            shutil.chown(self.folder, self._user)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return "127.0.0.1", self.port

    @property
    def url(self) -> str:
        """The URL of its database, without a driver."""
        return f"mariadb://root@127.0.0.1:{self.port}/test"

    def start(self) -> None:
        """Make the database, start it, and wait until it answers."""
        data = self.folder / "data"
        with (self.folder / "log").open("ab") as log:
            if not data.exists():
                subprocess.run(
                    [
                        *(self._install, "--no-defaults", f"--datadir={data}"),
                        *("--auth-root-authentication-method=normal", "--skip-test-db"),
                        *([f"--user={self._user}"] if self._user else []),
                    ],
                    check=True,
                    stdout=log,
                    stderr=log,
                    timeout=120,
                )
            self._process = subprocess.Popen(
                [
                    *(self._server, "--no-defaults", f"--datadir={data}", f"--port={self.port}"),
                    *("--bind-address=127.0.0.1", f"--socket={self.folder / 'socket'}"),
                    *(f"--pid-file={self.folder / 'pid'}", *_FAST),
                ],
                stdout=log,
                stderr=log,
                user=self._user,
            )
        self._wait()

    def _wait(self) -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until and self._process and self._process.poll() is None:
            try:
                with pymysql.connect(host="127.0.0.1", port=self.port, user="root") as connection:
                    connection.cursor().execute("CREATE DATABASE IF NOT EXISTS test")
            except pymysql.Error:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError((self.folder / "log").read_text(encoding="utf-8", errors="replace"))

    def stop(self) -> None:
        """Stop it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)
            self._process = None

    def close(self) -> None:
        """Stop it and delete its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaServer]:
    """A server of one's own; skipped where Debian's package is missing."""
    server, install = _program("mariadbd", "mysqld"), _program("mariadb-install-db")
    if server is None or install is None:
        pytest.skip("there is no MariaDB here: apt-get install mariadb-server")
    made = MariaServer(server, install)
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def mariadb_url(request: pytest.FixtureRequest) -> str:
    """The URL of a database, without a driver."""
    if URL in os.environ:
        return os.environ[URL]
    server: MariaServer = request.getfixturevalue("mariadb")
    return server.url
