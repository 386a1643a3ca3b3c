"""The module for pages where a browser has several accounts: no page acts for another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from _browsers import Browsers
from _client_site import Site, running
from _visitor import Visitor
from playwright.sync_api import Page
from test_browser_client import events, tab, until

MADE_FOR = """async (session) => {
  const { SessionClient } = await import(document.querySelector("#devsess").href);
  client.close();
  window.client = new SessionClient({ endpoints: "/auth", session });
  client.addEventListener("switched", () => events.push("switched"));
}"""
STATUS = "(it) => it.then((it) => it.status ?? it, (it) => `${it.name} ${it.status}`)"
SIGN_IN = "client.exchange('/sign-in', { method: 'POST' })"


@pytest.fixture
def site() -> Iterator[Site]:
    with running(accounts=3) as site:
        yield site


@pytest.fixture
def visitor(browsers: Browsers, visit: Callable[..., Visitor], site: Site) -> Iterator[Visitor]:
    """Refusals are what these tests are about, so that they are no faults."""
    visitor: Visitor = browsers.run(visit, site.site)
    yield visitor
    refused = ("401: ", "404: ", "409: ", "console: Failed to load resource")
    visitor.faults[:] = [it for it in visitor.faults if not it.startswith(refused)]


def signed_in(visitor: Visitor, site: Site, *users: str) -> Page:
    """A tab in which they have signed in, the last of whom acts."""
    page = tab(visitor, "cookie")
    for site.user in users:
        assert 200 == outcome(page, SIGN_IN)
    return page


def accounts(page: Page) -> list[Any]:
    each = "(it) => [it.slot, it.session.userId, it.current]"
    found: list[Any] = page.evaluate(f"client.accounts().then((all) => all.map({each}))")
    return found


def id_of(site: Site, user: str) -> str:
    [session] = site.sessions.list(user)
    return str(session.id)


def outcome(page: Page, call: str) -> Any:
    return page.evaluate(f"({STATUS})({call})")


def test_tabs_of_another_account_hear_of_a_switch(visitor: Visitor, site: Site) -> None:
    """And what they send meanwhile is refused; the tab that switched acts for the other account."""
    first = signed_in(visitor, site, "ada", "bob")
    second = tab(visitor, "cookie")
    assert [[0, "ada", False], [1, "bob", True]] == accounts(first) == accounts(second)
    assert "ada" == first.evaluate("client.switchTo(0).then((it) => it.session.userId)")
    until(second, "events.includes('switched')")
    assert 409 == second.evaluate("ask()")
    assert "ada" == first.evaluate("text('/me')")
    assert ([], ["switched", "switched"]) == (events(first), events(second))


def test_a_page_acts_for_its_own_session_alone(visitor: Visitor, site: Site) -> None:
    """Neither a request, nor a renewal, nor a sign-out of it is another account's."""
    page = signed_in(visitor, site, "ada", "bob")
    page.evaluate(MADE_FOR, id_of(site, "ada"))
    before = [id_of(site, user) for user in ("ada", "bob")]
    assert 409 == outcome(page, "client.fetch('/me', { method: 'POST' })")
    assert "RenewalError 409" == outcome(page, "client.renew()")
    assert "RenewalError 409" == outcome(page, "client.signOut()")
    assert ["switched"] * 3 == events(page)
    assert before == [id_of(site, user) for user in ("ada", "bob")]
    page.evaluate(MADE_FOR, id_of(site, "bob"))
    assert 200 == outcome(page, "client.fetch('/me')")
    site.clock.advance(1000)
    assert outcome(page, "client.renew()") is True
    assert 200 == outcome(page, "client.fetch('/me')")


def test_a_page_learns_its_session_from_its_own_sign_in(visitor: Visitor, site: Site) -> None:
    """Where it was made for nobody: from then on no other account acts for it."""
    page = signed_in(visitor, site, "ada")
    page.evaluate(MADE_FOR, None)
    site.user = "bob"
    assert 200 == outcome(page, SIGN_IN)
    assert "bob" == page.evaluate("client.fetch('/me').then((it) => it.text())")
    assert id_of(site, "bob") == site.headers["/me"]["HTTP_DEVSESS_SESSION"]


def test_without_the_option_no_request_names_a_session(visitor: Visitor, site: Site) -> None:
    """So that nothing changes for pages of another origin, whose server would have to allow it."""
    page = signed_in(visitor, site, "ada")
    assert outcome(page, "client.renew()") is True
    assert 200 == page.evaluate("ask()")
    assert "HTTP_DEVSESS_SESSION" not in site.headers["/me"]


def test_a_switch_to_nobody_is_an_error(visitor: Visitor, site: Site) -> None:
    """With its status, and the account before acts on."""
    page = signed_in(visitor, site, "ada")
    assert "RenewalError 404" == outcome(page, "client.switchTo(1)")
    assert 200 == page.evaluate("ask()")


def test_all_accounts_sign_out(visitor: Visitor, site: Site) -> None:
    """Or the current one alone."""
    page = signed_in(visitor, site, "ada", "bob", "eve")
    page.evaluate("client.signOut()")
    assert [[0, "ada", False], [1, "bob", False]] == accounts(page)
    page.evaluate("client.signOut({ allAccounts: true })")
    assert [] == accounts(page)
    assert [[], []] == [site.sessions.list(user) for user in ("ada", "bob")]
