"""What a signal's handler leaves behind when it raises in the middle of a call: nothing."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import pytest
from _processes_helpers import FOLDER, SECRET, finished

if TYPE_CHECKING:
    from pathlib import Path

needs_timer = pytest.mark.skipif(
    not hasattr(signal, "setitimer"), reason="this platform has no timer signals"
)


@needs_timer
@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_lost(tmp_path: Path, seed: int) -> None:
    """Thousands of interrupts at random moments cost no lock, no reader and no transaction."""
    code, out, err = finished(FOLDER / "_interrupted.py", tmp_path / "s.db", SECRET, seed)
    assert 0 == code, err
    [strikes] = re.findall(r"as ever, after (\d+) interrupts", out)
    assert int(strikes) > 20
