"""
Refreshes: as unusual as the session in another's hands would be.

A thief who copies a session's cookies copies the device's token with them, so that token proves
nothing at a refresh: the sum is that of an unknown device, and the threshold a higher one. New
parts that a refresh teaches wait as those of an unknown device do, so that a copy in use does not
make its network the account's own. docs/risk.md has the worth of both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from devsess.models import Decision
from devsess.risk.assess import assess
from devsess.risk.facts import Proof
from devsess.risk.profile import learned

if TYPE_CHECKING:
    from devsess.models import Assessment
    from devsess.risk.facts import Facts
    from devsess.risk.profile import Profile
    from devsess.risk_policy import Risk


def assess_refresh(facts: Facts, profile: Profile | None, risk: Risk) -> Assessment:
    """
    How unusual a refresh with *facts* is: it asks for a step-up from `risk.refresh_from` on.

    Nobody is notified of a refresh. A blocked device is denied, as at a sign-in.
    """
    found = assess(_unproven(facts), profile, risk)
    if found.decision is Decision.DENY:
        return found
    asks = bool(found.signals) and found.score >= risk.refresh_from
    return evolve(found, decision=Decision.STEP_UP if asks else Decision.ALLOW)


def taught(profile: Profile, facts: Facts, risk: Risk) -> Profile:
    """
    *profile* after a refresh of a session that is tied to its device.

    It learns nothing from one that would notify the owner, were it a sign-in of that device;
    trust in the device takes nothing away, for a copy of its token would have that too.
    """
    known = evolve(facts, proof=Proof.KNOWN) if facts.proof is Proof.TRUSTED else facts
    if assess(known, profile, risk).score >= risk.notify_from:
        return profile
    return learned(profile, facts, confirmed=False, is_sign_in=False)


def _unproven(facts: Facts) -> Facts:
    return facts if facts.proof is Proof.BLOCKED else evolve(facts, proof=Proof.NONE)
