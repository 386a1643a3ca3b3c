"""Requests that a timer sends keep no session alive."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from devsess import Policy

MINUTE = timedelta(minutes=1)
HEADER = {"Devsess_Passive": "1"}
Poll = Callable[[Any], Any]


def by_header(browser: Any) -> Any:
    return browser.get("/me", **HEADER)


def by_path(browser: Any) -> Any:
    return browser.get("/poll/me")


POLLS: dict[str, tuple[Poll, dict[str, Any]]] = {
    "header": (by_header, {}),
    "path": (by_path, {"passive": ["/poll/"]}),
}


@pytest.mark.parametrize("name", POLLS)
def test_polling_alone_keeps_no_session_alive(make: Any, name: str) -> None:
    """Every minute, validated or renewed: the session ends when its person is idle for long."""
    poll, settings = POLLS[name]
    site = make(policy=Policy.nist(3), **settings)
    browser = site.browser("ada", "&persistent")
    before = site.sessions.list("ada")[0]
    for _ in range(14):
        site.clock.advance(MINUTE)
        assert 401 != poll(browser).status_code
    [session] = site.sessions.list("ada")
    assert (before.last_seen_at, before.expires_at) == (session.last_seen_at, session.expires_at)
    site.clock.advance(2 * MINUTE)
    poll(browser)
    assert 401 == browser.get("/me").status_code
    assert [] == site.sessions.list("ada")


@pytest.mark.parametrize("name", POLLS)
def test_a_renewal_by_a_timer_is_no_activity(make: Any, name: str) -> None:
    """The access token is renewed, and its deadlines stay where they were."""
    poll, settings = POLLS[name]
    site = make(**settings)
    browser = site.browser("ada")
    before = site.sessions.list("ada")[0]
    held = dict(browser.jar)
    site.clock.advance(20 * MINUTE)
    poll(browser)
    assert held != browser.jar
    [session] = site.sessions.list("ada")
    assert (before.last_seen_at, before.expires_at) == (session.last_seen_at, session.expires_at)
    site.clock.advance(20 * MINUTE)
    assert 200 == browser.get("/me").status_code
    assert before.expires_at < site.sessions.list("ada")[0].expires_at


def test_refresh_by_a_timer_is_no_activity(site: Any) -> None:
    """For programs and for browsers, at the endpoint."""
    for who in (site.program("ada"), site.browser("bob")):
        body = {"refresh_token": who.tokens["refresh_token"]} if hasattr(who, "tokens") else None
        site.clock.advance(20 * MINUTE)
        user = "bob" if body is None else "ada"
        before = site.sessions.list(user)[0].expires_at
        assert 200 == who.ask("POST", "/auth/refresh", body=body, **HEADER).status_code
        assert before == site.sessions.list(user)[0].expires_at


@pytest.mark.parametrize("value", ["0", "", "true", "1, 1"])
def test_only_one_value_means_it(site: Any, value: str) -> None:
    """Every other value of the header makes an ordinary request."""
    browser = site.browser("ada")
    before = site.sessions.list("ada")[0].expires_at
    site.clock.advance(10 * MINUTE)
    browser.get("/me", Devsess_Passive=value)
    assert before < site.sessions.list("ada")[0].expires_at


def test_the_answer_to_a_poll_hides_no_activity(make: Any) -> None:
    """Memory that a poll has filled answers no later request without its touch."""
    site = make(passive=["/poll/"])
    browser = site.browser("ada")
    site.clock.advance(10 * MINUTE)
    for _ in range(2):
        by_path(browser)
    before = site.sessions.list("ada")[0].expires_at
    browser.get("/me")
    assert before < site.sessions.list("ada")[0].expires_at
