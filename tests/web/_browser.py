"""Clients that do as browsers and programs do, each cookie and header in plain sight."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
from attrs import define, field, frozen

Send = Callable[[str, str, list[tuple[str, str]], bytes], httpx.Response]

AGENT = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36"
    " (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)
ACCESS, REFRESH, DEVICE = (f"__Host-devsess-{name}" for name in ("access", "refresh", "device"))


@frozen
class Cookie:
    """A cookie as it was set."""

    value: str
    attributes: dict[str, str | None]


@define
class Browser:
    """
    A browser with a cookie jar, on a page of the app itself.

    It says so in Fetch Metadata; `site=None` is an older one that only says Origin.
    """

    send: Send
    host: str = "app.example"
    jar: dict[str, Cookie] = field(factory=dict)
    agent: str = AGENT

    def ask(
        self,
        method: str,
        path: str,
        *,
        site: str | None = "same-origin",
        body: Any = None,
        **headers: str,
    ) -> httpx.Response:
        """Send a request with what a browser adds, and keep the cookies of the answer."""
        sent = [("Host", self.host), ("User-Agent", self.agent)]
        if self.jar:
            line = "; ".join(f"{name}={cookie.value}" for name, cookie in self.jar.items())
            sent.append(("Cookie", line))
        if site is not None:
            sent.append(("Sec-Fetch-Site", site))
        content = b"" if body is None else json.dumps(body).encode()
        if body is not None:
            sent.append(("Content-Type", "application/json"))
        sent += [(name.replace("_", "-"), value) for name, value in headers.items()]
        answer = self.send(method, path, sent, content)
        self.keep(answer)
        return answer

    def get(self, path: str, **headers: Any) -> httpx.Response:
        return self.ask("GET", path, **headers)

    def post(self, path: str, **headers: Any) -> httpx.Response:
        return self.ask("POST", path, **headers)

    def delete(self, path: str, **headers: Any) -> httpx.Response:
        return self.ask("DELETE", path, **headers)

    def copy(self) -> Browser:
        """Another tab, or a thief: the same cookies from now on, each on its own."""
        return Browser(self.send, self.host, dict(self.jar), self.agent)

    def restart(self) -> None:
        """Closed and opened again: cookies without Max-Age are gone."""
        self.jar = {name: it for name, it in self.jar.items() if "Max-Age" in it.attributes}

    def keep(self, answer: httpx.Response) -> None:
        for line in answer.headers.get_list("set-cookie"):
            name, cookie = parsed(line)
            if cookie.attributes.get("Max-Age") == "0":
                self.jar.pop(name, None)
            else:
                self.jar[name] = cookie


def parsed(line: str) -> tuple[str, Cookie]:
    """A Set-Cookie line."""
    first, *rest = line.split("; ")
    name, _, value = first.partition("=")
    attributes = [part.partition("=") for part in rest]
    return name, Cookie(value, {key: value if sign else None for key, sign, value in attributes})


@define
class Program:
    """A program with bearer tokens and no cookies."""

    send: Send
    tokens: dict[str, str] = field(factory=dict)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        sent = [("Host", "app.example"), ("User-Agent", "acme-cli/1.2")]
        if "access_token" in self.tokens:
            sent.append(("Authorization", f"Bearer {self.tokens['access_token']}"))
        if "device_token" in self.tokens:
            sent.append(("Devsess-Device", self.tokens["device_token"]))
        if body is not None:
            sent.append(("Content-Type", "application/json"))
        sent += [(name.replace("_", "-"), value) for name, value in headers.items()]
        return self.send(method, path, sent, b"" if body is None else json.dumps(body).encode())
