"""LAW: no validation that began after an ending returned succeeds, whatever happens meanwhile."""

from __future__ import annotations

import pytest
from _checked import WAYS, holds


@pytest.mark.thorough
@pytest.mark.parametrize(("way", "kinds"), WAYS[2:3])
def test_an_ending_is_never_outlived(way: str, kinds: tuple[str, ...]) -> None:
    """While processes are stopped, killed, replaced and forked, and the server is restarted."""
    holds("mongodb", way, kinds, validations=10_000)
