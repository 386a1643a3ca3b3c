"""A store that is down: a page says so, and nobody is signed out."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from _pages_site import MOUNT, Site

from devsess import Policy
from devsess.adapters._try_again import STYLE
from devsess.errors import StoreUnavailableError
from devsess.stores.sqlite import SQLiteStore
from devsess.web.assets import assets

pytestmark = pytest.mark.parametrize("face", ["wsgi", "asgi"], indirect=True)


@pytest.fixture
def breaks(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A function that lets a call of the store fail from here on, as a lost server does."""

    def broken(*_: Any, **__: Any) -> Any:
        raise StoreUnavailableError("secret-host:5432 did not answer")

    def break_call(name: str) -> None:
        monkeypatch.setattr(SQLiteStore, name, broken)

    return break_call


def test_a_page_says_so(make_site: Callable[..., Site], breaks: Callable[[str], None]) -> None:
    """Of the pages themselves, in the person's language, with the time to ask again."""
    site = make_site()
    person = site.settled()
    breaks("known_devices")
    answer = person.page("/", **{"Accept-Language": "de"})

    assert (503, "5") == (answer.status_code, answer.headers["retry-after"])
    assert "Sie sind weiterhin angemeldet." in answer.text
    assert "secret" not in answer.text
    assert person.jar


def test_a_form_says_so(site: Site, breaks: Callable[[str], None]) -> None:
    """A change that was not made is not said to be made."""
    person = site.settled()
    other = site.sign_in().session
    breaks("end")
    answer = person.press(f"/sessions/{other.id}/sign-out")

    assert (503, True) == (answer.status_code, "Please try again in a moment" in answer.text)


def test_the_middleware_says_so_in_a_page(
    make_site: Callable[..., Site], breaks: Callable[[str], None]
) -> None:
    """Where the session itself cannot be read, a person gets a page, and a program a problem."""
    site = make_site(policy=Policy(access_lifetime=60))
    person = site.person()
    site.clock.advance(120)
    for name in ("get", "rotate", "known_devices", "log_mark"):
        if hasattr(SQLiteStore, name):
            breaks(name)
    page, data = person.page("/"), person.get(MOUNT + "/")

    assert [503, 503] == [page.status_code, data.status_code]
    assert ["text/html; charset=utf-8", "application/problem+json"] == [
        it.headers["content-type"] for it in (page, data)
    ]
    assert "You are still signed in." in page.text
    [style] = re.findall("<style>(.*?)</style>", page.text, re.DOTALL)
    digest = base64.b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page.headers["content-security-policy"]
    assert "secret" not in page.text + data.text


@pytest.mark.usefixtures("face")
def test_the_middlewares_page_looks_like_the_others() -> None:
    """Each of its rules and variables is one of the pages' stylesheet."""
    sheet = assets()["devsess.css"].content.decode()
    told = [" ".join(it.split()) for it in re.split("[{;}]", STYLE) if it.strip()]

    assert [] == [it for it in told if it not in sheet]
