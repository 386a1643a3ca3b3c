"""
A file that is opened again once it was replaced on disk.

Users of the file that was opened before are not disturbed: it is closed when the last of them
lets go of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Generic, TypeVar

from devsess._runtime.fork import after_fork
from devsess._runtime.mutex import if_free, is_mine, new_lock
from devsess.errors import ConfigurationError

T = TypeVar("T")

# How often the file is looked at, in seconds: an update is seldom, and a look costs a call of
# the system.
INTERVAL = 1.0


class Replaced(Generic[T]):
    """
    The content of the file at *path*, as it is now.

    Args:
        path: The file.
        read: Opens it.
        elapsed: A clock that never goes back, in seconds.

    Raises:
        ConfigurationError: If the file cannot be used.
    """

    def __init__(self, path: str, read: Callable[[str], T], elapsed: Callable[[], float]) -> None:
        self._path = path
        self._read = read
        self._elapsed = elapsed
        self._look_at = elapsed() + INTERVAL
        self._has_warned = False
        self._unlock()
        after_fork(self, Replaced._unlock)
        try:
            # Before it is read: what replaces it meanwhile is another one at the next look.
            self._seen = _version(path)
            self._content = read(path)
        except OSError as error:
            raise unusable(path, error) from error

    def _unlock(self) -> None:
        self._lock = new_lock()

    def current(self) -> T:
        """The content; of the file as it was, while its replacement cannot be read."""
        # A signal's handler finds its thread's look under way, and leaves the rest to that one.
        if self._elapsed() >= self._look_at and not is_mine(self._lock):
            if_free(self._lock, Replaced._look_again, self)
        return self._content

    def _look_again(self) -> None:
        try:
            self._look()
        finally:
            self._look_at = self._elapsed() + INTERVAL

    def _look(self) -> None:
        try:
            seen = _version(self._path)
            if seen == self._seen:
                return
            self._seen = seen  # one that cannot be read is not tried each second
            self._content = self._read(self._path)
        except (OSError, ConfigurationError) as error:
            self._seen = None if isinstance(error, OSError) else self._seen
            self._warn(error)
        else:
            self._has_warned = False

    def _warn(self, error: Exception) -> None:
        if self._has_warned:
            return
        self._has_warned = True
        import logging  # late: it is not needed as long as nothing fails

        logging.getLogger("devsess").warning(
            "%s was replaced by a file that cannot be used; the old one stays in use: %s",
            self._path,
            error,
        )


def _version(path: str) -> tuple[int, ...] | None:
    """Changes with the file: another one at this path, or one that was written into."""
    found = os.stat(path)  # noqa: PTH116 - asked again and again
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def unusable(path: str, error: OSError) -> ConfigurationError:
    """The error for a file that cannot be read: the reason, and a remedy."""
    remedies = {
        FileNotFoundError: "there is no such file: download it first (docs/locations.md)",
        IsADirectoryError: "this is a folder: name the file in it",
        PermissionError: "the process may not read it: change its permissions or its owner",
    }
    reason = remedies.get(type(error), error.strerror or str(error))
    return ConfigurationError(f"{path} cannot be opened: {reason}")
