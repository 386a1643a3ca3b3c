"""LAW: a validation that begins after `revoke` returned, in any process, fails."""

# The expected value stands first.

from __future__ import annotations

import json

import pytest
from _processes_helpers import finished

VALIDATIONS = 100_000


@pytest.mark.parametrize("mark", ["automatic", "data_version"])
def test_no_validation_is_late(mark: str) -> None:
    """Of 100,000 validations in four threads of two processes none outlives a revocation."""
    options = ("--validations", VALIDATIONS, "--mark", mark)
    code, out, err = finished("-m", "benchmarks.checker", *options, "--json")

    assert "" == err
    found = json.loads(out)
    assert (0, 0, 0) == (code, found["late"], found["wrong_refusals"])
    assert VALIDATIONS <= found["validations"]
    assert 200 <= found["revocations"] <= found["refusals"]
    assert 0.9 < found["from_memory"]


def test_the_checker_would_see_a_late_one() -> None:
    """Where the policy allows staleness, the same checker finds validations that were late."""
    options = ("--validations", 20_000, "--max-staleness", 60)
    code, out, err = finished("-m", "benchmarks.checker", *options, "--json")

    assert "" == err
    assert 1 == code
    assert 0 < json.loads(out)["late"]
