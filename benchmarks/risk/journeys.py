"""Honest travel: how many sign-ins a rule of speed alone would flag, condition by condition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from benchmarks.risk.replay import OWNER, Assessed, Refreshed
from devsess.models import Location
from devsess.risk.facts import Facts
from devsess.risk.places import RADIUS_KM, Place, distance_km
from devsess.risk.profile import Part, Profile, parts
from devsess.risk.signals import LEAST_KM, SPEED_KMH

NEAR_KM = 100.0


def _point(facts: Facts) -> Place:
    """The point of a location, whatever it is worth."""
    where = facts.location or Location()
    latitude, longitude = where.latitude or 0.0, where.longitude or 0.0
    radius = RADIUS_KM if where.accuracy_km is None else where.accuracy_km
    return Place(facts.at, where.city or "", latitude, longitude, radius, facts.network, where.asn)


def _is_fast(km: float, old: Facts, new: Facts) -> bool:
    return km / (max(new.at - old.at, 1.0) / 3600) > SPEED_KMH


def _fast(old: Facts, new: Facts, _: Profile) -> bool:
    km = distance_km(_point(old), _point(new))
    return km > NEAR_KM and _is_fast(km, old, new)


def _far(old: Facts, new: Facts, _: Profile) -> bool:
    return distance_km(_point(old), _point(new)) > LEAST_KM


def _less_radii(old: Facts, new: Facts, _: Profile) -> bool:
    one, other = _point(old), _point(new)
    km = distance_km(one, other) - one.radius_km - other.radius_km
    return km >= LEAST_KM and _is_fast(km, old, new)


def _cities(old: Facts, new: Facts, _: Profile) -> bool:
    return all(it.location and it.location.city for it in (old, new))


def _no_hosting(old: Facts, new: Facts, _: Profile) -> bool:
    return not any(it.location and it.location.is_hosting for it in (old, new))


def _another_network(old: Facts, new: Facts, _: Profile) -> bool:
    return old.network != new.network and old.provider != new.provider


def _new_place(_: Facts, new: Facts, profile: Profile) -> bool:
    return not profile.knows(Part.CELL, parts(new).get(Part.CELL), new.at)


def _no_token(_: Facts, new: Facts, __: Profile) -> bool:
    return not new.is_proven


CONDITIONS: Mapping[str, Callable[[Facts, Facts, Profile], bool]] = {
    f"faster than {SPEED_KMH:,.0f} km/h, and more than {NEAR_KM:.0f} km": _fast,
    f"more than {LEAST_KM:.0f} km": _far,
    "the same less both radii": _less_radii,
    "both cities known": _cities,
    "neither side hosting": _no_hosting,
    "another network and /24": _another_network,
    "the place is new to the account": _new_place,
    "no token": _no_token,
}


def passed(events: Iterable[Assessed | Refreshed], first: Facts) -> Iterator[int]:
    """For each assessed sign-in of an owner: how many conditions hold, in their order."""
    old = first
    for event in events:
        if isinstance(event, Assessed) and event.who == OWNER:
            yield _holding(old, event.facts, event.profile)
            old = event.facts


def _holding(old: Facts, new: Facts, profile: Profile) -> int:
    count = 0
    for holds in CONDITIONS.values():
        if not holds(old, new, profile):
            break
        count += 1
    return count


def alarms(counts: Counter[int]) -> dict[str, float]:
    """By condition: the sign-ins in 1,000 for which it and those before it hold."""
    every = max(1, counts.total())
    return {
        name: 1_000 * sum(it for held, it in counts.items() if held >= number) / every
        for number, name in enumerate(CONDITIONS, 1)
    }
