"""The module for pages, in real tabs: one renewal for all, and events for what ends."""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from _browsers import Browsers
from _client_site import Site, lost, running, unavailable
from _visitor import Visitor
from playwright.sync_api import Page

from devsess import browser

LATER = 1000.0
HOUR = 3600.0
MAX_SIZE = 4096
STEP_UP = "stepup null aal2"
# Limits of time are a hundredth of what they were.
SOONER = """() => {
  AbortSignal.timeout = (ms) => {
    const late = new AbortController();
    setTimeout(() => late.abort(new DOMException("late", "TimeoutError")), ms / 100);
    return late.signal;
  };
}"""

# The one that hands tokens to scripts, and with --thorough the other.
WAYS = ["bearer", pytest.param("cookie", marks=pytest.mark.thorough)]
Open = Callable[[], Page]


@pytest.fixture
def site() -> Iterator[Site]:
    with running() as site:
        yield site


@pytest.fixture
def visitor(browsers: Browsers, visit: Callable[..., Visitor], site: Site) -> Iterator[Visitor]:
    """Refusals are what these tests are about, so that they are no faults."""
    visitor: Visitor = browsers.run(visit, site.site)
    yield visitor
    refused = ("401: ", "403: ", "500: ", "failed: ", "console: Failed to load resource")
    visitor.faults[:] = [it for it in visitor.faults if not it.startswith(refused)]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    way: str = request.param
    return way


def until(page: Page, script: str) -> None:
    """Wait until that is so: the page's policy lets Playwright not look by itself."""
    deadline = time.monotonic() + 20
    while not page.evaluate(script):
        assert time.monotonic() < deadline, script
        page.wait_for_timeout(20)


def tab(visitor: Visitor, way: str) -> Page:
    """Another tab of the visitor's browser."""
    page = visitor.context.new_page()
    page.goto("/?bearer" if way == "bearer" else "/")
    until(page, "!!window.client")
    return page


def tabs(visitor: Visitor, way: str, count: int = 3) -> list[Page]:
    """Tabs of which the first has signed in."""
    found = [tab(visitor, way) for _ in range(count)]
    assert 200 == found[0].evaluate("signIn()")
    for each in found:
        assert 200 == each.evaluate("ask()")
    return found


def reached(site: Site, path: str, times: int) -> None:
    """Wait until that path was asked for so often."""
    deadline = time.monotonic() + 20
    while site.requests[path] < times:
        assert time.monotonic() < deadline, path
        time.sleep(0.01)


def together(pages: list[Page], script: str) -> list[Any]:
    """The results of a script that runs in all tabs at once."""
    for page in pages:
        page.evaluate(f"() => {{ window.result = {script} }}")
    return [page.evaluate("window.result") for page in pages]


def events(page: Page) -> list[str]:
    found: list[str] = page.evaluate("events")
    return found


def test_it_is_small() -> None:
    """At most 4 KB once it is compressed."""
    assert len(gzip.compress(browser.content(), 9)) <= MAX_SIZE


def test_three_tabs_that_race_renew_once(visitor: Visitor, site: Site) -> None:
    """When the server refuses their token; ten requests in each, five times over."""
    pages = tabs(visitor, "bearer")
    for number in range(1, 6):
        site.clock.advance(LATER)
        many = "Promise.all(Array.from({ length: 10 }, () => ask()))"
        assert [[200] * 10] * 3 == together(pages, many)
        assert number == site.refreshes


def test_three_tabs_renew_once_ahead_of_time(visitor: Visitor, site: Site, way: str) -> None:
    """By the time since the token came; nothing is refused."""
    site.expires_in = 0
    pages = [tab(visitor, way) for _ in range(3)]
    assert 200 == pages[0].evaluate("signIn()")
    assert [200] * 3 == together(pages, "ask()")
    assert (1, 3) == (site.refreshes, site.requests["/me"])


@pytest.mark.thorough
def test_three_tabs_that_want_new_cookies_renew_once(visitor: Visitor, site: Site) -> None:
    """As before the handshake of a WebSocket, which renews nothing itself."""
    pages = tabs(visitor, "cookie")
    site.faults["/auth/refresh"] = [site.hold]
    for page in pages:
        page.evaluate("() => { window.result = client.renew() }")
    site.held.set()
    assert [True] * 3 == [page.evaluate("window.result") for page in pages]
    assert 1 == site.refreshes
    site.clock.advance(LATER)
    assert [200] * 3 == together(pages, "ask()")


def test_a_lost_answer_is_asked_for_again(visitor: Visitor, site: Site, way: str) -> None:
    """At once, or whenever the next request comes; the session lives on."""
    [page] = tabs(visitor, way, 1)
    site.faults["/auth/refresh"] = [lost, lost, lost]
    site.clock.advance(LATER)
    assert "TypeError" in page.evaluate("client.renew().catch(String)")
    site.clock.advance(HOUR)
    assert page.evaluate("client.renew()")
    for _ in range(3):
        site.clock.advance(HOUR)
        assert 200 == page.evaluate("ask()")
    assert [] == events(page)


@pytest.mark.parametrize("wait", [1.0, pytest.param(HOUR, marks=pytest.mark.thorough)])
def test_a_server_that_fails_keeps_the_session(visitor: Visitor, site: Site, wait: float) -> None:
    """The tab that asked is told; the next request of any tab renews."""
    pages = tabs(visitor, "bearer", 2)
    site.faults["/auth/refresh"] = [unavailable]
    site.clock.advance(LATER)
    assert "RenewalError 500" == pages[0].evaluate("ask()")
    site.clock.advance(wait)
    assert [200] * 2 == together(pages, "ask()")
    site.clock.advance(HOUR)
    assert [200] * 2 == together(pages, "ask()")
    assert [[], []] == [events(page) for page in pages]


@pytest.mark.thorough
def test_a_server_that_is_away_ends_nothing(visitor: Visitor, site: Site) -> None:
    """The request fails as any other."""
    [page] = tabs(visitor, "bearer", 1)
    visitor.context.set_offline(True)
    assert "TypeError undefined" == page.evaluate("ask()")
    visitor.context.set_offline(False)
    assert 200 == page.evaluate("ask()")
    assert [] == events(page)


@pytest.mark.thorough
def test_a_tab_that_renewed_and_closed_leaves_its_tokens(visitor: Visitor, site: Site) -> None:
    """To those that are open."""
    pages = tabs(visitor, "bearer", 2)
    site.clock.advance(LATER)
    assert 200 == pages[0].evaluate("ask()")
    pages[0].close()
    site.clock.advance(HOUR)
    assert 200 == pages[1].evaluate("ask()")
    assert 200 == tab(visitor, "bearer").evaluate("ask()")
    assert 2 == site.refreshes


def test_a_busy_tab_keeps_no_mark_of_what_is_over(visitor: Visitor, site: Site) -> None:
    """It hears of a renewal and of the sign-out at once, and no new tab waits for its tokens."""
    one, busy = tabs(visitor, "bearer", 2)
    busy.evaluate("""() => { setTimeout(() => {
      const begun = Date.now();
      while (Date.now() - begun < 1000);
      window.wasBusy = true;
    }) }""")
    assert one.evaluate("client.renew()")
    one.evaluate("signOut()")
    until(busy, "window.wasBusy && events.length")
    assert 200 == tab(visitor, "bearer").evaluate("signIn()")


def test_a_client_that_was_closed_keeps_nobody_waiting(visitor: Visitor, site: Site) -> None:
    """Also in the midst of a renewal: it ends as any, and leaves the session to the others."""
    one, other = tabs(visitor, "bearer", 2)
    site.faults["/auth/refresh"] = [site.hold]
    site.clock.advance(LATER)
    one.evaluate("() => { window.result = client.renew() }")
    reached(site, "/auth/refresh", 1)
    one.evaluate("client.close()")
    site.held.set()
    assert one.evaluate("window.result")
    assert 200 == other.evaluate("ask()")


@pytest.mark.thorough
def test_a_stolen_lock_parts_no_tabs(visitor: Visitor, site: Site) -> None:
    """Another script may steal any lock of its origin: the newer tokens stay."""
    pages = tabs(visitor, "bearer", 2)
    site.faults["/auth/refresh"] = [site.hold]
    site.clock.advance(LATER)
    pages[0].evaluate("() => { window.result = ask() }")
    while not site.refreshes:
        pages[0].wait_for_timeout(20)
    site.clock.advance(HOUR)  # so that the first successor is replaced
    steal = """(async () => {
      const { held } = await navigator.locks.query();
      const [{ name }] = held.filter((it) => it.mode === "exclusive");
      await navigator.locks.request(name, { steal: true }, () => {});
      return ask();
    })()"""
    assert 200 == pages[1].evaluate(steal)
    site.held.set()
    assert 200 == pages[0].evaluate("window.result")
    for _ in range(2):
        site.clock.advance(HOUR)
        assert [200] * 2 == together(pages, "ask()")
    assert [[], []] == [events(page) for page in pages]


def test_older_tokens_are_not_used(visitor: Visitor, site: Site) -> None:
    """Where another tab knows newer ones and does not answer, nothing is sent that looks stolen."""
    pages = tabs(visitor, "bearer", 2)
    pages[1].evaluate("""async () => {
      const { held } = await navigator.locks.query();
      const [name] = held[0].name.split(" @");
      navigator.locks.request(`${name} @9e15`, { mode: "shared" }, () => new Promise(() => {}));
    }""")
    site.clock.advance(LATER)
    assert "RenewalError undefined" == pages[0].evaluate("ask()")
    assert 0 == site.refreshes
    pages[1].close()  # its locks go a moment later
    gone = "navigator.locks.query().then((it) => !it.held.some((on) => on.name.includes('9e15')))"
    until(pages[0], gone)
    assert 200 == pages[0].evaluate("ask()")


@pytest.mark.thorough
def test_a_page_on_the_way_back_learns_what_it_missed(
    visit: Callable[..., Visitor], site: Site
) -> None:
    """Kept as it was or not, while its tokens were renewed twice in another tab."""
    visitor = visit(site.site, keeps_pages=True)
    pages = tabs(visitor, "bearer", 2)
    pages[0].goto("/elsewhere")
    for _ in range(2):
        site.clock.advance(HOUR)
        assert 200 == pages[1].evaluate("ask()")
    pages[0].go_back(wait_until="commit")
    until(pages[0], "!!window.client")
    assert 200 == pages[0].evaluate("ask()")
    site.clock.advance(HOUR)
    assert [200] * 2 == together(pages, "ask()")
    assert [[], []] == [events(page) for page in pages]
    visitor.faults[:] = [it for it in visitor.faults if not it.startswith("401: ")]


@pytest.mark.thorough
def test_a_page_that_was_kept_goes_on(visit: Callable[..., Visitor], site: Site) -> None:
    """It holds no lock while nobody sees it; back again, it tells a new tab what it knows."""
    visitor = visit(site.site, keeps_pages=True)
    [page] = tabs(visitor, "bearer", 1)
    page.evaluate("() => { window.kept = true }")
    page.goto("/elsewhere")
    assert [] == page.evaluate("navigator.locks.query().then((it) => it.held)")
    page.go_back(wait_until="commit")
    assert page.evaluate("window.kept")
    assert 200 == page.evaluate("ask()")
    assert 200 == tab(visitor, "bearer").evaluate("ask()")


def test_what_comes_after_the_end_is_too_late(visitor: Visitor, site: Site) -> None:
    """Tabs hear an end and a renewal before it in any order: no tokens come back."""
    pages = tabs(visitor, "bearer", 2)
    spy = """async () => {
      const { held } = await navigator.locks.query();
      window.channel = new BroadcastChannel(held[0].name.split(" @")[0]);
      channel.onmessage = ({ data }) => data.tokens && (window.heard = data);
    }"""
    pages[1].evaluate(spy)
    site.clock.advance(LATER)
    assert 200 == pages[0].evaluate("ask()")
    until(pages[1], "!!window.heard")
    pages[1].evaluate("""() => {
      const at = heard.at + 1;
      channel.postMessage({ end: "signout", at });
      channel.postMessage({ ...heard, at });
    }""")
    for page in pages:
        until(page, "events.length")
        assert 401 == page.evaluate("ask()")
        assert ["signout"] == events(page)


def test_a_sign_out_is_heard_by_all_tabs(visitor: Visitor, site: Site, way: str) -> None:
    """Also with a token that has expired; the next sign-in is heard too."""
    pages = tabs(visitor, way)
    site.clock.advance(LATER)
    assert pages[1].evaluate("signOut()") is True
    for page in pages:
        until(page, "events.length")
        assert ["signout"] == events(page)
        assert 401 == page.evaluate("ask()")
    assert [] == site.sessions.list("ada")
    assert 200 == pages[2].evaluate("signIn()")
    assert [200] * 3 == together(pages, "ask()")
    assert [["signout"]] * 3 == [events(page) for page in pages]
    assert 1 == len(site.sessions.devices("ada"))


@pytest.mark.thorough
def test_a_device_may_be_forgotten(visitor: Visitor, site: Site, way: str) -> None:
    """By the sign-out, in all tabs."""
    pages = tabs(visitor, way, 2)
    assert pages[0].evaluate("signOut({ forgetDevice: true })") is True
    until(pages[1], "events.length")
    assert 200 == pages[1].evaluate("signIn()")
    assert 2 == len(site.sessions.devices("ada"))


@pytest.mark.thorough
def test_a_sign_out_that_failed_is_told(visitor: Visitor, site: Site, way: str) -> None:
    """Nobody is told that it was done."""
    pages = tabs(visitor, way, 2)
    site.faults["/auth/logout"] = [lambda _: (503, [], b"")]
    visitor.faults.clear()
    assert "RenewalError 503" == pages[0].evaluate("signOut()")
    visitor.faults[:] = [it for it in visitor.faults if not it.startswith("503: ")]
    assert pages[0].evaluate("signOut()") is True


def test_an_end_on_another_device_is_told_to_all_tabs(
    visitor: Visitor, site: Site, way: str
) -> None:
    """By the next request of one of them, once."""
    pages = tabs(visitor, way)
    site.sessions.revoke_all("ada")
    assert 401 == pages[0].evaluate("ask()")
    for page in pages:
        until(page, "events.length")
    assert [401] * 3 == together(pages, "ask()")
    assert [["ended"]] * 3 == [events(page) for page in pages]
    assert site.refreshes <= 1


def test_a_step_up_is_answered_and_the_request_repeated(
    visitor: Visitor, site: Site, way: str
) -> None:
    """With its body; the other tabs have the new tokens too, and one question is asked."""
    pages = tabs(visitor, way, 2)
    pages[0].evaluate("() => { window.proves = true }")
    send = (
        """Promise.all([1, 2, 3].map(() => text("/transfer", { method: "POST", body: " ten" })))"""
    )
    assert ["ada ten"] * 3 == pages[0].evaluate(send)
    assert [STEP_UP] == events(pages[0])
    site.clock.advance(LATER)
    assert [200] * 2 == together(pages, 'ask("/transfer")')
    assert [] == events(pages[1])


@pytest.mark.thorough
def test_a_step_up_that_nobody_answers_is_refused(visitor: Visitor, site: Site, way: str) -> None:
    """The page sees the 401, and the session lives."""
    [page] = tabs(visitor, way, 1)
    assert [401, 200] == [page.evaluate('ask("/transfer")'), page.evaluate("ask()")]
    assert [STEP_UP] == events(page)


@pytest.mark.thorough
def test_a_step_up_is_answered_in_its_listener(visitor: Visitor, site: Site) -> None:
    """An answer that comes later is refused, and not lost in silence."""
    [page] = tabs(visitor, "bearer", 1)
    page.evaluate("client.addEventListener('stepup', (event) => { window.later = event })")
    assert 401 == page.evaluate('ask("/transfer")')
    late = "() => { try { later.answer(true) } catch (error) { return error.name } }"
    assert "InvalidStateError" == page.evaluate(late)


@pytest.mark.thorough
def test_a_late_refusal_says_nothing_about_a_later_sign_in(
    visitor: Visitor, site: Site, way: str
) -> None:
    """A request that went out before it gets its 401, and the session goes on."""
    page = tab(visitor, way)
    site.faults["/me"] = [site.hold]
    page.evaluate("() => { window.late = ask() }")
    reached(site, "/me", 1)
    assert 200 == page.evaluate("signIn()")
    site.held.set()
    assert [401, 200] == [page.evaluate("late"), page.evaluate("ask()")]
    assert [] == events(page)


def test_a_request_is_not_sent_again_for_another_user(visitor: Visitor, site: Site) -> None:
    """Where somebody else has signed in while it was under way."""
    [page] = tabs(visitor, "bearer", 1)
    before = site.requests["/me"]
    site.clock.advance(LATER)
    site.faults["/me"] = [site.hold]
    page.evaluate("""() => { window.late = ask("/me", { method: "POST", body: "ada's" }) }""")
    reached(site, "/me", before + 1)
    site.user = "bob"
    assert 200 == page.evaluate("signIn()")
    site.held.set()
    assert 401 == page.evaluate("late")
    assert before + 1 == site.requests["/me"]
    assert "bob" == page.evaluate('text("/me")')


@pytest.mark.thorough
def test_a_renewal_is_not_redirected(visitor: Visitor, site: Site) -> None:
    """Its token would go along."""
    [page] = tabs(visitor, "bearer", 1)
    site.clock.advance(LATER)
    site.faults["/auth/refresh"] = [lambda _: (307, [("Location", "/elsewhere")], b"")] * 2
    assert "TypeError undefined" == page.evaluate("ask()")
    assert 0 == site.requests["/elsewhere"]
    assert 200 == page.evaluate("ask()")


@pytest.mark.thorough
def test_a_tab_does_not_keep_the_others_waiting(visitor: Visitor, site: Site) -> None:
    """An exchange that is not answered ends, and so does a wait for a tab that does not go on."""
    pages = tabs(visitor, "bearer", 2)
    for page in pages:
        page.evaluate(SOONER)
    site.faults["/me"] = [site.hold]
    assert "TimeoutError" == pages[0].evaluate("client.exchange('/me').catch((it) => it.name)")
    site.held.set()
    assert pages[1].evaluate("client.renew()") is True
    name = f"devsess {site.site}/auth/ bearer"
    pages[0].evaluate(f"() => {{ navigator.locks.request({name!r}, () => new Promise(() => 0)) }}")
    assert "RenewalError" == pages[1].evaluate("client.renew().catch((it) => it.name)")


def test_nothing_is_stored(visitor: Visitor, site: Site) -> None:
    """In the browser, but for the cookies of the other way; a script reads those neither."""
    [page] = tabs(visitor, "bearer", 1)
    kept = "[localStorage.length, sessionStorage.length, document.cookie]"
    assert [0, 0, ""] == page.evaluate(kept)
    assert [] == page.evaluate("indexedDB.databases()")
    assert [] == visitor.context.cookies()
    assert "token" not in page.evaluate("navigator.locks.query().then(JSON.stringify)")


def test_other_origins_get_no_tokens(visitor: Visitor, site: Site) -> None:
    """A request that names one goes out bare."""
    [page] = tabs(visitor, "bearer", 1)
    with running(site.site) as other:
        assert 204 == page.evaluate(f"ask({other.site!r} + '/favicon.ico')")
        sent = other.headers["/favicon.ico"]
    assert set() == {"HTTP_AUTHORIZATION", "HTTP_DEVSESS_DEVICE"} & sent.keys()
    assert {"HTTP_AUTHORIZATION", "HTTP_DEVSESS_DEVICE"} <= site.headers["/me"].keys()
    visitor.faults[:] = [it for it in visitor.faults if not it.startswith("outside: ")]


@pytest.mark.thorough
def test_pages_of_another_origin_have_their_tokens_in_memory(visitor: Visitor, site: Site) -> None:
    """The endpoints answer them where the server names their origin; no cookie is involved."""
    page = tab(visitor, "bearer")
    with running(site.site) as server:
        page.evaluate(
            """async ([path, server]) => {
              const { SessionClient } = await import(path);
              window.far = new SessionClient({ endpoints: `${server}/auth`, bearer: true });
              window.server = server;
              await far.exchange(`${server}/sign-in?bearer`, { method: "POST" });
            }""",
            [browser.path("/auth"), server.site],
        )
        ask = "far.fetch(`${server}/me`).then((it) => it.status)"
        for _ in range(2):
            server.clock.advance(LATER)
            assert 200 == page.evaluate(ask)
        server.sessions.revoke_all("ada")
        ended = "new Promise((done) => far.addEventListener('ended', () => done(true)))"
        page.evaluate(f"() => {{ window.ended = {ended} }}")
        assert 401 == page.evaluate(ask)
        assert page.evaluate("window.ended")
    assert [] == visitor.context.cookies()
    visitor.faults[:] = [it for it in visitor.faults if not it.startswith("outside: ")]


@pytest.mark.thorough
def test_without_web_locks_the_server_gives_all_tabs_the_same(visitor: Visitor, site: Site) -> None:
    """As over plain http: within its grace period."""
    script = "Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })"
    visitor.context.add_init_script(script)
    pages = tabs(visitor, "bearer", 1) + [tab(visitor, "bearer") for _ in range(2)]
    assert 200 == pages[0].evaluate("signIn()")
    for page in pages:
        until(page, "ask().then((it) => it === 200)")
    for _ in range(3):
        site.clock.advance(LATER)
        assert [200] * 3 == together(pages, "ask()")
    assert [[]] * 3 == [events(page) for page in pages]


@pytest.mark.thorough
def test_a_tab_without_a_session_is_told_nothing(visitor: Visitor, site: Site) -> None:
    """Where tokens are in memory it knows; where they are cookies the first refusal tells."""
    pages = [tab(visitor, way) for way in ("bearer", "cookie")]
    assert [401, 401] == [page.evaluate("ask()") for page in pages]
    assert [[], ["ended"]] == [events(page) for page in pages]


def test_the_examples_of_the_document_run(visitor: Visitor, site: Site) -> None:
    """From top to bottom, as one script of a page; at its end somebody has signed out."""
    document = (Path(__file__).parents[2] / "docs" / "browser-client.md").read_text("utf-8")
    blocks = re.findall(r"^```js\n(.*?)^```", document, re.MULTILINE | re.DOTALL)
    assert 6 == len(blocks)
    site.examples = "\n".join([*blocks, "window.done = true;"])
    page = visitor.context.new_page()
    page.goto("/?examples")
    until(page, "!!window.done")
    assert "Please sign in" == page.locator("h1").inner_text()
    asked = {"/sign-in": 1, "/orders": 1, "/transfer": 2, "/prove": 1, "/auth/logout": 1}
    assert asked.items() <= site.requests.items()


def test_its_types_name_what_it_has() -> None:
    """Each public method of the module, and nothing else."""
    method = re.compile(r"^  (?:async )?([a-z]\w*)\(", re.MULTILINE)
    types = (Path(browser.__file__).parent / "client.d.ts").read_text("utf-8")
    declared = set(method.findall(types[types.index("class SessionClient") :]))
    assert declared == {*method.findall(browser.content().decode())}
