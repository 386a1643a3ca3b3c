"""The device's cookie lives a life of its own: longer than sessions and the browser's day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from _browser import ACCESS, DEVICE, REFRESH

from devsess import ConfigurationError, Policy, Privacy, SessionManager
from devsess.adapters.wsgi import Cookies, SessionMiddleware
from devsess.keys import generate_secret

DAYS_400 = str(400 * 86_400)


@pytest.mark.parametrize("query", ["", "&persistent"])
def test_it_lives_for_400_days(site: Any, query: str) -> None:
    """Whatever becomes of the session: renewed at each sign-in, and by nothing else."""
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


def test_it_outlives_purge(site: Any) -> None:
    """Who comes back after 399 days is known, however often the store was cleaned."""
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
    """The cookie goes with the session, and nobody is trusted on the strength of it."""
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
    """The setting decides, but for a device that the store would have forgotten before."""
    policy = Policy(privacy=Privacy(device_retention=timedelta(days=retention)))
    site = make(policy=policy, cookies=Cookies(device_lifetime=timedelta(days=cookie)))
    assert str(expected * 86_400) == site.browser("ada").jar[DEVICE].attributes["Max-Age"]


@pytest.mark.parametrize("wrong", [0, timedelta(days=401), "a year"])
def test_no_browser_keeps_it_longer(wrong: Any) -> None:
    """What no browser would do is a mistake (RFC 6265bis §5.5)."""
    with pytest.raises(ConfigurationError):
        Cookies(device_lifetime=wrong)


def test_cookies_are_cookies() -> None:
    """A name alone is no settings."""
    with (
        SessionManager("memory://", keys=generate_secret()) as sessions,
        pytest.raises(ConfigurationError),
    ):
        SessionMiddleware(lambda *_: [], sessions, cookies="devsess")  # type: ignore[arg-type]
