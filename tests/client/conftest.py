"""A server for each test of the program's side."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from _service import Service, running


@pytest.fixture
def service() -> Iterator[Service]:
    with running() as service:
        yield service
