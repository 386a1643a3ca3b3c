"""Which events seed an account's habits, and what is asked for them."""

from __future__ import annotations

from typing import Any

import pytest
from _play import Call, at, play
from attrs import evolve

from devsess import Policy
from devsess.models import EventType, Location, Page
from devsess.operations.habits import Habits
from devsess.operations.seeding import EVENTS, known_habits, seeded
from devsess.risk import profile as profiles
from devsess.risk.facts import Facts, Proof
from devsess.risk.profile import Part, Profile
from devsess.stores.calls import Known
from devsess.stores.items import Item
from devsess.testing._rows import T0, device_row, event_row

DAY = 86_400.0
NOW = T0 + 30 * DAY
LAGOS = Location("Lagos", "Nigeria", 6.45, 3.39, 20, "Lagos", "NG", "Africa/Lagos", 37148)
SHOWN = Facts(at=NOW, network="203.0.113.0")
LOCATED = evolve(SHOWN, location=LAGOS)
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36"
SIGN_IN = event_row(
    EventType.SESSION_CREATED,
    at=T0,
    device_id="d",
    ip="198.51.100.7",
    network="198.51.100.0",
    user_agent=CHROME,
    reason=None,
    actor=None,
    new_device=False,
)
REDUCED = evolve(SIGN_IN, ip="198.51.100.0")
OF_OLD = Known([device_row()], 0)


def habits(*events: Any, shown: Facts = SHOWN, place: Location | None = LAGOS) -> Habits:
    """The habits that *events*, newest first, come to; each address is located once."""
    networks = {it.ip for it in events if it.ip and it.type is EventType.SESSION_CREATED}
    answers = [("events", Page(events)), *[("locate", place)] * len(networks)]
    found = play(known_habits(at(NOW), "user-1", OF_OLD, shown), *answers)
    assert isinstance(found, Habits)
    return found


def test_one_page_of_events_is_read() -> None:
    """Of the account's, newest first."""
    calls: list[Call] = []
    flow = known_habits(at(NOW), "user-1", OF_OLD, SHOWN)
    play(flow, ("events", Page((), "more")), calls=calls)

    assert [Call("events", ("user-1",), {"limit": EVENTS})] == calls


PROFILE = Item("profile", "user-1", "", profiles.dump(Profile(sign_ins=7)), 3, T0, NOW)
NEWER = evolve(PROFILE, body='{"version": 99}')


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        (Known([], 0), Habits(Profile(), 0)),
        (Known([device_row()], 0, [PROFILE]), Habits(Profile(sign_ins=7), 3)),
        (Known([device_row()], 0, [NEWER]), Habits(None, 3)),
    ],
)
def test_who_has_a_profile_or_no_device_costs_nothing(account: Known, expected: Habits) -> None:
    """No call is made: neither for a new account, nor ever again for an old one."""
    assert expected == play(known_habits(at(NOW), "user-1", account, SHOWN))


def test_without_risk_nothing_is_read() -> None:
    """Policy(risk=None) keeps no habits."""
    op = evolve(at(NOW), policy=Policy(risk=None))

    assert Habits(Profile(), 0) == play(known_habits(op, "user-1", OF_OLD, SHOWN))


def test_a_sign_in_seeds_all_its_parts() -> None:
    """Network, owner, country, place and program, at the day on which it was; version 1 follows."""
    found = habits(SIGN_IN)
    day = int(T0 // DAY)

    assert found.profile is not None
    assert (1, 0) == (found.profile.sign_ins, found.version)
    assert {
        Part.NETWORK: {"198.51.100.0": day},
        Part.PROVIDER: {"37148": day},
        Part.COUNTRY: {"NG": day},
        Part.CELL: {"12,6": day},
        Part.AGENT: {"Chrome on Linux": day},
    } == found.profile.seen


def test_a_network_has_no_city() -> None:
    """Of an address that was reduced, owner and country are right, and a point would not be."""
    found = habits(REDUCED).profile

    assert found is not None
    assert {Part.NETWORK, Part.PROVIDER, Part.COUNTRY, Part.AGENT} == found.seen.keys()
    assert None is found.last


@pytest.mark.parametrize(
    "other",
    [
        evolve(SIGN_IN, type=EventType.SESSION_RENEWED),
        evolve(SIGN_IN, type=EventType.LOGIN_DENIED),
        evolve(SIGN_IN, actor="support-7", reason="impersonation"),
        evolve(SIGN_IN, at=NOW + 1),
        evolve(SIGN_IN, device_id="blocked"),
        evolve(SIGN_IN, device_id="disowned"),
    ],
)
def test_what_does_not_seed(other: Any) -> None:
    """Other events, sign-ins of staff, of the future, and of devices that are not the owner's."""
    disowned = evolve(SIGN_IN, type=EventType.NOTICE_DISOWNED, device_id="disowned", ip=None)
    blocked = evolve(device_row(), id="blocked", blocked=True)
    account = Known([device_row(), blocked], 0)
    flow = known_habits(at(NOW), "user-1", account, SHOWN)

    assert Habits(Profile(), 0) == play(flow, ("events", Page((disowned, other))))


def test_the_instant_itself_is_past() -> None:
    """A sign-in of the same instant came before."""
    found = habits(evolve(SIGN_IN, at=NOW)).profile

    assert found is not None
    assert 1 == found.sign_ins


def test_an_address_is_located_once() -> None:
    """Sign-ins of one address share the answer."""
    found = habits(SIGN_IN, evolve(SIGN_IN, at=T0 - DAY), REDUCED).profile

    assert found is not None
    assert 3 == found.sign_ins


def test_without_an_address_nothing_is_located() -> None:
    """Privacy(ip="none") leaves the program alone."""
    found = habits(evolve(SIGN_IN, ip=None, network=None)).profile

    assert found is not None
    assert {Part.AGENT} == found.seen.keys()


def test_a_network_alone_is_located_as_one() -> None:
    """An event whose address is gone still has its network."""
    flow = known_habits(at(NOW), "user-1", OF_OLD, SHOWN)
    found = play(flow, ("events", Page((evolve(SIGN_IN, ip=None),))), ("locate", LAGOS))

    assert {"NG"} == found.profile.seen[Part.COUNTRY].keys()
    assert Part.CELL not in found.profile.seen


def test_events_teach_in_their_order() -> None:
    """The oldest is the first, whatever its device; a later unknown one waits, a known one not."""
    first = evolve(SIGN_IN, at=NOW - 2 * DAY, new_device=True)
    second = evolve(first, at=NOW - DAY, network="192.0.2.0", ip="192.0.2.7")
    known = evolve(second, new_device=False)
    elsewhere, proven = habits(second, first).profile, habits(known, first).profile

    assert elsewhere is not None
    assert proven is not None
    assert {"198.51.100.0"} == elsewhere.seen[Part.NETWORK].keys()
    assert [{Part.NETWORK: "192.0.2.0"}] == [it.parts for it in elsewhere.pending]
    assert {"198.51.100.0", "192.0.2.0"} == proven.seen[Part.NETWORK].keys()


@pytest.mark.parametrize(
    ("shown", "place", "expected"),
    [
        (LOCATED, LAGOS, 1),
        (LOCATED, None, 0),
        (LOCATED, evolve(LAGOS, asn=None), 0),
        (LOCATED, evolve(LAGOS, country_code=None), 0),
        (SHOWN, None, 1),
        (evolve(LOCATED, location=evolve(LAGOS, asn=None)), evolve(LAGOS, asn=None), 1),
    ],
)
def test_a_past_without_places_is_not_compared(
    shown: Facts, place: Location | None, expected: int
) -> None:
    """Where today's sign-in has an owner or a country, the past must have some too."""
    found = habits(SIGN_IN, shown=shown, place=place).profile

    assert found is not None
    assert expected == found.sign_ins


def test_proven_sign_ins_are_confirmed() -> None:
    """A known device teaches at once, an unknown one provisionally."""
    home = Facts(at=T0, network="198.51.100.0", proof=Proof.KNOWN)
    away = evolve(home, at=T0 + DAY, network="192.0.2.0")

    assert 2 == len(seeded([home, away]).seen[Part.NETWORK])
    assert 1 == len(seeded([home, evolve(away, proof=Proof.NONE)]).seen[Part.NETWORK])
    assert Profile() == seeded([])
