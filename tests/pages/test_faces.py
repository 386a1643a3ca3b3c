"""The pages answer alike on both faces, wherever they are mounted."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from _pages_site import Site

from devsess.web.headers import SECURITY

pytestmark = pytest.mark.parametrize("face", ["wsgi", "asgi"], indirect=True)


def test_a_person_sees_their_device(site: Site) -> None:
    """The overview names the device that a person is signed in on."""
    answer = site.person().page()

    assert (200, "text/html; charset=utf-8") == (
        answer.status_code,
        answer.headers["content-type"],
    )
    assert "<bdi>Chrome on macOS</bdi>" in answer.text


def test_every_answer_is_guarded(site: Site) -> None:
    """A page, an error and a stylesheet have the security headers; pages are never stored."""
    person = site.person()
    page = person.page()
    style = page.text.split('rel="stylesheet" href="')[1].split('"')[0]
    answers = [page, person.page("/nothing"), person.get(style), site.person(None).page()]

    assert [200, 404, 200, 401] == [it.status_code for it in answers]
    for answer in answers:
        assert dict(SECURITY) == {name: answer.headers[name] for name, _ in SECURITY}
    assert ["no-store", "no-store", "private, max-age=31536000, immutable", "no-store"] == [
        it.headers["cache-control"] for it in answers
    ]


def test_a_page_loads_nothing_from_elsewhere(site: Site) -> None:
    """The policy of a page, word by word; and there is nothing inline in it."""
    page = site.person().page()

    assert (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self';"
        " connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        == page.headers["content-security-policy"]
    )
    assert [] == re.findall(r"<style|<script>|\sstyle=|\son\w+=|https?://", page.text)


def test_a_browser_is_sent_to_sign_in(make_site: Callable[..., Any]) -> None:
    """Signed out, a browser is led to the sign-in page, and back from there."""
    answer = make_site(wrapping={"login_url": "/login"}).person(None).page("/?after=x")

    assert (303, "/login?return_to=/account/%3Fafter%3Dx") == (
        answer.status_code,
        answer.headers["location"],
    )
