"""A sign-in may say who authenticated the person; the session and the history say it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jwt
import pytest
from _people import HOME, HOSTED, Locator, at

from devsess import Policy, Risk, SignInHeldError
from devsess._provider import PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess.testing import FakeClock


def said(session: Any) -> tuple[tuple[str, ...], str | None]:
    return session.amr, session.provider


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (("pwd",), None)),
        ({"amr": ()}, ((), None)),
        ({"provider": "google"}, ((), "google")),
        ({"provider": "google", "amr": ("pwd",)}, (("pwd",), "google")),
        ({"provider": "google", "amr": ["mfa", "otp"]}, (("mfa", "otp"), "google")),
        ({"provider": "Müller GmbH", "amr": ["x"] * 16}, (("x",) * 16, "Müller GmbH")),
        ({"provider": "x" * 64}, ((), "x" * 64)),
        ({"provider": f"{PREFIX}x"}, ((), f"{PREFIX}x")),
    ],
)
def test_a_session_says_who_authenticated(
    sessions: Any, given: dict[str, Any], expected: tuple[tuple[str, ...], str | None]
) -> None:
    """Through a provider no method is guessed; fresh, kept and listed sessions all say the same."""
    grant = sessions.login("ada", at(HOME), **given)
    amr, provider = expected
    found = [
        grant.session,
        sessions.validate(grant.access_token),
        sessions.validate(grant.access_token),
        sessions.validate(grant.access_token, fresh=True),
        sessions.get(grant.session.id),
        sessions.refresh(grant.refresh_token, at(HOME)).session,
        *sessions.list("ada"),
    ]

    assert [expected] * 7 == [said(it) for it in found]
    shown = grant.session.to_dict()
    assert ([*amr], provider) == (shown["amr"], shown["provider"])
    [exported] = sessions.export_user("ada")["sessions"]
    assert ([*amr], provider) == (exported["amr"], exported["provider"])


def test_no_token_names_the_provider(sessions: Any) -> None:
    """Other services read the methods alone, after sign-in, refresh and step-up."""
    grant = sessions.login("ada", amr=("otp",), provider="okta")
    renewed = sessions.refresh(grant.refresh_token)
    raised = sessions.step_up(renewed.access_token, amr=("hwk",), provider="okta")
    read = [
        jwt.decode(it.access_token, options={"verify_signature": False})["amr"]
        for it in (grant, renewed, raised)
    ]

    assert [["otp"], ["otp"], ["hwk"]] == read


@pytest.mark.parametrize(
    ("error", "given"),
    [
        (TypeError, {"provider": 5}),
        (TypeError, {"provider": b"google"}),
        (TypeError, {"provider": ("google",)}),
        (ValueError, {"provider": ""}),
        (ValueError, {"provider": " "}),
        (ValueError, {"provider": " google"}),
        (ValueError, {"provider": "google\n"}),
        (ValueError, {"provider": "goo\tgle"}),
        (ValueError, {"provider": "goo\u00a0gle"}),
        (ValueError, {"provider": "goo\u202egle"}),
        (ValueError, {"provider": "goo\u200bgle"}),
        (ValueError, {"provider": "goo\x00gle"}),
        (ValueError, {"provider": "\ud800"}),
        (ValueError, {"provider": "x" * 65}),
        (ValueError, {"amr": [f"{PREFIX}google"]}),
        (ValueError, {"amr": ["pwd", PREFIX], "provider": "google"}),
    ],
)
def test_what_could_mislead_is_refused(
    sessions: Any, error: type[Exception], given: dict[str, Any]
) -> None:
    """A name that is too long or that hides something, and a method that passes for a provider."""
    grant = sessions.login("ada")
    with pytest.raises(error):
        sessions.login("ada", **given)
    with pytest.raises(error):
        sessions.step_up(grant.access_token, **{"amr": ("pwd",), **given})

    assert [(("pwd",), None)] == [said(it) for it in sessions.list("ada")]


def test_a_step_up_has_a_provider_of_its_own(sessions: Any, clock: FakeClock) -> None:
    """A code that the application checked was not asked for by the provider of the sign-in."""
    grant = sessions.login("ada", provider="google")
    clock.advance(60)
    here = sessions.step_up(grant.access_token, amr=("otp",))
    clock.advance(60)
    there = sessions.step_up(here.access_token, amr=("mfa",), provider="okta")

    assert (("otp",), None) == said(here.session)
    assert (("mfa",), "okta") == said(there.session) == said(sessions.validate(there.access_token))


def test_the_history_says_through_whom(sessions: Any, clock: FakeClock) -> None:
    """A sign-in and a step-up each say their own; one that another followed says nothing."""
    grant = sessions.login("ada", at(HOME), amr=("passkey",), provider="google")
    [entry] = sessions.login_history("ada").items

    assert "Signed in with a passkey through Google on Chrome on macOS. New device." == entry.text
    assert ("a passkey", "Google", ("passkey",)) == (entry.method, entry.provider, entry.amr)
    assert "Google" == entry.to_dict()["provider"]

    clock.advance(60)
    sessions.step_up(grant.access_token, amr=("otp",), provider="Müller GmbH")
    newer, older = sessions.login_history("ada").items

    assert "with a code through Müller GmbH" in newer.text
    assert ("Müller GmbH", None) == (newer.provider, older.provider)
    assert "Google" not in older.text


def test_an_explanation_says_it(sessions: Any) -> None:
    """Beside the methods, in words and as data."""
    grant = sessions.login("ada", provider="okta")
    checks = sessions.explain(grant.access_token).checks
    [check] = [it for it in checks if it.name == "authentication"]

    assert ([], "okta") == (check.data["amr"], check.data["provider"])
    assert "by no method that is known, through okta" in check.message


def test_a_held_sign_in_keeps_it(make: Callable[..., Any]) -> None:
    """Collected, it is the sign-in that it was."""
    risk = Risk(mode="enforce", hold_from=20)
    sessions = make(policy=Policy(risk=risk), locator=Locator())
    owner = sessions.login("ada", at(HOME))
    with pytest.raises(SignInHeldError) as caught:
        sessions.login("ada", at(HOSTED), amr=("hwk",), provider="google")
    held = caught.value
    sessions.approve("ada", held.code, by=owner.session)
    grant = sessions.collect(held.pending_token, at(HOSTED))

    assert (("hwk",), "google") == said(sessions.validate(grant.access_token))
