"""Held sign-ins over http: one browser waits and collects, another one approves or refuses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from _browser import ACCESS

from devsess import Points, Policy, Risk, Seniority

# Every sign-in after an account's first is held.
RISK = Risk(mode="enforce", points=Points(base=50), hold_from=10)
POLICY = Policy(risk=RISK)
COLLECT, APPROVE, REFUSE = (f"/auth/held/{name}" for name in ("collect", "approve", "refuse"))

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


def held(site: Any, client: Any = None, query: str = "") -> tuple[Any, dict[str, Any]]:
    """A browser whose sign-in is held, and the answer to it."""
    waiting = client or site.browser()
    answer = waiting.ask("POST", f"/login?user=ada{query}")
    assert 403 == answer.status_code, answer.text
    assert "no-store" == answer.headers["cache-control"]
    return waiting, answer.json()


def ask(client: Any, path: str, **body: Any) -> Any:
    return client.ask("POST", path, body=body)


def test_a_browser_waits_and_is_signed_in(site: Any) -> None:
    """The answer to the sign-in has the code and the token; cookies come once it is approved."""
    owner = site.browser("ada")
    waiting, told = held(site)
    assert {} == waiting.jar
    assert "aal2" == told["acr_values"]
    answer = ask(waiting, COLLECT, pending_token=told["pending_token"])
    assert (202, "3") == (answer.status_code, answer.headers["retry-after"])
    assert {name: told[name] for name in ("code", "expires_at")} == answer.json()
    assert {} == waiting.jar

    [shown] = owner.get("/auth/held").json()["held"]
    assert (told["code"], told["expires_at"], False) == (
        *(shown[name] for name in ("code", "expiresAt")),
        shown["approved"],
    )
    assert 204 == ask(owner, APPROVE, code=shown["code"]).status_code
    answer = ask(waiting, COLLECT, pending_token=told["pending_token"])
    assert 200 == answer.status_code
    assert {"expires_in", "session"} == answer.json().keys()
    assert {"user": "ada"} == waiting.get("/me").json()
    assert 401 == ask(waiting, COLLECT, pending_token=told["pending_token"]).status_code
    assert {"user": "ada"} == waiting.get("/me").json()


def test_a_refused_browser_is_told(site: Any) -> None:
    """As any sign-in that is denied."""
    owner = site.browser("ada")
    waiting, told = held(site)
    assert 204 == ask(owner, REFUSE, code=told["code"]).status_code
    assert 403 == ask(waiting, COLLECT, pending_token=told["pending_token"]).status_code
    assert 404 == ask(owner, APPROVE, code=told["code"]).status_code
    assert {"held": []} == owner.get("/auth/held").json()


def test_a_program_collects_tokens(site: Any) -> None:
    """In the answer, and no cookies."""
    site.browser("ada")
    waiting, told = held(site, query="&bare")
    site.sessions.approve("ada", told["code"])
    answer = ask(waiting, COLLECT, pending_token=told["pending_token"], tokens=True)
    assert {} == waiting.jar
    tokens = answer.json()
    assert "Bearer" == tokens["token_type"]
    program = site.program("bob")
    program.tokens = tokens
    assert {"user": "ada"} == program.ask("GET", "/me").json()


def test_a_view_collects_too(site: Any) -> None:
    """`current.collect`: for pages without scripts; a refusal of it is the standard answer."""
    site.browser("ada")
    waiting, told = held(site)
    path = f"/collect?token={told['pending_token']}"
    answer = waiting.post(path)
    assert (403, None) == (answer.status_code, answer.json()["pending_token"])
    site.sessions.approve("ada", told["code"])
    assert 200 == waiting.post(path).status_code
    assert {"user": "ada"} == waiting.get("/me").json()


def test_the_session_before_is_replaced(site: Any) -> None:
    """A browser has one session: that of another account ends when its cookies go."""
    site.browser("ada")
    waiting = site.browser("bob")
    [before] = site.sessions.list("bob")
    _, told = held(site, waiting)
    site.sessions.approve("ada", told["code"])
    assert 200 == ask(waiting, COLLECT, pending_token=told["pending_token"]).status_code
    assert "replaced" == site.sessions.get(before.id).revoke_reason


def test_a_decision_needs_the_device_and_a_recent_sign_in(site: Any) -> None:
    """To approve, as to end others; to refuse, no more than a session."""
    owner = site.program("ada")
    assert 200 == owner.ask("GET", "/me").status_code
    _, told = held(site)
    device = owner.tokens.pop("device_token")
    assert 401 == owner.ask("POST", APPROVE, {"code": told["code"]}).status_code
    owner.tokens["device_token"] = device
    assert 204 == owner.ask("POST", APPROVE, {"code": told["code"]}).status_code
    del owner.tokens["device_token"]
    assert 204 == owner.ask("POST", REFUSE, {"code": told["code"]}).status_code


def test_an_old_sign_in_approves_nothing(make: Any) -> None:
    """Older than `recent_auth`: it steps up first."""
    site = make(policy=POLICY, recent_auth=60)
    owner = site.browser("ada")
    site.clock.advance(60)
    _, told = held(site)
    answer = ask(owner, APPROVE, code=told["code"])
    assert 401 == answer.status_code
    assert "insufficient_user_authentication" == answer.json()["error"]
    assert 200 == owner.post("/step-up").status_code
    assert 204 == ask(owner, APPROVE, code=told["code"]).status_code


def test_a_young_session_approves_nothing(make: Any) -> None:
    """It is told until when it is young."""
    site = make(policy=Policy(risk=RISK, seniority=Seniority()))
    owner = site.browser("ada")
    _, told = held(site)
    answer = ask(owner, APPROVE, code=told["code"])
    assert 401 == answer.status_code
    assert "settled_at" in answer.json()
    assert 204 == ask(owner, REFUSE, code=told["code"]).status_code


def test_nobody_else_decides(site: Any) -> None:
    """A stranger, another account, another site, and staff in the user's name."""
    owner, bob = site.browser("ada"), site.browser("bob")
    staff = site.sessions.login("staff", acr="aal2").session
    acted = site.program("carol")
    acted.tokens = {"access_token": site.sessions.impersonate("ada", staff).access_token}
    _, told = held(site)
    body = {"code": told["code"]}
    for path in (APPROVE, REFUSE):
        assert 401 == acted.ask("POST", path, body).status_code
        assert 401 == ask(site.browser(), path, **body).status_code
        assert 404 == ask(bob, path, **body).status_code
        assert 403 == owner.ask("POST", path, site="cross-site", body=body).status_code
    assert 401 == site.browser().get("/auth/held").status_code
    assert 403 == owner.ask("GET", "/auth/held", site="cross-site").status_code
    assert [False] == [it["approved"] for it in owner.get("/auth/held").json()["held"]]


def test_another_site_collects_nothing(site: Any) -> None:
    """It could sign a browser in to an account of its own."""
    site.browser("ada")
    waiting, told = held(site)
    site.sessions.approve("ada", told["code"])
    body = {"pending_token": told["pending_token"]}
    assert 403 == waiting.ask("POST", COLLECT, site="cross-site", body=body).status_code
    assert ACCESS not in waiting.jar


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"pending_token": 5}, 400),
        ({"pending_token": "\0"}, 400),
        ({"pending_token": "x"}, 401),
        ({"pending_token": "x", "tokens": "yes"}, 400),
        ({"pending_token": "x", "device_token": 5}, 400),
        ([], 400),
        ({"pending_token": "x" * 20_000}, 413),
    ],
)
def test_a_body_that_fits_nothing_is_refused(site: Any, body: Any, status: int) -> None:
    """By a 400 that says why, and never by a 500."""
    assert status == site.browser().ask("POST", COLLECT, body=body).status_code


@pytest.mark.parametrize("code", [None, 5, "", "x" * 65, "\0", "\ud800"])
def test_a_code_that_can_be_none_is_refused(site: Any, code: Any) -> None:
    """Before the account is looked at."""
    owner = site.browser("ada")
    for path in (APPROVE, REFUSE):
        assert 400 == ask(owner, path, code=code).status_code


def test_a_body_must_be_json(site: Any) -> None:
    """No form of another site can send that."""
    owner = site.browser("ada")
    for path in (APPROVE, REFUSE, COLLECT):
        assert 415 == owner.post(path).status_code


@pytest.mark.parametrize(("transport", "status"), [("cookie", 400), ("bearer", 200)])
def test_tokens_go_where_they_are_read(make: Any, transport: str, status: int) -> None:
    """No tokens in the answer where cookies alone are read; nothing else where headers are."""
    site = make(policy=POLICY, transport=transport)
    site.sessions.login("ada")
    waiting, told = held(site, query="&bare")
    site.sessions.approve("ada", told["code"])
    answer = ask(
        waiting, COLLECT, pending_token=told["pending_token"], tokens=transport == "cookie"
    )
    assert status == answer.status_code
    assert ("access_token" in answer.json()) is (transport == "bearer")
    assert {} == waiting.jar


def test_a_wait_that_is_over_says_so(site: Any) -> None:
    """401, as of any token whose time is over."""
    site.browser("ada")
    waiting, told = held(site)
    site.clock.advance(timedelta(minutes=15))
    assert 401 == ask(waiting, COLLECT, pending_token=told["pending_token"]).status_code
