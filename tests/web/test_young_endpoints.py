"""A young session ends no older one through the endpoints, and is told what would let it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from devsess import Policy, Seniority

POLICY = Policy(seniority=Seniority())
DAY = timedelta(days=1)

# The frameworks call what bare WSGI and ASGI do: theirs are thorough.
_FRAMEWORKS = ("flask", "django", "starlette")
pytestmark = pytest.mark.parametrize(
    "make",
    ["wsgi", "asgi", *(pytest.param(it, marks=pytest.mark.thorough) for it in _FRAMEWORKS)],
    indirect=True,
)


@pytest.fixture
def site(make: Any) -> Any:
    return make(policy=POLICY)


def _endings(session_id: str) -> list[tuple[str, str]]:
    return [
        ("DELETE", f"/auth/sessions/{session_id}"),
        ("POST", "/auth/sessions/revoke-others"),
    ]


def test_a_young_session_ends_no_older_one(site: Any) -> None:
    """The answer is the challenge of RFC 9470, with the instant from which it needs none."""
    old = site.sessions.login("ada", acr="aal2").session
    site.clock.advance(DAY)
    thief = site.browser("ada")
    for method, path in _endings(old.id):
        answer = thief.ask(method, path)
        assert 401 == answer.status_code
        assert 'acr_values="aal2"' in answer.headers["www-authenticate"]
        settled_at = (site.clock.now() + DAY).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert settled_at == answer.json()["settled_at"]
    assert site.sessions.get(old.id).is_active


def test_a_step_up_lifts_it(site: Any) -> None:
    """As the challenge says."""
    old = site.sessions.login("ada", acr="aal2").session
    site.clock.advance(DAY)
    owner = site.browser("ada")
    assert 200 == owner.post("/step-up").status_code
    assert [204, 200] == [owner.ask(*each).status_code for each in _endings(old.id)]


def test_a_known_browser_ends_any(site: Any) -> None:
    """One that signed in a day ago, and does so again."""
    owner = site.browser("ada")
    site.sessions.login("ada")
    site.clock.advance(DAY)
    assert 200 == owner.post("/login?user=ada").status_code
    assert 200 == owner.post("/auth/sessions/revoke-others").status_code
    assert 1 == len(site.sessions.list("ada"))


def test_a_young_session_ends_younger_ones_and_itself(site: Any) -> None:
    """It signs out, and ends who came after it; a foreign id is unknown to it."""
    foreign = site.sessions.login("bob").session.id
    site.clock.advance(60)
    owner = site.browser("ada")
    [own] = site.sessions.list("ada")
    site.clock.advance(60)
    later = site.sessions.login("ada").session.id
    assert 404 == owner.delete(f"/auth/sessions/{foreign}").status_code
    assert 204 == owner.delete(f"/auth/sessions/{later}").status_code
    assert {"ended": []} == owner.post("/auth/sessions/revoke-others").json()
    assert 204 == owner.delete(f"/auth/sessions/{own.id}").status_code


def test_a_view_may_ask_too(site: Any) -> None:
    """`current.require_seniority` guards the page on which devices are trusted."""
    site.sessions.login("ada", acr="aal2")
    site.clock.advance(60)
    young = site.browser("ada")
    answer = young.post("/senior")
    assert 401 == answer.status_code
    assert "settled_at" in answer.json()
    assert 200 == young.post("/step-up").status_code
    assert 200 == young.post("/senior").status_code
    assert 401 == site.browser().post("/senior").status_code


def test_an_impersonation_is_no_user(make: Any) -> None:
    """Whatever the policy: staff trust and export nothing in a user's name."""
    site = make()
    staff = site.sessions.login("staff", acr="aal2").session
    program = site.program("ada")
    assert 200 == program.ask("POST", "/senior").status_code
    acted = site.sessions.impersonate("ada", staff)
    program.tokens = {"access_token": acted.access_token}
    assert 401 == program.ask("POST", "/senior").status_code
