"""Which sign-ins the owner is notified of."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devsess.errors import ConfigurationError
from devsess.models import Assessment, Decision
from devsess.risk.notices import MOST_A_DAY, notifies
from devsess.risk_policy import Risk

decisions = st.sampled_from(list(Decision))
counts = st.integers(0, 2 * MOST_A_DAY)

# decision, sign-ins before, notices in the last 24 hours, and whether it is notified.
CASES = [
    (Decision.ALLOW, 10, 0, False),
    (Decision.NOTIFY, 2, 0, False),
    (Decision.NOTIFY, 3, 0, True),
    (Decision.NOTIFY, 3, 2, True),
    (Decision.NOTIFY, 3, 3, False),
    (Decision.STEP_UP, 0, 0, False),
    (Decision.STEP_UP, 1, 0, True),
    (Decision.STEP_UP, 1, 15, True),
    (Decision.STEP_UP, 1, 16, False),
    (Decision.DENY, 10, 0, False),
]


@pytest.mark.parametrize(("decision", "sign_ins", "recent", "expected"), CASES)
def test_a_sign_in_is_notified_or_is_not(
    decision: Decision, sign_ins: int, recent: int, expected: bool
) -> None:
    """The mild band from the fourth sign-in on, thrice a day; a step-up from the second on."""
    found = notifies(Assessment(decision=decision), Risk(), sign_ins=sign_ins, recent=recent)

    assert expected is found


@given(decisions, st.lists(st.integers(1, 50), max_size=3 * MOST_A_DAY))
def test_a_day_has_a_bound(decision: Decision, history: list[int]) -> None:
    """However many sign-ins somebody makes in a day, the owner gets a bounded number of mails."""
    sent = 0
    for sign_ins in history:
        assessment = Assessment(decision=decision)
        sent += notifies(assessment, Risk(), sign_ins=sign_ins, recent=sent)

    assert sent <= (MOST_A_DAY if decision is Decision.STEP_UP else Risk().notices_a_day)


@given(decisions, counts, counts, counts)
def test_a_notice_sent_never_brings_another(
    decision: Decision, sign_ins: int, recent: int, more: int
) -> None:
    """A sign-in that is silent after some notices is silent after more."""
    assessment, risk = Assessment(decision=decision), Risk()
    after = notifies(assessment, risk, sign_ins=sign_ins, recent=recent + more)

    assert not after or notifies(assessment, risk, sign_ins=sign_ins, recent=recent)


@given(counts, counts)
def test_a_step_up_is_notified_wherever_the_mild_band_is(sign_ins: int, recent: int) -> None:
    """The rarer and graver sign-in is never the quieter one."""
    mild, grave = Assessment(decision=Decision.NOTIFY), Assessment(decision=Decision.STEP_UP)

    assert not notifies(mild, Risk(), sign_ins=sign_ins, recent=recent) or notifies(
        grave, Risk(), sign_ins=sign_ins, recent=recent
    )


@pytest.mark.parametrize("name", ["quiet_sign_ins", "notices_a_day"])
def test_a_limit_is_not_negative(name: str) -> None:
    """A limit below none is a mistake, and is named."""
    negative: dict[str, Any] = {name: -1}

    with pytest.raises(ConfigurationError, match=name):
        Risk(**negative)
