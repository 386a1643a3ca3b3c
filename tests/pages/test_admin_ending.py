"""Ending many sessions: what no stale, forged, repeated or mistyped form can do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from _admin_site import Desk, form, words
from attrs import evolve

from devsess.web.admin import ending
from devsess.web.admin.operator import Operator

NETWORK = {"ip": "203.0.113.0/24"}


def fill(desk: Desk, count: int, prefix: str = "user-") -> None:
    """So many accounts with a session each, all from one network."""
    for number in range(count):
        desk.sign_in(f"{prefix}{number}", f"203.0.113.{number % 250}")
    desk.clock.advance(1)


def live(desk: Desk) -> int:
    """How many sessions from there are open."""
    return desk.sessions.count(ip=NETWORK["ip"], state="live")


@pytest.fixture
def token(desk: Desk) -> str:
    """The form of a preview of three sessions."""
    fill(desk, 3)
    return form(desk.get("/end", NETWORK).text, "End these sessions")[1]["token"]


@pytest.mark.parametrize("typed", ["", "2", "4", "three", "3x", "-3", "3" * 50])
def test_a_wrong_count_ends_nothing(desk: Desk, token: str, typed: str) -> None:
    """The page asks again, and says why."""
    answer = desk.post("/end", token=token, count=typed)

    assert 400 == answer.status_code
    assert "That is not the number" in words(answer.text)
    assert 3 == live(desk)


@pytest.mark.parametrize("typed", ["3", " 3 ", "\u0663"])
def test_the_count_as_people_type_it(desk: Desk, token: str, typed: str) -> None:
    """With spaces, and in the digits of other scripts."""
    assert "3 sessions were ended" in words(desk.post("/end", token=token, count=typed).text)
    assert 0 == live(desk)


def test_an_old_preview_ends_nothing(desk: Desk, token: str) -> None:
    """After a quarter of an hour it must be looked at again."""
    desk.clock.advance(900)
    assert 409 == desk.post("/end", token=token, count="3").status_code
    assert 3 == live(desk)


def test_a_forged_form_ends_nothing(desk: Desk, token: str) -> None:
    """Nor does one of another operator, of another kind, or none."""
    forged = ["", token[:-2], f"{token}A", "ds1e.e30.x", desk.sign_in("ada").refresh_token]
    for text in forged:
        assert 400 == desk.post("/end", token=text, count="3").status_code
    assert 400 == desk.as_("support-8").post("/end", token=token, count="3").status_code
    assert 4 == live(desk)


def test_a_form_cannot_begin_as_if_it_went_on(desk: Desk, token: str) -> None:
    """Only the server says that the count was typed: without it nothing ends."""
    assert 400 == desk.post("/end", token=token).status_code
    assert 3 == live(desk)


def test_those_that_sign_in_later_live_on(desk: Desk, token: str) -> None:
    """The preview showed three, and no others end."""
    desk.clock.advance(1)
    later = desk.sign_in("later", "203.0.113.200").session
    desk.post("/end", token=token, count="3")

    assert 1 == live(desk)
    assert desk.sessions.get(later.id).is_active  # type: ignore[union-attr]


def test_those_of_a_tenant_that_sign_in_later_live_on(desk: Desk) -> None:
    """A walk over one tenant's sessions ends at the preview's instant too."""
    fill(desk, 2, "acme-")
    acme = desk.as_("support-7/acme-")
    acme.get("/end", NETWORK)
    desk.clock.advance(1)
    later = desk.sign_in("acme-later", "203.0.113.200").session
    assert "2 sessions were ended" in words(acme.submit("End these sessions", count="2").text)
    assert desk.sessions.get(later.id).is_active  # type: ignore[union-attr]


def test_a_second_click_does_no_harm(desk: Desk, token: str) -> None:
    """The same form again finds nothing left, and says so."""
    assert "3 sessions were ended" in words(desk.post("/end", token=token, count="3").text)
    assert "0 sessions were ended" in words(desk.post("/end", token=token, count="3").text)


def test_a_long_ending_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A form does some batches; "Continue" goes on from there, without the count, to the end."""
    monkeypatch.setattr(ending, "BATCH", 2)
    monkeypatch.setattr(ending, "BATCHES", 2)
    fill(desk, 9)
    desk.get("/end", NETWORK)
    page = desk.submit("End these sessions", count="9", reason="stuffing")
    assert "4 of 9 sessions were ended so far." in words(page.text)
    assert 5 == live(desk)
    page = desk.submit("Continue")
    assert "8 of 9 sessions were ended so far." in words(page.text)
    page = desk.submit("Continue")
    assert "9 sessions were ended" in words(page.text)
    reasons = {it.reason for n in range(9) for it in desk.sessions.history(f"user-{n}")}
    assert "stuffing" in reasons


def test_a_tenants_ending_leaves_others_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, shown and ended are their own accounts, in one network with others."""
    monkeypatch.setattr(ending, "BATCH", 3)
    monkeypatch.setattr(ending, "BATCHES", 2)
    for number in range(5):
        fill(desk, number + 1, "acme-")
        desk.sign_in(f"other-{number}", "203.0.113.7")
    own = sum(len(desk.sessions.list(f"acme-{n}")) for n in range(5))
    acme = desk.as_("support-7/acme-")
    preview = acme.get("/end", NETWORK).text
    assert f"{own} open sessions will end." in words(preview)
    assert "other-" not in preview
    page = acme.submit("End these sessions", count=str(own))
    while "Continue" in page.text:
        page = acme.submit("Continue")

    assert f"{own} sessions were ended" in words(page.text)
    assert 5 == live(desk)


def test_nothing_is_ended_without_a_choice(desk: Desk) -> None:
    """Not everything at once: an empty filter leads back to the search."""
    desk.sign_in("ada")
    nothing: dict[str, str] = {}
    for query in (nothing, {"state": "live"}, {"ip": "nonsense"}, {"since": "soon"}):
        answer = desk.get("/end", query)
        assert 303 == answer.status_code
        assert "/staff/search" in answer.headers["location"]


def test_an_empty_choice_says_so(desk: Desk) -> None:
    """Where nothing is open there is no form."""
    page = desk.get("/end", NETWORK).text
    assert "there is nothing to end" in words(page)
    assert "ds1e." not in page


def test_by_every_field(desk: Desk) -> None:
    """User, device, address and days narrow what ends."""
    ada = desk.sign_in("ada", "203.0.113.1").session
    bob = desk.sign_in("bob", "203.0.113.2").session
    desk.clock.advance(86_400)
    eve = desk.sign_in("eve", "203.0.113.3").session
    chosen = [
        ({"user": "ada"}, {ada.id}),
        ({"device": bob.device.id}, {bob.id}),
        ({"since": "2025-07-19", "until": "2025-07-19"}, {eve.id}),
    ]
    for query, expected in chosen:
        desk.clock.advance(1)
        before = {it.id for it in (ada, bob, eve) if desk.sessions.get(it.id).is_active}  # type: ignore[union-attr]
        desk.get("/end", query)
        desk.submit("End these sessions", count="1")
        after = {it.id for it in (ada, bob, eve) if desk.sessions.get(it.id).is_active}  # type: ignore[union-attr]
        assert expected == before - after


def test_one_session_is_ended_by_name(desk: Desk) -> None:
    """After a page that asks; the history names the operator and the reason."""
    session = desk.sign_in("ada").session
    desk.get("/session", {"id": session.id})
    desk.click("End this session…")
    page = desk.submit("End this session", reason="lost phone")

    assert "lost phone" in words(page.text)
    [ended] = [it for it in desk.sessions.history("ada") if it.reason == "lost phone"]
    assert "support-7" == ended.actor


def test_a_device_is_blocked_and_let_in_again(desk: Desk) -> None:
    """Each change is an act of the operator."""
    session = desk.sign_in("ada").session
    desk.get("/device", {"user": "ada", "id": session.device.id})
    desk.click("Block…")
    assert "Blocked" in words(desk.submit("Block this device").text)
    assert not desk.sessions.list("ada")
    desk.submit("Let it sign in again")
    assert not desk.sessions.devices("ada")[0].blocked
    actors = {it.actor for it in desk.sessions.history("ada") if it.type.startswith("device_")}
    assert {"support-7"} == actors


def test_operators_of_one_name_only(make_desk: Callable[..., Desk]) -> None:
    """A form belongs to its actor, also where two see the same accounts."""
    desk = make_desk(lambda request: Operator(request.headers["authorization"]))
    fill(desk, 1)
    token = form(desk.get("/end", NETWORK).text, "End these sessions")[1]["token"]
    other = evolve(desk, staff="another")
    assert 400 == other.post("/end", token=token, count="1").status_code
