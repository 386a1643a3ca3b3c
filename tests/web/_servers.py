"""The examples of the docs, each under a real server, over real sockets."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
from _browser import Browser

from devsess import SessionManager

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
PYTHON = [sys.executable, "-m"]
SERVERS = {
    "flask waitress": [*PYTHON, "waitress", "--listen=127.0.0.1:{port}", "flask_app:app"],
    "flask gunicorn": [
        *PYTHON,
        *("gunicorn", "--workers=2", "--bind=127.0.0.1:{port}", "flask_app:app"),
    ],
    "fastapi uvicorn": [*PYTHON, "uvicorn", "--port={port}", "fastapi_app:app"],
    "fastapi hypercorn": [*PYTHON, "hypercorn", "--bind=127.0.0.1:{port}", "fastapi_app:app"],
    "django gunicorn": [
        *PYTHON,
        *("gunicorn", "--workers=2", "--bind=127.0.0.1:{port}", "django_app:application"),
    ],
    "wsgi waitress": [*PYTHON, "waitress", "--listen=127.0.0.1:{port}", "wsgi_app:application"],
}
# One server of each framework is enough for a brief run.
DEAR = {"flask gunicorn", "fastapi hypercorn", "wsgi waitress"}
# Not among the others, since it shows another thing.
FORM_POST = {
    "form_post waitress": [
        *PYTHON,
        *("waitress", "--listen=127.0.0.1:{port}", "form_post_app:application"),
    ],
}


class Server:
    """A running example, and a manager on its store."""

    def __init__(self, name: str, folder: Path, **environ: str) -> None:
        self.name = name
        self.store = folder / "sessions.db"
        self.port = _free_port()
        self.sessions = SessionManager(self.store, keys=SECRET)
        self._log = (folder / f"log-{self.port}").open("w+")
        self._process = subprocess.Popen(
            [part.format(port=self.port) for part in (SERVERS | FORM_POST)[name]],
            cwd=EXAMPLES,
            env={
                **os.environ,
                "DEVSESS_SECRET": SECRET,
                "DEVSESS_STORE": str(self.store),
                **environ,
            },
            stdout=self._log,
            stderr=self._log,
        )
        # One connection a request: a kept one might be one that the server has just closed.
        once = httpx.Limits(max_keepalive_connections=0)
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", limits=once)

    def wait(self) -> None:
        """Until it answers."""
        deadline = time.monotonic() + 30
        while True:
            try:
                self.client.get("/sign-in")
                return
            except httpx.TransportError:
                assert self._process.poll() is None, self.evidence()
                assert time.monotonic() < deadline, self.evidence()
                time.sleep(0.05)

    def log(self) -> str:
        self._log.seek(0)
        return self._log.read()

    def evidence(self) -> str:
        """The log, and each file of the store with those who have it open."""
        found = [self.log()]
        for path in sorted(self.store.parent.glob(f"{self.store.name}*")):
            found.append(f"{path}: {path.stat().st_size} bytes, number {path.stat().st_ino}")
        for entry in Path("/proc").glob("[0-9]*/fd/*"):
            with suppress(OSError):
                if str(entry.readlink()).startswith(str(self.store)):
                    found.append(f"{entry}: {entry.readlink()}, number {entry.stat().st_ino}")
        return "\n".join(found)

    def close(self) -> None:
        self.client.close()
        self._process.terminate()
        self._process.wait(30)
        self.sessions.close()
        self._log.close()

    def send(self, method: str, path: str, headers: Any, content: bytes) -> httpx.Response:
        request = httpx.Request(method, self.client.base_url.join(path), headers=headers)
        return self.client.send(
            httpx.Request(method, request.url, headers=headers, content=content)
        )

    def browser(self, name: str | None = None, password: str = "lovelace") -> Browser:
        browser = Browser(self.send, host=f"localhost:{self.port}")
        if name is not None:
            answer = form(browser, "/sign-in", name=name, password=password)
            assert 303 == answer.status_code, (answer.text, self.evidence())
        return browser


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def form(browser: Browser, path: str, **fields: Any) -> httpx.Response:
    """The answer to a form that was sent."""
    plain = browser.send
    content = urlencode(fields).encode()

    def send(method: str, path: str, headers: Any, _: bytes) -> httpx.Response:
        kind = ("Content-Type", "application/x-www-form-urlencoded")
        return plain(method, path, [*headers, kind], content)

    browser.send = send
    try:
        return browser.post(path)
    finally:
        browser.send = plain
