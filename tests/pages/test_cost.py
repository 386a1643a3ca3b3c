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
    assert added(lambda: desk.get("/search"), lambda: desk.sign_in("ada")) < 850


def asked(desk: Desk | Site, page: Callable[[], object]) -> dict[str, int]:
    """How often a page calls the store, by the names of the calls."""
    before = {name: it.count for name, it in desk.sessions.metrics().calls.items()}
    page()
    after = desk.sessions.metrics().calls.items()
    more = {name: it.count - before.get(name, 0) for name, it in after}
    return {name: count for name, count in more.items() if count}


@pytest.mark.parametrize("face", ["wsgi"], indirect=True)
def test_a_sessions_page_reads_the_history_once(desk: Desk) -> None:
    """And of the sessions in it its own alone, however many there are; so back to its sign-in."""
    session = desk.sign_in("ada").session
    for _ in range(12):
        desk.sign_in("ada")
    found = asked(desk, lambda: desk.get("/session", {"id": session.id}))

    # Its own row for the page, and for the checks; the queue stands on every page.
    assert {"queue": 1, "get": 2, "events": 1, "get_many": 1} == found


@pytest.mark.parametrize("face", ["wsgi"], indirect=True)
def test_a_users_page_asks_for_no_row_alone(desk: Desk) -> None:
    """The same calls for many sign-ins as for two."""
    calls_of = []
    for sign_ins in (2, 12):
        for _ in range(sign_ins):
            desk.sign_in("ada")
        calls_of.append(asked(desk, lambda: desk.get("/user", {"id": "ada"})))

    # A history whose events are not all shown is read on for the rest.
    assert [{**it, "events": 1} for it in calls_of] == [{**calls_of[0], "events": 1}] * 2
    assert "get" not in calls_of[0]


@pytest.mark.parametrize("face", ["wsgi"], indirect=True)
@pytest.mark.parametrize("path", ["/", "/history", "/devices/{device}"])
def test_a_persons_page_asks_for_no_row_alone(site: Site, path: str) -> None:
    """The same calls for many devices as for one."""
    person, device = site.person(), site.sign_in().session.device.id
    person.page()
    calls_of = []
    for sign_ins in (1, 12):
        for _ in range(sign_ins):
            site.sign_in()
        calls_of.append(asked(site, lambda: person.page(path.format(device=device))))

    # A history whose events are not all shown is read on for the rest.
    assert [{**it, "events": 1} for it in calls_of] == [{**calls_of[0], "events": 1}] * 2
    assert "get" not in calls_of[0]
