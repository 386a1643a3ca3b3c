"""Endpoints that only read: the session of the caller, for pages of the app alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

FRIEND = "https://www.app.example"
OWN = ("/auth/session", "/auth/sessions")
EVERYBODYS = ("/auth/jwks.json", "/auth/openapi.json")


def test_am_i_signed_in(site: Any) -> None:
    """The answer has the session and its deadline; without a session it says so, with 200."""
    nobody = {"signed_in": False, "session": None}
    browser, program = site.browser("ada"), site.program("bob")
    for client, user in ((browser, "ada"), (program, "bob")):
        answer = client.ask("GET", "/auth/session")
        [session] = site.sessions.list(user)
        expected = {"signed_in": True, "session": {**session.to_dict(), "current": True}}
        assert (200, expected) == (answer.status_code, answer.json())
        assert "no-store" == answer.headers["cache-control"]
    assert nobody == site.browser().get("/auth/session").json()
    for user in ("ada", "bob"):
        site.sessions.revoke_all(user)
    for client in (browser, program):
        answer = client.ask("GET", "/auth/session")
        assert (200, nobody) == (answer.status_code, answer.json())


def test_asking_is_no_activity(site: Any) -> None:
    """A page that asks when the session ends would otherwise never see it end."""
    browser = site.browser("ada")
    [before] = site.sessions.list("ada")
    for _ in range(3):  # the second time its access token has expired
        site.clock.advance(timedelta(minutes=14))
        shown = browser.get("/auth/session").json()["session"]
        assert before.to_dict()["expiresAt"] == shown["expiresAt"]
    [session] = site.sessions.list("ada")
    assert (before.last_seen_at, before.expires_at) == (session.last_seen_at, session.expires_at)


def test_without_a_store_the_answer_is_503(site: Any) -> None:
    """Then the answer is 503, and never "not signed in"."""
    browser = site.browser("ada")
    away = site.path.with_suffix(".away")
    site.path.rename(away)
    site.browser().post("/login?user=eve")  # a write looks at once whether the file is there
    assert 503 == browser.get("/auth/session").status_code
    away.rename(site.path)


@pytest.mark.parametrize("path", [*OWN, *EVERYBODYS, "/auth/nothing"])
def test_no_other_site_embeds_an_answer(site: Any, path: str) -> None:
    """Its headers keep other sites from embedding it and browsers from guessing its type."""
    for client in (site.browser("ada"), site.browser()):
        headers = client.get(path).headers
        assert "nosniff" == headers["x-content-type-options"]
        assert "same-origin" == headers["cross-origin-resource-policy"]


@pytest.mark.parametrize("path", OWN)
def test_another_sites_page_is_shown_nobodys_sessions(make: Any, path: str) -> None:
    """Its own pages, and those of named origins, are; and programs, which are no page."""
    site = make(origins=[FRIEND])
    browser, program = site.browser("ada"), site.program("ada")
    for foreign in ("same-site", "cross-site"):
        assert 403 == browser.get(path, site=foreign).status_code
        assert 403 == browser.get(path, site=foreign, Origin="https://evil.example").status_code
        answer = browser.get(path, site=foreign, Origin=FRIEND)
        assert (200, FRIEND) == (
            answer.status_code,
            answer.headers["access-control-allow-origin"],
        )
        assert 200 == program.ask("GET", path, Sec_Fetch_Site=foreign).status_code
    for fetch in ("same-origin", "none", None):
        assert 200 == browser.get(path, site=fetch).status_code
    assert "Sec-Fetch-Site" in browser.get(path).headers["vary"]


@pytest.mark.parametrize("path", EVERYBODYS)
def test_what_is_everybodys_is_shown_to_everybody(site: Any, path: str) -> None:
    """Public keys are no secret."""
    assert 200 == site.browser("ada").get(path, site="cross-site").status_code
