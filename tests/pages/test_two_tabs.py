"""
Two tabs of one browser, whose forms meet: sent at once, or one between two steps of the other.

What the other tab has done already is no fault: each lands on a page.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from types import ModuleType
from typing import Any

import httpx
import pytest
from _pages_site import Person, Site

from devsess.models import EventType
from devsess.web.account import device, device_changes, ending

# Threads need the blocking face; on an event loop each form's steps are the same code.
pytestmark = pytest.mark.parametrize("face", ["wsgi"])
ROUNDS = 8


def at_once(person: Person, *forms: tuple[str, dict[str, str]]) -> list[httpx.Response]:
    """The answers to forms that set out together."""
    gate = Barrier(len(forms))

    def press(form: tuple[str, dict[str, str]]) -> httpx.Response:
        tab = Person(person.send)
        tab.agent, tab.jar = person.agent, dict(person.jar)
        gate.wait(10)
        return tab.press(form[0], **form[1])

    with ThreadPoolExecutor(len(forms)) as tabs:
        return list(tabs.map(press, forms))


@pytest.mark.parametrize("kind", ["device", "session", "others"])
def test_both_end_the_same(site: Site, kind: str) -> None:
    """Both tabs say that it is done, and it is done once."""
    person = site.settled()
    [own] = [it.id for it in site.sessions.list("ada")]
    for _ in range(ROUNDS):
        other = site.sign_in().session
        path = {
            "device": f"/devices/{other.device.id}/sign-out",
            "session": f"/sessions/{other.id}/sign-out",
            "others": "/sign-out-others",
        }[kind]
        fields = {"session": own} if kind == "others" else {}
        answers = at_once(person, (path, fields), (path, fields))
        assert [303, 303] == [it.status_code for it in answers], answers[0].text
        ended = site.sessions.get(other.id)
        assert ended is not None
        assert "signed out by its user" == ended.revoke_reason
        events = [it for it in site.sessions.history("ada") if it.session_id == other.id]
        assert 1 == sum(it.type is EventType.SESSION_REVOKED for it in events)
    assert 200 == person.page().status_code


def test_one_renames_what_the_other_removes(site: Site) -> None:
    """It is gone in the end, and no name brings it back."""
    person = site.settled()
    for _ in range(ROUNDS):
        gone = site.sign_in().session.device
        path = f"/devices/{gone.id}"
        answers = at_once(person, (f"{path}/name", {"name": "Mine"}), (f"{path}/forget", {}))
        assert answers[0].status_code in (303, 404)
        assert 303 == answers[1].status_code
        assert gone.id not in {it.id for it in site.sessions.devices("ada")}


def test_both_sign_this_device_out(site: Site) -> None:
    """Both tabs end up signed out."""
    person = site.settled()
    [own] = site.sessions.list("ada")
    path = f"/devices/{own.device.id}/sign-out"
    for answer in at_once(person, (path, {}), (path, {})):
        assert answer.status_code in (303, 401)
    assert [] == site.sessions.list("ada")


def test_a_form_is_sent_twice(site: Site) -> None:
    """As by a double click: one name, one blocked device."""
    person = site.settled()
    other = site.sign_in().session.device
    path = f"/devices/{other.id}"
    for form in ((f"{path}/name", {"name": "Mum’s"}), (f"{path}/block", {})):
        assert [303, 303] == [it.status_code for it in at_once(person, form, form)]
    [found] = [it for it in site.sessions.devices("ada") if it.id == other.id]
    assert ("Mum’s", True) == (found.name, found.blocked)


def between(
    monkeypatch: pytest.MonkeyPatch, where: ModuleType, step: str, other: Callable[[], object]
) -> None:
    """Let *other* happen right behind the first time that *step* is taken."""
    taken = getattr(where, step)
    waiting = [other]

    async def slowly(*args: Any) -> Any:
        found = await taken(*args)
        if waiting:
            waiting.pop()()
        return found

    monkeypatch.setattr(where, step, slowly)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ("name", device),
        ("distrust", device),
        ("trust", device_changes),
        ("block", device_changes),
        ("unblock", device_changes),
        ("forget", device_changes),
        ("sign-out", ending),
    ],
)
def test_the_other_tab_removes_the_device_meanwhile(
    site: Site, monkeypatch: pytest.MonkeyPatch, change: str, where: ModuleType
) -> None:
    """It was there when the form was read, and is gone when the change is made."""
    person = site.settled()
    gone = site.sign_in().session.device
    step = "sessions_on" if where is ending else "found_device"
    other = Person(person.send)
    other.agent, other.jar = person.agent, dict(person.jar)
    answers = []
    between(
        monkeypatch,
        where,
        step,
        lambda: answers.append(other.press(f"/devices/{gone.id}/forget")),
    )
    answer = person.press(f"/devices/{gone.id}/{change}", name="Mine")

    assert [303] == [it.status_code for it in answers]
    assert answer.status_code in (303, 404), answer.text
    assert gone.id not in {it.id for it in site.sessions.devices("ada")}
    assert 200 == person.page().status_code
