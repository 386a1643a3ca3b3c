"""The operators' pages on WSGI and on ASGI, below /staff, and a desk from which they are used."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
from _pages_site import FIREFOX, IPHONE
from attrs import define, field

from devsess import Client, SessionManager
from devsess.testing import FakeClock
from devsess.web.admin import AdminRequest, Operator

STAFF = "/staff"
ACTOR = "support-7"
CHROME = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36"
    " (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)
AGENTS = (FIREFOX, IPHONE, CHROME)


def authorize(request: AdminRequest) -> Operator | None:
    """The operator that a header names; behind a slash the accounts that they see begin so."""
    said = request.headers.get("authorization", "")
    if not said.startswith("Staff "):
        return None
    actor, _, prefix = said.removeprefix("Staff ").partition("/")
    return Operator(actor, (lambda user_id: user_id.startswith(prefix)) if prefix else None)


@define
class Desk:
    """
    An operator's browser.

    Attributes:
        send: Sends a request to the app.
        sessions: A blocking manager on the same store.
        clock: Of both.
        staff: The name in the Authorization header, or None.
        clicks: Links followed and forms sent since the last `begin`.
    """

    send: Callable[..., httpx.Response]
    sessions: SessionManager
    clock: FakeClock
    staff: str | None = ACTOR
    clicks: int = 0
    page: httpx.Response = field(init=False)

    def as_(self, staff: str | None) -> Desk:
        """The same pages, seen by somebody else."""
        return Desk(self.send, self.sessions, self.clock, staff)

    def get(
        self, path: str, query: dict[str, str] | None = None, if_none_match: str = ""
    ) -> httpx.Response:
        """A page below the mount; redirects are not followed."""
        more = {"If-None-Match": if_none_match} if if_none_match else {}
        target = path + (f"?{urlencode(query)}" if query else "")
        return self._sent("GET", STAFF + target, self._headers(more), b"")

    def post(self, path: str, site: str | None = "same-origin", **fields: str) -> httpx.Response:
        """The answer to a form; *site* is what the browser says of the page that it is on."""
        more = {"Content-Type": "application/x-www-form-urlencoded"}
        more |= {} if site is None else {"Sec-Fetch-Site": site}
        return self._sent("POST", STAFF + path, self._headers(more), urlencode(fields).encode())

    def _headers(self, more: dict[str, str]) -> list[tuple[str, str]]:
        own = {"Host": "app.example", "Accept": "text/html"}
        own |= {} if self.staff is None else {"Authorization": f"Staff {self.staff}"}
        return list({**own, **more}.items())

    def _sent(self, *request: Any) -> httpx.Response:
        self.page = self.send(*request)
        return self.page

    # As a person does it, by what the page shows.

    def begin(self) -> httpx.Response:
        """Open the first page."""
        self.clicks = 0
        return self.get("/")

    def find(self, text: str) -> httpx.Response:
        """Type into the search box, and press Enter."""
        assert 'name="q"' in self.page.text
        self.clicks += 1
        return self._followed(self.get("/find", {"q": text}))

    def click(self, words: str, nth: int = 0) -> httpx.Response:
        """Follow the link with these words."""
        found = [href for href, text in links(self.page.text) if words in text]
        assert len(found) > nth, f"no link {words!r} among {links(self.page.text)}"
        self.clicks += 1
        return self._followed(self._sent("GET", found[nth], self._headers({}), b""))

    def submit(self, button: str, **fields: str) -> httpx.Response:
        """Fill in the form with that button, and press it."""
        action, hidden = form(self.page.text, button)
        self.clicks += 1
        path = action.removeprefix(STAFF)
        return self._followed(self.post(path, **{**hidden, **fields}))

    def _followed(self, answer: httpx.Response) -> httpx.Response:
        while answer.status_code == 303:
            there = urlsplit(answer.headers["location"])
            target = there.path + (f"?{there.query}" if there.query else "")
            answer = self._sent("GET", target, self._headers({}), b"")
        return answer

    # The people whose sessions they are.

    def sign_in(self, user: str, ip: str = "203.0.113.9", agent: str = FIREFOX, **more: Any) -> Any:
        """A sign-in."""
        return self.sessions.login(user, Client(ip=ip, user_agent=agent), **more)

    def unusual(self, user: str = "ada") -> Any:
        """A sign-in that is in question."""
        token = None
        for _ in range(12):
            client = Client(ip="192.0.2.4", user_agent=CHROME, device_token=token)
            known = self.sessions.login(user, client)
            token = known.device_token
            self.clock.advance(86_400)
        for _ in range(4):
            self.sessions.record_failure(user, Client(ip="203.0.113.9", user_agent=FIREFOX))
        strange = self.sign_in(user)
        assert known.session.score is None or known.session.score < strange.session.score
        return strange


def links(text: str) -> list[tuple[str, str]]:
    """The links of a page, each with its words."""
    found = re.findall(r'<a [^>]*?href="([^"]+)"[^>]*>(.*?)</a>', text, re.DOTALL)
    return [(html.unescape(href), words(inner)) for href, inner in found]


def words(text: str) -> str:
    """HTML as a person reads it."""
    said = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())
    return re.sub(r" ([:.,])", r"\1", said)


def form(text: str, button: str) -> tuple[str, dict[str, str]]:
    """Where the form with that button goes, and its fields as they stand."""
    for attributes, inner in re.findall(r"<form ([^>]*)>(.*?)</form>", text, re.DOTALL):
        pressed = next(
            (
                it
                for it in re.findall(r"<button ([^>]*)>(.*?)</button>", inner, re.DOTALL)
                if button in words(it[1])
            ),
            None,
        )
        if pressed is None:
            continue
        action = re.search(r'action="([^"]*)"', attributes)
        assert action is not None
        inputs = [*re.findall(r"<input ([^>]*)>", inner), pressed[0]]
        fields = {}
        for each in inputs:
            name, value = re.search(r'name="([^"]*)"', each), re.search(r'value="([^"]*)"', each)
            if name is not None:
                fields[name[1]] = html.unescape(value[1]) if value else ""
        return html.unescape(action[1]), fields
    raise AssertionError(f"no button {button!r} on the page: {words(text)[:500]}")


def at(mount: str, app: Any) -> Any:
    """A WSGI app below a mount point."""

    def routed(environ: dict[str, Any], start_response: Any) -> Any:
        path = environ["PATH_INFO"].removeprefix(mount)
        return app({**environ, "SCRIPT_NAME": mount, "PATH_INFO": path}, start_response)

    return routed


def mounted(mount: str, app: Any) -> Any:
    """An ASGI app below a mount point."""

    async def routed(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "root_path": mount}, receive, send)

    return routed
