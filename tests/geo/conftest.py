"""The two readers of MMDB files: each test of what a sound file says runs with both."""

from __future__ import annotations

import pytest

from devsess.geo import MaxMindLocator


@pytest.fixture(params=["python", "extension"])
def reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of the reader that locators use unless they say otherwise."""
    defaults = MaxMindLocator.__init__.__kwdefaults__
    assert defaults
    assert defaults["extension"] is False
    monkeypatch.setitem(defaults, "extension", request.param == "extension")
    return str(request.param)
