"""The module for pages, where somebody signs in by a form that no script hears of."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from _browsers import Browsers
from _client_site import Answer, Site, refused, running
from _visitor import Visitor
from playwright.sync_api import Page
from test_browser_client import events, reached, tab, until
from test_browser_requests import (
    ARRIVES_LATE,
    FORM,
    MADE_FOR,
    PROVE,
    PROVE_BY_FORM,
    SEND,
    asked,
    start,
)

from devsess import browser

LATE = "ask('/me', { method: 'POST' })"


@pytest.fixture
def site() -> Iterator[Site]:
    with running() as site:
        yield site


@pytest.fixture
def visitor(browsers: Browsers, visit: Callable[..., Visitor], site: Site) -> Iterator[Visitor]:
    """Refusals are what these tests are about, so that they are no faults."""
    visitor: Visitor = browsers.run(visit, site.site)
    yield visitor
    allowed = ("401: ", "404: ", "409: ", "console: Failed to load resource", "outside: ")
    visitor.faults[:] = [it for it in visitor.faults if not it.startswith(allowed)]


def two_tabs(visitor: Visitor) -> tuple[Page, Page]:
    """Of a browser in which ada has signed in by a form: no page was told."""
    page, other = tab(visitor, "cookie"), tab(visitor, "cookie")
    assert 200 == other.evaluate(FORM)
    return page, other


def sign_in_by_form(page: Page, site: Site, user: str) -> None:
    """And reach what asks for a step-up."""
    site.user = user
    assert 200 == page.evaluate(FORM)
    assert page.evaluate(PROVE_BY_FORM)


@pytest.mark.parametrize("how", ["a renewal", "a step-up"])
def test_a_page_that_knew_nobody_sends_nothing_again_for_somebody_else(
    visitor: Visitor, site: Site, how: str
) -> None:
    """Who signs in while the page's first request is under way."""
    page, other = two_tabs(visitor)
    path = "/me" if how == "a renewal" else "/transfer"

    def late(answer: Answer) -> Answer:
        return refused(site.hold(answer)) if how == "a renewal" else site.hold(answer)

    site.faults[path] = [late]
    page.evaluate("() => { window.proves = true }")
    start(page, LATE if how == "a renewal" else SEND)
    reached(site, path, 1)
    sign_in_by_form(other, site, "bob")
    site.held.set()
    assert 401 == page.evaluate("result")
    assert 1 == site.requests[path]


@pytest.mark.parametrize("how", ["a renewal", "a step-up"])
def test_a_form_of_the_last_moment_gets_no_request_of_the_person_before(
    visitor: Visitor, site: Site, how: str
) -> None:
    """Between the answer that says who it is and the request, which the server then refuses."""
    page, other = two_tabs(visitor)
    if how == "a step-up":
        asked(page)
        assert other.evaluate(PROVE_BY_FORM)
        page.evaluate(ARRIVES_LATE, "/auth/session")
        page.evaluate("proved(true)")
    else:
        assert 200 == page.evaluate("ask()")
        site.faults["/me"] = [refused]
        page.evaluate(ARRIVES_LATE, "/auth/refresh")
        start(page, LATE)
    until(page, "!!window.arrive")
    sign_in_by_form(other, site, "bob")
    page.evaluate("arrive()")
    assert 409 == page.evaluate("result")
    assert "switched" == events(page)[-1]


def test_a_page_that_names_its_session_acts_for_no_other_one(visitor: Visitor, site: Site) -> None:
    """Neither a request, nor a renewal, nor a sign-out, once somebody else has signed in."""
    page, other = two_tabs(visitor)
    [ada] = site.sessions.list("ada")
    page.evaluate(MADE_FOR, ada.id)
    assert "ada" == page.evaluate("client.fetch('/me').then((it) => it.text())")
    sign_in_by_form(other, site, "bob")
    assert 409 == page.evaluate("client.fetch('/me', { method: 'POST' }).then((it) => it.status)")
    for call in ("renew", "signOut"):
        assert 409 == page.evaluate(f"client.{call}().catch((it) => it.status)")
    assert 1 == len(site.sessions.list("bob"))


@pytest.mark.parametrize("user", ["ada", "bob"])
def test_a_page_hears_who_signed_in_as_it_proved_itself(
    visitor: Visitor, site: Site, user: str
) -> None:
    """Another person, before it asked whose session it has got; the same one may sign in anew."""
    page, other = two_tabs(visitor)
    [ada] = site.sessions.list("ada")
    page.evaluate(MADE_FOR, ada.id)
    page.evaluate("client.addEventListener('switched', () => events.push('switched'))")
    assert 200 == page.evaluate("client.fetch('/me').then((it) => it.status)")
    page.evaluate(ARRIVES_LATE, "/prove")
    start(page, PROVE)
    until(page, "!!window.arrive")
    sign_in_by_form(other, site, user)
    page.evaluate("arrive()")
    assert page.evaluate("result")
    assert ["switched"] * (user == "bob") == events(page)


def test_a_page_asks_once_whose_it_is(visitor: Visitor, site: Site) -> None:
    """Before its first request; and before each while nobody is signed in, so that it knows."""
    page = tab(visitor, "cookie")
    many = "Promise.all(Array.from({ length: 10 }, () => ask()))"
    for expected, count in ((401, 1), (401, 2)):
        assert {expected} == {*page.evaluate(many)}
        assert count == site.requests["/auth/session"]
    assert 200 == page.evaluate(FORM)
    for _ in range(2):
        assert {200} == {*page.evaluate(many)}
        assert 3 == site.requests["/auth/session"]


def test_no_request_to_another_origin_names_a_session_unasked(visitor: Visitor, site: Site) -> None:
    """Its app may not allow the header: there a repeated request goes out as the first one."""
    page = tab(visitor, "cookie")
    script = """async ([path, server]) => {
      const { SessionClient } = await import(path);
      const far = new SessionClient({ endpoints: `${server}/auth` });
      const send = (path) => far.exchange(server + path, { method: "POST" });
      far.addEventListener("stepup", (it) => it.answer(send("/prove").then((it) => it.ok)));
      await send("/sign-in");
      return (await far.fetch(`${server}/transfer`)).status;
    }"""
    with running(site.site) as server:
        assert 200 == page.evaluate(script, [browser.path("/auth"), server.site])
        assert 2 == server.requests["/transfer"]
        assert "HTTP_DEVSESS_SESSION" not in server.headers["/transfer"]


@pytest.mark.parametrize("path", ["/me", "/transfer"])
def test_a_page_that_cannot_know_whose_it_is_sends_nothing_again(
    visitor: Visitor, site: Site, path: str
) -> None:
    """Where the server does not say it: the page has its answer, or the 401."""
    page, _ = two_tabs(visitor)
    site.faults["/auth/session"] = [lambda _: (404, [], b"")] * 9
    assert 200 == page.evaluate("ask()")
    before = site.requests[path]
    site.faults["/me"] = [refused]
    page.evaluate("() => { window.proves = true }")
    assert 401 == page.evaluate(f"ask('{path}')")
    assert before + 1 == site.requests[path]
    assert [] == [it for it in events(page) if it == "ended"]


@pytest.mark.parametrize("expires_in", [0, None])
def test_a_session_that_ended_is_nobody_elses(
    visitor: Visitor, site: Site, expires_in: int | None
) -> None:
    """Also where that is found out before the request is sent: it has its 401."""
    page = tab(visitor, "cookie")
    site.expires_in = expires_in
    assert 200 == page.evaluate("signIn()")
    site.sessions.revoke_all("ada")
    assert 401 == page.evaluate("ask()")
    assert ["ended"] == events(page)


def test_tokens_in_memory_name_no_session(visitor: Visitor, site: Site) -> None:
    """They are the page's own: a request that is sent again goes out as the first one."""
    page = tab(visitor, "bearer")
    assert 200 == page.evaluate("signIn()")
    site.faults["/me"] = [refused]
    assert 200 == page.evaluate("ask()")
    assert 2 == site.requests["/me"]
    assert "HTTP_DEVSESS_SESSION" not in site.headers["/me"]
    assert 0 == site.requests["/auth/session"]
