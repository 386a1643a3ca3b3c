"""LAW: the young sessions, and the step-ups that make one as good as an older one."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from devsess import (
    ConfigurationError,
    Policy,
    Risk,
    Seniority,
    Session,
    StepUpRequiredError,
    lifecycle,
    seniority,
)
from devsess.stores.rows import SessionRow
from devsess.testing._rows import DAY, T0, device_row, session_row
from devsess.views import session_view

POLICY = Policy(seniority=Seniority())
HOUR = 3_600.0
SECOND = int(T0)


def _session(row: SessionRow) -> Session:
    return session_view(lifecycle.standing(row, T0, POLICY))


def _at(created_at: float, **columns: Any) -> Session:
    """A session on a device of its own that is as old."""
    device = device_row(first_seen_at=created_at, last_seen_at=created_at)
    second = int(created_at)
    return _session(
        session_row(device=device, created_at=created_at, **{"auth_time": second, **columns})
    )


def _on_device_since(first_seen_at: float) -> Session:
    return _session(session_row(device=device_row(first_seen_at=first_seen_at)))


# The session and the policy, and whether it is young; at T0.
YOUNG: list[tuple[Session, Policy, bool]] = [
    (_at(T0), POLICY, True),
    (_at(T0 - DAY + 1), POLICY, True),
    (_at(T0 - DAY), POLICY, False),
    (_at(T0 - HOUR), Policy(), False),
    (_at(T0 - HOUR), Policy(seniority=Seniority(session=HOUR)), False),
    (_at(T0 - HOUR), Policy(seniority=Seniority(session=HOUR + 1)), True),
    (_on_device_since(T0 - DAY), POLICY, False),
    (_on_device_since(T0 - DAY + 1), POLICY, True),
    (_on_device_since(T0 - HOUR), Policy(seniority=Seniority(device=HOUR)), False),
    (_at(T0 + 900), POLICY, True),  # a clock that was ahead
]


@pytest.mark.parametrize(("session", "policy", "expected"), YOUNG)
def test_a_session_is_young_while_it_and_its_device_are(
    session: Session, policy: Policy, expected: bool
) -> None:
    """Either of the two spans ends it; without a policy for it no session is young."""
    assert expected is seniority.is_young(session, T0, policy)


def test_older_sessions_began_before() -> None:
    """One that began at the same instant is not older, nor is the session itself."""
    session = _at(T0)
    before, after = _at(T0 - 1), _at(T0 + 1)

    assert [before] == seniority.older(session, [session, before, _at(T0), after])


def _elders(*levels: str | None) -> list[Session]:
    """Older sessions, each of which reached that context."""
    return [_at(T0 - 9 * DAY, acr=acr) for acr in levels]


def _stepped_up(acr: str | None, at: int = SECOND + 1, **columns: Any) -> Session:
    return _at(T0, acr=acr, auth_time=at, **columns)


ANY = Policy(seniority=Seniority(), risk=Risk(acr=None))
NO_RISK = Policy(seniority=Seniority(), risk=None)
AAL1, AAL2, AAL3 = "aal1", "aal2", "aal3"

# The session, the older ones, the policy, and whether it may; the contexts that would do.
CASES: list[tuple[Session, list[Session], Policy, bool, tuple[str, ...]]] = [
    (_at(T0), [], POLICY, False, (AAL2,)),
    (_at(T0), [], NO_RISK, False, ()),
    (_at(T0), _elders(AAL1), POLICY, False, (AAL1,)),
    (_at(T0), _elders(AAL3, AAL1, None), POLICY, False, (AAL3,)),
    (_at(T0), _elders("phr", AAL1), POLICY, False, (AAL1, "phr")),
    (_at(T0 - DAY), _elders(AAL3), POLICY, True, ()),
    # Signed in as strongly: a thief with the password, or with a code, has done that too.
    (_at(T0, acr=AAL3), _elders(AAL2), POLICY, False, (AAL2,)),
    (_at(T0, acr=AAL3), _elders(None), ANY, False, ()),
    # Stepped up.
    (_stepped_up(AAL2), _elders(AAL2), POLICY, True, ()),
    (_stepped_up(AAL3), _elders(AAL2, AAL1), POLICY, True, ()),
    (_stepped_up(AAL1), _elders(AAL2), POLICY, False, (AAL2,)),
    (_stepped_up(AAL1), _elders(AAL1), POLICY, True, ()),
    (_stepped_up(AAL1), _elders(None), POLICY, False, (AAL2,)),
    (_stepped_up(AAL2), _elders(None), POLICY, True, ()),
    (_stepped_up(None), _elders(None), POLICY, False, (AAL2,)),
    (_stepped_up(None), _elders(None), ANY, True, ()),
    (_stepped_up(None), [], NO_RISK, True, ()),
    (_stepped_up(None), _elders(AAL1), ANY, False, (AAL1,)),
    (_stepped_up(AAL2, SECOND), _elders(AAL2), POLICY, False, (AAL2,)),
    (_stepped_up("phr"), _elders("phr", AAL1), POLICY, False, (AAL1, "phr")),
    # A weak step-up does not freshen the strong sign-in; a strong one stays behind a weak one.
    (_stepped_up(None, levels=((AAL2, SECOND),)), _elders(AAL2), POLICY, False, (AAL2,)),
    (_stepped_up(AAL1, SECOND + 9, levels=((AAL2, SECOND + 1),)), _elders(AAL2), POLICY, True, ()),
    (
        _stepped_up(AAL1, levels=(("phr", SECOND + 1),)),
        _elders("phr", AAL1),
        POLICY,
        True,
        (),
    ),
]


@pytest.mark.parametrize(("session", "elders", "policy", "may", "acr_values"), CASES)
def test_a_young_session_needs_a_step_up(
    session: Session,
    elders: list[Session],
    policy: Policy,
    may: bool,
    acr_values: tuple[str, ...],
) -> None:
    """To the level of the older ones, or else of risk; and since its sign-in, not in it."""
    if may:
        seniority.check(session, elders, T0, policy)
        return
    with pytest.raises(StepUpRequiredError) as caught:
        seniority.check(session, elders, T0, policy)
    assert acr_values == caught.value.acr_values


def test_the_refusal_says_until_when() -> None:
    """The earlier of the two spans is over then, to the second in its message."""
    policy = Policy(seniority=Seniority(session=2 * DAY, device=DAY))
    session = _at(T0 - HOUR)
    with pytest.raises(StepUpRequiredError) as caught:
        seniority.check(session, [], T0, policy)

    settled_at = lifecycle.instant(T0 - HOUR + DAY)
    assert settled_at == caught.value.settled_at
    assert f"{settled_at:%Y-%m-%d %H:%M:%S} UTC" in str(caught.value)
    assert not seniority.is_young(session, settled_at.timestamp(), policy)


@pytest.mark.parametrize(
    "wrong",
    [{"session": 0}, {"device": 0}, {"session": -1}, {"device": "1 day"}, {"session": True}],
)
def test_a_span_without_length_is_refused(wrong: dict[str, Any]) -> None:
    """It would look as if it protected somebody."""
    with pytest.raises(ConfigurationError):
        Seniority(**wrong)


def test_a_policy_takes_no_other_kind_of_seniority() -> None:
    """A number alone does not say of what."""
    with pytest.raises(ConfigurationError, match="seniority"):
        Policy(seniority=86_400)  # type: ignore[arg-type]
    assert evolve(POLICY, seniority=None) == Policy()
