"""The cost of pages in calls of functions, which are the same on every machine."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from _admin_site import Desk
from _pages_site import Site


def calls(work: Callable[[], object]) -> int:
    """The calls of functions, Python's and C's, that *work* makes once all is loaded."""
    found = 0

    def count(_frame: object, event: str, _arg: object) -> None:
        nonlocal found
        found += event in ("call", "c_call")

    work()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
    return found


def added(page: Callable[[], object], sign_in: Callable[[], object]) -> float:
    """The calls that a page makes more for each further sign-in."""
    for _ in range(9):
        sign_in()
    few = calls(page)
    for _ in range(15):
        sign_in()
    return (calls(page) - few) / 15


@pytest.mark.parametrize("face", ["wsgi"], indirect=True)
def test_a_row_of_a_device_costs_few_calls(site: Site) -> None:
    """Words, times and links are put together without a parser in Python."""
    assert added(site.person().page, site.sign_in) < 850


@pytest.mark.parametrize("face", ["wsgi"], indirect=True)
def test_a_row_of_a_session_costs_few_calls(desk: Desk) -> None:
    """As on the account's own page."""
    assert added(lambda: desk.get("/search"), lambda: desk.sign_in("ada")) < 1_000
