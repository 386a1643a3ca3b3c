"""Checks of the SQLite store's arguments, before anything is opened or read."""

from __future__ import annotations

import os
import sqlite3

from devsess.errors import ConfigurationError

OLDEST_SQLITE = (3, 35)


def is_text(*ids: str) -> bool:
    """Whether the *ids* can be keys at all; lone surrogates cannot."""
    try:
        for text in ids:
            text.encode()
    except UnicodeEncodeError:
        return False
    return True


def checked_path(path: str | os.PathLike[str]) -> str:
    """
    The absolute path.

    Raises:
        ConfigurationError: If it names no file, or SQLite is too old.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise ConfigurationError(
            f"SQLite {sqlite3.sqlite_version} is too old: devsess needs 3.35 or newer"
        )
    text = os.fspath(path)
    if text in ("", ":memory:"):
        raise ConfigurationError("an SQLite store needs a file; for memory use memory://")
    return os.path.abspath(text)  # noqa: PTH100 - also of a file that is not there yet


def checked_readers(readers: int) -> int:
    """
    The number itself.

    Raises:
        ConfigurationError: If it is no number of connections.
    """
    if not isinstance(readers, int) or isinstance(readers, bool) or readers < 1:
        raise ConfigurationError(f"readers must be a number of connections, 1 or more: {readers!r}")
    return readers
