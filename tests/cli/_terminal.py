"""The devsess command in a terminal: a real one, as the system has it."""

from __future__ import annotations

import os
import struct
import subprocess
import sys

import pytest

pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")

COMMAND = [sys.executable, "-W", "error", "-m", "devsess"]


def in_terminal(*arguments: str, typed: bytes = b"", width: int = 80) -> tuple[int, str]:
    """The exit code of a command, and all it showed in its terminal of *width* columns."""
    import fcntl
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    os.write(ours, typed)
    environ = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    try:
        process = subprocess.Popen(
            [*COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environ
        )
    finally:
        os.close(theirs)
    shown = b""
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        try:
            while part := terminal.read(4096):
                shown += part
        except OSError:  # how Linux tells the end of a terminal
            pass
    return process.wait(), shown.decode()


def piped(*arguments: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    """The output of a command into a pipe."""
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, env={**os.environ, **environ}, check=False
    )
