"""Remarks: shown beside a score, and never in it."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from test_risk_signals import ABROAD, BARE, DAY, HOME, T, at

from devsess.models import Decision
from devsess.risk.assess import assess
from devsess.risk.facts import Facts, Proof
from devsess.risk.notices import notifies
from devsess.risk.profile import Profile, as_of, latest_day, learned
from devsess.risk.refreshes import assess_refresh
from devsess.risk.remarks import REMARKS, SEVERAL, remarks
from devsess.risk_policy import Risk

USED = learned(Profile(), HOME, confirmed=True)
FIREFOX = evolve(HOME, browser="Firefox")

# kind, facts, profile, and its message; None for none.
CASES = [
    ("device_burst", evolve(BARE, new_devices=3), USED, "3 new devices in 24 hours"),
    ("device_burst", evolve(BARE, new_devices=9), USED, "9 new devices in 24 hours"),
    ("device_burst", evolve(BARE, new_devices=2), USED, None),
    ("dormant", at(HOME, 180 * DAY), USED, "not used for 180 days"),
    ("dormant", at(HOME, 179 * DAY), USED, None),
    ("dormant", at(HOME, 399 * DAY), Profile(sign_ins=1), None),
    ("changed_agent", FIREFOX, USED, "a known device, first time with Firefox on macOS"),
    ("changed_agent", evolve(FIREFOX, proof=Proof.TRUSTED), USED,
     "a known device, first time with Firefox on macOS"),
    ("changed_agent", evolve(FIREFOX, proof=Proof.NONE), USED, None),
    ("changed_agent", HOME, USED, None),
    ("changed_agent", evolve(HOME, os="unknown", browser="unknown"), USED, None),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "facts", "profile", "expected"), CASES)
def test_a_remark_is_made_or_is_not(
    kind: str, facts: Facts, profile: Profile, expected: str | None
) -> None:
    """Each has its number in its message, and no points."""
    found = REMARKS[kind](facts, profile)

    assert expected == (found and found.message)
    assert found is None or (kind, 0) == (found.kind, found.weight)


def test_every_remark_has_cases_on_both_sides() -> None:
    """No remark goes without a case that has it, and one that has not."""
    made = {kind for kind, _, _, expected in CASES if expected is not None}
    silent = {kind for kind, _, _, expected in CASES if expected is None}

    assert made == silent == REMARKS.keys()


def test_the_numbers_are_there_as_data() -> None:
    """For applications with words of their own."""
    found = remarks(evolve(at(FIREFOX, 200 * DAY), new_devices=4), USED)

    assert [{"devices": 4}, {"days": 200}, {}] == [dict(it.data) for it in found]


@given(
    st.sampled_from([HOME, BARE, ABROAD, FIREFOX]),
    st.integers(0, 300),
    st.integers(0, 9),
    st.integers(1, 12),
)
def test_remarks_change_no_score(facts: Facts, days: int, new: int, sign_ins: int) -> None:
    """Score and decision are those of the signals with points alone."""
    profile = evolve(USED, sign_ins=sign_ins)
    facts = evolve(at(facts, days * DAY), new_devices=new)
    found, bare = (assess(it, profile, Risk()) for it in (facts, evolve(facts, new_devices=0)))
    points = [it for it in found.signals if it.kind not in REMARKS]

    assert (bare.score, bare.decision) == (found.score, found.decision)
    assert found.score == Risk().points.base + sum(it.weight for it in points)
    assert found.signals == (*points, *remarks(facts, as_of(profile, facts.at)))


def test_a_refresh_has_no_remarks() -> None:
    """They are about sign-ins."""
    facts = evolve(at(FIREFOX, 200 * DAY), new_devices=9, session_os="macOS")

    assert () == remarks(facts, USED)
    assert set() == {it.kind for it in assess_refresh(facts, USED, Risk()).signals} & {*REMARKS}


def test_without_habits_there_is_nothing_to_remark() -> None:
    """A first sign-in is not evaluated at all."""
    assert () == assess(evolve(BARE, new_devices=9), Profile(), Risk()).signals


@pytest.mark.parametrize(
    ("devices", "sign_ins", "recent", "expected"),
    [
        (SEVERAL, 3, 0, True),
        (SEVERAL, 3, 2, True),
        (SEVERAL, 3, 3, False),
        (SEVERAL, 2, 0, False),
        (SEVERAL - 1, 3, 0, False),
    ],
)
def test_a_burst_notifies_as_the_mild_band_does(
    devices: int, sign_ins: int, recent: int, expected: bool
) -> None:
    """Although its score allows; from the fourth sign-in on, and three times a day."""
    found = assess(evolve(BARE, new_devices=devices), evolve(USED, sign_ins=3), Risk())

    assert Decision.ALLOW is found.decision
    assert expected is notifies(found, Risk(), sign_ins=sign_ins, recent=recent)


@pytest.mark.parametrize("facts", [at(HOME, 200 * DAY), FIREFOX])
def test_other_remarks_notify_nobody(facts: Facts) -> None:
    """They are for the history."""
    found = assess(facts, evolve(USED, sign_ins=9), Risk())

    assert {"dormant", "changed_agent"} & {it.kind for it in found.signals}
    assert not notifies(found, Risk(), sign_ins=9, recent=0)


def test_the_latest_day_is_of_all_that_was_seen() -> None:
    """A part that waits for its proof was seen, too."""
    waiting = learned(USED, at(ABROAD, 9 * DAY), confirmed=False)

    assert None is latest_day(Profile())
    assert int(T // DAY) == latest_day(USED)
    assert int(T // DAY) + 9 == latest_day(waiting)
