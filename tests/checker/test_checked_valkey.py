"""LAW: no validation that began after an ending returned succeeds, whatever happens meanwhile."""

from __future__ import annotations

import pytest
from _checked import WAYS, holds

from benchmarks.checker.checking import check
from benchmarks.checker.settings import Settings


@pytest.mark.thorough
@pytest.mark.parametrize(("way", "kinds"), WAYS)
def test_an_ending_is_never_outlived(way: str, kinds: tuple[str, ...]) -> None:
    """While processes are stopped, killed, replaced and forked, and the server is restarted."""
    holds("valkey", way, kinds, validations=10_000)


@pytest.mark.thorough
def test_a_few_endings_are_heard() -> None:
    """The same without faults, in a few seconds."""
    settings = Settings(store="valkey", way="acknowledged", validations=300, revocations=40)
    found = check(settings)

    assert found.sound
    assert 0 < found.leased
