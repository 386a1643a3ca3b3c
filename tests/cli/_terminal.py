"""The devsess command in a terminal: a real one, as the system has it."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import NoReturn

import pytest

from devsess.cli import main

pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")

COMMAND = [sys.executable, "-W", "error", "-m", "devsess"]
# Seconds after which a command is killed that does not end by itself.
PATIENCE = 60


def in_terminal(*arguments: str, typed: bytes = b"", width: int = 80) -> tuple[int, str]:
    """The exit code of a command, and all it showed in its terminal of *width* columns."""
    ours, theirs = _terminal(width)
    os.write(ours, typed)
    environ = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    try:
        process = subprocess.Popen(
            [*COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=environ
        )
    finally:
        os.close(theirs)
    shown = _all_of(ours)
    return process.wait(), shown


def answered(*arguments: str, prompt: str, typed: bytes, width: int = 80) -> tuple[int, str]:
    """As `in_terminal`, with *typed* once the command asks with *prompt*."""
    ours, theirs = _terminal(width)
    environ = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    # In a session of its own, which has no other terminal: a hidden answer is asked for there.
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environ,
        start_new_session=True,
    )
    os.close(theirs)
    sent: list[int] = []

    def answer(shown: str) -> None:
        if not sent and prompt in shown:
            sent.append(os.write(ours, typed))

    shown = _all_of(ours, answer)
    return process.wait(), shown


def drawn(*arguments: str, width: int = 80) -> tuple[int, str]:
    """As `in_terminal`, by a fork of this process, which need not import all again."""
    return _by_fork(arguments, *_terminal(width))


def drawn_piped(*arguments: str) -> str:
    """The output of a command into a pipe, by a fork of this process."""
    code, shown = _by_fork(arguments, *os.pipe())
    assert 0 == code, shown
    return shown


def interrupted(*arguments: str, once: Callable[[str], bool]) -> tuple[int, str]:
    """As `drawn`, and interrupted as by Ctrl-C, *once* that holds of all it has shown."""
    ours, theirs = _terminal(80)
    child = _forked(arguments, theirs)
    sent: list[int] = []

    def interrupt(shown: str) -> None:
        if not sent and once(shown):
            sent.append(signal.SIGINT)
            os.kill(child, *sent)

    shown = _all_of(ours, interrupt)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown


def _terminal(width: int) -> tuple[int, int]:
    """Our end of a terminal of *width* columns, and the command's."""
    import fcntl
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    return ours, theirs


def _all_of(ours: int, seen: Callable[[str], object] = lambda _: None) -> str:
    shown = b""
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        try:
            while part := terminal.read(4096):
                shown += part
                seen(shown.decode(errors="replace"))
        except OSError:  # how Linux tells the end of a terminal
            pass
    return shown.decode()


def _by_fork(arguments: tuple[str, ...], ours: int, theirs: int) -> tuple[int, str]:
    child = _forked(arguments, theirs)
    shown = _all_of(ours)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown


def _forked(arguments: tuple[str, ...], theirs: int) -> int:
    with warnings.catch_warnings():
        # The other threads of a worker of pytest-xdist only wait for its next test.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        _be_the_command(arguments, theirs)
    os.close(theirs)
    return child


def _be_the_command(arguments: tuple[str, ...], theirs: int) -> NoReturn:
    code: object = 1
    signal.alarm(PATIENCE)
    try:
        for standard in range(3):
            os.dup2(theirs, standard)
        sys.stdin = sys.__stdin__ = os.fdopen(0)  # type: ignore[misc]
        sys.stdout = sys.__stdout__ = os.fdopen(1, "w")  # type: ignore[misc]
        sys.stderr = sys.__stderr__ = os.fdopen(2, "w")  # type: ignore[misc]
        os.environ.pop("COLUMNS", None)
        main(arguments, prog_name="devsess")
    except SystemExit as end:
        code = end.code
    finally:
        sys.stdout.flush()
        os._exit(code if isinstance(code, int) else 1)


def piped(*arguments: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    """The output of a command into a pipe."""
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, env={**os.environ, **environ}, check=False
    )
