"""
The locks that a forked child believes it has.

SQLite notes per process and file which locks it holds (os_unix.c). A forked
child inherits the notes, but no locks: POSIX gives it none. So a file
that it opens again would take none either, and once its parent is gone, the last
other process to close the database would delete its log under the child.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

# The locks of a connection in WAL mode for as long as it is open: on the shared bytes
# of the database (SHARED_FIRST and SHARED_SIZE), and of its wal-index the byte
# that marks it as in use (UNIX_SHM_DMS).
_HELD = (("", 0x40000002, 510), ("-shm", 128, 1))


def take_inherited(path: str) -> None:
    """
    Take the locks on the database at *path* that this process's parent held when it forked.

    Through descriptors that were inherited: one of our own could never be closed.

    Raises:
        OSError: If somebody else holds them, or the descriptors are gone.
    """
    import fcntl

    path = os.path.realpath(path)  # as SQLite does: the wal-index is beside the file itself
    for suffix, start, length in _HELD:
        descriptor = _descriptor(f"{path}{suffix}")
        fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB, length, start)


def is_held_open(path: str) -> bool:
    """Whether this process has the file at *path* open."""
    try:
        _descriptor(path)
    except FileNotFoundError:
        return False
    return True


def _descriptor(path: str) -> int:
    """An open descriptor of the file; a lock belongs to the process, not to a descriptor."""
    wanted = os.stat(path)  # noqa: PTH116
    for entry in Path("/dev/fd").iterdir():
        with suppress(OSError):
            if os.path.samestat(os.fstat(int(entry.name)), wanted):
                return int(entry.name)
    raise FileNotFoundError(f"no open descriptor of {path} was inherited")
