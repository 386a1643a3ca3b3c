"""The five questions of an operator, each by its shortest way, counted in clicks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from _admin_site import ACTOR, CHROME, Desk, words

from devsess import EventType, Policy, Privacy
from devsess.risk_policy import Risk


def test_who_is_this(desk: Desk) -> None:
    """One search box finds a user, address, network, session, device or day: one click each."""
    session = desk.sign_in("ada", "203.0.113.9").session
    there = {
        "ada": "ada",
        "203.0.113.9": "203.0.113.9",
        "203.0.113.0/24": "203.0.113.0/24",
        "203.0.113": "203.0.113.0/24",
        session.id: "Firefox on Windows",
        session.device.id: "Firefox on Windows",
        "2025-07-18": "18 July 2025",
        "today": "18 July 2025",
    }
    for typed, title in there.items():
        desk.begin()
        page = desk.find(typed)
        assert (200, 1) == (page.status_code, desk.clicks), typed
        heading = page.text.split("<h1")[1].split(">", 1)[1].split("</h1>")[0]
        assert words(heading).startswith(title), typed


def test_is_somebody_in_this_account(desk: Desk) -> None:
    """One click: open sessions, devices, and the verdicts about what was unusual."""
    strange = desk.unusual("ada").session
    desk.begin()
    page = desk.find("ada").text

    assert 1 == desk.clicks
    said = words(page)
    assert "Open sessions: 2. Devices: 2." in said
    assert "Québec, Canada" in said
    assert "Unusual: new device, new network, new country" in said
    assert strange.id in page


def test_what_happened_on_that_day(desk: Desk) -> None:
    """A click on its bar, or the day typed: one."""
    desk.sign_in("ada")
    desk.clock.advance(86_400)
    desk.sign_in("bob")
    desk.begin()
    page = words(desk.find("2025-07-18").text)

    assert 1 == desk.clicks
    assert "ada" in page
    assert "bob" not in page
    desk.begin()
    clicked = words(desk.click("18 July").text)
    assert 1 == desk.clicks
    assert page == clicked


def test_end_everything_from_this_network(desk: Desk) -> None:
    """Search, "End these…", the count: three clicks, and it stands in the log with its actor."""
    for number in range(12):
        desk.sign_in(f"user-{number}", f"203.0.113.{number}")
    desk.sign_in("elsewhere", "192.0.2.4")
    desk.clock.advance(1)
    desk.begin()
    desk.find("203.0.113.0/24")
    preview = desk.click("End these…")
    assert "12 open sessions will end." in words(preview.text)
    done = desk.submit("End these sessions", count="12", reason="stuffing from here")

    assert 3 == desk.clicks
    assert "12 sessions were ended" in words(done.text)
    assert [] == [it for n in range(12) for it in desk.sessions.list(f"user-{n}")]
    assert 1 == len(desk.sessions.list("elsewhere"))
    log = words(desk.get("/log").text)
    for expected in (f"{ACTOR} Sessions ended: 12 12 users", "user-11", "stuffing from here"):
        assert expected in log


def test_why_was_this_person_challenged(desk: Desk) -> None:
    """To review, the session: two clicks to the signals, what was not evaluated, and the checks."""
    strange = desk.unusual("ada").session
    desk.begin()
    desk.click("To review")
    page = desk.click("Firefox on Windows").text

    assert 2 == desk.clicks
    assert strange.id in page
    said = words(page)
    meets = "What a request would meet now"
    signals = ("+20 new device", "new network", "+5 4 failed sign-ins right before")
    for expected in (*signals, "Every sum begins with −50 points", "Not evaluated", meets):
        assert expected in said
    assert "Timeline" in said


def test_it_was_them(desk: Desk) -> None:
    """One click more: the sign-in leaves the queue, teaches, and the answer names the operator."""
    desk.unusual("ada")
    desk.begin()
    desk.click("To review")
    page = words(desk.submit("It was them").text)

    assert 2 == desk.clicks
    assert "There is nothing to review" in page
    [confirmed] = [
        it for it in desk.sessions.history("ada") if it.type is EventType.NOTICE_CONFIRMED
    ]
    assert ACTOR == confirmed.actor
    again = desk.sign_in("ada", "203.0.113.9", CHROME).session
    assert again.score is None or again.score < Risk().notify_from


@pytest.mark.parametrize(
    "policy",
    [Policy(privacy=Privacy(retention=86_400)), Policy(risk=None)],
    ids=["its event is purged", "risk is off by now"],
)
def test_all_that_waits_is_answered_on_its_page(
    make_desk: Callable[..., Desk], policy: Policy
) -> None:
    """A session in the queue has the answers on its own page, whatever is still known of it."""
    strange = make_desk().unusual("ada").session
    desk = make_desk(policy=policy)
    desk.clock.advance(strange.created_at - desk.clock.now() + timedelta(days=2))
    desk.sessions.purge()
    desk.begin()
    desk.click("To review")
    desk.click("Firefox on Windows")
    desk.submit("It was them")

    assert "There is nothing to review" in words(desk.page.text)


def test_it_was_an_attack(desk: Desk) -> None:
    """After a page that asks: device blocked, its sessions ended, by that operator."""
    strange = desk.unusual("ada").session
    desk.begin()
    desk.click("To review")
    asked = words(desk.click("It was an attack…").text)
    assert "The device is blocked" in asked
    desk.submit("It was an attack")

    assert 3 == desk.clicks
    assert desk.sessions.get(strange.id).revoked  # type: ignore[union-attr]
    kinds = {it.type: it.actor for it in desk.sessions.history("ada")}
    assert ACTOR == kinds[EventType.NOTICE_DISOWNED]
    assert ACTOR == kinds[EventType.DEVICE_BLOCKED]
    assert "Sign-ins marked as attacks: 1" in words(desk.get("/log").text)
