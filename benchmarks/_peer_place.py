"""Where each peer is tried: one folder, the same number of sessions, everything in WAL mode."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeAlias

from attrs import frozen

from devsess import Grant
from devsess.tuning.timing import Batch


@frozen
class Place:
    """
    The surroundings of every peer.

    Attributes:
        folder: For the files of all.
        path: The file with the sessions of devsess.
        grants: The grants of their users. Each peer has as many sessions of its own.
    """

    folder: Path
    path: Path
    grants: Sequence[Grant]

    @property
    def users(self) -> list[str]:
        """Their ids."""
        return [grant.session.user_id for grant in self.grants]

    def in_wal(self, name: str) -> Path:
        """A SQLite file that is read as quickly as devsess's own: its journal is a WAL."""
        path = self.folder / name
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA journal_mode = WAL").fetchall()
        return path


# Makes sessions at a place, and returns a function that checks each of them once.
Preparation: TypeAlias = Callable[[Place], AbstractContextManager[Batch]]


@frozen
class Way:
    """
    A way to learn who is signed in, and its limits.

    Attributes:
        name: As people call it.
        prepare: Makes ready what is measured.
        needs: Distributions that must be installed; the page shows the version of the first.
        revocation: When a session that has been ended is refused.
        devices: Whether a session knows its device.
        staleness: How long a session that has been ended may still pass.
        note: Which rows are read, and where the way differs from its neighbours.
    """

    name: str
    prepare: Preparation
    needs: tuple[str, ...]
    revocation: str
    devices: str
    staleness: str
    note: str

    @property
    def version(self) -> str:
        """Of the peer itself; empty if it is not here."""
        return _version(self.needs[0])

    @property
    def missing(self) -> list[str]:
        """The distributions that are not installed."""
        return [name for name in self.needs if not _version(name)]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
