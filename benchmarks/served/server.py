"""
One app and its server, in a process of their own.

    python -m benchmarks.served.server NAME FOLDER

Writes a line of JSON, the port, the headers of each user's requests and their ids, and serves until
it is ended.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

from benchmarks.served import apps_asgi, apps_wsgi
from benchmarks.served.client import server_core

# Seconds that a connection may stay idle, while the others take their turns.
IDLE = 600


def main(name: str, folder: str) -> None:
    """Serve the app of that name, whose files are in *folder*."""
    os.sched_setaffinity(0, {server_core()})
    is_asgi = name in apps_asgi.APPS
    apps = apps_asgi.APPS if is_asgi else apps_wsgi.APPS
    made = apps[name](Path(folder))
    # Its protocol said, or asyncio leaves Nagle's algorithm on, and each answer waits for 40 ms.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    print(json.dumps([listening.getsockname()[1], made.headers, made.users]), flush=True)
    (_asgi if is_asgi else _wsgi)(made.app, listening)


def _asgi(app: Any, listening: socket.socket) -> None:
    import uvicorn

    config = uvicorn.Config(
        app,
        # Without accelerators that not every installation has.
        http="h11",
        loop="asyncio",
        timeout_keep_alive=IDLE,
        log_level="warning",
    )
    uvicorn.Server(config).run(sockets=[listening])


def _wsgi(app: Any, listening: socket.socket) -> None:
    import waitress

    waitress.serve(app, sockets=[listening], channel_timeout=IDLE, _quiet=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
