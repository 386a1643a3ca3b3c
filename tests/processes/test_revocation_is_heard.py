"""LAW: a validation that begins after `revoke` returned, in any process, fails."""

# The expected value stands first.

from __future__ import annotations

import json

import pytest
from _processes_helpers import finished

VALIDATIONS, REVOCATIONS = 100_000, 200


@pytest.mark.parametrize(
    "mark", ["automatic", pytest.param("data_version", marks=pytest.mark.thorough)]
)
def test_no_validation_is_late(mark: str, thorough: bool) -> None:
    """Of all validations in four threads of two processes none outlives a revocation."""
    share = 1 if thorough else 10
    validations, revocations = VALIDATIONS // share, max(50, REVOCATIONS // share)
    counts = ("--validations", validations, "--revocations", revocations)
    options = (*counts, "--mark", mark)
    code, out, err = finished("-m", "benchmarks.checker", *options, "--json")

    assert "" == err
    found = json.loads(out)
    assert (0, 0, 0) == (code, found["late"], found["wrong_refusals"])
    assert validations <= found["validations"]
    assert revocations <= found["revocations"] <= found["refusals"]
    assert 0.9 < found["from_memory"]


@pytest.mark.thorough
def test_the_checker_would_see_a_late_one() -> None:
    """Where the policy allows staleness, the same checker finds validations that were late."""
    counts = ("--validations", 20_000, "--revocations", REVOCATIONS)
    options = (*counts, "--max-staleness", 60, "--bound", 0)
    code, out, err = finished("-m", "benchmarks.checker", *options, "--json")

    assert "" == err
    assert 1 == code
    assert 0 < json.loads(out)["late"]
