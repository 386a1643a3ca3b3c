"""Levels that a session reached, and how fresh its authentication is."""

from __future__ import annotations

from typing import Any

import pytest

from devsess import (
    Policy,
    StepUpRequiredError,
    lifecycle,
    strength,
)
from devsess.testing._rows import T0, session_row

USUAL = Policy()

FAR = int(T0) + 301


@pytest.mark.parametrize(
    ("levels", "own", "acr", "expected"),
    [
        ((), None, "aal2", ()),
        ((), ("aal1", T0), "aal2", (("aal1", T0),)),
        ((), ("aal1", T0), "aal1", ()),
        ((("a", T0 - 9), ("b", T0 - 8)), ("c", T0), None, (("a", -9), ("b", -8), ("c", 0))),
        ((("aal2", FAR),), ("aal1", FAR), None, (("aal2", None), ("aal1", None))),
        ((("aal2", FAR - 1),), None, None, (("aal2", 300),)),
    ],
)
def test_levels_are_kept_with_their_instants(
    levels: Any, own: tuple[str, float] | None, acr: str | None, expected: Any
) -> None:
    """The latest last, its own left to the event; one far ahead counts as long ago."""
    acr_now, at = own or (None, T0)
    row = session_row(levels=levels, acr=acr_now, auth_time=int(at))
    said = [
        (level, 0 if at is None else int(T0) + at if abs(at) < 1000 else int(at))
        for level, at in expected
    ]

    assert tuple(said) == lifecycle.levels_before(row, acr, T0)


@pytest.mark.parametrize(("acr", "kept"), [(None, 8), ("a9", 7)])
def test_eight_levels_are_kept(acr: str | None, kept: int) -> None:
    """With the event's own, at most eight: those reached last."""
    levels = tuple((f"a{number}", int(T0) + number) for number in range(9))

    assert levels[-kept:] == lifecycle.levels_before(session_row(levels=levels), acr, T0)


def test_an_age_of_none_at_all_is_never_met() -> None:
    """`max_auth_age=0` refuses even a step-up whose whole second has yet to come."""
    for auth_time in (int(T0), int(T0) + 1, int(T0) + 2):
        with pytest.raises(StepUpRequiredError):
            strength.require_strength(auth_time, {}, T0, USUAL, max_auth_age=0, required_acr=None)
