"""The project behind a real server."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from attrs import frozen

SITE = Path(__file__).parent / "site"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0"
# Tables, a person, and a session of hers from before the app.
_FILL = """
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
ada = User.objects.create_superuser("ada", "", "lovelace")
store = SessionStore()
store["_auth_user_id"], store["_auth_user_hash"] = str(ada.pk), ada.get_session_auth_hash()
store["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
store.save()
print(store.session_key)
"""
SERVERS = {
    "wsgi": ("waitress", "--host=127.0.0.1", "--port={port}", "shop.served:wsgi"),
    "asgi": ("uvicorn", "--host=127.0.0.1", "--port={port}", "--no-access-log", "shop.served:asgi"),
}


@frozen
class Served:
    """A server of one kind, and the key of a session from before the app."""

    kind: str
    url: str
    old: str

    def browser(self) -> httpx.Client:
        """A client that keeps cookies, as a browser on this machine does."""
        headers = {"User-Agent": FIREFOX, "Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def sign_in(self, browser: httpx.Client, path: str = "/accounts/login/") -> httpx.Response:
        """By the form of Django's own view, with its token."""
        page = browser.get(path)
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert found is not None, page.text
        token = page.cookies.get("csrftoken") or browser.cookies.get("csrftoken") or ""
        form = {"csrfmiddlewaretoken": found[1], "username": "ada", "password": "lovelace"}
        cookies = {**self.held(browser), "csrftoken": token}
        return self.send(browser, "POST", path, data=form, cookies=cookies)

    def send(
        self,
        browser: httpx.Client,
        method: str,
        path: str,
        *,
        cookies: dict[str, str],
        **body: object,
    ) -> httpx.Response:
        """A request with Secure cookies, which httpx keeps from http, and browsers do not here."""
        jar = "; ".join(f"{name}={value}" for name, value in cookies.items())
        headers = {"Cookie": jar, "Origin": self.url}
        return browser.request(method, path, headers=headers, **body)  # type: ignore[arg-type]

    @staticmethod
    def held(browser: httpx.Client) -> dict[str, str]:
        """The cookies that a browser would send."""
        return {it.name: it.value or "" for it in browser.cookies.jar}


def _port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def serving(kind: str, place: Path) -> Iterator[Served]:
    """The project, filled, in the folder *place* behind a server of that kind."""
    port = _port()
    there = {"SHOP_PLACE": str(place), "SHOP_EXCHANGE": "2999-01-01", "PYTHONPATH": str(SITE)}
    environment = {**os.environ, **there, "DJANGO_SETTINGS_MODULE": "shop.settings"}

    def run(*arguments: str) -> str:
        command = [sys.executable, *arguments]
        ended = subprocess.run(
            command, env=environment, cwd=SITE, capture_output=True, text=True, timeout=120
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.strip()

    old = run("-c", _FILL)
    arguments = [it.format(port=port) for it in SERVERS[kind]]
    with (place / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments], env=environment, cwd=SITE, stdout=log, stderr=log
        )
    try:
        _wait(port, process, place / "log")
        yield Served(kind, f"http://127.0.0.1:{port}", old)
    finally:
        process.terminate()
        process.wait(30)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    with httpx.Client() as client:
        while True:
            try:
                client.get(f"http://127.0.0.1:{port}/plain/")
                return
            except httpx.TransportError:
                assert process.poll() is None, log.read_text("utf-8")
                assert time.monotonic() < deadline, log.read_text("utf-8")
                time.sleep(0.05)
