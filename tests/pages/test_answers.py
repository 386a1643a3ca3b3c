"""
"Was this you?": each answer does what the answer to a mailed notice does.

Over both faces; what a session must be to answer has its tests beside the operation.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from _pages_site import IPHONE, Site

from devsess import EventType, Policy, Risk

ASKING = Policy(risk=Risk(notify_from=-1000))

pytestmark = pytest.mark.parametrize("face", ["wsgi", "asgi"], indirect=True)


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    return make_site(policy=ASKING, password_url="/password")


def test_yes_ends_the_question(site: Site) -> None:
    """The sign-in lives on, the history has the answer, and a second click does no harm."""
    person = site.settled()
    other = site.sign_in().session
    [path] = re.findall(r'action="/account(/sessions/[^"]+/mine)"', person.page().text)
    first, second = (person.press(path) for _ in range(2))

    assert ("/account/?done=mine", "/account/") == (
        first.headers["location"],
        second.headers["location"].partition("?")[0],
    )
    page = person.page().text
    assert (0, 1) == (page.count("Was this you?"), page.count("You confirmed it was you</span>"))
    assert other.id in {it.id for it in site.sessions.list("ada")}
    assert EventType.NOTICE_CONFIRMED in {it.type for it in site.sessions.history("ada")}


def test_no_secures_the_account(site: Site) -> None:
    """A page asks first; then the device is blocked, and the person is led to their password."""
    person = site.settled()
    third = site.sign_in(agent=IPHONE, ip="192.0.2.77").session
    other = site.sign_in().session
    path = f"/sessions/{other.id}/not-mine"
    asked = person.page(path).text
    assert "<bdi>Firefox on Windows</bdi> is signed out and blocked" in asked
    assert site.sessions.get(other.id).is_active  # type: ignore[union-attr]
    answer = person.press(path)

    assert "/account/secured" == answer.headers["location"]
    assert 'href="/password"' in person.page("/secured").text
    assert not site.sessions.get(other.id).is_active  # type: ignore[union-attr]
    assert [True] == [it.blocked for it in site.sessions.devices("ada") if it.id == other.device.id]
    assert site.sessions.get(third.id).step_up_after is not None  # type: ignore[union-attr]
    assert "You said it was not you</span>" in person.page("/history").text


def test_no_session_answers_for_itself(site: Site) -> None:
    """Not by a form of its own making, either: a thief would."""
    person = site.settled()
    [own] = site.sessions.list("ada")

    assert [404, 404] == [
        person.press(f"/sessions/{own.id}/{it}").status_code for it in ("mine", "not-mine")
    ]


def test_a_newer_session_must_prove_more(site: Site) -> None:
    """A sign-in is confirmed by one that was there before, or after a step-up."""
    other = site.sign_in().session
    site.clock.advance(timedelta(hours=1))
    person = site.person()
    answer = person.press(f"/sessions/{other.id}/mine")
    assert (401, True) == (answer.status_code, "Confirm that it is you" in answer.text)
    assert 200 == person.post("/step-up").status_code

    assert 303 == person.press(f"/sessions/{other.id}/mine").status_code


def test_the_question_stands_on_the_devices_page_too(site: Site) -> None:
    """Where it leads from a row that waits for an answer."""
    person = site.settled()
    other = site.sign_in().session
    page = person.page(f"/devices/{other.device.id}").text

    assert 1 == page.count("Was this you?")
    assert f"/sessions/{other.id}/not-mine" in page


def test_staffs_answer_is_told_from_the_owners(site: Site) -> None:
    """The history says that staff confirmed a sign-in, and names who did."""
    person = site.settled()
    other = site.sign_in().session
    assert site.sessions.judge(other.id, True, actor="support-7")
    page = person.page("/history").text

    assert "Staff confirmed a sign-in" in page
    assert "by <bdi>support-7</bdi>" in page
    assert "Staff confirmed it was you</span>" in page
