"""
Habits from the history: for an account that signed in before risk was on, or was copied here.

Only what the history holds teaches: successful sign-ins of before, none by staff, and none that
the owner disowned or whose device is blocked. They teach as they would have when they happened, so
a device that was new then waits three days. It is done once, as the sign-in that it is done for
writes the profile.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import evolve

from devsess._client import MAX_USER_AGENT, Client
from devsess._text import clean_text
from devsess.devices.recognise import traits
from devsess.models import EventType
from devsess.operations import habits
from devsess.operations.habits import Habits
from devsess.risk.facts import Facts, Proof
from devsess.risk.profile import Part, Profile, learned, parts

if TYPE_CHECKING:
    from devsess.models import Location
    from devsess.operations.operation import Operation
    from devsess.stores.calls import Known
    from devsess.stores.rows import EventRow

# The newest events of the account, read at once: a sign-in writes up to three.
EVENTS = 100
# Networks that are located, newest first: a locator that hangs is waited for a second each time.
LOCATED = 8
# Of the address of a whole network, its place says nothing.
_OF_A_PLACE = ("city", "region", "latitude", "longitude", "accuracy_km", "time_zone")


async def known_habits(op: Operation, user_id: str, account: Known, shown: Facts) -> Habits:
    """
    The account's habits at a sign-in with the facts *shown*; from its history if it has no profile.

    A new account, which has no device, has no history: nothing is read.
    """
    known = habits.of(account.items)
    if op.policy.risk is None or known.version or not account.devices:
        return known
    page = await op.store.events(user_id, limit=EVENTS)
    refused = {it.id for it in account.devices if it.blocked}
    profile = seeded(await _recorded(op, page.items, refused))
    return Habits(profile, 0) if _can_be_compared(profile, shown) else known


def seeded(sign_ins: Sequence[Facts]) -> Profile:
    """The habits that *sign_ins*, oldest first, have taught."""
    profile = Profile()
    for facts in sign_ins:
        profile = learned(profile, facts, confirmed=facts.is_proven)
    return profile


def _can_be_compared(profile: Profile, shown: Facts) -> bool:
    """
    Whether *profile* has a provider and a country, where the sign-in has them.

    Otherwise the locator of today knows what is known of no sign-in before, and the account's own
    country would look new to it.
    """
    seen = parts(shown)
    return all(profile.seen.get(it) for it in (Part.PROVIDER, Part.COUNTRY) if it in seen)


async def _recorded(op: Operation, events: Sequence[EventRow], refused: set[str]) -> list[Facts]:
    """The facts of the sign-ins among *events*, which come newest first; oldest first."""
    disowned = (it.device_id for it in events if it.type is EventType.NOTICE_DISOWNED)
    without = {*refused, *disowned}
    places: dict[str, Location | None] = {}
    found = []
    for it in events:
        if it.type is not EventType.SESSION_CREATED or it.actor is not None or it.at > op.now:
            continue
        if it.device_id not in without:
            found.append(_facts(it, await _place(op, it, places)))
    return found[::-1]


async def _place(
    op: Operation, row: EventRow, places: dict[str, Location | None]
) -> Location | None:
    """Where *row* was; of an address of which a network is left, without the city."""
    ip = row.ip or row.network
    if ip is None:
        return None
    if ip not in places and len(places) < LOCATED:
        places[ip] = await op.locate(ip)
    where = places.get(ip)
    return where and evolve(where, **dict.fromkeys(_OF_A_PLACE)) if ip == row.network else where


def _facts(row: EventRow, location: Location | None) -> Facts:
    shown = traits(Client(user_agent=clean_text(row.user_agent, MAX_USER_AGENT)))
    return Facts(
        at=row.at,
        proof=Proof.NONE if row.new_device else Proof.KNOWN,
        network=row.network,
        location=location,
        os=shown.os,
        browser=shown.browser,
        kind=shown.kind,
    )
