"""
An account's habits: one small record, which sign-ins teach.

Only successes teach. A sign-in from a proven device teaches at once; another one teaches
its new parts provisionally: they count once a proven device confirms them, or after three
days in which nobody objected. So a thief's second try gains nothing from the first.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from enum import StrEnum
from functools import reduce
from itertools import chain
from typing import TYPE_CHECKING, Any

from attrs import astuple, evolve, field, frozen

from devsess import skew
from devsess._frozen import NOTHING
from devsess.risk.places import LATEST, Place, is_sound, place

if TYPE_CHECKING:
    from devsess.risk.facts import Facts

VERSION = 1
DAY = 86_400.0
# Days that a new part waits, if no proven device confirms it before.
QUIET = 3
MAX_PENDING = 8
# A client may name itself in letters of which each would be twelve characters, escaped.
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class Part(StrEnum):
    """The parts of a sign-in that a profile remembers."""

    NETWORK = "network"  # a /24 or /48
    PROVIDER = "owner"  # number of an autonomous system; stored by that name since the first
    COUNTRY = "country"  # ISO 3166-1, two letters
    CELL = "cell"  # a place, to half a degree
    AGENT = "agent"  # browser and system


@frozen
class Memory:
    """How many values of one kind are remembered, and for how many days."""

    most: int
    days: int


# docs/risk.md has what forgetting costs: an address is soon another's, and so is forgotten first.
MEMORIES: Mapping[Part, Memory] = {
    Part.NETWORK: Memory(64, 180),
    Part.PROVIDER: Memory(32, 400),
    Part.COUNTRY: Memory(16, 400),
    Part.CELL: Memory(16, 400),
    Part.AGENT: Memory(16, 400),
}
_LONGEST = max(it.days for it in MEMORIES.values())


@frozen
class Observation:
    """The parts of one sign-in that were new to the account, and its day."""

    day: int
    parts: Mapping[Part, str]


@frozen
class Profile:
    """
    One account's habits.

    Attributes:
        sign_ins: How many have taught it.
        seen: By part, each value and the day on which it was last seen.
        last: The place of the latest sign-in that had one.
        pending: Parts seen without proof, oldest first.
        notices: Whole seconds of the notices that the owner was sent in the last 24 hours.
    """

    sign_ins: int = 0
    seen: Mapping[Part, Mapping[str, int]] = field(default=NOTHING, hash=False)
    last: Place | None = None
    pending: tuple[Observation, ...] = ()
    notices: tuple[int, ...] = ()

    def knows(self, part: Part, value: str | None, at: float) -> bool:
        """Whether *value* was seen, and is not forgotten by *at*."""
        if value is None:
            return False
        day = self.seen.get(part, NOTHING).get(value)
        return day is not None and _day(at) - day <= MEMORIES[part].days


def parts(facts: Facts) -> dict[Part, str]:
    """The values of *facts* that a profile remembers."""
    where, here = facts.location, place(facts.at, facts.network, facts.location)
    found = {
        Part.NETWORK: facts.network,
        Part.PROVIDER: facts.provider,
        Part.COUNTRY: where.country_code if where is not None else None,
        Part.CELL: here.cell if here is not None else None,
        Part.AGENT: facts.agent,
    }
    return {part: value for part, value in found.items() if value is not None}


def as_of(profile: Profile, at: float) -> Profile:
    """
    *profile* with the parts that were pending for long enough.

    An empty one where all of it is forgotten: an account that nobody used for so long has no
    habits to compare with, and stores delete its profile sooner or later.
    """
    if _is_forgotten(profile, at):
        return Profile()
    due = [it for it in profile.pending if _day(at) - it.day >= QUIET]
    if not due:
        return profile
    rest = tuple(it for it in profile.pending if it not in due)
    return reduce(_with, due, evolve(profile, pending=rest))


def _is_forgotten(profile: Profile, at: float) -> bool:
    """Whether the latest thing that it has seen is older than the longest memory."""
    return not saw_since(profile, _day(at) - _LONGEST) and latest_day(profile) is not None


def saw_since(profile: Profile, day: int) -> bool:
    """Whether it saw anything on *day*, counted since the epoch, or later."""
    # Mostly the first part says yes: `latest_day` would look through all of them.
    return any(max(days.values(), default=-1) >= day for days in profile.seen.values()) or any(
        it.day >= day for it in profile.pending
    )


def latest_day(profile: Profile) -> int | None:
    """The day, since the epoch, on which it last saw anything; None if it never did."""
    latest = [max(days.values()) for days in profile.seen.values() if days]
    return max([*latest, *(it.day for it in profile.pending)], default=None)


def learned(profile: Profile, facts: Facts, *, confirmed: bool, is_sign_in: bool = True) -> Profile:
    """
    *profile* after a success with *facts*.

    Args:
        confirmed: Whether a proven device, or a person who passed a step-up, stands behind
            them: new parts count at once, and so do pending ones of the same network.
        is_sign_in: Whether it counts as one; a refresh does not.
    """
    profile = as_of(profile, facts.at)
    now = Observation(_day(facts.at), parts(facts))
    if confirmed or not profile.sign_ins:
        profile = _with(_confirmed(profile, now.parts), now)
    else:
        profile = _provisionally(profile, now, facts.at)
    here = place(facts.at, facts.network, facts.location)
    return evolve(profile, sign_ins=profile.sign_ins + is_sign_in, last=here or profile.last)


def disowned(profile: Profile, theirs: Mapping[Part, Collection[str | None]]) -> Profile:
    """
    *profile* once its owner said "no": nothing that waits will count, and *theirs* is new again.

    All that waits goes, not the parts of that sign-in alone: its session may have been elsewhere
    since, and the owner's own parts are soon seen again.
    """
    seen = {
        part: {it: day for it, day in days.items() if it not in theirs.get(part, ())}
        for part, days in profile.seen.items()
    }
    last = profile.last
    is_theirs = last is not None and last.network in theirs.get(Part.NETWORK, ())
    return evolve(profile, seen=seen, pending=(), last=None if is_theirs else last)


def recent_notices(profile: Profile, at: float) -> tuple[int, ...]:
    """The notices of the 24 hours before *at*; a clock a little ahead may have dated them."""
    return tuple(it for it in profile.notices if at - DAY < it <= skew.latest(at))


def noticed(profile: Profile, at: float) -> Profile:
    """*profile* after its owner was sent a notice."""
    return evolve(profile, notices=(*recent_notices(profile, at), int(at)))


def _confirmed(profile: Profile, seen: Mapping[Part, str]) -> Profile:
    """A pending part that shares a network or its provider with *seen* counts now."""
    due = [it for it in profile.pending if _shares(it.parts, seen)]
    if not due:
        return profile
    rest = tuple(it for it in profile.pending if it not in due)
    return reduce(_with, due, evolve(profile, pending=rest))


def _shares(pending: Mapping[Part, str], seen: Mapping[Part, str]) -> bool:
    return any(
        part in pending and pending[part] == seen.get(part)
        for part in (Part.NETWORK, Part.PROVIDER)
    )


def _provisionally(profile: Profile, now: Observation, at: float) -> Profile:
    """Known parts are seen again; new ones wait, the same ones from their first day on."""
    known = {part: it for part, it in now.parts.items() if profile.knows(part, it, at)}
    new = {part: it for part, it in now.parts.items() if part not in known}
    profile = _with(profile, evolve(now, parts=known))
    if not new or any(it.parts == new for it in profile.pending):
        return profile
    waiting = (*profile.pending, evolve(now, parts=new))
    return evolve(profile, pending=waiting[-MAX_PENDING:])


def _with(profile: Profile, now: Observation) -> Profile:
    seen = dict(profile.seen)
    for part, value in now.parts.items():
        seen[part] = _put(seen.get(part, NOTHING), value, now.day, MEMORIES[part])
    return evolve(profile, seen=seen)


def _put(days: Mapping[str, int], value: str, day: int, memory: Memory) -> Mapping[str, int]:
    if days.get(value, -1) >= day:
        return days
    kept = {it: last for it, last in days.items() if day - last <= memory.days}
    kept[value] = day
    if len(kept) > memory.most:
        del kept[min(kept, key=kept.__getitem__)]
    return kept


def _day(at: float) -> int:
    return int(at // DAY)


def dump(profile: Profile) -> str:
    """*profile* as JSON."""
    last = profile.last
    body: dict[str, Any] = {
        "version": VERSION,
        "signIns": profile.sign_ins,
        "seen": {part.value: dict(days) for part, days in profile.seen.items()},
        "last": last and astuple(last),
        "pending": [[it.day, dict(it.parts)] for it in profile.pending],
        "notices": profile.notices,
    }
    return _encode(body)


def load(text: str) -> Profile:
    """
    The profile that `dump` wrote.

    Raises:
        ValueError: If a newer devsess wrote it, or it is damaged.
    """
    try:
        body = json.loads(text)
        version = body["version"]
        found = _loaded(body) if version == VERSION else None
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise ValueError("the risk profile is damaged") from error
    if found is None:
        raise ValueError(f"a risk profile of version {version}; this is {VERSION}")
    return found


def _loaded(body: Mapping[str, Any]) -> Profile:
    seen = {Part(part): _of(int, days) for part, days in body["seen"].items()}
    pending = [(day, _of(str, found)) for day, found in body["pending"]]
    last = Place(*body["last"]) if body["last"] else None
    whole = [body["signIns"], *body["notices"], *(day for day, _ in pending)]
    if {int, *map(type, whole)} != {int}:
        raise TypeError("there is another type of value in it")
    # At once: these are most of a profile, and every sign-in reads it.
    whole += chain.from_iterable(days.values() for days in seen.values())
    if min(whole) < 0 or max(whole) >= LATEST:
        raise TypeError("there is no number in the place of a day or a count")
    if last is not None and not is_sound(last):
        raise TypeError("there is a place that is none")
    return Profile(
        sign_ins=body["signIns"],
        seen=seen,
        last=last,
        pending=tuple(Observation(day, _parts(found)) for day, found in pending),
        notices=tuple(body["notices"]),
    )


def _of(kind: type, found: Mapping[str, Any]) -> Mapping[str, Any]:
    """*found*, whose values must all be of *kind*."""
    if not {*map(type, found.values())} <= {kind}:
        raise TypeError("there is another type of value in it")
    return found


def _parts(found: Mapping[Any, str]) -> dict[Part, str]:
    return {Part(part): value for part, value in found.items()}
