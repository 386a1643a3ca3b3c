"""Tokens in a file that its owner alone may read, shared by any number of processes."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from devsess.client import locks
from devsess.client.errors import TokenStoreError
from devsess.client.tokens import Release, Tokens

_FOR_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class FileStore:
    """
    Keeps tokens in one file, with mode 0600; a lock file stands beside it.

    The file is replaced at once or not at all, and the disk has it before `save` returns: a
    machine that lost power with newer tokens in use would come back with older ones, and look
    like a thief.

    Args:
        path: The file, in a folder that is there, on a disk of this machine.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._lock = self._path.with_name(f"{self._path.name}.lock")
        self._devsess_threads = locks.threads_at(self._lock)

    def load(self) -> Tokens:
        """
        The tokens in the file; empty ones if there is no file.

        Raises:
            TokenStoreError: If others may read it, or it has something else in it.
            OSError: If it cannot be read.
        """
        try:
            with self._path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                content = file.read()
        except FileNotFoundError:
            return Tokens()
        if os.name == "posix" and mode & _FOR_OTHERS:
            raise TokenStoreError(f"others may use the tokens in {self._path}: sign out, remove it")
        try:
            return Tokens.from_json(content)
        except ValueError as error:
            raise TokenStoreError(f"{self._path}: {error}: remove it, sign in again") from None

    def save(self, tokens: Tokens) -> None:
        """
        Write *tokens* in place of what is there.

        Raises:
            OSError: If that failed; the file is as before.
        """
        descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(tokens.to_json())
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
        _sync_folder(self._path.parent)

    def try_lock(self) -> Release | None:
        """Lock it for all processes, threads and tasks; None if one of them has."""
        return locks.try_lock(self._lock)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
