"""Items that are damaged, hostile or of a newer devsess: no sign-in, refresh or failure ends so."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from _people import CHROME, HOME, QUEBEC, WINDOWS, Locator, at
from attrs import evolve

from devsess import Client, Decision, Location, Policy, SessionManager
from devsess.operations._kinds import FAILURES, PROFILE
from devsess.risk import failures, velocity
from devsess.risk import profile as profiles
from devsess.risk.places import FARTHEST_KM, LATEST, Place, distance_km, place, travel
from devsess.risk_policy import Points, Risk
from devsess.stores.memory import MemoryStore
from devsess.testing import FakeClock

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
POLICY = Policy(risk=Risk(points=Points(velocity=15)))
# What stands in the place of any value of a body. Python's JSON has numbers that are none.
ODD = (
    *("NaN", "Infinity", "-Infinity", "1e308", "-1e308", "91", "-91.5", "1e-320", "-1", "0"),
    *("9" * 400, "-" + "9" * 400, "9" * 4_299, "true", "null", '""', '"x"', '"91"', "[]", "{}"),
    *("[[]]", '{"a": 1}', '"\\u0000"', '"\\ud800"', "[" * 2_000 + "]" * 2_000),
)


class Damaged:
    """An account with habits and failures, in whose items a test writes."""

    def __init__(self) -> None:
        self.clock, self.store = FakeClock(), MemoryStore()
        self.sessions = SessionManager(
            self.store, keys=SECRET, policy=POLICY, clock=self.clock, locator=Locator()
        )
        for number in range(5):
            self.grant = self.sessions.login("ada", at(HOME, agent=(CHROME, WINDOWS)[number % 2]))
            self.sessions.record_failure("ada", at(HOME))
            self.clock.advance(600)

    def write(self, kind: str, body: str) -> None:
        """Put *body* in the place of the item's."""
        [item] = self.store.items(kind, "ada", limit=1)
        self.store.put_item(evolve(item, body=body, version=item.version + 1))

    def uses(self) -> Decision:
        """Everything that reads an item of the account; the decision of the sign-in."""
        found = self.sessions.assess("ada", at(QUEBEC))
        grant = self.sessions.login("ada", at(QUEBEC))
        assert found == grant.assessment
        self.sessions.record_failure("ada", at(QUEBEC))
        self.sessions.refresh(grant.refresh_token, at("45.83.91.7", grant.device_token))
        if grant.notice is not None:
            self.sessions.confirm(grant.notice.yes_token, True)
        self.sessions.export_user("ada")
        return grant.assessment.decision


def bodies(kind: str) -> tuple[str, ...]:
    """The body of *kind*, with each odd value in the place of each value in it."""
    account = Damaged()
    [item] = account.store.items(kind, "ada", limit=1)
    return tuple(_replaced(json.loads(item.body)))


def _replaced(value: Any) -> list[str]:
    found = [*ODD]
    if not isinstance(value, (dict, list)):
        return found
    for key in value if isinstance(value, dict) else range(len(value)):
        for other in _replaced(value[key]):
            copy = value.copy()
            copy[key] = "<here>"
            found.append(json.dumps(copy).replace('"<here>"', other))
    return found


@pytest.mark.parametrize("kind", [PROFILE, FAILURES])
def test_no_value_ends_a_sign_in(kind: str, thorough: bool) -> None:
    """Whatever stands in whichever place: it is read whole, or not at all."""
    found = bodies(kind)
    chosen = found if thorough else random.Random(kind).sample(found, 40)
    for body in chosen:
        account = Damaged()
        account.write(kind, body)
        account.uses()


# The place of the latest sign-in: its instant, city, latitude, longitude, radius, network, number.
HERE: list[Any] = [1_752_831_000, "Lagos", 6.45, 3.39, 20, "102.89.77.0", 37148]
NAN, INF, HUGE = float("nan"), float("inf"), 10**400
WRONG: list[tuple[int, list[Any]]] = [
    (0, [NAN, INF, HUGE, -HUGE, LATEST, -1, "x", True]),
    (1, [5, None, ["Lagos"]]),
    (2, [NAN, INF, 91, -90.5, 1e308, HUGE, "6", None, True]),
    (3, [NAN, -INF, 181, -180.5, HUGE, []]),
    (4, [NAN, INF, -1, 20_100, HUGE]),
    (5, [5, ["102.89.77.0"]]),
    (6, ["37148", 1.5, [], True]),
]


@pytest.mark.parametrize(
    ("index", "value"),
    [(index, value) for index, values in WRONG for value in values],
    ids=lambda it: str(it)[:12],
)
def test_a_place_that_is_none_makes_a_profile_damaged(index: int, value: object) -> None:
    """Neither a sine of infinity, nor a distance that is no number, comes of it."""
    place = [*HERE[:index], value, *HERE[index + 1 :]]
    sound = json.loads(profiles.dump(profiles.Profile(sign_ins=3)))
    assert profiles.load(json.dumps({**sound, "last": HERE})).last is not None
    with pytest.raises(ValueError, match="damaged"):
        profiles.load(json.dumps({**sound, "last": place}))


EDGES: list[tuple[int, list[Any]]] = [
    (0, [0, LATEST - 1, 1.5]),
    (2, [-90, 90, -90.0, 0]),
    (3, [-180, 180, 180.0]),
    (4, [0, FARTHEST_KM, 0.5]),
    (5, [None, "2001:db8::"]),
    (6, [None, 0, 2**32 - 1]),
]


@pytest.mark.parametrize(
    ("index", "value"), [(index, value) for index, values in EDGES for value in values], ids=str
)
def test_a_place_at_an_edge_is_one(index: int, value: object) -> None:
    """The poles, the date line, a point without a radius: what `dump` writes is read."""
    found = Place(*[*HERE[:index], value, *HERE[index + 1 :]])
    profile = profiles.Profile(sign_ins=3, last=found)

    assert profile == profiles.load(profiles.dump(profile))
    where = Location("Lagos", None, found.latitude, found.longitude, found.radius_km)
    here = place(found.at, None, where)
    assert here is not None
    assert (found.latitude, found.longitude) == (here.latitude, here.longitude)
    assert found.radius_km == here.radius_km


@pytest.mark.parametrize(
    "wrong", [(90.5, 3), (-90.5, 3), (6, 180.5), (6, -180.5), (NAN, 3), (6, NAN)]
)
def test_a_point_that_is_none_is_no_place(wrong: tuple[float, float]) -> None:
    """Nor is one of a hosting network, nor one without a city."""
    sound = Location("Lagos", None, 6.0, 3.0, 20)
    latitude, longitude = wrong

    assert place(1.0, None, sound) is not None
    assert place(1.0, None, evolve(sound, latitude=latitude, longitude=longitude)) is None
    assert place(1.0, None, evolve(sound, latitude=None)) is None
    assert place(1.0, None, evolve(sound, longitude=None)) is None
    assert place(1.0, None, evolve(sound, city="")) is None
    assert place(1.0, None, evolve(sound, is_hosting=True)) is None


@pytest.mark.parametrize("radius", [None, -0.5, FARTHEST_KM + 1, NAN])
def test_a_radius_that_cannot_be_is_that_of_a_city(radius: float | None) -> None:
    """Fifty kilometres, as the median of a file that has radii."""
    found = place(1.0, None, Location("Lagos", None, 6.0, 3.0, radius))

    assert found is not None
    assert 50 == found.radius_km


def test_the_longest_way_is_half_around_the_earth() -> None:
    """From a pole to the other; two points beside the date line are one; at once is a second."""
    north, south = (Place(0.0, "x", latitude, 0.0, 0, None, None) for latitude in (90, -90))
    east, west = (Place(0.0, "x", 0.0, longitude, 0, None, None) for longitude in (-180, 180))
    gone = travel(north, south)

    assert FARTHEST_KM == pytest.approx(gone.km)
    assert 20_015 == round(gone.km)
    assert 0 == round(distance_km(east, west))
    assert gone.km * 3_600 == pytest.approx(gone.speed)
    assert 0 == travel(north, evolve(south, radius_km=FARTHEST_KM + 1)).km


def test_a_newer_profile_is_left_as_it_is() -> None:
    """It is not evaluated, not written over, and its failures count again once it can be read."""
    account = Damaged()
    [item] = account.store.items(PROFILE, "ada", limit=1)
    newer = json.dumps({**json.loads(item.body), "version": profiles.VERSION + 1})
    account.write(PROFILE, newer)

    assert Decision.ALLOW is account.uses()
    assert [newer] == [it.body for it in account.store.items(PROFILE, "ada", limit=1)]
    account.write(PROFILE, item.body)
    assert Decision.STEP_UP is account.uses()


@pytest.mark.parametrize(
    "count", [-1, 0, failures.MOST_COUNTED + 1, int("9" * 4_299)], ids=lambda it: str(it)[:6]
)
def test_a_count_that_cannot_be_makes_a_record_damaged(count: int) -> None:
    """Two long numbers come to one that Python does not print."""
    assert () != failures.load(json.dumps([["", None, 486_897, 1, 1_752_831_000]]))
    good = ["", None, 486_897, failures.MOST_COUNTED, 1_752_831_000]
    assert 1 == len(failures.load(json.dumps([good])))
    assert () == failures.load(json.dumps([good, ["", None, 486_897, count, 1_752_831_000]]))


def test_a_damaged_count_of_networks_is_begun_anew() -> None:
    """As any other."""
    account = Damaged()
    for owner in (f"{number:03x}" for number in range(1_024)):
        for item in account.store.items("velocity", owner, limit=1):
            for body in ODD:
                [item] = account.store.items("velocity", owner, limit=1)
                account.store.put_item(evolve(item, body=body, version=item.version + 1))
                account.sessions.record_failure("ada", at(HOME))
                [item] = account.store.items("velocity", owner, limit=1)
                assert 1 == len(velocity.load(item.body))


def test_an_odd_client_signs_in_beside_them() -> None:
    """Damage and a client that shows nothing at once."""
    account = Damaged()
    account.write(PROFILE, "NaN")
    account.write(FAILURES, "NaN")

    assert Decision.ALLOW is account.sessions.login("ada", Client()).assessment.decision
