"""Pages below odd mount points, and in odd requests: no link leads to another site."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from _pages_site import FIREFOX, SECRET
from web._wsgi_driver import environ_of, on_wsgi

from devsess import Client, SessionManager
from devsess.adapters import wsgi
from devsess.adapters._http import Answer
from devsess.web import Look, account_app
from devsess.web.faces import Pages
from devsess.web.visit import Visit

Headers = list[tuple[str, str]]
FORM = ("Content-Type", "application/x-www-form-urlencoded")


@pytest.fixture
def sessions(empty_copy: Path) -> Iterator[SessionManager]:
    """A manager."""
    with SessionManager(empty_copy, keys=SECRET) as manager:
        yield manager


@pytest.fixture
def ada(sessions: SessionManager) -> Headers:
    """The headers of a person who is signed in."""
    grant = sessions.login("ada", Client(ip="192.0.2.1", user_agent=FIREFOX))
    assert grant.device_token is not None
    return [
        ("Host", "app.example"),
        ("Accept", "text/html"),
        ("Authorization", f"Bearer {grant.access_token}"),
        ("Devsess-Device", grant.device_token),
        FORM,
    ]


def on_asgi(app: Any, root_path: str, path: str, headers: Headers, **more: Any) -> httpx.Response:
    """The answer to a GET."""
    raw = [(name.lower().encode("latin-1"), value.encode()) for name, value in headers]
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "root_path": root_path,
        "headers": raw,
        "query_string": b"",
        "scheme": "https",
        "client": ("192.0.2.1", 4711),
        **more,
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    start, body = sent
    return httpx.Response(start["status"], headers=start["headers"], content=body["body"])


def links(answer: httpx.Response) -> set[str]:
    """Every link of a page, but for those within it."""
    found = re.findall(r'(?:href|action)="([^"#]+)', answer.text)
    return {*found, *filter(None, [answer.headers.get("location")])}


MOUNTS = [
    ("", ""),
    ("/account", "/account"),
    ("/account/", "/account"),
    ("//evil.example", "/evil.example"),
    ("///evil.example/", "/evil.example"),
    ("/\\evil.example", "/%5Cevil.example"),
    ("javascript:x", "/javascript%3Ax"),
    ("/a\r\nSet-Cookie: x", "/a%0D%0ASet-Cookie%3A%20x"),
    ('/"><script>', "/%22%3E%3Cscript%3E"),
    ("/{0.__class__}%s", "/%7B0.__class__%7D%25s"),
]


@pytest.mark.parametrize(("script", "mount"), MOUNTS)
def test_links_stay_below_the_mount_point(
    sessions: SessionManager, ada: Headers, script: str, mount: str
) -> None:
    """Also of one that begins with two slashes, which browsers take for another host."""
    pages = account_app(sessions)
    device = sessions.devices("ada")[0].id

    def mounted(environ: dict[str, Any], start_response: Any) -> Any:
        return pages.wsgi({**environ, "SCRIPT_NAME": script}, start_response)

    shown = on_wsgi(mounted, "GET", "/", ada)
    moved = on_wsgi(mounted, "POST", f"/devices/{device}/name", ada, b"name=x")
    assert [200, 303] == [shown.status_code, moved.status_code]
    for link in links(shown) | links(moved):
        assert re.match(re.escape(mount) + r"/(?!/)", link)


@pytest.mark.parametrize(
    ("root_path", "path", "more", "mount"),
    [
        ("/account", "/account/history", {}, "/account"),
        ("/account/", "/account/history", {}, "/account"),
        ("/account/", "/account//history", {}, "/account"),
        ("/account", "/history", {}, "/account"),
        ("/proxy/account", "/account/history", {"app_root_path": "/proxy"}, "/proxy/account"),
        ("//evil.example", "//evil.example/history", {}, "/evil.example"),
        ("/café", "/café/history", {}, "/caf%C3%A9"),
    ],
)
def test_pages_find_their_path_under_asgi(
    sessions: SessionManager, ada: Headers, root_path: str, path: str, more: Any, mount: str
) -> None:
    """Wherever the path begins below `root_path`, with a slash at its end or without."""
    answer = on_asgi(account_app(sessions).asgi, root_path, path, ada, **more)

    assert 200 == answer.status_code
    assert f"{mount}/" in links(answer)


def test_a_header_whose_name_is_no_text_is_passed_over(
    sessions: SessionManager, ada: Headers
) -> None:
    """A client may send any bytes."""
    assert 200 == on_asgi(account_app(sessions).asgi, "", "/", [*ada, ("x-\xff", "1")]).status_code


class Closed(Pages[Visit]):
    """Pages that let nobody in but with a cookie of another framework."""

    visit_kind = Visit

    def __init__(self, sessions: SessionManager) -> None:
        self.done: list[str] = []
        super().__init__(sessions, Look(), {"/": {"POST": self.act}}, needs_session=False)

    async def authorize(self, visit: Visit) -> Answer | None:
        may = visit.request.headers.get("cookie") == "staff=1"
        return None if may else Answer(404, (("Content-Type", "text/plain"),))

    async def act(self, visit: Visit) -> Answer:
        self.done.append(visit.request.path)
        return visit.see("/")


@pytest.mark.parametrize("length", ["x", "-1", "7", "9" * 30])
def test_nothing_is_said_to_a_stranger_about_a_body(sessions: SessionManager, length: str) -> None:
    """Also a form that cannot be read meets authorize first."""
    answers: list[str] = []
    pages: Any = Closed(sessions)
    for cookie in ("", "staff=1"):
        environ = environ_of("POST", "/", [("Cookie", cookie), ("Content-Length", length)])
        pages.wsgi(environ, lambda status, *_: answers.append(status))

    assert ["404 Not Found", "400 Bad Request"] == answers


@pytest.mark.parametrize("transport", ["both", "cookie", "bearer"])
@pytest.mark.parametrize("site", ["cross-site", "same-site", None])
def test_operators_are_guarded_within_any_middleware(
    sessions: SessionManager, transport: Any, site: str | None
) -> None:
    """One that reads no cookies says nothing of those that the operators come with."""
    pages = Closed(sessions)
    app = wsgi.SessionMiddleware(pages.wsgi, sessions, transport=transport)
    headers = [("Host", "app.example"), ("Cookie", "staff=1"), FORM]
    sent = [*headers, ("Sec-Fetch-Site", site)] if site else headers

    # Without cookies of its own that a form would act by, the middleware lets some through.
    assert 403 == on_wsgi(app, "POST", "/", sent).status_code
    assert [] == pages.done
    own = [*headers, ("Sec-Fetch-Site", "same-origin")]
    assert 303 == on_wsgi(app, "POST", "/", own).status_code
