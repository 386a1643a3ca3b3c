"""An MMDB file: opened, tried, and read."""

from __future__ import annotations

import ipaddress
import os
import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from devsess.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from maxminddb import Reader

    from devsess.geo.hosting import Address

# Looked up as a file is opened: a damaged tree shows in some of them.
_TRIED = [ipaddress.IPv4Address(first << 24 | 0x010101) for first in range(1, 224, 7)]
_TRIED_6 = [ipaddress.IPv6Address(first << 112 | 1) for first in range(0x2001, 0x2C10, 97)]

_GZIP = b"\x1f\x8b"


class Database:
    """
    An MMDB file that is open.

    Args:
        path: The file's.
        reader: Reads it.

    Attributes:
        has_ipv6: Whether it can be asked for IPv6 addresses.
        kind: Its type and description, as it names them, in one text.
    """

    def __init__(self, path: str, reader: Reader) -> None:
        self._path = path
        self._reader = reader
        self._has_failed = False
        metadata = reader.metadata()
        if metadata.ip_version not in (4, 6):
            raise ValueError("its version of IP is neither 4 nor 6")
        self.has_ipv6 = metadata.ip_version == 6
        description: object = metadata.description
        texts = description.values() if isinstance(description, dict) else ()
        self.kind = " ".join(str(it)[:256] for it in (metadata.database_type, *texts))
        for address in [*_TRIED, *(_TRIED_6 if self.has_ipv6 else ())]:
            reader.get(address)

    def get(self, address: Address) -> object:
        """The record of *address*; None where there is none, or the file is damaged there."""
        if address.version == 6 and not self.has_ipv6:
            return None
        try:
            return self._reader.get(address)
        except Exception:
            if not self._has_failed:
                self._has_failed = True
                import logging  # late: it is not needed as long as nothing fails

                logging.getLogger("devsess").exception(
                    "%s is damaged: some addresses have no location; download it again", self._path
                )
            return None


def open_database(path: str, *, copy: bool, extension: bool) -> Database:
    """
    The MMDB file at *path*, opened.

    Args:
        path: The file's.
        copy: Whether a copy is opened, so that nothing that is written into the file matters.
        extension: Whether maxminddb's reader in C is used, if it was compiled. It takes the
            keys of a record for texts unseen: where damage has made one of another type, it
            reads any memory, or ends the process. The reader in Python cannot.

    Raises:
        ConfigurationError: If it is no MMDB file, or a damaged one, or maxminddb is missing.
        OSError: If it cannot be read.
    """
    try:
        import maxminddb
    except ImportError as error:
        raise ConfigurationError(
            "this locator needs maxminddb: pip install 'devsess[geo]'"
        ) from error
    _check(path)
    mode = maxminddb.MODE_AUTO if extension else maxminddb.MODE_MMAP
    open_at = partial(maxminddb.open_database, mode=mode)
    try:
        # On Windows nobody can write into a file that is mapped, nor delete one.
        if copy and os.name != "nt":
            return Database(path, _copied(path, open_at))
        return Database(path, open_at(path))
    except OSError:
        raise
    except Exception as error:
        raise ConfigurationError(
            f"{path} is no MMDB file, or is damaged: download it again ({_brief(error)})"
        ) from error


def _check(path: str) -> None:
    """Name the mistakes that are made most often."""
    with Path(path).open("rb") as file:
        start = file.read(len(_GZIP))
    if not start:
        raise ConfigurationError(f"{path} is empty: download it again")
    if start == _GZIP:
        raise ConfigurationError(f"{path} is compressed: unpack it, and name the .mmdb file")


def _copied(path: str, open_at: Callable[[str], Reader]) -> Reader:
    copy = None
    try:
        descriptor, copy = tempfile.mkstemp(prefix="devsess-", suffix=".mmdb")
        os.close(descriptor)
        shutil.copyfile(path, copy)
        return open_at(copy)
    except OSError as error:
        # The file itself was read just before.
        raise OSError(
            f"it cannot be copied into the folder for temporary files ({error}):"
            " make room there, set TMPDIR to another one, or pass copy=False"
        ) from error
    finally:
        if copy is not None:
            Path(copy).unlink()  # it stays mapped, and its room is free once it is closed


def _brief(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]
