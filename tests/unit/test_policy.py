"""The numbers a deployer may choose, and which contradict each other."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from attrs import fields

from devsess import Client, ConfigurationError, Points, Policy, Privacy, Risk
from devsess.policy import seconds

DAY = 86_400


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"access_lifetime": 0}, "access_lifetime"),
        ({"access_lifetime": 15 * DAY}, "access_lifetime"),
        ({"idle_timeout": 31 * DAY}, "idle_timeout"),
        ({"touch_interval": 8 * DAY}, "touch_interval"),
        ({"refresh_grace_period": 301}, "refresh_grace_period"),
        ({"leeway": 301}, "leeway"),
        ({"max_staleness": 901}, "max_staleness"),
        ({"acknowledged": True, "max_staleness": 1}, "acknowledged"),
        ({"acknowledged": 1}, "acknowledged"),
        ({"acknowledged": "yes"}, "acknowledged"),
        ({"lease": 1}, "lease"),
        ({"acknowledged": True, "lease": 0.29}, "lease"),
        ({"acknowledged": True, "lease": 60.1}, "lease"),
        ({"acknowledged": True, "lease": 0}, "lease"),
        ({"cache_size": -1}, "cache_size"),
        ({"cache_size": 1.5}, "cache_size"),
        ({"max_sessions": 0}, "max_sessions"),
        ({"max_sessions": True}, "max_sessions"),
        ({"on_limit": "ask"}, "on_limit"),
        ({"acr_order": ("a", "a")}, "acr_order"),
        ({"risk": True}, "risk"),
        ({"risk": "enforce"}, "risk"),
        ({"idle_timeout": float("nan")}, "idle_timeout: a span"),
        ({"idle_timeout": -1}, "idle_timeout: a span"),
        ({"idle_timeout": "14 days"}, "idle_timeout: a span"),
        ({"leeway": True}, "leeway: a span"),
        ({"acr_order": "aal1"}, "acr_order: must be a list"),
        ({"acr_order": 1}, "acr_order: must be a list"),
        ({"acr_order": (1, 2)}, "acr_order: must hold texts"),
    ],
)
def test_contradictions_are_refused(wrong: dict[str, Any], named: str) -> None:
    """A number that cannot work is a ConfigurationError, and a ValueError, that names it."""
    with pytest.raises(ConfigurationError, match=named) as caught:
        Policy(**wrong)
    assert isinstance(caught.value, ValueError)


NO_POINTS = (float("nan"), float("inf"), 2.5, "10", True, None, 10**30)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        *(({it.name: value}, it.name) for it in fields(Points) for value in NO_POINTS[:1]),
        *(({"base": value}, "base") for value in NO_POINTS),
    ],
)
def test_points_are_whole_numbers(wrong: dict[str, Any], named: str) -> None:
    """NaN would be below every threshold, and let everything pass."""
    with pytest.raises(ConfigurationError, match=named):
        Points(**wrong)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        *(({"notify_from": value}, "notify_from") for value in NO_POINTS),
        *(({name: float("nan")}, name) for name in ("step_up_from", "refresh_from")),
        ({"notices_a_day": 2.5}, "notices_a_day"),
        ({"quiet_sign_ins": "3"}, "quiet_sign_ins"),
        ({"notify_from": 11}, "notify_from"),
        ({"mode": "Enforce"}, "mode"),
        ({"points": None}, "points"),
        ({"points": {"base": -50}}, "points"),
        ({"acr": ""}, "acr"),
        ({"acr": 2}, "acr"),
        ({"acr": ("aal2",)}, "acr"),
        ({"mode": "enforce", "acr": None}, "acr"),
    ],
)
def test_risk_without_sense_is_refused(wrong: dict[str, Any], named: str) -> None:
    """A threshold that cannot be compared fails when it is set, not at a sign-in."""
    with pytest.raises(ConfigurationError, match=named):
        Risk(**wrong)


def test_privacy_is_one_of_three() -> None:
    """Addresses are kept in full, truncated or not at all."""
    with pytest.raises(ConfigurationError, match="ip"):
        Privacy(ip="hashed")  # type: ignore[arg-type]


def test_spans_are_timedeltas_or_seconds() -> None:
    """Both mean the same."""
    assert Policy(idle_timeout=timedelta(days=7)) == Policy(idle_timeout=7 * DAY)


@pytest.mark.parametrize(("idle", "expected"), [(14 * DAY, 300), (1000, 100)])
def test_the_touch_interval_follows_the_idle_timeout(idle: float, expected: float) -> None:
    """The lesser of five minutes and a tenth."""
    assert expected == Policy(idle_timeout=idle, access_lifetime=60).touch_interval


@pytest.mark.parametrize(
    ("aal", "absolute", "idle"),
    [(1, 30 * DAY, 14 * DAY), (2, DAY, 3600), (3, 12 * 3600, 900)],
)
def test_nist(aal: Any, absolute: float, idle: float) -> None:
    """The presets are those of SP 800-63B-4."""
    policy = Policy.nist(aal)
    assert (absolute, idle) == (policy.absolute_lifetime, policy.idle_timeout)
    with pytest.raises(ConfigurationError):
        Policy.nist(4)  # type: ignore[arg-type]


@pytest.mark.parametrize(("limit", "expected"), [(None, None), (3, 3), (lambda *_: 5, 5)])
def test_a_limit(limit: Any, expected: int | None) -> None:
    """A number, a function, or none."""
    assert expected == Policy(max_sessions=limit).limit_for("ada", Client())


@pytest.mark.parametrize("gives", [0, -1, True, "3"])
def test_a_function_that_gives_no_limit(gives: Any) -> None:
    """A nonsensical result of the application's function raises an error and is not used."""
    with pytest.raises(ConfigurationError, match="max_sessions"):
        Policy(max_sessions=lambda *_: gives).limit_for("ada", Client())


@pytest.mark.parametrize("lease", [0.3, 2, 60, timedelta(seconds=1)])
def test_leases_that_a_policy_takes(lease: float | timedelta) -> None:
    """A lease takes a third of a second to a minute, two seconds by default."""
    policy = Policy(acknowledged=True, lease=lease)

    assert seconds(lease) == policy.lease
    assert (False, 2.0) == (Policy().acknowledged, Policy().lease)
