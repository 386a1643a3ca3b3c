"""A person's browser that notices everything which a page must not do."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, Response

# The line that a browser logs of an answer that is no success; `go` compares its status.
_STATUS = "Failed to load resource: the server responded with a status of"
_POLICY = "content-security-policy"

Scheme = Literal["light", "dark"]


class Visitor:
    """
    A browser with cookies of its own, one page, and the faults of all pages it has seen.

    A fault is an error or warning in the console, which a violation of the policy is too, an
    error of a script, a request that leaves the site or fails, and a page without a policy.

    Args:
        browser: The program.
        site: The origin: "http://localhost:8000".
        scripts: Whether JavaScript runs.
        width: Of the window, in CSS pixels.
        scheme: The one that the person prefers.
        language: For `Accept-Language`.
        user_agent: In place of its own.
        jar: The cookies of another one: `jar` of a visitor.
    """

    def __init__(
        self,
        browser: Browser,
        site: str,
        *,
        scripts: bool = True,
        width: int = 1_024,
        scheme: Scheme = "light",
        language: str = "en-GB",
        user_agent: str | None = None,
        jar: Any = None,
    ) -> None:
        self.site, self.scripts = site, scripts
        self.faults: list[str] = []
        self.requests: list[str] = []
        settings: dict[str, Any] = {"user_agent": user_agent} if user_agent else {}
        self.context = browser.new_context(
            base_url=site,
            java_script_enabled=scripts,
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            locale=language,
            timezone_id="Africa/Lagos",
            storage_state=jar,
            **settings,
        )
        # A machine under load is no fault of the page.
        self.context.set_default_timeout(30_000)
        self.context.on("console", self._logged)
        self.context.on("weberror", lambda error: self.faults.append(f"script: {error.error}"))
        self.context.on("request", self._sent)
        self.context.on("requestfailed", self._failed)
        self.context.on("response", self._answered)
        self.page: Page = self.context.new_page()

    @property
    def jar(self) -> Any:
        """A copy of its cookies, as a thief takes it."""
        return self.context.storage_state()

    def go(self, path: str, *, status: int = 200) -> Page:
        """Open *path*, which must be answered with *status*."""
        answer = self.page.goto(path)
        assert answer is not None
        assert status == answer.status, f"{path}: {answer.status}"
        return self.page

    @property
    def path(self) -> str:
        """Where the page is."""
        return urlsplit(self.page.url).path

    @property
    def text(self) -> str:
        """The text that the page shows."""
        return self.page.locator("body").inner_text()

    def press(self, name: str, *, within: str = "body", nth: int = 0) -> None:
        """Press the button or link called *name*, and wait for the page behind it."""
        place = self.page.locator(within)
        found = place.get_by_role("button", name=name).or_(place.get_by_role("link", name=name))
        found.nth(nth).click()
        self.page.wait_for_load_state()

    def sign_in(self) -> None:
        """Press the button of the demo's sign-in page, to which its pages lead."""
        self.go("/account/")
        assert "/sign-in" == self.path
        self.press("Sign in as ada.okafor")

    def check(self) -> None:
        """Fail if a page had a fault."""
        assert [] == self.faults

    def close(self) -> None:
        self.context.close()

    def _logged(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(_STATUS):
            self.faults.append(f"console: {message.text}")

    def _sent(self, request: Request) -> None:
        self.requests.append(request.url)
        if not request.url.startswith(f"{self.site}/"):
            self.faults.append(f"outside: {request.url}")

    def _failed(self, request: Request) -> None:
        # A page that is left stops what it still waits for.
        if request.failure not in ("net::ERR_ABORTED", "NS_BINDING_ABORTED"):
            self.faults.append(f"failed: {request.url}: {request.failure}")

    def _answered(self, answer: Response) -> None:
        try:
            is_page = answer.request.resource_type == "document" and answer.status < 300
            policy = answer.header_value(_POLICY) if is_page else "not asked for"
        except Error:
            return  # the page was left before its headers were read
        if policy is None:
            self.faults.append(f"no policy: {answer.url}")
        if answer.request.resource_type != "document" and answer.status >= 400:
            self.faults.append(f"{answer.status}: {answer.url}")
