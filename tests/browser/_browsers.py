"""Debian's browsers, driven by Playwright: each is started once a test process."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, ParamSpec, TypeAlias, TypeVar

from playwright.sync_api import Browser, Playwright, sync_playwright

P = ParamSpec("P")
T = TypeVar("T")

Name: TypeAlias = Literal["chromium", "firefox"]
WHERE: dict[Name, str | None] = {
    "chromium": shutil.which("chromium") or shutil.which("google-chrome"),
    "firefox": shutil.which("firefox-esr") or shutil.which("firefox"),
}
# Without these it looks for Google's hosts at every start.
QUIET = (
    *("--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)


class Browsers:
    """
    The browsers of a test process, in a thread of their own.

    Playwright's blocking calls run an event loop in their thread for as long as it is open:
    no test that needs a loop could follow there.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="browsers")
        self._playwright: Playwright | None = None
        self._started: dict[tuple[Name, bool], Browser] = {}

    def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of *call*, or its error, in the browsers' thread."""
        return self._thread.submit(call, *args, **kwargs).result()

    def started(self, name: Name, *, keeps_pages: bool = False) -> Browser:
        """
        The browser; only in their thread.

        Args:
            name: Which.
            keeps_pages: Whether it may show a page that was left as it was, on the way back, as
                people's browsers do; Playwright turns that off in Chromium.
        """
        if self._playwright is None:
            self._playwright = sync_playwright().start()
        key = name, keeps_pages
        if key not in self._started:
            self._started[key] = self._start(self._playwright, name, keeps_pages)
        return self._started[key]

    def _start(self, playwright: Playwright, name: Name, keeps_pages: bool) -> Browser:
        options: dict[str, Any] = {"executable_path": WHERE[name], "timeout": 60_000}
        if name == "chromium":
            if keeps_pages:
                options["ignore_default_args"] = ["--disable-back-forward-cache"]
            return playwright.chromium.launch(args=QUIET, **options)
        # Over the standard's protocol: Playwright's own needs a Firefox of its own.
        return playwright.firefox.launch(channel="moz-firefox", **options)

    def close(self) -> None:
        """End all that was started."""
        self.run(self._stop)
        self._thread.shutdown()

    def _stop(self) -> None:
        for browser in self._started.values():
            browser.close()
        if self._playwright is not None:
            self._playwright.stop()
