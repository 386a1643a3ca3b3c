"""A browser whose renewed cookies never arrived, and a thief that has them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from _browser import REFRESH

NAVIGATION = {
    "site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}


def lose(browser: Any, path: str, **headers: Any) -> None:
    """A request that reaches the app; its answer reaches nobody."""
    assert browser.copy().get(path, **headers).status_code < 400


@pytest.mark.parametrize("times", [1, 5])
def test_a_page_of_another_site_signs_nobody_out(site: Any, times: int) -> None:
    """It navigates the browser to the app and stops it before the answer, as often as it likes."""
    browser = site.browser("ada")
    assert 200 == browser.get("/me").status_code
    site.clock.advance(timedelta(minutes=16))
    for _ in range(times):
        lose(
            browser, "/me", site="cross-site", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document"
        )
        site.clock.advance(timedelta(minutes=10))

    assert 200 == browser.get("/me").status_code
    assert 200 == browser.get("/me").status_code
    site.clock.advance(timedelta(minutes=16))
    assert 200 == browser.get("/me").status_code
    assert 1 == len(site.sessions.list("ada"))


def test_the_cookies_of_a_lost_answer_end_the_session(site: Any) -> None:
    """Once the browser got others in their place, only a thief can present them."""
    browser = site.browser("ada")
    site.clock.advance(timedelta(minutes=16))
    thief = browser.copy()
    assert 200 == thief.get("/me").status_code
    site.clock.advance(timedelta(minutes=16))
    assert 200 == browser.get("/me").status_code
    assert thief.jar[REFRESH].value != browser.jar[REFRESH].value
    site.clock.advance(timedelta(minutes=16))
    assert 401 == thief.get("/me").status_code
    assert 401 == browser.get("/me").status_code


def test_a_copied_cookie_is_late_once_its_successor_was_used(site: Any) -> None:
    """A renewed access cookie that came back has arrived: copies of the older one are refused."""
    browser = site.browser("ada")
    site.clock.advance(timedelta(minutes=16))
    thief = browser.copy()
    assert 200 == browser.get("/me").status_code
    assert 200 == browser.get("/me").status_code
    site.clock.advance(timedelta(minutes=1))
    assert 401 == thief.get("/me").status_code
    assert 401 == browser.get("/me").status_code
