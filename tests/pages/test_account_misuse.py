"""Clicks that come twice, late, or from a link elsewhere, and rows of sessions that are odd."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from _pages_site import MOUNT, Person, Site

from devsess import EventType, Policy, Seniority


def test_a_session_of_staff_is_ended_by_its_row(make_site: Callable[..., Site]) -> None:
    """It says who acts in the person's name; its device has no page, and its button works."""
    site = make_site()
    person = site.settled()
    staff = site.sessions.login("support-7").session
    session = site.sessions.impersonate("ada", staff).session
    page = person.page().text
    assert "Staff signed in as you" in page
    assert "by <bdi>support-7</bdi>" in page
    assert f'href="{MOUNT}/devices/{session.device.id}"' not in page

    [path] = re.findall(rf'action="{MOUNT}(/devices/[^"]+/sign-out)"', page)
    assert 303 == person.press(path).status_code
    assert not site.sessions.get(session.id).is_active  # type: ignore[union-attr]


def test_every_link_and_button_of_a_full_page_leads_somewhere(site: Site) -> None:
    """Also from rows of staff, of a blocked device and of one that is signed out."""
    person = site.settled()
    site.sessions.impersonate("ada", site.sessions.login("support-7").session)
    blocked, left = site.sign_in().session, site.sign_in(agent="curl/8.1").session
    site.sessions.block_device("ada", blocked.device.id)
    site.sessions.revoke(left.id)
    page = person.page().text
    links = set(re.findall(rf'href="{MOUNT}(/[^"#]*)', page))
    assert {200} == {person.page(it).status_code for it in links}

    forms = set(re.findall(rf'action="{MOUNT}(/[^"]*)"', page))
    assert {303} == {person.press(it).status_code for it in forms}


def test_a_second_click_on_no_is_not_told_that_nothing_was_done(site: Site) -> None:
    """The first one asked for a step-up in all sessions, this one too: both lead to what it did."""
    person = site.settled()
    other = site.sign_in().session
    path = f"/sessions/{other.id}/not-mine"
    answers = [person.press(path) for _ in range(2)]

    assert [f"{MOUNT}/secured"] * 2 == [it.headers.get("location") for it in answers]
    events = [it.type for it in site.sessions.history("ada").items]
    assert 1 == events.count(EventType.NOTICE_DISOWNED)


def test_a_block_is_no_answer(make_site: Callable[..., Site]) -> None:
    """Where "no" was never said, the other sessions owe no step-up, and saying it needs a proof."""
    site = make_site(step_up_url="/step-up")
    person = site.person()
    other = site.sign_in().session
    site.sessions.block_device("ada", other.device)
    site.clock.advance(3 * 86_400)

    assert 401 == person.press(f"/sessions/{other.id}/not-mine").status_code


def test_no_to_another_sign_in_needs_the_step_up_that_the_first_asked_for(site: Site) -> None:
    """A step-up that is due is not got around by naming another session that has ended."""
    person = site.settled()
    first, second = site.sign_in().session, site.sign_in(agent="curl/8.1").session
    ended = site.sign_in(agent="wget/1.21").session
    site.sessions.revoke(ended.id)
    person.press(f"/sessions/{first.id}/not-mine")
    answers = [person.press(f"/sessions/{it.id}/not-mine") for it in (second, ended)]

    assert [401, 401] == [it.status_code for it in answers]
    assert site.sessions.get(second.id).is_active  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("came_from", "is_said"),
    [("same-origin", 1), ("none", 1), (None, 1), ("cross-site", 0), ("same-site", 0)],
)
def test_no_other_site_says_that_something_was_done(
    site: Site, came_from: str | None, is_said: int
) -> None:
    """A thief's link does not calm the owner with "all other devices are signed out"."""
    person: Person = site.settled()
    page = person.page("/?done=others", site=came_from)
    secured = person.page("/secured", site=came_from)

    assert is_said == page.text.count("All other devices are signed out.")
    assert (200 if is_said else 303) == secured.status_code


def test_a_thief_does_not_say_what_the_owner_is_asked_about(site: Site) -> None:
    """A name that the sign-in itself gave to its device stands on no question."""
    person = site.settled()
    other = site.sign_in().session
    site.sessions.rename_device("ada", other.device.id, "Ada’s laptop at home")
    for path in ("/", f"/sessions/{other.id}/not-mine"):
        [question] = re.findall(
            r"Was this you\?.*?</form>|<h1>Secure.*?</form>", person.page(path).text, re.DOTALL
        )
        assert "Firefox on Windows" in re.sub(r"</?bdi>", "", question)
        assert "at home" not in question


@pytest.mark.parametrize("change", ["trust", "unblock"])
def test_a_session_in_question_vouches_for_no_device(site: Site, change: str) -> None:
    """A thief who knows the password does not have his own device trusted, or let in again."""
    site.sign_in()
    site.clock.advance(3 * 86_400)
    thief = site.person()
    session, other = site.sessions.list("ada")
    assert session.score is not None
    device = session.device.id
    if change == "unblock":
        device = other.device.id
        site.sessions.block_device("ada", device)
    path = f"/devices/{device}/{change}"
    assert [401, 401] == [thief.page(path).status_code, thief.press(path).status_code]

    assert 200 == thief.post("/step-up").status_code  # it was the owner, who proves more
    assert [200, 303] == [thief.page(path).status_code, thief.press(path).status_code]


def _old_sign_in(site: Site) -> Person:
    person = site.person()
    site.clock.advance(3 * 86_400)
    return person


def _young_session(site: Site) -> Person:
    return site.person()


def _copied_token(site: Site) -> Person:
    person, thief = site.settled(), Person(site.send)
    thief.jar = {it: cookie for it, cookie in person.jar.items() if "device" not in it}
    return thief


@pytest.mark.parametrize(
    ("by", "policy"),
    [
        (_old_sign_in, Policy()),
        (_young_session, Policy(seniority=Seniority())),
        (_copied_token, Policy()),
    ],
)
def test_a_session_that_nothing_is_held_against_needs_a_proof_too(
    make_site: Callable[..., Site], by: Callable[[Site], Person], policy: Policy
) -> None:
    """The account's first one, in question by nothing: to vouch, and for a device of no session."""
    site = make_site(policy=policy, step_up_url="/step-up")
    person = by(site)
    other, gone = site.sign_in().session, site.sign_in(ip="198.51.100.7").session
    site.sessions.revoke(gone)
    devices = [it.id for it in site.sessions.devices("ada")]
    paths = [f"/devices/{other.device.id}/{it}" for it in ("trust", "unblock")]
    paths += [f"/devices/{gone.device.id}/{it}" for it in ("forget", "block")]

    assert {401} == {person.page(it).status_code for it in paths}
    paths.append(f"/sessions/{other.id}/mine")
    assert {401} == {person.press(it).status_code for it in paths}
    found = site.sessions.devices("ada")
    assert devices == [it.id for it in found]
    assert {(None, False)} == {(it.trusted_until, it.blocked) for it in found}
    assert site.sessions.review_queue().items
