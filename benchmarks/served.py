"""
Requests a second of a wrapped app beside the bare one, under uvicorn, asked by wrk.

    python -m benchmarks.served [--seconds N]
"""

from __future__ import annotations

import argparse
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import _results
from benchmarks import _world as world
from benchmarks._line import Line
from benchmarks.middleware import asgi_app, cookies_of
from devsess import AsyncSessionManager, Client
from devsess.adapters.asgi import SessionMiddleware
from devsess.tuning.clients import AGENTS

ROUNDS = 5
# Of the bare app's requests a second.
SHARE = 0.85
AGENT = AGENTS[0]


def fastapi_app() -> Any:
    """As small as one can be."""
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/")
    async def home() -> dict[str, str]:
        return {"hello": "world"}

    return app


APPS = {"an app that does nothing": lambda: asgi_app, "FastAPI": fastapi_app}


def lines(seconds: int) -> list[Line]:
    """Each app, asked by a browser and by a program."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "sessions.db")
        with world.opened(path) as sessions:
            grant = sessions.login("ada", Client(ip="127.0.0.1", user_agent=AGENT))
        ways = {
            "cookies": f"Cookie: {cookies_of(grant)}",
            "bearer": f"Authorization: Bearer {grant.access_token}",
        }
        return [line for app in APPS for line in _lines(path, app, ways, seconds)]


def _lines(path: Path, app: str, ways: dict[str, str], seconds: int) -> list[Line]:
    found: dict[str, list[float]] = {name: [] for name in ways}
    with _serving(path, app, wrapped=False) as bare, _serving(path, app, wrapped=True) as wrapped:
        for _ in range(ROUNDS):
            for name, header in ways.items():
                rates = [_asked(port, header, seconds) for port in (bare, wrapped)]
                found[name].append(rates[1] / rates[0])
    return [
        Line(f"{app}, {name}", statistics.median(shares), SHARE, at_least=True)
        for name, shares in found.items()
    ]


@contextmanager
def _serving(path: Path, app: str, *, wrapped: bool) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    arguments = [str(path), world.SECRET, app, str(port), *(["wrapped"] if wrapped else [])]
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.served", "--serve", *arguments])
    try:
        _wait(port)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _wait(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("uvicorn did not start")


def _asked(port: int, header: str, seconds: int) -> float:
    """Requests a second; one connection more than the server can answer at once."""
    command = ["wrk", "-t1", "-c16", f"-d{seconds}s", "-H", f"User-Agent: {AGENT}", "-H", header]
    told = subprocess.run(
        [*command, f"http://127.0.0.1:{port}/"], check=True, capture_output=True, text=True
    ).stdout
    assert "Non-2xx" not in told, told
    found = re.search(r"Requests/sec:\s+([\d.]+)", told)
    assert found is not None, told
    return float(found[1])


def serve(path: str, secret: str, app: str, port: str, wrapped: str = "") -> None:
    """In a process of its own: the app under uvicorn."""
    import uvicorn

    made = APPS[app]()
    if wrapped:
        made = SessionMiddleware(made, AsyncSessionManager(path, keys=secret))
    uvicorn.run(made, port=int(port), lifespan="off", access_log=False, log_level="warning")


def main() -> int:
    """Measure and print; 1 if a bound is missed."""
    if sys.argv[1:2] == ["--serve"]:
        serve(*sys.argv[2:])
        return 0
    parser = argparse.ArgumentParser(prog="python -m benchmarks.served", description=__doc__)
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement")
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        parser.error("wrk is not installed: apt-get install wrk")
    found = lines(options.seconds)
    print(_results.report("share of the bare app's requests a second", found))
    return 0 if all(line.met for line in found) else 1


if __name__ == "__main__":
    sys.exit(main())
