"""
The pages of a person's devices, on WSGI and on ASGI, below /account of a wrapped app.

Requests pass through real calls of both faces; the browser is that of the adapters' tests.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
from attrs import define, field
from web._browser import Browser

from devsess import Client, Location, SessionManager
from devsess.testing import FakeClock

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
MOUNT = "/account"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
)


class Places:
    """A locator of a few networks."""

    def locate(self, ip: str) -> Location | None:
        cities = {"192.0.2.": ("Lagos", "Nigeria", "NG"), "203.0.113.": ("Québec", "Canada", "CA")}
        for start, (city, country, code) in cities.items():
            if ip.startswith(start):
                return Location(city=city, country=country, country_code=code)
        return None


@define
class Person(Browser):
    """A browser on the pages."""

    def page(self, path: str = "/", **headers: Any) -> httpx.Response:
        """A page below the mount point."""
        headers = {"Accept": "text/html", **headers}
        return self.get(MOUNT + path, **headers)

    def press(self, path: str, site: str | None = "same-origin", **fields: str) -> httpx.Response:
        """The answer to a form of a page."""
        sent = [("Host", self.host), ("User-Agent", self.agent), ("Accept", "text/html")]
        sent += [("Cookie", "; ".join(f"{name}={it.value}" for name, it in self.jar.items()))]
        sent += [] if site is None else [("Sec-Fetch-Site", site)]
        sent += [("Content-Type", "application/x-www-form-urlencoded")]
        answer = self.send("POST", MOUNT + path, sent, urlencode(fields).encode())
        self.keep(answer)
        return answer

    def confirm(self, path: str) -> httpx.Response:
        """The answer to the form of a page that asks."""
        page = self.page(path).text
        [session] = re.findall(r'<input type="hidden" name="session" value="([^"]*)">', page)
        return self.press(path, session=session)


@define
class Site:
    """A wrapped app with pages, its manager (blocking, on the same store) and its clock."""

    send: Callable[..., httpx.Response]
    sessions: SessionManager
    clock: FakeClock
    path: Path
    pages: Any = field(default=None)

    def person(self, user: str | None = "ada", agent: str | None = None) -> Person:
        """A browser, signed in as *user* if there is one."""
        person = Person(self.send)
        person.agent = agent or person.agent
        if user is not None:
            answer = person.post(f"/login?user={user}")
            assert 200 == answer.status_code, answer.text
        return person

    def settled(self, user: str = "ada", **options: Any) -> Person:
        """A browser that signed in days ago, and has proven itself again just now."""
        person = self.person(user, **options)
        self.clock.advance(3 * 86_400)
        assert 200 == person.post("/step-up").status_code
        return person

    def sign_in(self, user: str = "ada", ip: str = "203.0.113.9", agent: str = FIREFOX) -> Any:
        """A sign-in from elsewhere."""
        return self.sessions.login(user, Client(ip=ip, user_agent=agent))


def below(app: Any, pages: Any) -> Any:
    """An ASGI app with pages mounted, as a router does it."""

    async def routed(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].startswith(MOUNT):
            scope = {**scope, "root_path": MOUNT}
            await pages(scope, receive, send)
        else:
            await app(scope, receive, send)

    return routed


def beneath(app: Any, pages: Any) -> Any:
    """A WSGI app with pages mounted, as a dispatcher does it."""

    def routed(environ: dict[str, Any], start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        if not path.startswith(MOUNT):
            return app(environ, start_response)
        environ = {**environ, "SCRIPT_NAME": MOUNT, "PATH_INFO": path[len(MOUNT) :]}
        return pages(environ, start_response)

    return routed


async def on_asgi(
    app: Any, method: str, path: str, headers: Any = (), content: bytes = b""
) -> httpx.Response:
    """The answer of an ASGI app."""
    transport = httpx.ASGITransport(app, client=("192.0.2.1", 4711))
    async with httpx.AsyncClient(transport=transport, base_url="https://app.example") as client:
        url = client.build_request(method, path).url
        length = [("Content-Length", str(len(content)))] if content else []
        request = httpx.Request(method, url, headers=[*headers, *length], content=content)
        return await client.send(request)
