"""A browser that is signed in to several accounts: what tests do with it."""

from __future__ import annotations

from typing import Any

from _browser import ACCESS, DEVICE, REFRESH, Browser

SLOT = "__Host-devsess-slot"


def sign_in(browser: Browser, *users: str, query: str = "") -> None:
    for user in users:
        answer = browser.post(f"/login?user={user}{query}")
        assert 200 == answer.status_code, answer.text


def signed_in(site: Any, *users: str, query: str = "") -> Browser:
    """One that is signed in to all of them, the last of which acts."""
    browser: Browser = site.browser()
    sign_in(browser, *users, query=query)
    return browser


def who(browser: Browser) -> str | None:
    """The user for whom a request acts."""
    answer = browser.get("/me")
    return answer.json()["user"] if answer.status_code == 200 else None


def of_slot(slot: int) -> set[str]:
    """The names of a slot's cookies."""
    return {in_slot(name, slot) for name in (ACCESS, REFRESH, DEVICE)}


def listed(browser: Browser) -> list[tuple[int, str, bool]]:
    """Slot, user and whether it is the current one, of each account."""
    answer = browser.get("/accounts")
    assert 200 == answer.status_code, answer.text
    return [(slot, user, current) for slot, user, current in answer.json()]


def switch(browser: Browser, slot: int) -> int:
    return browser.post(f"/switch?slot={slot}").status_code


def in_slot(name: str, slot: int) -> str:
    return f"{name}-{slot}" if slot else name


def live(site: Any, user: str) -> list[Any]:
    return list(site.sessions.list(user))
