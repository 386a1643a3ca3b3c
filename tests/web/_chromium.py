"""A real browser: Debian's Chromium, driven over its own debugging protocol."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

CHROMIUM = shutil.which("chromium")
# Without these it looks for Google's hosts at every start.
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


class Chromium:
    """One browser with one tab."""

    def __init__(self, folder: Path) -> None:
        assert CHROMIUM is not None
        arguments = [CHROMIUM, *QUIET, "--remote-debugging-port=0", f"--user-data-dir={folder}"]
        self._process = subprocess.Popen(
            [*arguments, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._number = 0
        self._open = ExitStack()
        self._http = self._open.enter_context(httpx.Client())
        try:
            self._tab = self._connected(folder / "DevToolsActivePort")
            self._ask("Page.enable")
        except BaseException:
            self.close()
            raise

    def _connected(self, says_where: Path) -> ClientConnection:
        deadline = time.monotonic() + 30
        while True:
            try:
                port = says_where.read_text().split()[0]
                tabs = self._http.get(f"http://127.0.0.1:{port}/json/list").json()
                [tab] = [tab for tab in tabs if tab["type"] == "page"]
                url = tab["webSocketDebuggerUrl"]
                return self._open.enter_context(connect(url, max_size=None))
            except (OSError, IndexError, ValueError, httpx.TransportError):
                assert self._process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def _ask(self, method: str, **params: Any) -> Any:
        self._number += 1
        self._tab.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            message = json.loads(self._tab.recv(timeout=30))
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]

    def _wait_for(self, event: str) -> None:
        while json.loads(self._tab.recv(timeout=30)).get("method") != event:
            pass

    def go(self, url: str) -> None:
        """Go to a page, and wait until it is there."""
        self._ask("Page.navigate", url=url)
        self._wait_for("Page.loadEventFired")

    def submit(self, form: str = "form", **fields: str) -> None:
        """Fill in a form, send it, and wait for the page behind it."""
        script = f"const form = document.querySelector({json.dumps(form)});"
        for name, value in fields.items():
            script += f"form.elements[{json.dumps(name)}].value = {json.dumps(value)};"
        self.run(f"{script} form.submit()")
        self._wait_for("Page.loadEventFired")

    def follow(self) -> None:
        """Wait for the page that the one just loaded goes on to by itself."""
        self._wait_for("Page.loadEventFired")

    def run(self, script: str) -> Any:
        """The value of a script in the page."""
        outcome = self._ask(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in outcome, outcome
        return outcome["result"].get("value")

    @property
    def text(self) -> str:
        """The text that the page shows."""
        return str(self.run("document.body.innerText"))

    @property
    def path(self) -> str:
        """Where the page is."""
        return str(self.run("location.pathname"))

    def cookies(self) -> dict[str, Any]:
        """The cookies of the page's site, as the browser keeps them."""
        found = self._ask("Network.getCookies")["cookies"]
        return {cookie["name"]: cookie for cookie in found}

    def picture(self, path: Path) -> None:
        """The page as a PNG."""
        path.write_bytes(base64.b64decode(self._ask("Page.captureScreenshot")["data"]))

    def quit(self) -> None:
        """Quit as a person does: the browser first writes the cookies that it keeps."""
        self._ask("Browser.close")
        self._process.wait(30)

    def close(self) -> None:
        self._open.close()
        self._process.terminate()
        self._process.wait(30)
