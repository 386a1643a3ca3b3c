"""Refreshes of a session, and of a copy of it."""

from __future__ import annotations

import pytest
from attrs import evolve

from devsess.models import Decision, Location
from devsess.risk.facts import Facts, Proof
from devsess.risk.profile import DAY, QUIET, Part, Profile, as_of, learned
from devsess.risk.refreshes import assess_refresh, taught
from devsess.risk_policy import Points, Risk

T = 1_750_000_000.0
LAGOS = Location(country_code="NG", asn=37148, is_hosting=False)
HOME = Facts(
    at=T,
    proof=Proof.TRUSTED,
    network="102.89.77.0",
    location=LAGOS,
    os="macOS",
    browser="Chrome",
    kind="desktop",
    session_os="macOS",
)
USED = learned(Profile(), HOME, confirmed=True)
CAFE = evolve(HOME, network="105.112.1.0", location=evolve(LAGOS, asn=36873))
VPN = evolve(HOME, network="5.5.5.0", location=evolve(LAGOS, asn=9009, is_hosting=True))
ABROAD = evolve(HOME, network="6.6.6.0", location=evolve(LAGOS, asn=577, country_code="CA"))
HOSTED = evolve(ABROAD, location=evolve(LAGOS, asn=9009, country_code="CA", is_hosting=True))

# A refresh, the score of the copy that it may be, and what follows.
CASES = [
    (HOME, -30, Decision.ALLOW),
    (CAFE, 0, Decision.ALLOW),
    (ABROAD, 10, Decision.ALLOW),
    (VPN, 15, Decision.ALLOW),
    (HOSTED, 25, Decision.STEP_UP),
    (evolve(HOME, session_os="Windows"), 20, Decision.STEP_UP),
    (evolve(HOME, proof=Proof.BLOCKED), 0, Decision.DENY),
]


@pytest.mark.parametrize(("facts", "score", "decision"), CASES)
def test_a_refresh_is_weighed_as_a_copy(facts: Facts, score: int, decision: Decision) -> None:
    """A device's token proves nothing where it may have been copied; only the worst ask more."""
    found = assess_refresh(facts, USED, Risk())

    assert (score, decision) == (found.score, found.decision)


@pytest.mark.parametrize("profile", [None, Profile()])
def test_without_habits_a_refresh_is_allowed(profile: Profile | None) -> None:
    """There is nothing to compare it with, whatever the threshold is."""
    found = assess_refresh(HOSTED, profile, Risk(refresh_from=-100))

    assert found.decision is Decision.ALLOW


def test_a_refresh_in_a_new_network_teaches_it_later() -> None:
    """A copy in use makes nothing familiar at once; three quiet days do."""
    profile = taught(USED, CAFE, Risk())

    assert not profile.knows(Part.PROVIDER, "36873", T)
    assert as_of(profile, T + QUIET * DAY).knows(Part.PROVIDER, "36873", T)


def test_a_refresh_is_no_sign_in() -> None:
    """It does not make an account an established one."""
    assert USED.sign_ins == taught(USED, CAFE, Risk()).sign_ins


def test_an_unusual_refresh_teaches_nothing() -> None:
    """A place that would be worth a notice is not learned in silence."""
    assert USED == taught(USED, HOSTED, Risk())


@pytest.mark.parametrize("proof", [Proof.KNOWN, Proof.TRUSTED])
def test_trust_counts_for_nothing_at_a_refresh(proof: Proof) -> None:
    """A copy of the cookies holds the trusted device's token, too: it learns no more."""
    hosted = evolve(HOSTED, proof=proof)
    trusting = Risk(points=Points(trusted_device=-1_000))

    assert assess_refresh(hosted, USED, Risk()) == assess_refresh(hosted, USED, trusting)
    assert USED == taught(USED, hosted, trusting)
