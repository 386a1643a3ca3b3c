"""The operators' words: numbers as languages write them, colours, nothing left in English."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from _admin_site import CHROME, Desk, form, words

from devsess import Client
from devsess.web import Look
from devsess.web.admin import finding
from devsess.web.admin.ending import REASON
from devsess.web.admin.visit import Count
from devsess.web.catalogue import translations
from devsess.web.words import Words


@pytest.mark.parametrize(
    ("language", "n", "expected"),
    [
        ("en", 999, "999"),
        ("en", 1_234_567, "1,234,567"),
        ("de", 1_234, "1.234"),
        ("fr", 12_345, "12\u202f345"),
        ("es", 1_234, "1234"),
        ("es", 12_345, "12.345"),
        ("ar", 1_234, "1,234"),
        ("en", -30, "−30"),
        ("ar", -30, "\u2066−30\u2069"),
    ],
)
def test_numbers_in_the_customs_of_the_language(language: str, n: int, expected: str) -> None:
    """In a sentence, in one of several, and alone."""
    said = Words(language, translations(language))
    assert expected == said.number(n)
    assert expected in said.say("Type {n} to confirm", n=n)
    assert expected in said.plural("{n} user", "{n} users", n)


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en", "“My Mac”"), ("de", "„My Mac“"), ("fr", "«\u00a0My Mac\u00a0»"), ("ar", "«My Mac»")],
)
def test_a_name_in_a_history(language: str, expected: str) -> None:
    """It stands between the marks of the language; it is no label, whatever it says."""
    said = Words(language, translations(language))
    assert expected == re.sub("</?bdi>", "", said.label('"My Mac"'))
    assert "Firefox on Windows" in said.label('"Firefox on Windows"')


def test_a_preview_parts_its_thousands(
    make_desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the count to type; with or without its dot it is that number."""

    async def many(*_: object) -> Count:
        return Count(1_000, is_more=False)

    monkeypatch.setattr(finding, "count", many)
    desk = make_desk(look=Look(language="de"))
    desk.sign_in("ada")
    text = desk.get("/end", {"user": "ada"}).text
    assert "1.000 offene Sitzungen" in words(text)
    assert "Zur Bestätigung 1.000 eingeben" in words(text)
    _, fields = form(text, "Diese Sitzungen beenden")
    answer = desk.post("/end", token=fields["token"], count="1.000")
    assert 200 == answer.status_code


def test_only_what_is_in_question_is_amber(desk: Desk) -> None:
    """Points below those from which an owner is asked have the plain colour, and a minus sign."""
    assert desk.unusual("ada").session.score is not None
    token = desk.sign_in("bea", agent=CHROME).device_token
    desk.clock.advance(86_400)
    for _ in range(12):
        client = Client(ip="203.0.113.9", user_agent=CHROME, device_token=token)
        token = desk.sessions.login("bea", client).device_token or token
        desk.clock.advance(86_400)
    moved = Client(ip="192.0.2.9", user_agent=CHROME, device_token=token)
    usual = desk.sessions.login("bea", moved).session
    assert usual.score is not None
    assert usual.score < 0

    def colours(user: str) -> list[tuple[str, str]]:
        page = desk.get("/user", {"id": user}).text
        return re.findall(r'<span class="([^"]*)">(\S+) points?</span>', page)

    assert ("ds-tag", f"−{-usual.score}") in colours("bea")
    assert "ds-tag ds-tag-warn" not in {style for style, _ in colours("bea")}
    assert {"ds-tag ds-tag-warn"} == {
        style for style, points in colours("ada") if not points.startswith("−")
    }


def test_what_was_not_evaluated_is_translated(make_desk: Callable[..., Desk]) -> None:
    """And an operator does not read of "your" sign-ins."""
    desk = make_desk(look=Look(language="ar"))
    page = words(desk.get("/session", {"id": desk.unusual("ada").session.id}).text)
    assert "سفر مستحيل" in page
    assert "impossible" not in page
    desk = make_desk()
    page = words(desk.get("/activity", {"id": "ada"}).text)
    assert "unlike the 12 sign-ins before" in page
    assert "your" not in page.replace("Your acts stand", "")
    assert "203.0.113.0/24" in page


@pytest.mark.parametrize("typed", [None, "von Mitarbeitern beendet", ""])
def test_the_usual_reason_is_one_in_all_languages(
    make_desk: Callable[..., Desk], typed: str | None
) -> None:
    """The form says it in the operator's language; the log keeps the word that all can read."""
    desk = make_desk(look=Look(language="de"))
    session = desk.sign_in("ada").session
    _, fields = form(desk.get("/session/end", {"id": session.id}).text, "Diese Sitzung beenden")
    usual = Words("de", translations("de")).say(REASON)
    assert usual == fields["reason"] != REASON
    desk.post("/session/end", id=session.id, reason=fields["reason"] if typed is None else typed)
    ended = desk.sessions.get(session.id)
    assert ended is not None
    assert (REASON if typed in (None, "", usual) else typed) == ended.revoke_reason


def test_an_unknown_system_is_no_name(make_desk: Callable[..., Desk]) -> None:
    """The ranking leaves it out; the device's page has the word of the language."""
    desk = make_desk(look=Look(language="de"))
    device = desk.sign_in("ada", agent="python-requests/2.32.5").session.device
    assert "python-requests · App" in words(desk.get("/").text)
    page = words(desk.get("/device", {"user": "ada", "id": device.id}).text)
    assert "unbekannt" in page
    assert "unknown" not in page
