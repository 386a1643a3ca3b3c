"""Profiles: the parts they learn, when those count and are forgotten, and their size."""

from __future__ import annotations

import json

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from devsess.models import Location
from devsess.risk.assess import assess
from devsess.risk.facts import Facts, Proof
from devsess.risk.notices import MOST_A_DAY
from devsess.risk.profile import (
    MAX_PENDING,
    MEMORIES,
    Part,
    Profile,
    as_of,
    dump,
    learned,
    load,
    noticed,
    recent_notices,
)
from devsess.risk_policy import Risk
from devsess.skew import CLOCKS_APART
from devsess.stores.items import MAX_BODY

T = 1_750_000_000.0
DAY = 86_400.0

HERE = Location(
    city="Lagos", latitude=6.45, longitude=3.39, country_code="NG", asn=37148, is_hosting=False
)
HOME = Facts(
    at=T, proof=Proof.KNOWN, network="102.89.77.0", location=HERE, os="macOS", browser="Chrome"
)
THERE = evolve(HERE, city="London", latitude=51.5, longitude=-0.1, country_code="GB", asn=2856)
AWAY = evolve(HOME, proof=Proof.NONE, network="86.0.1.0", location=THERE)
USED = learned(Profile(), HOME, confirmed=True)


def later(facts: Facts, days: float) -> Facts:
    """*facts*, that many days after the first sign-in."""
    return evolve(facts, at=T + days * DAY)


def test_the_first_sign_in_teaches_at_once() -> None:
    """An account's first place is its place, with and without proof."""
    profile = learned(Profile(), evolve(HOME, proof=Proof.NONE), confirmed=False)

    assert profile.knows(Part.COUNTRY, "NG", T)


def test_a_proven_device_teaches_at_once() -> None:
    """A place that a known device signs in from is known."""
    profile = learned(USED, evolve(AWAY, proof=Proof.KNOWN), confirmed=True)

    assert profile.knows(Part.PROVIDER, "2856", T)


def test_without_proof_new_parts_wait() -> None:
    """A second try from a new place gains nothing from the first."""
    profile = learned(USED, AWAY, confirmed=False)

    assert not profile.knows(Part.PROVIDER, "2856", T)
    assert profile.knows(Part.AGENT, "Chrome on macOS", T)


@pytest.mark.parametrize(("days", "expected"), [(2, False), (3, True)])
def test_after_three_quiet_days_they_count(days: int, expected: bool) -> None:
    """A part that nobody objected to for three days is a habit; a third try does not hasten it."""
    profile = learned(learned(USED, AWAY, confirmed=False), later(AWAY, 1), confirmed=False)

    assert expected is as_of(profile, T + days * DAY).knows(Part.PROVIDER, "2856", T + days * DAY)


def test_a_proven_device_confirms_what_waits() -> None:
    """A token from the same network says that the earlier visitor was its owner."""
    waiting = learned(USED, evolve(AWAY, browser="Firefox"), confirmed=False)
    profile = learned(waiting, later(evolve(AWAY, proof=Proof.KNOWN), 1), confirmed=True)

    assert profile.knows(Part.AGENT, "Firefox on macOS", T)
    assert profile.pending == ()


def test_a_proven_device_elsewhere_confirms_nothing() -> None:
    """The owner at home says nothing about a visitor abroad."""
    waiting = learned(USED, AWAY, confirmed=False)

    assert learned(waiting, later(HOME, 1), confirmed=True).pending == waiting.pending


@pytest.mark.parametrize(("part", "value"), [(Part.PROVIDER, "37148"), (Part.COUNTRY, "NG")])
def test_a_part_is_forgotten_after_its_days(part: Part, value: str) -> None:
    """A part that was not seen for so long is new again, and not a day earlier."""
    days = MEMORIES[part].days

    assert USED.knows(part, value, T + days * DAY)
    assert not USED.knows(part, value, T + (days + 1) * DAY)


def test_the_oldest_goes_first() -> None:
    """Beyond its cap a part forgets the value that was seen longest ago."""
    profile = Profile()
    for number in range(MEMORIES[Part.NETWORK].most + 1):
        profile = learned(profile, later(evolve(HOME, network=str(number)), number), confirmed=True)

    assert not profile.knows(Part.NETWORK, "0", T)
    assert profile.knows(Part.NETWORK, "1", T)


def test_a_forgotten_account_begins_anew() -> None:
    """The sign-in after the longest memory is a first one: it teaches at once."""
    back = later(AWAY, 401)
    profile = learned(USED, back, confirmed=False)

    assert profile.sign_ins == 1
    assert profile.knows(Part.COUNTRY, "GB", back.at)


def test_what_waits_is_remembered_too() -> None:
    """A sign-in without proof keeps an account from being forgotten."""
    waiting = learned(USED, later(AWAY, 399), confirmed=False)

    assert as_of(waiting, T + 401 * DAY).sign_ins == 2


def test_a_refresh_is_no_sign_in() -> None:
    """It teaches places, and does not make an account a settled one."""
    assert learned(USED, HOME, confirmed=True, is_sign_in=False).sign_ins == 1


def test_a_sign_in_without_a_place_leaves_the_last_one() -> None:
    """A value that is not known is not learned."""
    profile = learned(USED, later(evolve(HOME, location=None), 1), confirmed=True)

    assert profile.last == USED.last


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
        ),
        max_leaves=6,
    ),
    st.sampled_from(["version", "signIns", "seen", "last", "pending", "notices", None]),
)
def test_a_damaged_profile_is_a_value_error(odd: object, place: str | None) -> None:
    """Whatever stands in any part of it, it is read whole, or not at all."""
    body = odd if place is None else {**json.loads(dump(USED)), place: odd}
    try:
        profile = load(json.dumps(body))
    except ValueError:
        return
    assess(HOME, profile, Risk())


def test_a_newer_profile_is_not_read() -> None:
    """A newer devsess may mean something else by it: nothing is guessed."""
    body = {**json.loads(dump(USED)), "version": 2}

    with pytest.raises(ValueError, match="version 2"):
        load(json.dumps(body))


places = st.builds(
    Location,
    city=st.sampled_from(["A", "B", None]),
    latitude=st.floats(),
    longitude=st.floats(),
    country_code=st.sampled_from(["AA", "BB", None]),
    asn=st.none() | st.integers(1, 99),
    is_hosting=st.none() | st.booleans(),
)
visits = st.builds(
    Facts,
    at=st.floats(T, T + 900 * DAY),
    proof=st.sampled_from([Proof.NONE, Proof.KNOWN]),
    network=st.none() | st.integers(0, 999).map(str),
    location=st.none() | places,
    os=st.sampled_from(["macOS", "Windows", "unknown"]),
    browser=st.sampled_from(["Chrome", "Firefox", "unknown"]),
)


@given(st.lists(visits, max_size=12))
def test_a_profile_is_read_as_it_was_written(history: list[Facts]) -> None:
    """JSON loses nothing, whatever the account has seen."""
    profile = Profile()
    for facts in sorted(history, key=lambda it: it.at):
        profile = learned(profile, facts, confirmed=facts.is_proven)

    assert load(dump(profile)) == profile


def test_a_profile_stays_small() -> None:
    """After two thousand sign-ins from ever new places it has its caps, and no more."""
    profile = Profile()
    for number in range(2_000):
        spread = evolve(HERE, latitude=number % 90, asn=number, country_code=str(number))
        facts = later(evolve(AWAY, network=f"10.{number}.0.0", location=spread), number / 100)
        profile = learned(profile, facts, confirmed=number % 2 == 0)

    assert all(len(days) <= MEMORIES[part].most for part, days in profile.seen.items())
    assert len(profile.pending) <= MAX_PENDING
    assert len(dump(profile)) < 4_000


# Letters of the longest name that an app may give itself in its user agent, and of a city.
LETTERS = {"outside the BMP": "\U0001d54f", "escaped": '"', "two bytes": "\u0416"}


@pytest.mark.parametrize("letter", LETTERS.values(), ids=LETTERS)
def test_no_names_make_a_profile_too_long(letter: str) -> None:
    """One that is too long cannot be written: its owner could not sign in."""
    profile = Profile()
    for number in range(200):
        spread = evolve(
            HERE,
            city=letter * 256,
            latitude=number % 90 + 0.123456789,
            asn=4_000_000_000 + number,
            country_code=f"{number:02}"[-2:],
        )
        facts = evolve(
            AWAY,
            network=f"2001:db8f:{0xF000 + number:x}::",
            location=spread,
            os=f"{letter * 46}{number % 100:02}",
            browser=f"{letter * 46}{number % 100:02}",
        )
        profile = learned(profile, later(facts, number / 100), confirmed=number < 150)
    for _ in range(MOST_A_DAY):
        profile = noticed(profile, T + 2 * DAY)

    assert len(dump(profile)) < MAX_BODY
    assert load(dump(profile)) == profile


@pytest.mark.parametrize(
    ("ahead", "counts"), [(0, True), (CLOCKS_APART, True), (CLOCKS_APART + 1, False)]
)
def test_notices_of_a_clock_a_little_ahead_count(ahead: float, counts: bool) -> None:
    """Two processes share one limit; an instant that is far ahead was never right."""
    there = noticed(Profile(), T + ahead)
    here = noticed(there, T)

    assert 1 + counts == len(recent_notices(here, T))


def test_parts_are_stored_under_the_same_names() -> None:
    """A profile under another name would be unreadable, and its account not assessed again."""
    assert ["network", "owner", "country", "cell", "agent"] == [it.value for it in Part]
    assert set(Part) == json.loads(dump(USED))["seen"].keys()
