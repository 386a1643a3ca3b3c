"""What the project's tests have in common."""

from __future__ import annotations

from collections.abc import Iterator

import _source
import pytest


@pytest.fixture(scope="module", autouse=True)
def _syntax_trees() -> Iterator[None]:
    """Kept for one module: every collection of garbage after it would walk a million nodes."""
    yield
    _source.parsed.cache_clear()
