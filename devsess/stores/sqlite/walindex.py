"""
A mark that costs no call: the header of SQLite's wal-index, which changes with every commit.

In WAL mode all connections to a database share the memory of its `-shm` file.
Its first 48 bytes are the header by which every reader finds the latest commit
(https://sqlite.org/walformat.html, "The WAL-Index Header"): a commit is one when
they have changed, and `PRAGMA data_version` compares the same bytes after two
system calls. So this module looks at the bytes themselves.

They are looked at through a second mapping of the very pages that SQLite has
mapped, made with `mremap`. That opens no descriptor of the file: closing any
would drop the locks that SQLite holds on it, and a collected map would close
one. Where there is no such call, or no such mapping, there is no `WalIndex`.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import sqlite3
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_HEADER = 48
_MAYMOVE = 1
_FIXED = 0x10
_FAILED = ctypes.c_void_p(-1).value
# No header is all zeros: it begins with a version.
RETIRED = bytes(_HEADER)


class WalIndex:
    """
    The header of one open database's wal-index.

    Good for as long as a connection of this process holds the database open,
    and the file that is mapped is the one that others would open.

    Args:
        address: Where the page that begins with the header is mapped; unmapped
            when nobody can look at it any more.
        identity: The `-shm` file's device and number.

    Attributes:
        header: Every commit changes it; its `raw` is a copy of the bytes, RETIRED at the end.
    """

    def __init__(self, address: int, identity: tuple[int, int]) -> None:
        self.header = (ctypes.c_char * _HEADER).from_address(address)
        weakref.finalize(self.header, _unmap, address).atexit = False
        self.identity = identity
        self._address = address

    def retire(self) -> None:
        """
        Show RETIRED to every reader from now on: the database is closed.

        Caches compare the header by themselves for a while. It no longer changes when
        another file has taken the place of the one that is mapped.
        """
        # In the place of the page, at once: a mapping with MAP_FIXED is atomic (mmap(2)).
        protection, flags = mmap.PROT_READ, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _FIXED
        _map(self._address, mmap.PAGESIZE, protection, flags, -1, 0)


def proven(connection: sqlite3.Connection) -> WalIndex | None:
    """
    The wal-index of *connection*'s database, if a commit was seen to change it; else None.

    The commit is the connection's own, and changes nothing.

    Args:
        connection: Has read in WAL mode, and is in no transaction.

    Raises:
        sqlite3.Error: If the commit failed.
    """
    index = _mapped(f"{_file_of(connection)}-shm")
    if index is None:
        return None
    before = index.header.raw
    _commit(connection)
    return index if index.header.raw != before else None


def _file_of(connection: sqlite3.Connection) -> str:
    """The path as SQLite sees it, links resolved."""
    path: str = connection.execute("PRAGMA database_list").fetchone()[2]
    return path


def _commit(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        [version] = connection.execute("PRAGMA user_version").fetchone()
        # Written although it is the same: a page changes hands, and so a commit happens.
        connection.execute(f"PRAGMA user_version = {int(version)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _mapped(path: str) -> WalIndex | None:
    """A second mapping of what SQLite has mapped of the file at *path*."""
    remap = _remap()
    try:
        status = os.stat(path)  # noqa: PTH116
        address = _address_of(path, status.st_ino)
    except (OSError, ValueError):  # no such file, no /proc, or a name that confuses it
        return None
    if remap is None or address is None:
        return None
    # A length of zero leaves the old mapping in place (mremap(2)).
    found = remap(address, 0, mmap.PAGESIZE, _MAYMOVE)
    return None if found in (None, _FAILED) else WalIndex(found, (status.st_dev, status.st_ino))


def _address_of(path: str, inode: int) -> int | None:
    """Where this process has the beginning of that file mapped, shared (proc_pid_maps(5))."""
    maps = Path("/proc/self/maps")
    with maps.open(encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
        for line in lines:
            place, mode, offset, _, number, *name = line.rstrip("\n").split(None, 5)
            if name == [path] and int(number) == inode and mode[3] == "s" and not int(offset, 16):
                return int(place.partition("-")[0], 16)
    return None


def _remap() -> Callable[[int, int, int, int], int | None] | None:
    try:
        function = ctypes.CDLL(None).mremap
    except (OSError, TypeError, AttributeError):  # not on this system
        return None
    function.restype = ctypes.c_void_p
    function.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int]
    found: Callable[[int, int, int, int], int | None] = function
    return found


def _map(*arguments: int) -> None:
    function = ctypes.CDLL(None).mmap
    function.restype = ctypes.c_void_p
    function.argtypes = [
        *(ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int),
        *(ctypes.c_int, ctypes.c_long),
    ]
    function(*arguments)


def _unmap(address: int) -> None:
    ctypes.CDLL(None).munmap(ctypes.c_void_p(address), ctypes.c_size_t(mmap.PAGESIZE))
