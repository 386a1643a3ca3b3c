"""Nobody sees the operators' pages but those whom the application's hook names."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from _admin_site import STAFF, Desk, authorize, links, words
from _pages_site import SECRET, on_asgi
from web._wsgi_driver import on_wsgi

from devsess import (
    AsyncSessionManager,
    BadTokenError,
    ConfigurationError,
    SessionManager,
    StoreUnavailableError,
)
from devsess.adapters.wsgi import SessionMiddleware
from devsess.stores.sqlite import SQLiteStore
from devsess.web import AdminRequest, Operator, admin_app
from devsess.web.admin.pages import ROUTES
from devsess.web.assets import served


def test_there_is_no_start_without_a_hook(desk: Desk) -> None:
    """A forgotten hook is an error at the start, and not an open door."""
    wrong: list[Any] = [None, "authorize"]
    for hook in wrong:
        with pytest.raises(ConfigurationError):
            admin_app(desk.sessions, authorize=hook)


def test_nothing_answers_without_an_operator(desk: Desk) -> None:
    """Each page, form, file and unknown path is the same 404, which says nothing of these pages."""
    stranger = desk.as_(None)
    paths = ["", "/nothing", *ROUTES, *served()]
    answers = [stranger.get(path) for path in paths]
    answers += [stranger.post(path, site) for path in ROUTES for site in ("same-origin", None)]

    assert {(404, "Not found.\n")} == {(it.status_code, it.text) for it in answers}
    assert {"no-store"} == {it.headers["cache-control"] for it in answers}


def test_an_operator_sees_pages_and_files(desk: Desk) -> None:
    """With one, the pages answer, and so do the files that they load."""
    found = [desk.get(path).status_code for path in ("/", "/search", "/review", "/log", *served())]
    assert {200} == set(found)


@pytest.mark.parametrize("path", ["/nothing", "/user", "/session?id=unknown", "/search?ip=%zz"])
def test_a_page_that_is_not_there_leads_on(desk: Desk, path: str) -> None:
    """The page of an error has the navigation, the search box and the operator's name."""
    desk.unusual()
    page = desk.get(path)

    assert page.status_code in (400, 404)
    assert {"Overview", "To review", "Search", "Log"} <= {text for _, text in links(page.text)}
    assert 'name="q"' in page.text
    assert "You are support-7." in words(page.text)


def test_a_page_that_cannot_be_read_leads_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the store fails after its first answer; before it nothing is known to lead on with."""

    def broken(*_: Any, **__: Any) -> Any:
        raise StoreUnavailableError("down")

    monkeypatch.setattr(SQLiteStore, "acts", broken)
    assert (503, True) == (desk.get("/log").status_code, 'name="q"' in desk.page.text)
    monkeypatch.setattr(SQLiteStore, "queue", broken)
    assert (503, False) == (desk.get("/log").status_code, 'name="q"' in desk.page.text)


@pytest.mark.parametrize(
    ("said", "status"),
    [(None, 404), (BadTokenError("no"), 404), (StoreUnavailableError("down"), 503)],
)
def test_what_the_hook_says(
    make_desk: Callable[..., Desk], said: Exception | None, status: int
) -> None:
    """No operator, or no session of one, is 404; a store that is down is 503, and says no more."""

    def hook(_: object) -> Operator | None:
        if said is not None:
            raise said
        return None

    answer = make_desk(hook).get("/")
    assert status == answer.status_code
    assert "down" not in answer.text


def test_a_hook_that_says_something_else(make_desk: Callable[..., Desk]) -> None:
    """True is no operator: who acts must be known."""
    with pytest.raises(ConfigurationError):
        make_desk(lambda _: True).get("/")


def test_a_hook_may_be_awaited(make_desk: Callable[..., Desk]) -> None:
    """A coroutine function is a hook too."""

    async def hook(request: Any) -> Operator | None:
        return authorize(request)

    desk = make_desk(hook)
    assert [200, 404] == [it.get("/").status_code for it in (desk, desk.as_(None))]


@pytest.mark.parametrize("manager", [SessionManager, AsyncSessionManager])
def test_a_hook_that_blocks_holds_up_nobody(empty_copy: Path, manager: Any) -> None:
    """On ASGI a plain function is called in a thread: it may ask a database, or sleep."""
    called_in = []

    def hook(request: AdminRequest) -> Operator | None:
        called_in.append(threading.current_thread())
        return authorize(request)

    async def ask() -> int:
        sessions = manager(empty_copy, keys=SECRET)
        headers = [("Host", "app.example"), ("Authorization", "Staff support-7")]
        app = admin_app(sessions, authorize=hook).asgi
        answer = await on_asgi(app, "GET", "/log", headers)
        closed = sessions.close()
        await closed if closed is not None else None
        return answer.status_code

    assert 200 == asyncio.run(ask())
    assert threading.current_thread() not in called_in


def test_other_sites_change_nothing(desk: Desk) -> None:
    """A form of another site is refused, and so is one that does not say where it comes from."""
    session = desk.sign_in("ada").session
    for site in ("cross-site", "same-site", None):
        assert 403 == desk.post("/session/end", site, id=session.id).status_code
    assert desk.sessions.list("ada")


def test_links_begin_at_the_mount(desk: Desk) -> None:
    """Every link of a page leads below the place where the pages are mounted."""
    desk.sign_in("ada")
    page = desk.get("/search").text
    found = [part.split('"')[0] for part in page.split('href="')[1:]]
    assert found
    assert all(it.startswith((f"{STAFF}/", "#")) for it in found), found


def test_what_is_not_of_the_tenant_is_not_there(desk: Desk) -> None:
    """Pages of other tenants' accounts, devices and sessions are 404, and no list has them."""
    own, other = desk.sign_in("acme-1").session, desk.sign_in("other-1").session
    acme = desk.as_("support-7/acme-")

    def pages(session: Any) -> list[tuple[str, dict[str, str]]]:
        device = {"user": session.user_id, "id": session.device.id}
        return [
            ("/user", {"id": session.user_id}),
            ("/activity", {"id": session.user_id}),
            ("/device", device),
            ("/device/block", device),
            ("/session", {"id": session.id}),
            ("/session/end", {"id": session.id}),
            ("/review/attack", {"id": session.id}),
            ("/end", {"user": session.user_id}),
        ]

    assert {200} == {acme.get(*it).status_code for it in pages(own)}
    assert {404} == {acme.get(*it).status_code for it in pages(other)}
    for path, query in [
        ("/search", {}),
        ("/network", {"ip": own.ip}),
        ("/day", {"on": "2025-07-18"}),
    ]:
        text = acme.get(path, query).text
        assert ("acme-1" in text, "other-1" in text) == (True, False), path
    for text in ("other-1", other.id, other.device.id):
        assert "Nothing was found" in words(acme.get("/find", {"q": text}).text)
    posts = [
        acme.post("/session/end", id=other.id),
        acme.post("/review", id=other.id, answer="attack"),
        acme.post("/device", user="other-1", id=other.device.id, change="block"),
    ]
    assert [404] * 3 == [it.status_code for it in posts]
    assert desk.sessions.list("other-1")


def test_a_tenant_sees_no_statistics(desk: Desk) -> None:
    """They are of all accounts together: not shown, not given out."""
    acme = desk.as_("support-7/acme-")
    assert 200 == acme.get("/").status_code
    for path in ("/live", "/statistics.csv", "/statistics.json"):
        assert 404 == acme.get(path).status_code
    desk.sign_in("other-1")
    pages = ["/", "/?days=7", "/day?on=2025-07-18", "/log", "/search"]
    assert not [path for path in pages if "ds-numbers" in acme.get(path).text]
    assert "ds-numbers" in desk.get("/day?on=2025-07-18").text


def test_the_session_of_a_middleware(desk: Desk) -> None:
    """Within a SessionMiddleware the hook has the session that signed in; bare, there is none."""

    def hook(request: AdminRequest) -> Operator | None:
        session = request.current and request.current.session
        return Operator(session.user_id) if session else None

    token = desk.sign_in("boss").access_token
    pages = admin_app(desk.sessions, authorize=hook).wsgi
    app = SessionMiddleware(pages, desk.sessions)
    bearer = [("Host", "app.example"), ("Authorization", f"Bearer {token}")]

    assert "You are boss" in words(on_wsgi(app, "GET", "/log", bearer).text)
    assert 404 == on_wsgi(app, "GET", "/log", bearer[:1]).status_code
    assert 404 == on_wsgi(pages, "GET", "/log", bearer).status_code


def test_a_store_that_is_down(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page says so, with the time to ask again, and no word of where the store is."""

    def broken(*_: Any, **__: Any) -> Any:
        raise StoreUnavailableError("secret-host:5432 did not answer")

    for name in ("search", "queue"):
        monkeypatch.setattr(SQLiteStore, name, broken)
    answer = desk.get("/search")

    assert (503, "5") == (answer.status_code, answer.headers["retry-after"])
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    "actor", ["", "x" * 256, None, 7, "bo\nss", "boss\u202e", "\ud800", " boss", "boss ", "\t"]
)
def test_an_operator_has_a_name(actor: object) -> None:
    """One that stands in the log as it is: what two do could not be told apart otherwise."""
    with pytest.raises(ConfigurationError):
        Operator(actor)  # type: ignore[arg-type]


def test_an_operator_of_a_tenant() -> None:
    """Without a tenant all accounts are seen, with one those that it says."""
    assert Operator("support-7").sees("ada")
    one = Operator("support-7", tenant=lambda user_id: user_id.startswith("acme-"))
    assert [True, False] == [one.sees(it) for it in ("acme-1", "other-1")]
