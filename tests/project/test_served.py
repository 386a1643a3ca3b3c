"""The apps whose servers are measured answer with the user of each request."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import served
from benchmarks._setting import Setting
from benchmarks.served.client import serving

# Those that need no more than the tests do.
_NAMES = ("FastAPI, devsess", "Flask, devsess", "Django, devsess", "FastAPI", "Flask", "Django")


@pytest.mark.parametrize(
    "name", [_NAMES[0], *(pytest.param(it, marks=pytest.mark.thorough) for it in _NAMES[1:])]
)
def test_a_server_answers_and_its_time_is_counted(name: str, tmp_path: Path) -> None:
    """Each request is answered, and takes processor time of the server's own."""
    with serving(name, tmp_path / "app") as server:
        assert 0 < server.seconds(3) < 1


def test_an_app_is_shown_beside_the_bare_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it adds is what a request takes beyond the bare app's; devsess, as a signed cookie."""
    seconds = {"Flask": 1e-4, "FastAPI": 2e-4, served.COOKIE: 2.3e-4, "Flask, devsess": 1.25e-4}
    monkeypatch.setattr(served, "measured", lambda *_: seconds)
    *_, line = served.lines(Setting(tmp_path, quick=True))
    assert "25" == f"{line.measured:.0f}"
    assert "30" == f"{line.bound:.0f}"
    assert line.met
