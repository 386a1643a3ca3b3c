"""The device's cookie lives a life of its own: longer than sessions and the browser's day."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from _browser import ACCESS, DEVICE, REFRESH
from _raw_apps import Answer, done, served

from devsess import ConfigurationError, Policy, Privacy, SessionManager
from devsess.adapters.wsgi import Cookies, SessionMiddleware
from devsess.tokens.keys import generate_secret

DAYS_400 = str(400 * 86_400)


@pytest.mark.parametrize("query", ["", "&persistent"])
def test_it_lives_for_400_days(site: Any, query: str) -> None:
    """Each sign-in renews it, and nothing else does, not even the end of the session."""
    browser = site.browser("ada", query)
    assert DAYS_400 == browser.jar[DEVICE].attributes["Max-Age"]
    site.clock.advance(timedelta(minutes=16))
    answer = browser.get("/me")
    assert {ACCESS, REFRESH} == {line.partition("=")[0] for line in set_by(answer)}
    assert all(DEVICE not in line for line in set_by(browser.post("/step-up")))
    assert any(DEVICE in line for line in set_by(browser.post("/login?user=ada")))


def set_by(answer: Any) -> list[str]:
    return list(answer.headers.get_list("set-cookie"))


@pytest.mark.parametrize("query", ["", "&persistent"])
def test_a_browser_that_is_restarted_is_one_device(site: Any, query: str) -> None:
    """Three days, three sign-ins, one device; and its trust holds."""
    browser = site.browser("ada", query)
    [device] = site.sessions.devices("ada")
    site.sessions.trust_device("ada", device.id, site.clock.now() + timedelta(days=60))
    for _ in range(3):
        site.clock.advance(timedelta(days=15))
        browser.restart()
        browser.post(f"/login?user=ada{query}")
        assert [device.id] == [one.id for one in site.sessions.devices("ada")]
    assert site.clock.now() < site.sessions.list("ada")[0].device.trusted_until


@pytest.mark.parametrize("before", [(), ("ada",)])
def test_a_request_goes_on_from_the_device_of_its_sign_in(
    site: Any, before: tuple[str, ...]
) -> None:
    """A step-up behind a sign-in is one on its own device, whoever signed in here before."""
    browser = site.browser(*before)
    accounts = browser.post("/many?act=login:bob&act=step_up:").json()
    assert [[[0, "bob", True]]] * 2 == accounts
    assert 200 == browser.get("/strong").status_code


def test_a_step_up_behind_a_programs_sign_in_binds_nothing(site: Any) -> None:
    """It may keep no device token, and then refreshes without one: nobody has presented it."""

    async def strong(current: Any, _: Any, __: Any) -> Answer:
        await done(current.login("ada", cookies=False))
        grant = await done(current.step_up(amr=("otp",)))
        return Answer(json.dumps({"refresh_token": grant.refresh_token}))

    with served("/strong-program", strong):
        body = site.browser().post("/strong-program").json()
    assert not site.sessions.list("ada")[0].is_bound
    program = site.program("eve")
    program.tokens = {}
    assert 200 == program.ask("POST", "/auth/refresh", body).status_code


def test_the_first_of_two_sign_ins_of_a_request_ends(site: Any) -> None:
    """Its cookies never reach the browser, which could neither use nor end it."""
    browser = site.browser()
    assert 200 == browser.post("/login-both?user=ada&user=bob").status_code
    assert ([], 1) == (list(site.sessions.list("ada")), len(site.sessions.list("bob")))
    assert "bob" == browser.get("/me").json()["user"]


def test_it_outlives_purge(site: Any) -> None:
    """A person who comes back after 399 days is known, however often the store was purged."""
    browser = site.browser("ada")
    [device] = site.sessions.devices("ada")
    for _ in range(3):
        site.clock.advance(timedelta(days=133))
        browser.restart()
        site.sessions.purge()
    browser.post("/login?user=ada")
    assert [device.id] == [one.id for one in site.sessions.devices("ada")]


def test_it_outlives_a_long_session(make: Any) -> None:
    """Where a session may last longer than the cookie of its sign-in, renewals renew both."""
    policy = Policy(absolute_lifetime=timedelta(days=800), idle_timeout=timedelta(days=300))
    site = make(policy=policy)
    browser = site.browser("ada", "&persistent")
    site.clock.advance(timedelta(days=299))
    browser.get("/me")
    site.clock.advance(timedelta(days=299))
    answer = browser.get("/me")
    assert 200 == answer.status_code
    assert any(DEVICE in line for line in set_by(answer))


def test_a_shared_computer_forgets(site: Any) -> None:
    """The cookie goes with the session, and it makes no later sign-in trusted."""
    browser = site.browser("ada")
    [device] = site.sessions.devices("ada")
    site.sessions.trust_device("ada", device.id, site.clock.now() + timedelta(days=60))
    assert 200 == browser.post("/logout?forget").status_code
    assert {} == browser.jar
    assert [] == site.sessions.list("ada")
    [device] = site.sessions.devices("ada")
    assert None is device.trusted_until
    browser.post("/login?user=ada")
    browser.post("/logout?forget")
    assert 2 == len(site.sessions.devices("ada"))
    # That nobody was trusted the second time is no event.
    events = [event.type for event in site.sessions.history("ada")]
    assert 2 == events.count("device_trusted")


def expired(site: Any, _: Any) -> None:
    site.clock.advance(timedelta(days=31))


def revoked(site: Any, _: Any) -> None:
    site.sessions.revoke_all("ada")


def deleted(site: Any, _: Any) -> None:
    site.sessions.revoke_all("ada")
    site.clock.advance(timedelta(days=200))
    site.sessions.purge()


def access_alone(site: Any, browser: Any) -> None:
    del browser.jar[REFRESH]
    expired(site, browser)


def refresh_alone(site: Any, browser: Any) -> None:
    del browser.jar[ACCESS]
    expired(site, browser)


def live_refresh_alone(_: Any, browser: Any) -> None:
    del browser.jar[ACCESS]


def of_another_device(site: Any, browser: Any) -> None:
    """The session's tokens of a browser on another of her devices."""
    other = site.browser("ada")
    browser.jar |= {name: other.jar[name] for name in (ACCESS, REFRESH)}


def stepped_up_elsewhere(_: Any, browser: Any) -> None:
    browser.copy().post("/step-up")


SESSION_IS = {
    "expired": expired,
    "revoked": revoked,
    "deleted": deleted,
    "known by its access token": access_alone,
    "known by its refresh token": refresh_alone,
    "alive, and known by its refresh token": live_refresh_alone,
    "another device's": of_another_device,
    "stepped up elsewhere": stepped_up_elsewhere,
}


@pytest.mark.parametrize("way", ["view", "endpoint"])
@pytest.mark.parametrize("becomes", SESSION_IS.values(), ids=SESSION_IS.keys())
def test_a_shared_computer_forgets_in_every_state_of_the_session(
    site: Any, way: str, becomes: Any
) -> None:
    """Genuine tokens prove account and device: the trust ends though the session is over."""
    browser = site.browser("ada")
    until = site.clock.now() + timedelta(days=400)
    [device] = site.sessions.devices("ada")
    site.sessions.trust_device("ada", device.id, until)
    becomes(site, browser)
    if way == "view":
        browser.post("/logout?forget")
    else:
        browser.post("/auth/logout", body={"forget_device": True})
    assert DEVICE not in browser.jar
    assert [None] == [it.trusted_until for it in site.sessions.devices("ada") if it.id == device.id]


def forged(browser: Any, *names: str) -> None:
    for name in names:
        cookie = browser.jar[name]
        browser.jar[name] = type(cookie)(cookie.value[:-4] + "AAAA", cookie.attributes)


NOTHING_PROVEN: dict[str, Callable[[Any, Any], object]] = {
    "no session token": lambda _, jar: [jar.pop(name) for name in (ACCESS, REFRESH)],
    "no device token": lambda _, jar: jar.pop(DEVICE),
    "forged session tokens": lambda it, _: forged(it, ACCESS, REFRESH),
    "a forged device token": lambda it, _: forged(it, DEVICE),
}


@pytest.mark.parametrize("spoil", NOTHING_PROVEN.values(), ids=NOTHING_PROVEN.keys())
def test_an_unproven_device_is_not_forgotten(site: Any, spoil: Any) -> None:
    """Trust in a device ends only with its own token and a token of its account."""
    browser = site.browser("ada")
    until = site.clock.now() + timedelta(days=400)
    [device] = site.sessions.devices("ada")
    site.sessions.trust_device("ada", device.id, until)
    expired(site, browser)
    spoil(browser, browser.jar)
    browser.post("/logout?forget")
    assert [until] == [it.trusted_until for it in site.sessions.devices("ada")]


def test_the_trust_of_other_accounts_stays(site: Any) -> None:
    """On a computer that two people use, a sign-out ends the trust of one account alone."""
    browser = site.browser("bob")
    browser.post("/login?user=ada")
    until = site.clock.now() + timedelta(days=400)
    for user in ("ada", "bob"):
        [device] = site.sessions.devices(user)
        site.sessions.trust_device(user, device.id, until)
    expired(site, browser)
    browser.post("/logout?forget")
    assert [None] == [it.trusted_until for it in site.sessions.devices("ada")]
    assert [until] == [it.trusted_until for it in site.sessions.devices("bob")]


def test_a_program_forgets_its_device(site: Any) -> None:
    """Tokens in the body prove the same."""
    program = site.program("ada")
    [device] = site.sessions.devices("ada")
    site.sessions.trust_device("ada", device.id, site.clock.now() + timedelta(days=400))
    site.clock.advance(timedelta(days=31))
    tokens = {name: program.tokens[name] for name in ("refresh_token", "device_token")}
    program.ask("POST", "/auth/logout", body={**tokens, "forget_device": True})
    assert [None] == [it.trusted_until for it in site.sessions.devices("ada")]


def test_signing_out_forgets_nobody(site: Any) -> None:
    """Unless asked to, a sign-out leaves device and trust as they are."""
    browser = site.browser("ada")
    [device] = site.sessions.devices("ada")
    until = site.clock.now() + timedelta(days=60)
    site.sessions.trust_device("ada", device.id, until)
    browser.post("/logout")
    assert {DEVICE} == set(browser.jar)
    assert until == site.sessions.devices("ada")[0].trusted_until


@pytest.mark.parametrize(
    ("cookie", "retention", "expected"), [(30, 400, 30), (400, 30, 30), (400, 4000, 400)]
)
def test_its_life_may_be_shorter(make: Any, cookie: int, retention: int, expected: int) -> None:
    """The setting decides, unless the store would have forgotten the device earlier."""
    policy = Policy(privacy=Privacy(device_retention=timedelta(days=retention)))
    site = make(policy=policy, cookies=Cookies(device_lifetime=timedelta(days=cookie)))
    assert str(expected * 86_400) == site.browser("ada").jar[DEVICE].attributes["Max-Age"]


@pytest.mark.parametrize("wrong", [0, timedelta(days=401), "a year"])
def test_no_browser_keeps_it_longer(wrong: Any) -> None:
    """A longer life than browsers allow is refused (RFC 6265bis §5.5)."""
    with pytest.raises(ConfigurationError):
        Cookies(device_lifetime=wrong)


def test_cookies_are_cookies() -> None:
    """A name alone is no settings."""
    with (
        SessionManager("memory://", keys=generate_secret()) as sessions,
        pytest.raises(ConfigurationError),
    ):
        SessionMiddleware(lambda *_: [], sessions, cookies="devsess")  # type: ignore[arg-type]
