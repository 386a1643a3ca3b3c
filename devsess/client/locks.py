"""A lock between processes: on a file that stays, and ended by the system with its holder."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from devsess.client.tokens import Release

if sys.platform == "win32":
    import msvcrt

    def _take(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _free(descriptor: int) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _free(descriptor: int) -> None:
        # Closing alone would leave it locked while a forked process has a copy.
        fcntl.flock(descriptor, fcntl.LOCK_UN)


# By the lock's file, of which a process has few.
_THREADS: dict[str, list[int]] = {}


def threads_at(path: Path) -> list[int]:
    """The threads of this process that have the lock at *path*, or try to: for `waiting.locked`."""
    return _THREADS.setdefault(os.path.realpath(path), [])


def try_lock(path: Path) -> Release | None:
    """
    Lock the file at *path*, which is made if need be; None if another one has locked it.

    It binds threads too: each call opens the file anew.

    Raises:
        OSError: If the file cannot be made.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take(descriptor)
    except (BlockingIOError, PermissionError):
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    if not _is_at(descriptor, path):  # removed between the two: another one may lock a new file
        _release(descriptor)
        return None
    return lambda: _release(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _release(descriptor: int) -> None:
    with suppress(OSError):
        _free(descriptor)
    os.close(descriptor)
