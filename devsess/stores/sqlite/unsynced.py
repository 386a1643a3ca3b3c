"""A file that is filled at one go, as for a demonstration."""

from __future__ import annotations

from typing import ClassVar

from devsess.stores.sqlite.store import SQLiteStore


class UnsyncedStore(SQLiteStore):
    """
    As SQLiteStore, but no commit waits for the disk.

    When the machine stops meanwhile, the file may be damaged: it must be one that can be made anew.
    """

    _SYNCHRONOUS: ClassVar[str] = "OFF"
