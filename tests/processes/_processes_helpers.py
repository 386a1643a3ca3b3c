"""Helpers of the tests with real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform cannot fork")


def started(*arguments: object, stdin: int | None = None) -> subprocess.Popen[str]:
    """A Python of its own, for which warnings are errors too."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", *map(str, arguments)],
        cwd=ROOT,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(*arguments: object, timeout: float = 60) -> tuple[int, str, str]:
    """The exit code and output of such a Python."""
    process = started(*arguments)
    try:
        out, err = process.communicate(timeout=timeout)
    finally:
        process.kill()
        process.wait()
    return process.returncode, out, err
