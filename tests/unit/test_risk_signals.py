"""Each signal of risk, with a case on both sides of it, and the sum."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from devsess.models import Decision, Location
from devsess.risk.assess import assess
from devsess.risk.facts import Facts, Proof
from devsess.risk.places import travel
from devsess.risk.profile import Profile, learned
from devsess.risk.signals import LACKING, SIGNALS, Finding
from devsess.risk_policy import Points, Risk

T = 1_750_000_000.0
HOUR = 3_600.0
DAY = 24 * HOUR

LAGOS = Location(
    city="Lagos",
    country="Nigeria",
    latitude=6.45,
    longitude=3.39,
    accuracy_km=20,
    country_code="NG",
    asn=37148,
    organisation="Globacom",
    is_hosting=False,
)
QUEBEC = Location(
    city="Québec",
    country="Canada",
    latitude=46.81,
    longitude=-71.21,
    accuracy_km=20,
    country_code="CA",
    asn=577,
    organisation="Bell Canada",
    is_hosting=False,
)
LONDON = evolve(
    QUEBEC, city="London", country="United Kingdom", latitude=51.51, longitude=-0.13,
    country_code="GB", asn=2856, organisation="BT",
)  # fmt: skip
HOME = Facts(
    at=T,
    proof=Proof.KNOWN,
    network="102.89.77.0",
    location=LAGOS,
    os="macOS",
    browser="Chrome",
    kind="desktop",
)
USED = learned(Profile(), HOME, confirmed=True)
CITIES_ALONE = learned(Profile(), evolve(HOME, location=evolve(LAGOS, asn=None)), confirmed=True)
SETTLED = evolve(USED, sign_ins=10)
VELOCITY_ON = Points(velocity=5)
BARE = evolve(HOME, at=T + DAY, proof=Proof.NONE)
NEXT_DOOR = evolve(BARE, network="102.89.78.0")
ABROAD = evolve(BARE, network="70.24.10.0", location=QUEBEC)
ELSEWHERE = evolve(BARE, network="105.112.1.0", location=evolve(LAGOS, asn=36873))


def at(facts: Facts, seconds: float) -> Facts:
    """*facts*, that many seconds after the sign-in at home."""
    return evolve(facts, at=T + seconds)


def placed(facts: Facts, **changes: Any) -> Facts:
    """*facts* with another location."""
    assert facts.location is not None
    return evolve(facts, location=evolve(facts.location, **changes))


# kind, facts, profile, and the points' name of the finding; None for no finding.
CASES = [
    ("new_device", BARE, USED, "unknown_device"),
    ("new_device", HOME, USED, None),
    ("new_device", evolve(HOME, proof=Proof.TRUSTED), USED, None),
    ("trusted_device", evolve(HOME, proof=Proof.TRUSTED), USED, "trusted_device"),
    ("trusted_device", evolve(ELSEWHERE, proof=Proof.TRUSTED), USED, "trusted_device"),
    ("trusted_device", evolve(ABROAD, proof=Proof.TRUSTED), USED, None),
    ("trusted_device", evolve(placed(ELSEWHERE, is_hosting=True), proof=Proof.TRUSTED), USED, None),
    ("trusted_device", evolve(HOME, location=None, proof=Proof.TRUSTED), USED, "trusted_device"),
    ("trusted_device", HOME, USED, None),
    ("trusted_device", BARE, USED, None),
    ("new_network", BARE, USED, None),
    ("new_network", NEXT_DOOR, USED, "new_subnet"),
    ("new_network", ELSEWHERE, USED, "new_network"),
    ("new_network", placed(NEXT_DOOR, asn=None), USED, "new_subnet"),
    ("new_network", placed(ABROAD, asn=None), USED, "new_network"),
    ("new_network", evolve(NEXT_DOOR, location=None), USED, "new_subnet"),
    ("new_network", evolve(BARE, network=None), USED, LACKING),
    ("new_network", at(HOME, 181 * DAY), USED, "new_subnet"),
    ("new_network", at(HOME, 401 * DAY), USED, "new_network"),
    ("hosting", placed(ELSEWHERE, is_hosting=True), USED, "hosting"),
    ("hosting", ELSEWHERE, USED, None),
    ("hosting", placed(NEXT_DOOR, is_hosting=True), USED, None),
    ("hosting", placed(ELSEWHERE, is_hosting=None), USED, LACKING),
    ("hosting", evolve(ELSEWHERE, location=None), USED, LACKING),
    ("new_country", ABROAD, USED, "new_country"),
    ("new_country", ELSEWHERE, USED, None),
    ("new_country", placed(ABROAD, country_code=None), USED, LACKING),
    ("new_country", at(HOME, 399 * DAY), USED, None),
    ("new_country", at(HOME, 401 * DAY), USED, "new_country"),
    ("new_agent", evolve(BARE, browser="Firefox"), USED, "new_agent"),
    ("new_agent", BARE, USED, None),
    ("new_agent", evolve(HOME, browser="Firefox"), USED, None),
    ("new_agent", evolve(BARE, os="unknown", browser="unknown"), USED, LACKING),
    ("settled_account", ELSEWHERE, SETTLED, "settled_account"),
    ("settled_account", ELSEWHERE, evolve(USED, sign_ins=9), "established_account"),
    ("settled_account", ELSEWHERE, evolve(USED, sign_ins=4), "established_account"),
    ("settled_account", ELSEWHERE, evolve(USED, sign_ins=3), None),
    ("settled_account", NEXT_DOOR, SETTLED, None),
    ("settled_account", evolve(NEXT_DOOR, browser="Firefox"), SETTLED, "settled_account"),
    ("settled_account", evolve(NEXT_DOOR, os="unknown", browser="unknown"), SETTLED, None),
    ("settled_account", evolve(ELSEWHERE, proof=Proof.KNOWN), SETTLED, None),
    ("settled_account", evolve(ELSEWHERE, location=None), SETTLED, LACKING),
    ("failures", evolve(BARE, failures=3), USED, "failures"),
    ("failures", evolve(BARE, failures=2), USED, None),
    ("velocity", evolve(BARE, failed_accounts=10), USED, "velocity"),
    ("velocity", evolve(BARE, failed_accounts=9), USED, None),
    ("velocity", BARE, USED, LACKING),
    ("velocity", evolve(BARE, failed_accounts=10, session_os="macOS"), USED, None),
    ("velocity", evolve(BARE, session_os="macOS"), USED, None),
    ("impossible_travel", at(ABROAD, 120), USED, "impossible_travel"),
    ("impossible_travel", at(evolve(ABROAD, location=LONDON), 14 * HOUR), USED, None),
    ("impossible_travel", at(evolve(ABROAD, proof=Proof.KNOWN), 120), USED, None),
    ("impossible_travel", at(placed(ABROAD, city=None), 120), USED, LACKING),
    ("impossible_travel", at(placed(ABROAD, is_hosting=True), 120), USED, LACKING),
    ("impossible_travel", at(placed(ABROAD, asn=37148), 120), USED, None),
    ("impossible_travel", at(evolve(ABROAD, network=HOME.network), 120), USED, None),
    ("impossible_travel", at(placed(ABROAD, asn=None), 120), CITIES_ALONE, "impossible_travel"),
    ("impossible_travel", at(placed(ABROAD, accuracy_km=8_000), 120), USED, None),
    ("impossible_travel", at(placed(ABROAD, latitude=float("nan")), 120), USED, LACKING),
    ("impossible_travel", at(placed(ABROAD, longitude=200.0), 120), USED, LACKING),
    ("impossible_travel", at(placed(ABROAD, latitude=9.05, longitude=7.49), 60), USED, None),
    # 735 and 745 km to the north, less both radii of 20 km.
    ("impossible_travel", at(placed(ABROAD, latitude=13.06, longitude=3.39), 60), USED, None),
    (
        "impossible_travel",
        at(placed(ABROAD, latitude=13.15, longitude=3.39), 60),
        USED,
        "impossible_travel",
    ),
    ("impossible_travel", at(ABROAD, 120), Profile(sign_ins=3), LACKING),
    ("automation", evolve(BARE, kind="bot"), USED, "automation"),
    ("automation", BARE, USED, None),
    ("changed_system", evolve(HOME, session_os="Windows"), USED, "changed_system"),
    ("changed_system", evolve(HOME, session_os="macOS"), USED, None),
    ("changed_system", evolve(HOME, session_os="unknown"), USED, None),
    ("changed_system", evolve(HOME, session_os="Windows", os="unknown"), USED, None),
    ("changed_system", HOME, USED, None),
]


@pytest.mark.parametrize(("kind", "facts", "profile", "expected"), CASES)
def test_a_signal_is_found_or_is_not(
    kind: str, facts: Facts, profile: Profile, expected: object
) -> None:
    """Each rule finds what is unusual, is silent at what is not, and says what it lacks."""
    found = SIGNALS[kind](facts, profile)

    assert expected == (found.points if isinstance(found, Finding) else found)


def test_a_risk_prints_its_table() -> None:
    """Mode, points and limits, for a log or a terminal."""
    lines = str(Risk(step_up_from=15)).splitlines()

    assert "observe" == lines[0]
    assert " -50  base" in lines
    assert " +15  step up from" in lines


def test_every_signal_has_cases_on_both_sides() -> None:
    """No rule goes without a case that it finds, and one that it does not."""
    found = {kind for kind, _, _, expected in CASES if isinstance(expected, str)}
    silent = {kind for kind, _, _, expected in CASES if expected is None}

    assert found == silent == SIGNALS.keys()


def test_a_place_that_the_account_knows_is_no_travel() -> None:
    """Somebody who commutes between two cities is not stopped for the speed."""
    there = learned(USED, at(evolve(ABROAD, proof=Proof.KNOWN), DAY), confirmed=True)
    back = learned(there, at(HOME, 2 * DAY), confirmed=True)
    again = at(evolve(ABROAD, network="70.24.99.0"), 2 * DAY + 60)
    again = placed(again, asn=812)

    assert SIGNALS["impossible_travel"](again, back) is None


def test_travel_is_told_with_its_numbers() -> None:
    """The message names both places, the distance, the time and the speed."""
    # 74.78 degrees of a great circle, 8,315 km, less both radii of 20 km.
    found = SIGNALS["impossible_travel"](at(ABROAD, 120), USED)

    assert isinstance(found, Finding)
    assert found.message == "Lagos to Québec: 8,275 km in 2 minutes, 248,259 km/h"


def test_travel_of_the_same_instant_has_a_speed() -> None:
    """Two sign-ins of one instant are a second apart; nothing divides by zero."""
    assert USED.last is not None

    assert travel(USED.last, USED.last).speed == 0


def test_the_sum_is_base_plus_points() -> None:
    """A person can check the score: the base and each signal's weight add up to it."""
    found = assess(ABROAD, USED, Risk())

    assert found.score == Points().base + sum(it.weight for it in found.signals)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (HOME, (-50, Decision.ALLOW)),
        (BARE, (-30, Decision.ALLOW)),
        (NEXT_DOOR, (-5, Decision.ALLOW)),
        (ELSEWHERE, (0, Decision.NOTIFY)),
        (evolve(ELSEWHERE, browser="Firefox"), (5, Decision.NOTIFY)),
        (placed(ELSEWHERE, is_hosting=True), (15, Decision.STEP_UP)),
        (ABROAD, (10, Decision.STEP_UP)),
        (evolve(ABROAD, proof=Proof.KNOWN), (-10, Decision.ALLOW)),
        (evolve(ABROAD, proof=Proof.TRUSTED), (-10, Decision.ALLOW)),
        (evolve(ELSEWHERE, proof=Proof.TRUSTED), (-30, Decision.ALLOW)),
    ],
)
def test_the_score_decides(facts: Facts, expected: tuple[int, Decision]) -> None:
    """Below 0 a sign-in is allowed, below 10 the owner is notified, from 10 on it needs more."""
    found = assess(facts, USED, Risk())

    assert expected == (found.score, found.decision)


def test_no_score_denies() -> None:
    """All signals together ask for a step-up, and never lock anyone out."""
    worst = Risk(points=Points(base=1_000))

    assert assess(ABROAD, USED, worst).decision is Decision.STEP_UP


def test_a_blocked_device_is_denied() -> None:
    """Its user has said so; there is nothing to weigh."""
    found = assess(evolve(HOME, proof=Proof.BLOCKED), USED, Risk())

    assert found.decision is Decision.DENY


@pytest.mark.parametrize("profile", [None, Profile()])
def test_without_a_profile_nothing_is_evaluated(profile: Profile | None) -> None:
    """The first sign-in is allowed, and says that no rule was asked."""
    found = assess(ABROAD, profile, Risk(points=VELOCITY_ON))

    assert (found.decision, tuple(SIGNALS)) == (Decision.ALLOW, found.not_evaluated)


def test_failures_have_their_number() -> None:
    """In words that can stand behind their points, and as data."""
    found = SIGNALS["failures"](evolve(BARE, failures=3), USED)

    assert isinstance(found, Finding)
    assert ("after 3 failed sign-ins", {"failures": 3}) == (found.message, found.data)


@pytest.mark.parametrize("profile", [None, USED])
@pytest.mark.parametrize(("points", "is_on"), [(0, False), (1, True), (-1, True)])
def test_velocity_is_off_where_it_has_no_points(
    profile: Profile | None, points: int, is_on: bool
) -> None:
    """It is neither found nor missed then; it is the only signal of which that is so."""
    risk = Risk(points=Points(velocity=points))
    many, unknown = (evolve(BARE, failed_accounts=it) for it in (10, None))

    assert is_on == ("velocity" in assess(unknown, profile, risk).not_evaluated)
    if profile is not None:
        kinds = [it.kind for it in assess(many, profile, risk).signals]
        assert is_on == ("velocity" in kinds)


@pytest.mark.parametrize(
    ("network", "count", "expected"),
    [
        ("198.51.100.0", 37, "198.51.100.0/24 failed on 37 accounts in the last hour"),
        ("198.51.100.0", 49, "198.51.100.0/24 failed on 49 accounts in the last hour"),
        ("198.51.100.0", 50, "198.51.100.0/24 failed on 50 accounts or more in the last hour"),
        ("2001:db8:7::", 10, "2001:db8:7::/48 failed on 10 accounts in the last hour"),
    ],
)
def test_velocity_has_its_numbers(network: str, count: int, expected: str) -> None:
    """The network with the length of its prefix, and the accounts, as far as they are counted."""
    found = SIGNALS["velocity"](evolve(BARE, network=network, failed_accounts=count), USED)

    assert isinstance(found, Finding)
    assert (expected, {"accounts": count}) == (found.message, found.data)


@pytest.mark.parametrize(("days", "is_evaluated"), [(400, True), (401, False)])
def test_what_is_wholly_forgotten_is_no_profile(days: int, is_evaluated: bool) -> None:
    """An account that nobody used for so long is as a new one: there is nothing to compare."""
    found = assess(at(ABROAD, days * DAY), SETTLED, Risk())

    assert is_evaluated is bool(found.signals)


def test_what_a_rule_lacks_is_named() -> None:
    """Without a locator the rules that need one are listed, and do not count."""
    found = assess(evolve(BARE, location=None), USED, Risk())

    assert found.not_evaluated == ("hosting", "new_country", "impossible_travel")
