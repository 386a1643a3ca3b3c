"""The contract's messages to the author of a store that breaks it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

WRONG = """
from devsess.stores.memory import MemoryStore
from devsess.testing import Awaited, StoreContract


class Backwards(MemoryStore):
    def list(self, user_id):
        return super().list(user_id)[::-1]


class TestBackwards(StoreContract):
    def make_store(self):
        return Awaited(Backwards())
"""
LIST_TEST = "TestBackwards::test_list_is_by_activity_then_id"


def test_a_failure_shows_both_sides(tmp_path: Path) -> None:
    """A failing contract test shows the expected value, the store's, and where they differ."""
    (tmp_path / "test_wrong.py").write_text(WRONG, encoding="utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"),
            "--disable-plugin-autoload",  # as here: those that happen to be installed take seconds
            f"test_wrong.py::{LIST_TEST}",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert 1 == done.returncode, done.stdout + done.stderr
    assert "At index 0 diff" in done.stdout
