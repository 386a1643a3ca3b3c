"""Several accounts in one browser: each has its own cookies, and one of them acts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from unittest import mock

import pytest
from _accounts import SLOT, in_slot, listed, live, of_slot, sign_in, signed_in, switch, who
from _browser import ACCESS, DEVICE, REFRESH, Cookie
from _raw_apps import Answer, Meanwhile, done, served

from devsess import ConfigurationError, InvalidSessionError, Policy, SessionManager
from devsess.adapters.wsgi import Cookies, SessionMiddleware
from devsess.risk_policy import Points, Risk
from devsess.tokens.keys import generate_secret


@pytest.fixture
def site(make: Callable[..., Any]) -> Any:
    return make(accounts=3)


# A sign-in.


def test_a_second_sign_in_keeps_the_first(site: Any) -> None:
    """In the lowest free slot, and it acts from then on."""
    browser = signed_in(site, "ada", "bob")
    assert [(0, "ada", False), (1, "bob", True)] == listed(browser)
    assert "bob" == who(browser)
    assert {*of_slot(0), *of_slot(1), SLOT} == set(browser.jar)
    assert "1" == browser.jar[SLOT].value


def test_a_switch_signs_nobody_in_or_out(site: Any) -> None:
    """The sessions stay as they were; the browser acts for the other one."""
    browser = signed_in(site, "ada", "bob", "eve")
    before = {user: live(site, user)[0].id for user in ("ada", "bob", "eve")}
    for slot, user in ((0, "ada"), (1, "bob"), (1, "bob"), (2, "eve")):
        answer = browser.post(f"/switch?slot={slot}")
        assert {"user": user} == answer.json()
        assert user == who(browser)
    assert before == {user: live(site, user)[0].id for user in before}
    assert [False, False, True] == [current for _, _, current in listed(browser)]


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_sign_in_of_an_account_that_is_there_takes_its_slot(site: Any, at: int) -> None:
    """From whichever account it is made: its old session ends as before, and no other."""
    browser = signed_in(site, "ada", "bob", "eve")
    [before] = live(site, "bob")
    switch(browser, at)
    sign_in(browser, "bob")
    assert [(0, "ada", False), (1, "bob", True), (2, "eve", False)] == listed(browser)
    assert "replaced" == site.sessions.get(before.id).revoke_reason
    assert 1 == len(live(site, "bob"))


def test_without_room_the_current_account_is_replaced(site: Any) -> None:
    """As a sign-in replaces the only one of a browser that may have one."""
    browser = signed_in(site, "ada", "bob", "eve")
    [before] = live(site, "bob")
    switch(browser, 1)
    sign_in(browser, "dan")
    assert [(0, "ada", False), (1, "dan", True), (2, "eve", False)] == listed(browser)
    assert "replaced" == site.sessions.get(before.id).revoke_reason


def test_a_sign_in_takes_the_current_slot_if_nobody_is_there(site: Any) -> None:
    """After a sign-out, or where the session has ended elsewhere."""
    browser = signed_in(site, "ada", "bob")
    switch(browser, 0)
    browser.post("/logout")
    sign_in(browser, "eve")
    assert [(0, "eve", True), (1, "bob", False)] == listed(browser)
    site.sessions.revoke_all("eve")
    sign_in(browser, "dan")
    assert [(0, "dan", True), (1, "bob", False)] == listed(browser)


def test_a_sign_in_of_an_account_elsewhere_leaves_an_empty_slot_empty(site: Any) -> None:
    """Its own slot goes first, also before the current one that nobody is in."""
    browser = signed_in(site, "ada", "bob")
    browser.post("/logout")
    sign_in(browser, "ada")
    assert [(0, "ada", True)] == listed(browser)


def test_two_sign_ins_of_one_request_are_two_accounts(site: Any) -> None:
    """Each in a slot of its own; of the same person, the second takes the place of the first."""
    browser = site.browser()
    assert 200 == browser.post("/login-both?user=ada&user=bob").status_code
    assert [(0, "ada", False), (1, "bob", True)] == listed(browser)
    assert 200 == switch(browser, 0)
    assert 200 == browser.post("/login-both?user=eve&user=eve").status_code
    assert [(0, "ada", False), (1, "bob", False), (2, "eve", True)] == listed(browser)
    assert 1 == len(live(site, "eve"))


def test_a_sign_in_that_is_refused_changes_nothing(make: Callable[..., Any]) -> None:
    """The account before it acts on, in its own slot; the error is answered as ever."""
    site = make(accounts=3, policy=Policy(max_sessions=1, on_limit="reject"))
    site.sessions.login("bob")
    browser = signed_in(site, "ada")
    answer = browser.post("/login?user=bob")
    assert (409, 1) == (answer.status_code, answer.json()["limit"])
    assert "error" not in answer.json()
    assert [(0, "ada", True)] == listed(browser)


def test_tokens_for_a_program_touch_no_slot(site: Any) -> None:
    """They set no cookie, and sign nobody out."""
    browser = signed_in(site, "ada", "bob")
    before = dict(browser.jar)
    sign_in(browser, "eve", query="&bare")
    assert before == browser.jar
    assert [(0, "ada", False), (1, "bob", True)] == listed(browser)


def test_a_request_ends_in_the_slot_that_acts_then(site: Any) -> None:
    """Also where one of its sign-ins was for a program: the choice is the request's."""

    async def there_and_back(current: Any, _: Any, __: Any) -> Answer:
        await done(current.login("eve", cookies=False))
        await done(current.switch(1))
        await done(current.switch(0))
        return Answer()

    browser = signed_in(site, "ada", "bob")
    switch(browser, 0)
    with served("/there-and-back", there_and_back):
        assert 200 == browser.post("/there-and-back").status_code
    assert [(0, "ada", True), (1, "bob", False)] == listed(browser)


def test_a_held_sign_in_is_collected_into_a_slot(make: Callable[..., Any]) -> None:
    """Of whom it is, is known only then."""
    risk = Risk(mode="enforce", points=Points(base=50), hold_from=10)
    site = make(accounts=2, policy=Policy(risk=risk))
    site.sessions.login("ada")
    browser = signed_in(site, "bob")
    pending = browser.post("/login?user=ada").json()["pending_token"]
    [held] = site.sessions.held("ada")
    site.sessions.approve("ada", held.code)
    answer = browser.post("/auth/held/collect", body={"pending_token": pending})
    assert 200 == answer.status_code
    assert [(0, "bob", False), (1, "ada", True)] == listed(browser)
    assert 200 == switch(browser, 0)


# A sign-out.


def test_a_sign_out_ends_the_current_account_alone(site: Any) -> None:
    """Nobody acts from then on, until the browser switches."""
    browser = signed_in(site, "ada", "bob")
    browser.post("/logout")
    assert [] == live(site, "bob")
    assert None is who(browser)
    assert [(0, "ada", False)] == listed(browser)
    assert 200 == switch(browser, 0)
    assert "ada" == who(browser)


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize(
    ("query", "left"), [("all", {in_slot(DEVICE, it) for it in range(3)}), ("forget", set())]
)
def test_a_sign_out_of_all_ends_all(site: Any, query: str, left: set[str], at: int) -> None:
    """Whichever acts, expired or not; but for its devices the browser is as a new one."""
    browser = signed_in(site, "ada", "bob", "eve")
    switch(browser, at)
    site.clock.advance(timedelta(minutes=16))
    browser.post(f"/logout?{query}")
    assert left == set(browser.jar)
    assert [] == [it for user in ("ada", "bob", "eve") for it in live(site, user)]
    sign_in(browser, "dan")
    assert [(0, "dan", True)] == listed(browser)


def test_a_computer_that_is_forgotten_is_trusted_by_no_account(site: Any) -> None:
    """By none of those that were signed in there; by others as before."""
    browser = signed_in(site, "ada", "bob")
    until = site.clock.now() + timedelta(days=9)
    for user in ("ada", "bob"):
        [session] = live(site, user)
        site.sessions.trust_device(user, session.device.id, until)
    browser.post("/logout?forget")
    for user in ("ada", "bob"):
        assert [None] == [it.trusted_until for it in site.sessions.devices(user)]


# One account, as before.


def test_one_account_is_as_before(make: Callable[..., Any]) -> None:
    """A sign-in replaces the one before; there is no slot to go to, and no cookie of one."""
    site = make()
    browser = signed_in(site, "ada", "bob")
    assert {ACCESS, REFRESH, DEVICE} == set(browser.jar)
    assert [] == live(site, "ada")
    browser.jar[SLOT] = Cookie("1", {})
    assert [(0, "bob", True)] == listed(browser)
    assert (200, 401) == (switch(browser, 0), switch(browser, 1))
    assert 200 == browser.post("/logout?all").status_code
    assert [] == listed(browser)
    assert 401 == switch(browser, 0)


def test_the_option_signs_nobody_out(make: Callable[..., Any]) -> None:
    """Turned on, off and on again: the first slot has the names of a browser with one account."""
    one, several = make(), make(accounts=2)
    browser = signed_in(one, "ada")
    browser.send = several.send
    sign_in(browser, "bob")
    assert [(0, "ada", False), (1, "bob", True)] == listed(browser)
    browser.send = one.send
    assert "ada" == who(browser)
    browser.send = several.send
    assert "bob" == who(browser)


def test_a_lower_option_signs_nobody_out(make: Callable[..., Any]) -> None:
    """Accounts above it are not there, and are once it is raised again."""
    few, many = make(accounts=2), make(accounts=4)
    browser = signed_in(many, "ada", "bob", "eve")
    browser.send = few.send
    assert [(0, "ada", True), (1, "bob", False)] == listed(browser)
    assert 401 == switch(browser, 2)
    browser.send = many.send
    assert "eve" == who(browser)
    browser.send = few.send
    browser.post("/logout?forget")
    assert (set(), []) == (set(browser.jar), live(many, "eve"))


@pytest.mark.parametrize("number", [0, 6, -1, True, 2.0, "2", None])
def test_the_option_is_a_number(number: Any) -> None:
    """From 1 to 5: as many devices as a device token names."""
    with (
        SessionManager("memory://", keys=generate_secret()) as sessions,
        pytest.raises(ConfigurationError, match=r"^accounts: must be a number from 1 to 5"),
    ):
        SessionMiddleware(lambda *_: [], sessions, accounts=number)


def test_the_option_needs_cookies() -> None:
    """A program has its tokens at hand."""
    with SessionManager("memory://", keys=generate_secret()) as sessions:
        SessionMiddleware(lambda *_: [], sessions, accounts=1, transport="bearer")
        with pytest.raises(ConfigurationError, match=r"^accounts: .*bearer"):
            SessionMiddleware(lambda *_: [], sessions, accounts=2, transport="bearer")


def test_bearer_tokens_have_one_account(site: Any) -> None:
    """Also where cookies of others come along: none is read."""
    browser, program = signed_in(site, "ada", "bob"), site.program("eve")
    cookie = "; ".join(f"{name}={it.value}" for name, it in browser.jar.items())
    assert [[0, "eve", True]] == program.ask("GET", "/accounts", Cookie=cookie).json()
    assert 401 == program.ask("POST", "/switch?slot=1", Cookie=cookie).status_code
    answer = program.ask("POST", "/logout?all", Cookie=cookie)
    assert [] == answer.headers.get_list("set-cookie")
    assert ([], 1, 1) == (live(site, "eve"), len(live(site, "ada")), len(live(site, "bob")))


# Tokens and time.


def test_the_others_are_renewed_when_they_are_looked_at(site: Any) -> None:
    """That is no activity of theirs; a switch to one is."""
    browser = signed_in(site, "ada", "bob")
    [before] = live(site, "ada")
    site.clock.advance(timedelta(minutes=16))
    old = {name: it.value for name, it in browser.jar.items()}
    assert [(0, "ada", False), (1, "bob", True)] == listed(browser)
    for name in (ACCESS, REFRESH, f"{ACCESS}-1", f"{REFRESH}-1"):
        assert old[name] != browser.jar[name].value
    assert before.last_seen_at == live(site, "ada")[0].last_seen_at
    assert 200 == switch(browser, 0)
    assert before.last_seen_at < live(site, "ada")[0].last_seen_at


def test_a_sign_in_renews_the_others(site: Any) -> None:
    """To see who is there; each new token is in a cookie of its own slot."""
    browser = signed_in(site, "ada", "bob")
    site.clock.advance(timedelta(minutes=16))
    sign_in(browser, "eve")
    for slot, user in enumerate(("ada", "bob", "eve")):
        assert 200 == switch(browser, slot)
        assert user == who(browser)


def test_a_switch_to_an_expired_token_renews_it(site: Any) -> None:
    """Within the request, as anywhere."""
    browser = signed_in(site, "ada", "bob")
    site.clock.advance(timedelta(minutes=16))
    assert 200 == switch(browser, 0)
    assert "ada" == who(browser)
    browser.jar.pop(ACCESS)
    assert "ada" == who(browser)


def test_a_request_looks_at_no_other_account(site: Any) -> None:
    """Most requests need none: their tokens are not used, nor renewed."""
    browser = signed_in(site, "ada", "bob")
    site.clock.advance(timedelta(minutes=16))
    before = browser.jar[REFRESH].value
    assert "bob" == who(browser)
    assert before == browser.jar[REFRESH].value


def test_persistent_accounts_outlive_the_browser(site: Any) -> None:
    """With the choice among them; where the current one does not, nobody acts until a switch."""
    browser = signed_in(site, "ada", "bob", query="&persistent")
    browser.restart()
    assert "bob" == who(browser)
    sign_in(browser, "eve")
    browser.restart()
    assert [(0, "ada", True), (1, "bob", False)] == listed(browser)


def test_a_choice_is_set_by_its_own_acts_alone(site: Any) -> None:
    """A late answer with renewed cookies must not undo another tab's switch."""
    browser = signed_in(site, "ada", "bob", query="&persistent")
    site.clock.advance(timedelta(minutes=16))
    for path in ("/me", "/extend", "/accounts"):
        site.clock.advance(timedelta(minutes=16))
        names = {it.partition("=")[0] for it in browser.get(path).headers.get_list("set-cookie")}
        assert f"{ACCESS}-1" in names
        assert SLOT not in names


def test_a_slow_sign_out_of_all_leaves_a_later_choice(site: Any) -> None:
    """As it leaves the cookies of whoever has signed in meanwhile."""
    browser = signed_in(site, "ada", "bob")
    late = partial(site.clock.advance, timedelta(minutes=1))
    with mock.patch.object(Meanwhile, "action", staticmethod(late)):
        answer = browser.get("/slow?logout&all")
    assert (200, False) == (answer.status_code, "set-cookie" in answer.headers)
    assert [] == live(site, "ada") + live(site, "bob")


def test_a_page_that_shows_others_is_private(site: Any) -> None:
    """Also where nobody acts: a shared cache keeps no list of accounts."""

    async def names(current: Any, _: Any, __: Any) -> Answer:
        found = await done(current.accounts())
        return Answer(", ".join(it.session.user_id for it in found), "text/html", more={})

    browser = signed_in(site, "ada", "bob")
    browser.post("/logout")
    with served("/names", names):
        answer = browser.get("/names")
    assert ("ada", "private") == (answer.text, answer.headers["cache-control"])


@pytest.mark.parametrize(("accounts", "slot"), [(3, 0), (3, 2), (3, 9), (1, 1)])
def test_a_switch_that_a_framework_made_a_failure_is_its_refusal(
    make: Callable[..., Any], accounts: int, slot: int
) -> None:
    """As with `require`: 401, and not the 500 that the framework made of the exception."""

    async def hidden(current: Any, query: dict[str, list[str]], __: Any) -> Answer:
        try:
            await done(current.switch(int(query["slot"][0])))
        except InvalidSessionError:
            return Answer("a framework hid it", "text/plain", 500)
        return Answer()

    site = make(accounts=accounts)
    browser = signed_in(site, "bob", "ada")
    site.sessions.revoke_all("bob")
    with served("/hidden", hidden):
        assert 401 == browser.post(f"/hidden?slot={slot}").status_code


def test_a_failure_of_the_app_loses_no_cookie(site: Any) -> None:
    """Neither of the choice, nor of a renewal of another slot."""
    browser = signed_in(site, "ada", "bob")
    site.clock.advance(timedelta(minutes=16))
    assert 500 == browser.post("/switch?slot=0&status=500").status_code
    assert "ada" == who(browser)


# What it costs.


def test_five_accounts_fit_into_the_headers_of_a_request(make: Callable[..., Any]) -> None:
    """As documented, with ids as UUIDs are: servers commonly take 8 KB in all."""
    site = make(accounts=5)
    browser, sizes = site.browser(), []
    for number in range(5):
        sign_in(browser, f"3f2a9c1e-7b64-4d08-9a51-0c8e6f1b2d3{number}", query="&persistent")
        sizes.append(len("; ".join(f"{name}={it.value}" for name, it in browser.jar.items())))
    assert 5 == len(listed(browser))
    assert (0.7, 3.6) == (round(sizes[0] / 1000, 1), round(sizes[-1] / 1000, 1))


def test_names_are_told_apart_with_each_kind_of_cookie() -> None:
    """Also where the prefix of the names is another one, or none."""
    for cookies, secure in (
        (Cookies(), True),
        (Cookies(domain="app.example"), True),
        (Cookies(), False),
    ):
        names = [cookies.names(secure=secure, slot=slot) for slot in range(5)]
        tokens = [name for it in names for name in (it.access, it.refresh, it.device)]
        assert 15 == len(set(tokens))
        assert 1 == len({it.slot for it in names})
        assert cookies.names(secure=secure).every < names[0].every
