"""What another site, a bug or a curious person may do to the cookies of several accounts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from _accounts import SLOT, in_slot, listed, live, of_slot, sign_in, signed_in, switch, who
from _browser import ACCESS, DEVICE, REFRESH, Browser, Cookie
from _wsgi_driver import on_wsgi

from devsess import SessionManager
from devsess.adapters._accounts import _OF_SLOT, AccountsExchange
from devsess.adapters.wsgi import Cookies, SessionMiddleware
from devsess.tokens.keys import generate_secret

PAGE = {"Accept": "text/html,*/*"}
WRONG_SLOTS = ["", "x", "-1", "00", "%31", "1x", "3", "4", "9", "1.0", "1" * 4000]


# What a request keeps when it acts for another slot from then on.
OF_REQUEST = {
    *("request", "sessions", "core", "refused", "depends_on_user"),
    *("is_at_endpoint", "is_status_query", "is_for_any_page", "is_guarded", "has_begun"),
    *("ended_by", "unawaited", "unended", "has_switched", "failure", "handled_before"),
    *("_vary_on", "_is_ours", "_gives_tokens", "_has_signed_out"),
    *("_slots", "_others", "_looked_at", "_came_for", "_leaves_cookies", "_choice"),
}


@pytest.fixture
def site(make: Callable[..., Any]) -> Any:
    return make(accounts=3)


@pytest.mark.parametrize("value", WRONG_SLOTS)
def test_a_slot_that_there_is_not_counts_as_the_first(site: Any, value: str) -> None:
    """Nobody is signed out by it, and it is no error."""
    browser = signed_in(site, "ada", "bob")
    browser.jar[SLOT] = Cookie(value, {})
    assert "ada" == who(browser)
    assert 200 == switch(browser, 1)
    assert "bob" == who(browser)


@pytest.mark.parametrize("values", [("0", "1"), ("1", "0"), ("1", "1")])
def test_a_choice_that_came_twice_is_refused(site: Any, values: tuple[str, str]) -> None:
    """Another site set one: nobody acts for an account they did not choose, or is signed out."""
    browser = signed_in(site, "ada", "bob")
    browser.jar.pop(SLOT)
    line = "; ".join(f"{name}={it.value}" for name, it in browser.jar.items())
    twice = "".join(f"; {SLOT}={value}" for value in values)
    for path, headers in (("/me", {}), ("/me", PAGE)):
        answer = site.send("GET", path, [("Cookie", line + twice), *headers.items()], b"")
        assert 401 == answer.status_code
    cleared = [it.partition("=")[0] for it in answer.headers.get_list("set-cookie")]
    assert {SLOT} == set(cleared)
    assert "ada" == who(browser)


@pytest.mark.parametrize("slot", [0, 1])
def test_cookies_of_a_slot_that_came_twice_are_that_slots_trouble(site: Any, slot: int) -> None:
    """The other account acts, and the slot counts as one that nobody is in."""
    browser = signed_in(site, "ada", "bob")
    other, user = 1 - slot, ("ada", "bob")[1 - slot]
    twin = f"{in_slot(ACCESS, slot)}=x"
    assert 200 == switch(browser, other)
    line = "; ".join(f"{name}={it.value}" for name, it in browser.jar.items())
    answer = site.send("GET", "/accounts", [("Cookie", f"{line}; {twin}")], b"")
    assert [[other, user, True]] == answer.json()


def test_tokens_copied_into_two_slots_are_one_account(site: Any) -> None:
    """Listed once; a sign-out ends it in both."""
    browser = signed_in(site, "ada", "bob")
    for name in (ACCESS, REFRESH):
        browser.jar[f"{name}-2"] = browser.jar[f"{name}-1"]
    assert [(0, "ada", False), (1, "bob", True)] == listed(browser)
    switch(browser, 2)
    assert [(0, "ada", False), (2, "bob", True)] == listed(browser)
    browser.post("/logout")
    assert [(0, "ada", False)] == listed(browser)


def test_a_session_that_ended_elsewhere_frees_its_slot(site: Any) -> None:
    """It is not listed and not switched to, and the next sign-in takes its place."""
    browser = signed_in(site, "ada", "bob")
    site.sessions.revoke_all("ada")
    assert [(1, "bob", True)] == listed(browser)
    assert 401 == switch(browser, 0)
    assert "bob" == who(browser)
    sign_in(browser, "eve")
    assert [(0, "eve", True), (1, "bob", False)] == listed(browser)


def test_dead_cookies_of_other_slots_are_cleared(site: Any) -> None:
    """Where they were looked at, and a person goes to a page."""
    browser = signed_in(site, "ada", "bob")
    site.sessions.revoke_all("ada")
    browser.get("/accounts", **PAGE)
    assert {DEVICE, *of_slot(1), SLOT} == set(browser.jar)


def test_a_refresh_token_in_another_slot_is_a_stolen_one(site: Any) -> None:
    """It comes with the device of another account: its session ends, and no two are mixed."""
    browser = signed_in(site, "ada", "bob")
    browser.jar[REFRESH] = browser.jar[f"{REFRESH}-1"]
    switch(browser, 0)
    assert "ada" == who(browser)
    site.clock.advance(timedelta(minutes=16))
    assert None is who(browser)
    assert ([], 1) == (live(site, "bob"), len(live(site, "ada")))


@pytest.mark.parametrize("path", ["/accounts", "/login?user=eve", "/switch?slot=0", "/logout?all"])
def test_a_store_that_is_away_signs_nobody_out(site: Any, path: str) -> None:
    """503, and no cookie is cleared."""
    browser = signed_in(site, "ada", "bob")
    before = dict(browser.jar)
    aside = site.path.with_suffix(".away")
    site.path.rename(aside)
    assert 503 == browser.post(path, **PAGE).status_code
    assert before == browser.jar


def test_a_slot_is_a_number() -> None:
    """The text of a form is a program's mistake, and not an account that is not there."""
    with SessionManager("memory://", keys=generate_secret()) as sessions:
        app = SessionMiddleware(lambda environ, _: environ["devsess"].switch("1"), sessions)
        with pytest.raises(TypeError, match="a slot is an int, not str"):
            on_wsgi(app, "GET", "/")


@pytest.mark.parametrize("at", [0, 1])
def test_a_choice_that_a_subdomain_plants_is_a_twin(make: Callable[..., Any], at: int) -> None:
    """Whichever slot acts, the first too: nobody acts in an account that another site put there."""
    site = make(accounts=3, cookies=Cookies(domain="example.com"))
    victim, thief = (Browser(site.send, "app.example.com") for _ in range(2))
    sign_in(victim, "ada", "bob")
    switch(victim, at)
    sign_in(thief, "mallory")
    lines = [f"{name}={it.value}" for name, it in victim.jar.items()]
    lines += [f"{name}-2={it.value}" for name, it in thief.jar.items()]
    headers = [("Host", victim.host), ("Cookie", "; ".join([*lines, "__Secure-devsess-slot=2"]))]
    assert 401 == site.send("GET", "/me", headers, b"").status_code


@pytest.mark.parametrize("most", [2, 3])
def test_a_sign_in_takes_no_slot_whose_cookies_came_twice(
    make: Callable[..., Any], most: int
) -> None:
    """They could not be read again: another site would keep a person from signing in."""
    site = make(accounts=most, cookies=Cookies(domain="example.com"))
    browser = Browser(site.send, "app.example.com")
    sign_in(browser, *["ada", "eve"][: most - 1])
    browser.jar[f"__Secure-devsess-access-{most - 1}"] = Cookie(
        f"x; __Secure-devsess-access-{most - 1}=y", {}
    )
    sign_in(browser, "bob")
    assert "bob" == who(browser)


def test_an_answer_clears_the_twins_of_one_slot(make: Callable[..., Any]) -> None:
    """Those of all at once would be longer than proxies take; the next answers clear the rest."""
    site = make(accounts=5, cookies=Cookies(domain="example.com"))
    names = [it.replace("__Host", "__Secure") for slot in range(5) for it in sorted(of_slot(slot))]
    twins, answers = {f"{name}={value}" for name in names for value in "xy"}, 0
    while twins:
        headers = [
            *(("Host", "a.b.app.example.com"), ("Accept", PAGE["Accept"])),
            *(("Sec-Fetch-Site", "same-origin"), ("Cookie", "; ".join(sorted(twins)))),
        ]
        cleared = site.send("GET", "/accounts", headers, b"").headers.get_list("set-cookie")
        assert 4096 > sum(map(len, cleared))
        gone = {line.partition("=")[0] for line in cleared}
        assert gone & {it.partition("=")[0] for it in twins}
        twins = {it for it in twins if it.partition("=")[0] not in gone}
        answers += 1
    assert 5 == answers


def test_a_sign_out_without_an_origin_ends_no_account_above_the_option(
    make: Callable[..., Any],
) -> None:
    """It was lowered: a sign-out of all ends those too, so their cookies are checked as well."""
    high, low = make(accounts=4), make(accounts=2)
    browser = signed_in(high, "ada", "bob", "eve", query="&persistent")
    for name in of_slot(0) | of_slot(1):
        browser.jar.pop(name)
    browser.send = low.send
    for path in ("/auth/accounts/logout", "/logout?forget"):
        assert 403 == browser.post(path, site=None).status_code
    assert 1 == len(live(low, "eve"))


def test_each_part_of_an_exchange_is_the_slots_or_the_requests() -> None:
    """A new one is put on one side: left behind by a switch, it acts for the account before."""
    made: list[AccountsExchange] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        made.append(environ["devsess"]._exchange)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b""]

    with SessionManager("memory://", keys=generate_secret()) as sessions:
        on_wsgi(SessionMiddleware(app, sessions, accounts=2), "GET", "/")
    own = (vars(it) for it in AccountsExchange.__mro__[:-1])
    first = {
        name
        for parts in own
        for name, value in parts.items()
        if not (name.startswith("__") or callable(value) or isinstance(value, property))
    }
    assert {*_OF_SLOT, *OF_REQUEST} == first | {*vars(made[0])}
