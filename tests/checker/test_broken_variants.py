"""The checker finds each broken law of leases, on a real server, with the fault that shows it."""

from __future__ import annotations

from typing import Any

import _broken
import pytest

from benchmarks.checker.checking import Findings, check
from benchmarks.checker.settings import Settings

# Endings during a cut are those of a few sessions that all processes know.
CUT: dict[str, Any] = {"faults": ("cut",), "rounds": 1, "lease": 2.0, "revocations": 20}
BROKEN: dict[str, dict[str, Any]] = {
    "without_a_wait": CUT,
    # Otherwise the first ending of a session that is waited for lets all hear of it.
    "second_without_a_wait": {**CUT, "again": 84},
    # The answers of its feed are late by themselves.
    "lease_from_the_answer": {"lease": 1.0, "revocations": 10, "kinds": ("blocking",)},
    # Its register does not outlive the server, which a history shows.
    "without_history": {
        "store": "postgres",
        "faults": ("restarted",),
        "rounds": 2,
        "lease": 5.0,
        "revocations": 10,
    },
}


# Whether a validation falls into the gap that a restart leaves is chance: of eight runs, three saw
# none. So many in a row do once in 300 million.
RUNS = 20


@pytest.mark.thorough
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_law_is_found(name: str) -> None:
    """A validation that began after an ending returned is let in, and the checker sees it."""
    common: dict[str, Any] = {"store": "valkey", "way": "acknowledged", "validations": 300}
    settings = Settings(**{**common, **BROKEN[name]}, opened=getattr(_broken, name))
    found = _first_late(settings)

    assert 0 < found.late
    assert not found.sound
    assert (0, 0) == (found.lived_on, found.wrong_refusals)


def _first_late(settings: Settings) -> Findings:
    """The findings of the first run that saw a late validation, or of the last."""
    runs = (check(settings) for _ in range(RUNS))
    found = next(runs)
    while not found.late and (following := next(runs, None)):
        found = following
    return found
