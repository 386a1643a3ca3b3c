"""The two readers of MMDB files: each test that opens one runs with both."""

from __future__ import annotations

import maxminddb
import pytest


@pytest.fixture(params=["extension", "pure"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of the reader in use: the extension in C, or the one in Python."""
    if request.param == "pure":
        monkeypatch.setattr(maxminddb, "_extension", None)
    return str(request.param)
