"""LAW: as over a server; a file has neither connections nor a server that could fail."""

from __future__ import annotations

import pytest
from _checked import WAYS, holds


@pytest.mark.thorough
@pytest.mark.parametrize(("way", "kinds"), WAYS[:2])
def test_an_ending_is_never_outlived(way: str, kinds: tuple[str, ...]) -> None:
    """While processes are stopped, killed, replaced and forked."""
    holds("sqlite", way, kinds, validations=10_000)
