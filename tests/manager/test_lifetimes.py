"""A sign-in may give its session a shorter life than the policy does."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from _people import HOME, HOSTED, Locator, at

from devsess import ConfigurationError, Policy, Risk, SessionExpiredError, SignInHeldError

if TYPE_CHECKING:
    from collections.abc import Callable

    from devsess.testing import FakeClock

HOUR, DAY = 3_600, 86_400
SHORT = Policy(access_lifetime=HOUR, idle_timeout=HOUR, absolute_lifetime=3 * HOUR)


def lasts(session: Any) -> float:
    return (session.absolute_expires_at - session.created_at).total_seconds()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (None, 3 * HOUR),
        (2 * HOUR, 2 * HOUR),
        (timedelta(minutes=10), 600),
        (0.5, 0.5),
        (3 * HOUR, 3 * HOUR),
        (timedelta(days=365), 3 * HOUR),
    ],
)
def test_the_shorter_lifetime_counts(
    make: Callable[..., Any], given: float | timedelta | None, seconds: float
) -> None:
    """That of the sign-in or that of the policy; the idle deadline is never later."""
    session = make(policy=SHORT).login("ada", lifetime=given).session
    assert seconds == lasts(session)
    assert min(HOUR, seconds) == (session.expires_at - session.created_at).total_seconds()


def test_nothing_moves_its_end(sessions: Any, clock: FakeClock) -> None:
    """No activity, no extension; the tokens end with it, and what is refused says why."""
    grant = sessions.login("ada", lifetime=2 * HOUR)
    clock.advance(HOUR + 50 * 60)
    sessions.extend(grant.session.id, DAY)
    grant = sessions.refresh(grant.refresh_token)
    assert 600 == grant.expires_in
    assert 600 == (grant.session.expires_at - clock.now()).total_seconds()

    clock.advance(600)
    with pytest.raises(SessionExpiredError) as caught:
        sessions.refresh(grant.refresh_token)
    assert "absolute" == caught.value.clock


def test_a_tighter_policy_binds_it_too(make: Callable[..., Any], clock: FakeClock) -> None:
    """A lifetime that was given never makes a session last longer than today's policy does."""
    grant = make(policy=Policy()).login("ada", lifetime=2 * DAY)
    clock.advance(3 * HOUR)
    with pytest.raises(SessionExpiredError):
        make(policy=SHORT).refresh(grant.refresh_token)


def test_a_held_sign_in_keeps_it(make: Callable[..., Any], clock: FakeClock) -> None:
    """It counts from when the sign-in is collected."""
    policy = Policy(risk=Risk(mode="enforce", hold_from=10))
    sessions = make(policy=policy, locator=Locator())
    owner = sessions.login("ada", at(HOME))
    clock.advance(60)
    with pytest.raises(SignInHeldError) as held:
        sessions.login("ada", at(HOSTED), lifetime=HOUR)
    clock.advance(60)
    assert sessions.approve("ada", held.value.code, by=owner.session)
    assert HOUR == lasts(sessions.collect(held.value.pending_token, at(HOSTED)).session)


def test_a_clock_that_was_ahead_does_not_lengthen_it(sessions: Any, clock: FakeClock) -> None:
    """The first write that meets the row sets it back with the lifetime that it had."""
    clock.advance(365 * DAY)
    grant = sessions.login("ada", lifetime=HOUR)
    clock.advance(-365 * DAY)
    assert HOUR == lasts(sessions.refresh(grant.refresh_token).session)


@pytest.mark.parametrize("given", [0, -1, timedelta(0), float("nan"), float("inf"), True, "1h"])
def test_what_is_no_span_is_refused(sessions: Any, given: Any) -> None:
    """Nothing is written then."""
    with pytest.raises((ConfigurationError, ValueError)):
        sessions.login("ada", lifetime=given)
    assert [] == sessions.list("ada")
