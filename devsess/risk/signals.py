"""
The signals: each compares the facts of a request with its account's profile.

A rule answers with a finding, None where nothing is unusual, or LACKING where it lacks what it
needs. SIGNALS is the whole table; its order is the order in which people read the sum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Final, TypeAlias

from attrs import field, frozen

from devsess._client import UNKNOWN
from devsess._frozen import NOTHING
from devsess.risk.facts import Facts, Proof
from devsess.risk.places import place, travel
from devsess.risk.profile import Part, Profile
from devsess.risk.velocity import MOST_ACCOUNTS

if TYPE_CHECKING:
    from devsess.risk_policy import Points

# Sign-ins after which an account counts as established, and as settled.
ESTABLISHED = 4
SETTLED = 10
# Failed sign-ins that are a signal.
FAILURES = 3
# Accounts on which one network failed that are.
FAILED_ACCOUNTS = 10
# Faster than an airliner, and too far for two wrong points of one region, or for a carrier whose
# addresses leave it at another city than its phones are in.
SPEED_KMH = 1_000.0
LEAST_KM = 700.0


class Lacking(Enum):
    """The answer of a rule that lacks what it needs."""

    LACKING = "lacking"


LACKING: Final = Lacking.LACKING


@frozen
class Finding:
    """
    Something unusual.

    Attributes:
        points: The name of its points in `Points`.
        message: A few words for people, with the numbers in them.
        data: The numbers, as JSON types.
    """

    points: str
    message: str
    data: Mapping[str, object] = field(default=NOTHING)


Rule: TypeAlias = Callable[[Facts, Profile], Finding | Lacking | None]


def unknown_device(facts: Facts, _: Profile) -> Finding | None:
    """No token of a known device came with it."""
    if facts.is_proven:
        return None
    if facts.is_refresh:
        return Finding("unknown_device", "a refresh, which proves no device")
    return Finding("unknown_device", "unknown device")


def trusted_device(facts: Facts, profile: Profile) -> Finding | None:
    """
    The device is one that its user trusts, where its token is likely to be on that very device.

    A copy of the token is used from a data centre or another country, and earns nothing there.
    """
    if facts.proof is not Proof.TRUSTED:
        return None
    if any(isinstance(rule(facts, profile), Finding) for rule in (hosting, new_country)):
        return None
    return Finding("trusted_device", "trusted device")


def new_network(facts: Facts, profile: Profile) -> Finding | Lacking | None:
    """
    The address's network is new to the account: a /24 of a known provider, or a new provider.

    Without a file of networks it counts as one of a known provider, but not in a new country.
    """
    if facts.network is None:
        return LACKING
    if profile.knows(Part.NETWORK, facts.network, facts.at):
        return None
    if _is_new_provider(facts, profile):
        return Finding(
            "new_network", f"first time on {_provider(facts)}", {"provider": facts.provider}
        )
    return Finding("new_subnet", f"first time on {facts.network}", {"provider": facts.provider})


def hosting(facts: Facts, profile: Profile) -> Finding | Lacking | None:
    """A new network belongs to a data centre, as the exits of VPNs do."""
    if facts.location is None or facts.location.is_hosting is None:
        return LACKING
    if not facts.location.is_hosting or not _is_new_provider(facts, profile):
        return None
    return Finding("hosting", "hosting or VPN network")


def new_country(facts: Facts, profile: Profile) -> Finding | Lacking | None:
    """The country is new to the account."""
    code = facts.location.country_code if facts.location else None
    if code is None:
        return LACKING
    if profile.knows(Part.COUNTRY, code, facts.at):
        return None
    where = facts.location.country if facts.location and facts.location.country else code
    return Finding("new_country", f"first time in {where}", {"country": code})


def new_agent(facts: Facts, profile: Profile) -> Finding | Lacking | None:
    """An unknown device runs a browser and system that are new to the account."""
    if facts.is_proven:
        return None
    if facts.agent is None:
        return LACKING
    if profile.knows(Part.AGENT, facts.agent, facts.at):
        return None
    return Finding("new_agent", f"first time with {facts.agent}")


def settled_account(facts: Facts, profile: Profile) -> Finding | Lacking | None:
    """
    An account that has signed in often meets an unknown device on a new network, or a new agent.

    The more often it has, the less does it meet either by itself: docs/risk.md has the shares.
    """
    count = profile.sign_ins
    if facts.is_proven or count < ESTABLISHED:
        return None
    if facts.location is None:
        return LACKING
    points = "settled_account" if count >= SETTLED else "established_account"
    if _is_new_provider(facts, profile):
        return Finding(points, f"new network after {count} sign-ins", {"sign_ins": count})
    if facts.agent is None or profile.knows(Part.AGENT, facts.agent, facts.at):
        return None
    return Finding(points, f"new browser or system after {count} sign-ins", {"sign_ins": count})


def failures(facts: Facts, _: Profile) -> Finding | None:
    """Failed sign-ins came right before."""
    if facts.failures < FAILURES:
        return None
    count = facts.failures
    return Finding("failures", f"after {count} failed sign-ins", {"failures": count})


def velocity(facts: Facts, _: Profile) -> Finding | Lacking | None:
    """The network failed on many accounts; at a refresh, where nobody guesses, it is not asked."""
    count = facts.failed_accounts
    if facts.is_refresh:
        return None
    if count is None:
        return LACKING
    if count < FAILED_ACCOUNTS:
        return None
    many = f"{count} accounts or more" if count >= MOST_ACCOUNTS else f"{count} accounts"
    return Finding(
        "velocity", f"{_subnet(facts)} failed on {many} in the last hour", {"accounts": count}
    )


def impossible_travel(facts: Facts, profile: Profile) -> Finding | Lacking | None:
    """
    Nobody travels as fast as the two latest sign-ins are apart.

    Every condition takes false alarms away: docs/risk.md has the measured share of each.
    """
    here, last = place(facts.at, facts.network, facts.location), profile.last
    if here is None or last is None:
        return LACKING
    # A file of cities alone knows no numbers: then no two networks are known to be one.
    if here.asn is not None and here.asn == last.asn:
        return None
    if facts.is_proven or here.network == last.network:
        return None
    if profile.knows(Part.CELL, here.cell, facts.at):
        return None
    gone = travel(last, here)
    if gone.km < LEAST_KM or gone.speed <= SPEED_KMH:
        return None
    return Finding(
        "impossible_travel",
        f"{last.city} to {here.city}: {gone.km:,.0f} km in {_hours(gone.hours)},"
        f" {gone.speed:,.0f} km/h",
        {"km": round(gone.km), "hours": round(gone.hours, 2), "kmh": round(gone.speed)},
    )


def automation(facts: Facts, _: Profile) -> Finding | None:
    """A program or crawler, not a browser."""
    if facts.kind != "bot":
        return None
    return Finding("automation", "an automated client")


def changed_system(facts: Facts, _: Profile) -> Finding | None:
    """A session moved to another operating system, which no browser's update does."""
    if facts.session_os in (None, UNKNOWN) or facts.os in (UNKNOWN, facts.session_os):
        return None
    message = f"a session of {facts.session_os} is refreshed on {facts.os}"
    return Finding("changed_system", message, {"from": facts.session_os, "to": facts.os})


# One line a signal: its kind, in the order of the sum.
SIGNALS: Mapping[str, Rule] = {
    "new_device": unknown_device,
    "trusted_device": trusted_device,
    "new_network": new_network,
    "hosting": hosting,
    "new_country": new_country,
    "new_agent": new_agent,
    "settled_account": settled_account,
    "failures": failures,
    "velocity": velocity,
    "impossible_travel": impossible_travel,
    "automation": automation,
    "changed_system": changed_system,
}
_WITHOUT_VELOCITY = {kind: rule for kind, rule in SIGNALS.items() if kind != "velocity"}


def in_use(points: Points) -> Mapping[str, Rule]:
    """The signals that *points* asks for: where velocity is off, nothing is counted for it."""
    return SIGNALS if points.velocity else _WITHOUT_VELOCITY


def _is_new_provider(facts: Facts, profile: Profile) -> bool:
    """Whether the network's provider is new, as far as its number, or else its country, tells."""
    where = facts.location
    if where is None or profile.knows(Part.NETWORK, facts.network, facts.at):
        return False
    if facts.provider is not None:
        return not profile.knows(Part.PROVIDER, facts.provider, facts.at)
    code = where.country_code
    return code is not None and not profile.knows(Part.COUNTRY, code, facts.at)


def _provider(facts: Facts) -> str:
    where = facts.location
    if where is None or where.asn is None:
        return "a network of another country"
    return f"AS{where.asn} ({where.organisation})" if where.organisation else f"AS{where.asn}"


def _subnet(facts: Facts) -> str:
    return f"{facts.network}/48" if ":" in (facts.network or "") else f"{facts.network}/24"


def _hours(hours: float) -> str:
    return f"{hours:.1f} hours" if hours >= 1 else f"{hours * 60:.0f} minutes"
