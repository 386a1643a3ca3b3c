"""Requests of the module for pages that wait: for whom they are sent again, and what they keep."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from _browsers import Browsers
from _client_site import Answer, Site, refused, running
from _visitor import Visitor
from playwright.sync_api import Page
from test_browser_client import reached, tab, tabs, together, until

SCRIPT = "signIn()"
FORM = "fetch('/sign-in', { method: 'POST' }).then((it) => it.status)"  # as a page without scripts
PROVE = "client.exchange('/prove', { method: 'POST' }).then((it) => it.ok)"
PROVE_BY_FORM = "fetch('/prove', { method: 'POST' }).then((it) => it.ok)"
SEND = "ask('/transfer', { method: 'POST', body: ' ten' })"
MADE_FOR = """(session) => {
  client.close();
  window.client = new client.constructor({ session });
  client.addEventListener("ended", () => events.push("ended"));
}"""
LONG_AFTER = "() => { const now = Date.now; Date.now = () => now() + 3_600_000; }"
# The next answer of a path, which the server has given, waits in the page until `arrive` is called.
ARRIVES_LATE = """(path) => {
  const { fetch } = window;
  window.fetch = async (request) => {
    const answer = await fetch(request);
    if (!request.url.endsWith(path)) return answer;
    window.fetch = fetch;
    await new Promise((done) => (window.arrive = done));
    return answer;
  };
}"""
HEARS = """(name) => {
  new BroadcastChannel(name).onmessage = ({ data }) => (window.heard = data.tokens);
}"""
LATER = 1000.0


def also(value: str) -> Any:
    """A value of a test that has a smaller case of the same law."""
    return pytest.param(value, marks=pytest.mark.thorough)


@pytest.fixture
def site() -> Iterator[Site]:
    with running() as site:
        yield site


@pytest.fixture
def visitor(browsers: Browsers, visit: Callable[..., Visitor], site: Site) -> Iterator[Visitor]:
    """Refusals are what these tests are about, so that they are no faults."""
    visitor: Visitor = browsers.run(visit, site.site)
    yield visitor
    allowed = ("401: ", "500: ", "503: ", "failed: ", "console: Failed to load resource")
    visitor.faults[:] = [it for it in visitor.faults if not it.startswith(allowed)]


def start(page: Page, script: str) -> None:
    """Begin what a test waits for later, as `result`."""
    page.evaluate(f"() => {{ window.result = {script}; window.result.catch(() => 0); }}")


def asked(page: Page) -> None:
    """Send a request that waits until `proved` was called."""
    page.evaluate("() => { window.proves = new Promise((done) => (window.proved = done)) }")
    start(page, SEND)
    until(page, "events.length")


@pytest.mark.parametrize(("first", "then"), [(FORM, SCRIPT), (SCRIPT, FORM)])
def test_a_step_up_sends_nothing_for_somebody_else(
    visitor: Visitor, site: Site, first: str, then: str
) -> None:
    """Who signed in in another tab while the person was asked."""
    page, other = tab(visitor, "cookie"), tab(visitor, "cookie")
    assert 200 == other.evaluate(first)
    asked(page)
    site.user = "bob"
    assert 200 == other.evaluate(then)
    assert other.evaluate(PROVE)
    page.evaluate("proved(true)")
    assert 401 == page.evaluate("result")
    assert 1 == site.requests["/transfer"]
    assert "bob ten" == other.evaluate("text('/transfer', { method: 'POST', body: ' ten' })")


def test_a_step_up_by_somebody_else_sends_nothing(visitor: Visitor, site: Site) -> None:
    """Where another person signs in when asked, and reaches what was wanted."""
    [page] = tabs(visitor, "cookie", 1)
    asked(page)
    site.user = "bob"
    page.evaluate(f"() => proved({SCRIPT}.then(() => {PROVE}))")
    assert 401 == page.evaluate("result")
    assert 1 == site.requests["/transfer"]


@pytest.mark.parametrize("first", [FORM, also(SCRIPT)])
@pytest.mark.parametrize("prove", [PROVE, also(PROVE_BY_FORM)])
def test_a_step_up_in_any_tab_sends_the_request(
    visitor: Visitor, site: Site, first: str, prove: str
) -> None:
    """It is of the same session, whichever way the tabs know of it."""
    page, other = tab(visitor, "cookie"), tab(visitor, "cookie")
    assert 200 == other.evaluate(first)
    asked(page)
    assert other.evaluate(prove)
    page.evaluate("proved(true)")
    assert 200 == page.evaluate("result")


def test_a_step_up_sends_nothing_for_who_signs_in_at_its_end(visitor: Visitor, site: Site) -> None:
    """In another tab, while the answer is under way that says who it is: it is an old one."""
    page, other = tabs(visitor, "cookie", 2)
    asked(page)
    assert other.evaluate(PROVE)
    page.evaluate(ARRIVES_LATE, "/auth/session")
    page.evaluate("proved(true)")
    until(page, "!!window.arrive")
    site.user = "bob"
    assert 200 == other.evaluate(SCRIPT)
    assert other.evaluate(PROVE)
    page.evaluate("arrive()")
    assert 401 == page.evaluate("result")
    assert 1 == site.requests["/transfer"]


def test_a_step_up_sends_the_request_where_the_person_was_not_known_before(
    visitor: Visitor, site: Site
) -> None:
    """As where the server did not say so at the sign-in."""
    page = tab(visitor, "cookie")
    site.faults["/auth/session"] = [lambda _: (503, [], b"")]
    assert 200 == page.evaluate(SCRIPT)
    page.evaluate("() => { window.proves = true }")
    assert 200 == page.evaluate(SEND)


def test_a_sign_in_does_not_wait_for_another_tabs_answer(visitor: Visitor, site: Site) -> None:
    """Of the same address: of those that they may keep, browsers ask for one at a time."""
    page, other = tabs(visitor, "cookie", 2)
    asked(page)
    page.evaluate(HEARS, f"devsess {site.site}/auth/ cookie")
    before = site.requests["/auth/session"]
    site.faults["/auth/session"] = [site.hold]
    page.evaluate("proved(true)")
    reached(site, "/auth/session", before + 1)
    start(other, SCRIPT)
    began = time.monotonic()
    reached(site, "/auth/session", before + 2)
    assert time.monotonic() - began < 10  # and not once the first has failed
    assert 200 == other.evaluate("result")
    until(
        page, "!!window.heard"
    )  # so that it knows the newer session, whatever the old answer says
    site.held.set()
    assert 401 == page.evaluate("result")


def test_a_step_up_whose_person_is_not_known_sends_nothing(visitor: Visitor, site: Site) -> None:
    """Where the server does not say who is signed in, before it and after it."""
    [page] = tabs(visitor, "cookie", 1)
    site.faults["/auth/session"] = [lambda _: (503, [], b"")] * 2
    asked(page)
    page.evaluate(f"() => proved({PROVE})")
    assert 401 == page.evaluate("result")
    assert 1 == site.requests["/transfer"]


@pytest.mark.parametrize("first", [FORM, also(SCRIPT)])
def test_a_renewal_sends_nothing_for_somebody_else(
    visitor: Visitor, site: Site, first: str
) -> None:
    """With cookies: where they signed in in another tab while the request was under way."""

    def late(answer: Answer) -> Answer:
        return refused(site.hold(answer))

    page, other = tab(visitor, "cookie"), tab(visitor, "cookie")
    assert 200 == page.evaluate(first)
    site.faults["/me"] = [late]
    start(page, "ask('/me', { method: 'POST' })")
    reached(site, "/me", 1)
    site.user = "bob"
    assert 200 == other.evaluate(SCRIPT)
    site.held.set()
    assert 401 == page.evaluate("result")
    assert 1 == site.requests["/me"]


def test_a_renewal_sends_the_requests_of_all_tabs(visitor: Visitor, site: Site) -> None:
    """With cookies: also of pages that do not know who signed in, by a form."""

    def old(answer: Answer) -> Answer:
        return answer if site.refreshes else refused(answer)

    pages = [tab(visitor, "cookie") for _ in range(3)]
    assert 200 == pages[0].evaluate(FORM)
    site.faults["/me"] = [old] * 6
    assert [200] * 3 == together(pages, "ask()")
    assert 1 == site.refreshes


def test_a_request_that_waited_to_be_sent_is_not_somebody_elses(
    visitor: Visitor, site: Site
) -> None:
    """Where another tab's sign-in was under way when it wanted new tokens."""
    page, other = tabs(visitor, "cookie", 2)
    assert page.evaluate("client.renew()")
    page.evaluate(LONG_AFTER)
    site.user, before = "bob", site.requests["/me"]
    site.faults["/sign-in"] = [site.hold]
    start(other, SCRIPT)
    reached(site, "/sign-in", 2)
    start(page, "ask('/me', { method: 'POST' })")
    until(page, "navigator.locks.query().then((it) => it.pending.length)")
    site.held.set()
    assert "RenewalError undefined" == page.evaluate("result")
    assert before == site.requests["/me"]


def test_a_request_that_waited_is_not_sent_where_nobody_says_for_whom(
    visitor: Visitor, site: Site
) -> None:
    """A tab has newer cookies, and does not answer: they may be somebody else's."""
    page, other = tabs(visitor, "cookie", 2)
    assert page.evaluate("client.renew()")
    page.evaluate(LONG_AFTER)
    name = f"devsess {site.site}/auth/ cookie @{10**14}"
    frozen = "{ mode: 'shared' }, () => new Promise(() => 0)"
    other.evaluate(f"() => {{ navigator.locks.request('{name}', {frozen}) }}")
    site.user, before = "bob", site.requests["/me"]
    assert 200 == other.evaluate(FORM)
    assert "RenewalError undefined" == page.evaluate("ask('/me', { method: 'POST' })")
    assert before == site.requests["/me"]
    assert 200 == page.evaluate("ask('/me', { method: 'POST' })")


def test_tokens_that_are_always_refused_are_not_renewed_again_and_again(
    visitor: Visitor, site: Site
) -> None:
    """By many requests at once, nor by those of the next seconds; then they are."""
    [page] = tabs(visitor, "bearer", 1)
    site.faults["/me"] = [refused] * 1000
    many = page.evaluate("Promise.all(Array.from({ length: 10 }, () => ask()))")
    assert {401} <= {*many} <= {401, "RenewalError 401"}
    assert 2 >= site.refreshes
    before = site.refreshes
    assert ["RenewalError 401"] * 3 == [page.evaluate("ask()") for _ in range(3)]
    assert before == site.refreshes
    site.faults.clear()
    assert 200 == page.evaluate("ask()")
    page.evaluate(LONG_AFTER)
    site.clock.advance(LATER)
    assert 200 == page.evaluate("ask()")


def test_a_renewal_that_fails_is_asked_for_once(visitor: Visitor, site: Site) -> None:
    """By many requests at once; and not before the server says that it may be."""

    def down(_: Answer) -> Answer:
        return 503, [("Retry-After", "5")], b""

    [page] = tabs(visitor, "bearer", 1)
    site.clock.advance(LATER)
    site.faults["/auth/refresh"] = [down]
    many = "Promise.all(Array.from({ length: 10 }, () => ask()))"
    assert ["RenewalError 503"] * 10 == page.evaluate(many)
    assert "RenewalError 503" == page.evaluate("ask()")
    assert 1 == site.refreshes
    page.evaluate("() => { const now = Date.now; Date.now = () => now() + 5000; }")
    assert 200 == page.evaluate("ask()")


def test_a_renewal_that_failed_keeps_no_later_session_waiting(visitor: Visitor, site: Site) -> None:
    """What the server said of the tokens before is not said of those of a new sign-in."""

    def down(_: Answer) -> Answer:
        return 503, [("Retry-After", "3600")], b""

    [page] = tabs(visitor, "bearer", 1)
    site.clock.advance(LATER)
    site.faults["/auth/refresh"] = [down]
    assert "RenewalError 503" == page.evaluate("ask()")
    assert 200 == page.evaluate("signIn()")
    site.clock.advance(LATER)
    assert 200 == page.evaluate("ask()")
    assert 2 == site.refreshes


@pytest.mark.parametrize("method", ["fetch", also("exchange")])
def test_a_request_hears_its_signal_while_it_waits(
    visitor: Visitor, site: Site, method: str
) -> None:
    """For a renewal, which goes on: the promise rejects at once, with the signal's reason."""
    [page] = tabs(visitor, "bearer", 1)
    site.clock.advance(LATER)
    site.faults["/auth/refresh"] = [site.hold]
    page.evaluate("() => { window.stop = new AbortController() }")
    start(page, f"client.{method}('/me', {{ signal: stop.signal }}).catch((it) => it)")
    reached(site, "/auth/refresh", 1)
    page.evaluate("stop.abort('no longer')")
    assert "no longer" == page.evaluate("result")
    start(page, f"client.{method}('/me', {{ signal: stop.signal }}).catch((it) => it)")
    assert "no longer" == page.evaluate("result")
    site.held.set()
    assert 200 == page.evaluate("ask()")
    assert 1 == site.refreshes


def test_a_request_that_wants_no_cookies_sends_none(visitor: Visitor, site: Site) -> None:
    """Nor the session's name; and that it is refused says nothing about the session."""
    [page] = tabs(visitor, "cookie", 1)
    page.evaluate(MADE_FOR, "x")
    bare = "client.fetch('/me', { credentials: 'omit' }).then((it) => it.status)"
    assert 401 == page.evaluate(bare)
    sent = site.headers["/me"]
    assert set() == {"HTTP_COOKIE", "HTTP_DEVSESS_SESSION"} & sent.keys()
    assert [] == page.evaluate("events")


def test_a_request_keeps_its_referrer(visitor: Visitor, site: Site) -> None:
    """And the policy for it, where a request says them."""
    [page] = tabs(visitor, "cookie", 1)
    for call in ("client.fetch", "client.exchange"):
        page.evaluate(f"{call}('/me').then((it) => it.ok)")
        assert f"{site.site}/" == site.headers["/me"]["HTTP_REFERER"]
        page.evaluate(f"{call}('/me', {{ referrerPolicy: 'no-referrer' }}).then((it) => it.ok)")
        assert "HTTP_REFERER" not in site.headers["/me"]
        page.evaluate(f"{call}(new Request('/me', {{ referrer: '/there' }})).then((it) => it.ok)")
        assert f"{site.site}/there" == site.headers["/me"]["HTTP_REFERER"]


@pytest.mark.parametrize("status", [404, 500])
def test_a_sign_in_of_a_page_for_nobody_has_its_answer(
    visitor: Visitor, site: Site, status: int
) -> None:
    """Also where the app lists no accounts, and where it does not say who signed in."""
    page = tab(visitor, "cookie")
    if status == 500:
        site.faults["/auth/session"] = [lambda _: (500, [], b"")]
    page.evaluate(MADE_FOR, None)
    for call in ("exchange('/sign-in', { method: 'POST' })", "fetch('/me')"):
        assert 200 == page.evaluate(f"client.{call}.then((it) => it.status)")
    [session] = site.sessions.list("ada")
    named = {} if status == 500 else {"HTTP_DEVSESS_SESSION": session.id}
    assert named.items() <= site.headers["/me"].items()


@pytest.mark.parametrize("way", [also("bearer"), "cookie"])
def test_a_sign_out_with_another_devices_token_is_told(
    visitor: Visitor, site: Site, way: str
) -> None:
    """The session lives on, so that it is no sign-out; once it is known to be over, it is one."""
    [page] = tabs(visitor, way, 1)
    site.faults["/auth/logout"] = [refused] * 2
    assert "RenewalError 401" == page.evaluate("signOut()")
    assert [] == page.evaluate("events")
    site.sessions.revoke_all("ada")
    assert 401 == page.evaluate("ask()")
    assert page.evaluate("signOut()") is True
    assert ["ended", "signout"] == page.evaluate("events")


def test_a_browser_of_2022_has_all_it_needs(visitor: Visitor, site: Site) -> None:
    """Without what came later: for a renewal, a step-up and an exchange."""
    visitor.context.add_init_script(
        "delete AbortSignal.any; delete Iterator.prototype.map; delete Promise.withResolvers;"
    )
    [page] = tabs(visitor, "bearer", 1)
    page.evaluate("() => { window.proves = true }")
    assert 200 == page.evaluate(SEND)
    site.clock.advance(LATER)
    assert 200 == page.evaluate("ask()")


@pytest.mark.parametrize("way", [also("bearer"), "cookie"])
def test_a_page_whose_storage_is_blocked_has_its_session_alone(
    visitor: Visitor, site: Site, way: str
) -> None:
    """As without locks: browsers then throw in their place, and where tabs would speak."""
    visitor.context.add_init_script("""
      const blocked = () => { throw new DOMException("blocked", "SecurityError"); };
      const locks = { query: async () => blocked(), request: async () => blocked() };
      Object.defineProperty(Navigator.prototype, "locks", { value: locks });
      window.BroadcastChannel = class { constructor() { blocked(); } };
    """)
    page = tab(visitor, way)
    assert 200 == page.evaluate(SCRIPT)
    site.clock.advance(LATER)
    assert 200 == page.evaluate("ask()")
    assert page.evaluate("signOut()") is True
    assert 401 == page.evaluate("ask()")
