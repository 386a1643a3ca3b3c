"""Each account of a browser stays on its device, whichever answer comes late."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from _accounts import SLOT, in_slot, listed, live, sign_in, signed_in, switch, who
from _browser import DEVICE, Browser, Cookie
from _raw_apps import Answer, done, served

from devsess import Policy
from devsess.adapters.wsgi import Cookies
from devsess.policy import Privacy

# The cookie of a device is the shorter-lived then: renewals set it anew.
SHORT = Policy(privacy=Privacy(device_retention=timedelta(days=7)))


@pytest.fixture
def site(make: Callable[..., Any]) -> Any:
    return make(accounts=3)


def goes_on(site: Any, browser: Browser, user: str) -> bool:
    """Whether requests act for *user*, by this access token and by the next ones."""
    acts = [who(browser)]
    for _ in range(2):
        site.clock.advance(timedelta(minutes=16))
        acts.append(who(browser))
    return acts == [user] * 3


def is_on_its_device(site: Any, browser: Browser, slot: int, user: str) -> bool:
    token = browser.jar[in_slot(DEVICE, slot)].value
    [session] = live(site, user)
    return session.device.id in site.sessions.core.tokens.device.read(token)


def test_a_late_sign_in_ends_no_other_account(site: Any) -> None:
    """It was sent before the other one: its answer knows nothing of that one's device."""
    browser = signed_in(site, "ada")
    tab = browser.copy()
    sign_in(browser, "bob")
    assert "bob" == who(browser)
    browser.keep(tab.post("/login?user=ada"))
    assert [(0, "ada", True)] == listed(browser)[:1]
    assert 200 == switch(browser, 1)
    assert goes_on(site, browser, "bob")
    assert 200 == switch(browser, 0)
    assert goes_on(site, browser, "ada")


@pytest.mark.parametrize("policy", [Policy(), SHORT])
def test_a_late_renewal_ends_no_other_account(make: Callable[..., Any], policy: Policy) -> None:
    """Also where it sets the device's cookie anew, which would end before the session."""
    site = make(accounts=3, policy=policy)
    browser = signed_in(site, "ada", query="&persistent")
    site.clock.advance(timedelta(minutes=16))
    late = browser.copy().get("/me")
    sign_in(browser, "bob")
    assert "bob" == who(browser)
    browser.keep(late)
    assert goes_on(site, browser, "bob")
    assert 200 == switch(browser, 0)
    assert goes_on(site, browser, "ada")


def test_two_tabs_that_take_the_same_slot(site: Any) -> None:
    """The later answer wins, whole: its account acts on its own device, and the other is gone."""
    browser = signed_in(site, "ada")
    tab = browser.copy()
    sign_in(browser, "bob")
    browser.keep(tab.post("/login?user=eve"))
    assert [(0, "ada", False), (1, "eve", True)] == listed(browser)
    assert is_on_its_device(site, browser, 1, "eve")
    assert goes_on(site, browser, "eve")
    assert 1 == len(live(site, "bob"))


@pytest.mark.parametrize("at", [0, 1])
def test_a_sign_in_beside_a_step_up_takes_no_slot_of_a_live_account(site: Any, at: int) -> None:
    """The tokens of a moment before give no session, but it lives: an empty slot goes first."""
    browser = signed_in(site, "ada", "bob")
    tab = browser.copy()
    assert 200 == browser.post("/step-up").status_code
    tab.jar[SLOT] = Cookie(str(at), {})
    browser.keep(tab.post("/login?user=eve"))
    assert [(0, "ada", False), (1, "bob", False), (2, "eve", True)] == listed(browser)


@pytest.mark.parametrize("policy", [Policy(), SHORT])
def test_sign_ins_and_switches_of_one_request(make: Callable[..., Any], policy: Policy) -> None:
    """Each account is on its device afterwards, whichever the request ends with."""

    async def both(current: Any, _: Any, __: Any) -> Answer:
        await done(current.login("bob", persistent=True))
        await done(current.login("eve", persistent=True))
        await done(current.switch(0))
        return Answer()

    site = make(accounts=3, policy=policy)
    browser = signed_in(site, "ada", query="&persistent")
    site.clock.advance(timedelta(minutes=16))
    with served("/both", both):
        assert 200 == browser.post("/both").status_code
    for slot, user in enumerate(("ada", "bob", "eve")):
        assert is_on_its_device(site, browser, slot, user)
        assert 200 == switch(browser, slot)
        assert goes_on(site, browser, user)


@pytest.mark.parametrize("few", [1, 2])
def test_others_sign_in_while_the_option_is_lower(make: Callable[..., Any], few: int) -> None:
    """More than a device token names: an account above it goes on once the option is raised."""
    low, high = make(accounts=few), make(accounts=4)
    browser = signed_in(high, "ada", "bob", "eve", query="&persistent")
    choice = browser.jar[SLOT]
    browser.send = low.send
    sign_in(browser, *(f"user-{number}" for number in range(6)))
    browser.send, browser.jar[SLOT] = high.send, choice
    assert goes_on(high, browser, "eve")


def test_an_undone_sign_in_takes_back_no_renewal(site: Any) -> None:
    """A rollback of the app's undid the one, and not the others: their tokens are in use."""

    async def undone(current: Any, _: Any, __: Any) -> Answer:
        await done(current.accounts())
        await done(current.switch(1))
        await done(current.switch(0))
        await done(current.login("eve"))
        current._exchange.undo()
        return Answer()

    browser = signed_in(site, "ada", "bob")
    switch(browser, 0)
    site.clock.advance(timedelta(minutes=16))
    with served("/undone", undone):
        assert 200 == browser.post("/undone").status_code
    site.clock.advance(timedelta(minutes=1))
    assert [(0, "ada", True), (1, "bob", False)] == listed(browser)
    for slot, user in enumerate(("ada", "bob")):
        assert 200 == switch(browser, slot)
        assert goes_on(site, browser, user)


def test_a_device_is_known_in_every_slot(site: Any) -> None:
    """An account that signed out of another slot is on no new device in this one."""
    browser = signed_in(site, "ada", "bob", "eve")
    browser.post("/logout?all")
    for user in ("eve", "ada", "bob"):
        sign_in(browser, user)
        assert 1 == len(site.sessions.devices(user))


def test_a_switch_acts_on_the_device_of_its_account(site: Any) -> None:
    """For the rest of the request too, such as an approval that needs the own device."""

    async def there(current: Any, query: dict[str, list[str]], _: Any) -> Answer:
        await done(current.switch(int(query["slot"][0])))
        return Answer(current.client.device_token or "", "text/plain")

    browser = signed_in(site, "ada", "bob")
    with served("/there", there):
        for slot in (0, 1, 0):
            answer = browser.post(f"/there?slot={slot}")
            assert browser.jar[in_slot(DEVICE, slot)].value == answer.text


def test_a_forgotten_device_is_forgotten_in_empty_slots_too(site: Any) -> None:
    """Of those who have signed out, too; a sign-out of all that forgets nothing leaves them."""
    browser = signed_in(site, "ada", "bob")
    browser.post("/logout")
    assert 200 == switch(browser, 0)
    tab = browser.copy()
    browser.post("/logout?all")
    assert {DEVICE, in_slot(DEVICE, 1)} == set(browser.jar)
    tab.post("/logout?forget")
    assert {} == tab.jar


def test_a_choice_lives_as_long_as_any_account(make: Callable[..., Any]) -> None:
    """Also where devices are kept for a shorter time: the browser acts for the same account."""
    site = make(accounts=2, cookies=Cookies(device_lifetime=86400))
    browser = signed_in(site, "ada", "bob", query="&persistent")
    assert str(400 * 86400) == browser.jar[SLOT].attributes["Max-Age"]
    assert "86400" == browser.jar[DEVICE].attributes["Max-Age"]
