"""
Remarks: what is unusual about a sign-in and says too little to be scored.

Each is a signal of no points, in the assessment, its explanation and the history. Several new
devices in a short time notify the owner all the same. docs/risk.md says why none is scored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol, TypeAlias

from devsess.models import Signal
from devsess.risk.profile import DAY, Part, latest_day, saw_since

if TYPE_CHECKING:
    from devsess.risk.facts import Facts
    from devsess.risk.profile import Profile

# New devices within a day that are several.
SEVERAL = 3
# Days without a sign-in or refresh after which an account counts as dormant.
DORMANT = 180

Remark: TypeAlias = "Callable[[Facts, Profile], Signal | None]"


class NewDevice(Protocol):
    """A device that was new to an account, as its sign-in showed it."""

    @property
    def os(self) -> str | None: ...
    @property
    def browser(self) -> str | None: ...
    @property
    def kind(self) -> str | None: ...
    @property
    def network(self) -> str | None: ...


def unlike(devices: Iterable[NewDevice]) -> int:
    """
    How many of *devices* are unlike each other.

    A browser that keeps no cookies is a new device at each sign-in: it counts once on each network.
    """
    return len({(it.os, it.browser, it.kind, it.network) for it in devices})


def device_burst(facts: Facts, _: Profile) -> Signal | None:
    """The third new device, or a later one, of 24 hours."""
    count = facts.new_devices
    if count < SEVERAL:
        return None
    return Signal("device_burst", 0, f"{count} new devices in 24 hours", {"devices": count})


def dormant(facts: Facts, profile: Profile) -> Signal | None:
    """The account was not used for half a year."""
    today = int(facts.at // DAY)
    if saw_since(profile, today - DORMANT + 1) or (latest := latest_day(profile)) is None:
        return None
    days = today - latest
    return Signal("dormant", 0, f"not used for {days} days", {"days": days})


def changed_agent(facts: Facts, profile: Profile) -> Signal | None:
    """A known device shows a browser and system that are new to the account."""
    if not facts.is_proven or facts.agent is None:
        return None
    if profile.knows(Part.AGENT, facts.agent, facts.at):
        return None
    return Signal("changed_agent", 0, f"a known device, first time with {facts.agent}")


# One line a remark: its kind, in the order in which people read them.
REMARKS: Mapping[str, Remark] = {
    "device_burst": device_burst,
    "dormant": dormant,
    "changed_agent": changed_agent,
}


def remarks(facts: Facts, profile: Profile) -> tuple[Signal, ...]:
    """Those that apply to a sign-in; a refresh has none."""
    if facts.is_refresh:
        return ()
    found = (remark(facts, profile) for remark in REMARKS.values())
    return tuple(it for it in found if it is not None)
