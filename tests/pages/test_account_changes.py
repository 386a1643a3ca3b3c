"""The changes that a person makes on their pages, and those that nobody makes there."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from _pages_site import IPHONE, MOUNT, Person, Site

from devsess import Policy, Seniority
from devsess.adapters.wsgi import Cookies

YOUNG = Policy(seniority=Seniority())
DAY = timedelta(days=1)


def forms(device: str, session: str) -> list[str]:
    """Every path that changes something."""
    return [
        "/sign-out-others",
        *(f"/sessions/{session}/{it}" for it in ("sign-out", "mine", "not-mine")),
        *(
            f"/devices/{device}/{it}"
            for it in ("sign-out", "name", "distrust", "trust", "forget", "block", "unblock")
        ),
    ]


def state(site: Site, user: str = "ada") -> Any:
    """All that a form could change."""
    return (
        {it.id for it in site.sessions.list(user)},
        {(it.id, it.name, it.trusted_until, it.blocked) for it in site.sessions.devices(user)},
    )


def led_to(answer: Any) -> str:
    """The page that an answer leads to, below the mount point."""
    assert 303 == answer.status_code, answer.text
    return str(answer.headers["location"]).removeprefix(MOUNT)


# Each with another value than its default.
WRAPPINGS: dict[str, Any] = {
    "transport": "cookie",
    "trusted_proxies": ["10.0.0.0/8", "unix"],
    "proxy_header": "forwarded",
    "origins": ["https://shop.example"],
    "csrf_exempt": ["/hooks"],
    "passive": ["/poll"],
    "recent_auth": 60,
    "cookies": Cookies(name="shop"),
    "clear_site_data": True,
    "endpoints": "/auth",
    "login_url": "/sign-in",
    "return_parameter": "then",
    "accounts": 3,
}


@pytest.mark.parametrize("option", WRAPPINGS)
def test_forms_work_whatever_the_middleware_is_told(
    make_site: Callable[..., Site], option: str
) -> None:
    """Its options are converted once, when it is made, and not again for the pages."""
    site = make_site(wrapping={option: WRAPPINGS[option]})
    person = site.settled()
    other = site.sign_in().session

    assert "/?done=signed-out" == led_to(person.press(f"/devices/{other.device.id}/sign-out"))


def test_one_click_ends_a_device(site: Site) -> None:
    """All its sessions end, those of others stay, and a second click does no harm."""
    person = site.settled()
    other = site.sign_in().session
    kept = site.sign_in(agent=IPHONE).session
    path = f"/devices/{other.device.id}/sign-out"

    assert ["/?done=signed-out"] * 2 == [led_to(person.press(path)) for _ in range(2)]
    assert (False, True) == (
        site.sessions.get(other.id).is_active,  # type: ignore[union-attr]
        site.sessions.get(kept.id).is_active,  # type: ignore[union-attr]
    )
    assert "The device is signed out." in person.page("/?done=signed-out").text
    assert "signed out by its user" == site.sessions.get(other.id).revoke_reason  # type: ignore[union-attr]


def test_one_session_of_a_device_ends(site: Site) -> None:
    """By its button on the device's page; a second click does no harm."""
    person = site.settled()
    other = site.sign_in().session
    page = person.page(f"/devices/{other.device.id}").text
    [path] = re.findall(r'action="/account(/sessions/[^"]+/sign-out)"', page)

    assert ["/?done=signed-out"] * 2 == [led_to(person.press(path)) for _ in range(2)]
    assert not site.sessions.get(other.id).is_active  # type: ignore[union-attr]


def test_a_person_signs_out_here(site: Site) -> None:
    """Ending this very session clears its cookies, and the next page asks for a sign-in."""
    person = site.person()
    [own] = site.sessions.list("ada")

    assert "/" == led_to(person.press(f"/sessions/{own.id}/sign-out"))
    assert ["__Host-devsess-device"] == sorted(person.jar)
    assert 401 == person.page().status_code


def test_all_others_end(site: Site) -> None:
    """A page asks first; then all others end, and this one goes on."""
    person = site.settled()
    own = site.sessions.list("ada")[0].id
    for _ in range(3):
        site.sign_in()
    assert "Sign out all other devices?" in person.page("/sign-out-others").text
    assert 4 == len(site.sessions.list("ada"))

    assert ["/?done=others"] * 2 == [led_to(person.confirm("/sign-out-others")) for _ in range(2)]
    assert [own] == [it.id for it in site.sessions.list("ada")]


@pytest.mark.parametrize("accounts", [1, 2])
def test_a_question_is_answered_by_whom_it_was_asked(
    make_site: Callable[..., Site], accounts: int
) -> None:
    """Another account acts since, by a sign-in or a switch in another tab: nobody is signed out."""
    site = make_site(wrapping={"accounts": accounts})
    person = site.person("ada")
    [asked] = site.sessions.list("ada")
    assert 200 == person.page("/sign-out-others").status_code
    assert 200 == person.post("/login?user=bob").status_code
    site.sign_in("ada")
    site.sign_in("bob")
    before = len(site.sessions.list("ada")), len(site.sessions.list("bob"))
    for fields in ({"session": asked.id}, {"session": ""}, {}):
        assert 403 == person.press("/sign-out-others", **fields).status_code
    assert before == (len(site.sessions.list("ada")), len(site.sessions.list("bob")))
    assert 303 == person.confirm("/sign-out-others").status_code
    assert (before[0], 1) == (len(site.sessions.list("ada")), len(site.sessions.list("bob")))


def test_a_device_gets_a_name_and_loses_it(site: Site) -> None:
    """An empty name gives the label back; one that cannot be kept is said to be so."""
    person = site.person()
    [device] = site.sessions.devices("ada")
    path = f"/devices/{device.id}/name"

    assert f"/devices/{device.id}?done=named" == led_to(person.press(path, name=" Ada’s Mac "))
    assert ["Ada’s Mac"] == [it.name for it in site.sessions.devices("ada")]
    for bad in ("x" * 65, "\u202e"):
        answer = person.press(path, name=bad)
        assert (422, True) == (answer.status_code, 'role="alert"' in answer.text)
    assert ["Ada’s Mac"] == [it.name for it in site.sessions.devices("ada")]
    assert 303 == person.press(path, name="  ").status_code
    assert [None] == [it.name for it in site.sessions.devices("ada")]


@pytest.mark.parametrize(
    ("change", "question", "expected"),
    [
        ("trust", "Trust", (True, False, 1)),
        ("block", "Block", (False, True, 0)),
        ("forget", "Remove", None),
    ],
)
def test_a_change_of_a_device_asks_first(
    site: Site, change: str, question: str, expected: Any
) -> None:
    """The page reached by GET changes nothing; its form does, under the person's own name."""
    person = site.settled()
    other = site.sign_in().session
    path = f"/devices/{other.device.id}/{change}"
    before = state(site)
    page = person.page(path)
    assert (200, before) == (page.status_code, state(site))
    assert f"{question} <bdi>Firefox on Windows</bdi>?" in page.text
    assert f'action="{MOUNT}{path}"' in page.text

    led_to(person.press(path))
    found = {it.id: it for it in site.sessions.devices("ada")}.get(other.device.id)
    live = sum(it.device.id == other.device.id for it in site.sessions.list("ada"))
    now = found and (found.trusted_until is not None, found.blocked, live)
    assert expected == now
    assert "ada" == site.sessions.history("ada").items[0].actor


def test_trust_and_blocks_are_taken_back(site: Site) -> None:
    """Trust ends with one click; an unblocked device may sign in again."""
    person = site.settled()
    device = site.sign_in().session.device.id
    at = f"/devices/{device}"
    led_to(person.press(f"{at}/trust"))
    led_to(person.press(f"{at}/distrust"))
    assert [None, None] == [it.trusted_until for it in site.sessions.devices("ada")]
    led_to(person.press(f"{at}/block"))
    assert 404 == person.press(f"{at}/trust").status_code
    led_to(person.press(f"{at}/unblock"))
    assert [False, False] == [it.blocked for it in site.sessions.devices("ada")]


def test_nobody_blocks_the_device_in_their_hands(site: Site) -> None:
    """It is not offered, and a form that asks for it does nothing."""
    person = site.settled()
    [device] = site.sessions.devices("ada")
    before = state(site)

    assert "Block this device" not in person.page(f"/devices/{device.id}").text
    assert 404 == person.press(f"/devices/{device.id}/block").status_code
    assert before == state(site)


def test_removing_this_device_signs_out(site: Site) -> None:
    """The person is signed out, and the device is gone."""
    person = site.settled()
    [device] = site.sessions.devices("ada")

    assert "/" == led_to(person.press(f"/devices/{device.id}/forget"))
    assert ([], []) == (site.sessions.devices("ada"), site.sessions.list("ada"))
    assert 401 == person.page().status_code


def test_foreign_ids_are_not_there(site: Site) -> None:
    """Another account's device or session, and an unknown one, answer alike: 404."""
    person = site.settled()
    foreign = site.sign_in("bob").session
    before = state(site, "bob")
    for device, session in ((foreign.device.id, foreign.id), ("x", "x"), ("%00", "..")):
        paths = forms(device, session)[1:]
        assert {404} == {person.press(path, name="mine").status_code for path in paths}
        pages = [f"/devices/{device}", *(it for it in paths if "sign-out" not in it)]
        pages = [it for it in pages if not it.endswith(("/name", "/distrust", "/mine"))]
        assert {404} == {person.page(path).status_code for path in pages}
    assert before == state(site, "bob")


@pytest.mark.parametrize(
    ("site_header", "more"),
    [
        ("cross-site", {}),
        ("same-site", {}),
        (None, {"Origin": "https://evil.example"}),
        (None, {"Origin": "null"}),
        (None, {}),
    ],
)
def test_another_site_changes_nothing(site: Site, site_header: Any, more: Any) -> None:
    """A form from elsewhere, or one that does not say from where, is refused."""
    person = site.settled()
    other = site.sign_in().session
    before = state(site)
    for path in forms(other.device.id, other.id):
        answer = person.ask("POST", MOUNT + path, site=site_header, **more)
        assert 403 == answer.status_code
    assert before == state(site)


def test_a_path_that_others_may_post_to_stays_closed(make_site: Callable[..., Site]) -> None:
    """The pages check by themselves: the app's exceptions are not theirs."""
    site = make_site(wrapping={"csrf_exempt": ["/account/", "/devices/"]})
    person = site.settled()
    other = site.sign_in().session
    answer = person.press(f"/devices/{other.device.id}/sign-out", site="cross-site")

    assert (403, True) == (answer.status_code, "This was not done" in answer.text)
    assert site.sessions.get(other.id).is_active  # type: ignore[union-attr]


def test_no_page_changes_anything_by_itself(site: Site) -> None:
    """GET and HEAD of every path change nothing, whatever follows a link."""
    person = site.settled()
    other = site.sign_in().session
    before = state(site)
    for path in ["/", "/history", *forms(other.device.id, other.id)]:
        statuses = {person.ask(it, MOUNT + path).status_code for it in ("GET", "HEAD")}
        assert statuses <= {200, 405}
    assert before == state(site)


def test_nobody_who_is_signed_out_sees_or_changes_anything(site: Site) -> None:
    """Every path asks for a sign-in."""
    other = site.sign_in().session
    before = state(site)
    stranger = site.person(None)
    paths = forms(other.device.id, other.id)
    answers = [stranger.page(it) for it in ["/", "/history", *paths]]
    answers += [stranger.press(it) for it in paths]

    assert {401} == {it.status_code for it in answers}
    assert before == state(site)


@pytest.mark.parametrize("policy", [Policy(), YOUNG], ids=["old sign-in", "young session"])
def test_a_decision_needs_a_proof(make_site: Callable[..., Site], policy: Policy) -> None:
    """
    An old sign-in, or a young session, is led to a page with a link to prove more.

    From a page the link leads back to it; from a form, to the overview.
    """
    site = make_site(policy=policy, step_up_url="/step-up?x=1")
    other = site.sign_in().session
    site.clock.advance(timedelta(days=2) if policy is YOUNG else timedelta())
    person = site.person()
    site.clock.advance(timedelta(days=2) if policy is not YOUNG else timedelta())
    before = state(site)
    unguarded = ("/name", "/distrust")
    for path in forms(other.device.id, other.id):
        if path.endswith(unguarded):
            continue
        answers = {"/": person.press(path)}
        if not path.endswith(("/sign-out", "/mine")):
            answers[path] = person.page(path)
        for back, answer in answers.items():
            assert 401 == answer.status_code
            assert "insufficient_user_authentication" in answer.headers["www-authenticate"]
            assert f'href="/step-up?x=1&amp;return_to=/account{back}"' in answer.text
    assert before == state(site)

    assert 200 == person.post("/step-up").status_code
    assert 303 == person.confirm("/sign-out-others").status_code


def test_a_young_session_signs_out_a_younger_one(make_site: Callable[..., Site]) -> None:
    """Each is compared with the one that it would end, not with all others."""
    site = make_site(policy=YOUNG, step_up_url="/step-up")
    older = site.sign_in().session
    site.clock.advance(60)
    person = site.person()
    site.clock.advance(60)
    younger = site.sign_in(ip="198.51.100.7").session

    assert [401, 303] == [
        person.press(f"/sessions/{it.id}/sign-out").status_code for it in (older, younger)
    ]
    assert [True, False] == [
        bool(found and found.is_active)
        for found in (site.sessions.get(it.id) for it in (older, younger))
    ]


def test_a_proof_that_leads_nowhere_is_said_in_words(site: Site) -> None:
    """Without a page for it a person is told to sign in again."""
    person = site.person()
    site.sign_in()
    site.clock.advance(timedelta(days=2))

    assert "Sign out, sign in again" in person.press("/sign-out-others").text


def test_staff_in_a_persons_name_change_nothing(make_site: Callable[..., Site]) -> None:
    """They see the pages, and every form of theirs is refused."""
    site = make_site(wrapping={"recent_auth": None})
    other = site.sign_in().session
    staff = site.sessions.login("support-7").session
    token = site.sessions.impersonate("ada", staff).access_token
    before = state(site)
    bearer = {"Authorization": f"Bearer {token}", "Accept": "text/html"}
    person = Person(site.send)
    assert 200 == person.get(MOUNT + "/", **bearer).status_code
    for path in forms(other.device.id, other.id):
        answer = person.ask("POST", MOUNT + path, **bearer)
        assert (403, True) == (answer.status_code, "another person’s name" in answer.text)
    for path in ("/sign-out-others", f"/devices/{other.device.id}/trust"):
        assert 403 == person.get(MOUNT + path, **bearer).status_code
    assert before == state(site)


def test_a_copied_access_token_decides_nothing_of_a_bound_session(
    make_site: Callable[..., Site],
) -> None:
    """Without the device's token beside it, a session that has shown one ends no other."""
    site = make_site(step_up_url="/step-up")
    person = site.settled()
    other = site.sign_in().session
    thief = Person(site.send)
    thief.jar = {it: cookie for it, cookie in person.jar.items() if "device" not in it}
    answer = thief.press(f"/devices/{other.device.id}/sign-out")

    assert (401, True) == (answer.status_code, "Sign out, sign in again" in answer.text)
    assert site.sessions.get(other.id).is_active  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("application/json", b"{}", 415),
        ("text/plain", b"name=x", 415),
        ("application/x-www-form-urlencoded", b"name=" + b"x" * 20_000, 413),
        ("application/x-www-form-urlencoded", b"a=1&" * 21, 400),
        ("application/x-www-form-urlencoded", b"name=%ff", 400),
        ("application/x-www-form-urlencoded", "name=é".encode(), 400),
        ("application/x-www-form-urlencoded; charset=utf-8", b"name=%C3%A9", 303),
    ],
)
def test_a_form_that_is_none_is_refused(site: Site, kind: str, body: bytes, expected: int) -> None:
    """Other kinds, too long ones, too many fields and no UTF-8 are said to be so."""
    person = site.person()
    [device] = site.sessions.devices("ada")
    cookies = "; ".join(f"{name}={it.value}" for name, it in person.jar.items())
    headers = [("Host", "app.example"), ("Cookie", cookies), ("Sec-Fetch-Site", "same-origin")]
    headers += [("Content-Type", kind), ("User-Agent", person.agent)]
    answer = site.send("POST", f"{MOUNT}/devices/{device.id}/name", headers, body)

    assert expected == answer.status_code
