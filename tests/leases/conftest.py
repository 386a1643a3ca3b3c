"""Every law of leases holds blocking and awaited."""

from __future__ import annotations

from typing import Any

import pytest
from _network import MANAGERS


@pytest.fixture(params=MANAGERS, ids=["blocking", "awaited"])
def kind(request: pytest.FixtureRequest) -> Any:
    """The class of the managers."""
    return request.param
