"""The meaning of SQLite's errors, and the remedy, for the reader of a log."""

from __future__ import annotations

import sqlite3
from json import JSONDecodeError

from devsess.errors import StoreUnavailableError
from devsess.stores.sqlite.damage import DAMAGE, DamagedError

_REMEDIES = {
    sqlite3.SQLITE_BUSY: "it is locked by another process; try again, or give a longer timeout",
    sqlite3.SQLITE_LOCKED: "it is locked by another connection; try again",
    sqlite3.SQLITE_FULL: "the disk, or the database's own limit, is full; make room",
    sqlite3.SQLITE_READONLY: "it is read-only; let this user write to it and its folder",
    sqlite3.SQLITE_PERM: "permission was denied; let this user write to it",
    sqlite3.SQLITE_CORRUPT: "it is corrupt; restore a backup",
    sqlite3.SQLITE_NOTADB: "this file is no SQLite database, or is corrupt; check the path",
    sqlite3.SQLITE_CANTOPEN: (
        "it cannot be opened; check that its folder exists and that this user may write there"
    ),
    sqlite3.SQLITE_IOERR: "reading or writing failed; check the disk",
    # The memory that all share names more of the log than the one at the path has.
    sqlite3.SQLITE_IOERR_SHORT_READ: (
        "its -wal was deleted while others used it; have them end by themselves: the last one that"
        " closes it moves its log into the file"
    ),
    sqlite3.SQLITE_NOMEM: "memory ran out",
    # See Connections.abandon.
    sqlite3.SQLITE_AUTH: "this process was forked in the middle of a write; write in another one",
    sqlite3.SQLITE_INTERRUPT: "this process was forked in the middle of a read; try again",
    sqlite3.SQLITE_ERROR: (
        "its tables are not those of this version; upgrade this process or run devsess migrate, or"
        " restore a backup if they were changed by hand"
    ),
}

# The errors of reading a row that was never written so.
DAMAGED = (DamagedError, *DAMAGE, JSONDecodeError)
# sqlite3's message, without a code, for a text that is none.
_UNDECODED = "Could not decode to UTF-8"


def code_of(error: Exception) -> int:
    """The primary result code of *error*, or -1 where SQLite gave none."""
    code: int = getattr(error, "sqlite_errorcode", -1)
    return code if code < 0 else code & 0xFF


def is_busy(error: Exception) -> bool:
    """Whether somebody else holds a lock."""
    return code_of(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def may_pass(error: Exception) -> bool:
    """Whether the next try may get through: a lock is released, and a disk has room again."""
    return is_busy(error) or code_of(error) == sqlite3.SQLITE_FULL


def is_damage(error: BaseException | None) -> bool:
    """Whether a row was read that was never written so."""
    return isinstance(error, DAMAGED) or _UNDECODED in str(error)


def unavailable(path: str, error: Exception) -> StoreUnavailableError:
    """The error to raise from *error*, with what to do about it."""
    remedy = "it could not be used"
    if is_damage(error):
        remedy = "it is damaged; check the disk, and restore a backup"
    elif isinstance(error, sqlite3.Error):
        exact = getattr(error, "sqlite_errorcode", -1)
        remedy = _REMEDIES.get(exact, _REMEDIES.get(code_of(error), remedy))
    elif isinstance(error, FileNotFoundError):
        remedy = "the file or its folder is missing; check the path, or restore a backup"
    # "disk I/O error" alone stands for thirty codes.
    code = getattr(error, "sqlite_errorname", None)
    return StoreUnavailableError(
        f"database {path}: {remedy} ({error}{f', {code}' if code else ''})"
    )
