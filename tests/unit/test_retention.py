"""How long sessions, devices and agents are kept after their end."""

from __future__ import annotations

import pytest

from devsess import (
    Policy,
    Privacy,
    lifecycle,
)
from devsess.testing._rows import DAY, T0


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Policy(privacy=Privacy(retention=0)), 905),
        (Policy(privacy=Privacy(retention=0), leeway=60), 960),
        (Policy(privacy=Privacy(retention=DAY)), DAY),
    ],
)
def test_a_tombstone_outlives_the_last_token(policy: Policy, expected: float) -> None:
    """Nothing is purged while a token of it would still be accepted, leeway included."""
    assert T0 - expected == lifecycle.purge_before(T0, policy)


def test_a_device_outlives_its_sessions() -> None:
    """A device is purged after its own retention, and never before a session's tombstone."""
    for sessions, devices, expected in ((90, 400, 400), (90, 30, 90)):
        privacy = Privacy(retention=sessions * DAY, device_retention=devices * DAY)
        assert T0 - expected * DAY == lifecycle.purge_devices_before(T0, Policy(privacy=privacy))


def test_agents_outlive_the_sessions_that_they_signed_in() -> None:
    """By the longest lifetime, and by the time for which a sighting is not written again."""
    policy = Policy()
    sessions = lifecycle.purge_before(T0, policy)
    expected = sessions - policy.absolute_lifetime - DAY
    assert expected == lifecycle.purge_agents_before(T0, policy)
