"""`assess` gives the assessment of a sign-in that has not happened, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve

from devsess import (
    Assessment,
    Client,
    Decision,
    Location,
    LoginDeniedError,
    Policy,
    StepUpRequiredError,
)
from devsess.risk_policy import Risk
from devsess.testing import FakeClock

WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36"
    " (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)
MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36"
    " (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)
HOME = Client("102.89.77.21", WINDOWS)
ABROAD = Client("142.117.3.4", MAC)
PLACES = {
    "102.89.77.21": Location("Lagos", "Nigeria", 6.45, 3.39, 20, country_code="NG", asn=37148),
    "142.117.3.4": Location("Québec", "Canada", 46.81, -71.21, 20, country_code="CA", asn=577),
}
EVERY_HOUR = 3_600


class Places:
    """Knows two addresses."""

    never_waits = True

    def locate(self, ip: str) -> Location | None:
        return PLACES.get(ip)


def observing(**numbers: Any) -> dict[str, Any]:
    return {"policy": Policy(risk=Risk(**numbers)), "locator": Places()}


def used(sessions: Any, clock: FakeClock) -> str:
    """The device token of an account with five sign-ins behind it."""
    token = None
    for _ in range(5):
        token = sessions.login("ada", evolve(HOME, device_token=token)).device_token
        clock.advance(EVERY_HOUR)
    assert token is not None
    return str(token)


CLIENTS: dict[str, Callable[[str], Client | None]] = {
    "its own device, at home": lambda token: evolve(HOME, device_token=token),
    "its own device, abroad": lambda token: evolve(ABROAD, device_token=token),
    "an unknown device, at home": lambda _: HOME,
    "an unknown device, abroad": lambda _: ABROAD,
    "a forged token": lambda token: evolve(ABROAD, device_token=token[:-2]),
    "an application's fingerprint": lambda _: evolve(HOME, fingerprint="screen 4"),
    "nothing": lambda _: None,
}


@pytest.mark.parametrize("client", CLIENTS)
def test_the_sign_in_that_follows_has_the_same_sum(
    make: Callable[..., Any], clock: FakeClock, client: str
) -> None:
    """Score, decision, signals and the rules that lacked something: all of it is equal."""
    sessions = make(**observing())
    shown = CLIENTS[client](used(sessions, clock))
    foreseen = sessions.assess("ada", shown)
    assert foreseen == sessions.login("ada", shown).assessment


def test_an_account_without_habits_is_not_evaluated(make: Callable[..., Any]) -> None:
    """The first sign-in of an account is allowed, and so is the question about it."""
    sessions = make(**observing())
    foreseen = sessions.assess("ada", ABROAD)
    assert (Decision.ALLOW, ()) == (foreseen.decision, tuple(foreseen.signals))
    assert foreseen == sessions.login("ada", ABROAD).assessment


def test_nothing_is_written(make: Callable[..., Any], clock: FakeClock) -> None:
    """What is kept about the account is the same before and after, its profile included."""
    sessions = make(**observing())
    token = used(sessions, clock)
    before = sessions.export_user("ada")
    for client in CLIENTS.values():
        sessions.assess("ada", client(token))
    assert before == sessions.export_user("ada")


def test_an_unknown_account_stays_unknown(make: Callable[..., Any]) -> None:
    """A question about an account makes none."""
    sessions = make(**observing())
    before = sessions.export_user("nobody")
    sessions.assess("nobody", HOME)
    assert before == sessions.export_user("nobody")


def test_it_raises_no_event(make: Callable[..., Any], clock: FakeClock) -> None:
    """Events are of sign-ins, and this is none."""
    heard: list[Any] = []
    sessions = make(on_event=heard.append, **observing())
    token = used(sessions, clock)
    heard.clear()
    for client in CLIENTS.values():
        sessions.assess("ada", client(token))
    assert [] == heard


def test_a_blocked_device_is_denied(make: Callable[..., Any], clock: FakeClock) -> None:
    """As its sign-in is."""
    sessions = make(**observing())
    token = used(sessions, clock)
    (device,) = sessions.devices("ada")
    sessions.block_device("ada", device.id)
    shown = evolve(HOME, device_token=token)
    foreseen = sessions.assess("ada", shown)
    assert Decision.DENY is foreseen.decision
    with pytest.raises(LoginDeniedError) as denied:
        sessions.login("ada", shown)
    assert foreseen == denied.value.assessment


def test_where_risk_is_enforced_it_only_answers(make: Callable[..., Any], clock: FakeClock) -> None:
    """The sign-in raises the error, with the assessment that was foreseen."""
    used(make(**observing()), clock)
    sessions = make(**observing(mode="enforce"))
    foreseen = sessions.assess("ada", ABROAD)
    assert Decision.STEP_UP is foreseen.decision
    with pytest.raises(StepUpRequiredError) as refused:
        sessions.login("ada", ABROAD)
    assert foreseen == refused.value.assessment


def test_without_risk_it_is_empty(make: Callable[..., Any], clock: FakeClock) -> None:
    """Nothing is assessed, not even a blocked device."""
    sessions = make(policy=Policy(risk=None), locator=Places())
    token = used(sessions, clock)
    assert Assessment() == sessions.assess("ada", ABROAD)
    assert Assessment() == sessions.assess("ada", evolve(HOME, device_token=token))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [((5,), TypeError), (("",), ValueError), (("ada", "a client"), TypeError)],
)
def test_arguments_are_checked_as_at_a_sign_in(
    make: Callable[..., Any], arguments: tuple[Any, ...], error: type[Exception]
) -> None:
    """A number has no habits: a mistake must not look like a calm account."""
    for sessions in (make(policy=Policy(risk=None)), make()):
        with pytest.raises(error):
            sessions.assess(*arguments)
