"""A server process, its requests, and its processor time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from itertools import cycle, islice
from pathlib import Path

from attrs import define


@define
class Served:
    """
    A server that runs.

    Attributes:
        pid: Of its process.
        connection: One that stays open.
        requests: The headers of each request, and the user's id in its answer, in turn.
    """

    pid: int
    connection: HTTPConnection
    requests: Iterator[tuple[dict[str, str], str]]

    def seconds(self, requests: int) -> float:
        """
        Processor time of the server for each of so many requests.

        Raises:
            RuntimeError: If one of them is not answered as it should be.
        """
        before = self._spent()
        for headers, user in islice(self.requests, requests):
            self.connection.request("GET", "/", headers=headers)
            answer = self.connection.getresponse()
            body = answer.read()
            if answer.status != 200 or user.encode() not in body:
                raise RuntimeError(f"the server answered {answer.status}: {body[:200]!r}")
        return (self._spent() - before) / requests

    def _spent(self) -> float:
        """Of all its threads: Linux, proc(5)."""
        threads = Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((it / "schedstat").read_text().split()[0]) for it in threads) / 1e9


@contextmanager
def apart() -> Iterator[None]:
    """Leave the servers' core to them, unless it is the only one."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores - {server_core()} or cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def server_core() -> int:
    """The core that servers run on: one that moves between two takes up to twice as long."""
    return max(os.sched_getaffinity(0))


@contextmanager
def serving(name: str, folder: Path) -> Iterator[Served]:
    """The app of that name, served by a process of its own, which is ended."""
    folder.mkdir()
    command = [sys.executable, "-m", "benchmarks.served.server", name, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"the server of {name} did not begin")
            port, headers, users = json.loads(line)
            connection = HTTPConnection("127.0.0.1", port, timeout=30)
            yield Served(process.pid, connection, cycle(zip(headers, users, strict=True)))
            connection.close()
        finally:
            process.terminate()
