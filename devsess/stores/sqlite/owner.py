"""
Find out whose file it is, before it is changed.

An application may keep its own tables and those of devsess in one file. So a file with
other tables is no error. A file whose tables have our names is one, and so is a file
that nobody meant as a store.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from attrs import frozen

from devsess.errors import StoreUnavailableError
from devsess.stores.sqlite import schema
from devsess.stores.sqlite.errors import unavailable

# Tables that are named in a message, at most.
_SHOWN = 3
# SQLite's own, and the record of steps that every user of sqlite-utils has.
_OTHERS = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    " AND name <> '_sqlite_migrations' ORDER BY name"
)


@frozen
class Found:
    """
    The contents of a file.

    Attributes:
        lacking: The steps that it still needs.
        is_ours: Whether it has taken any.
        others: Tables of other programs.
    """

    lacking: list[str]
    is_ours: bool
    others: list[str]


def look(path: str, timeout: float = 5.0) -> Found:
    """
    Look at the file at *path* without writing to it.

    Raises:
        StoreUnavailableError: If it cannot be read, or a newer version has made it.
    """
    try:
        with closing(_reading(path, timeout)) as connection:
            connection.execute("BEGIN")  # all of it at one instant
            lacking = schema.pending(connection)
            others = [name for (name,) in connection.execute(_OTHERS).fetchall()]
            return Found(lacking, bool(schema.taken(connection)), others)
    except (sqlite3.Error, OSError) as error:
        raise unavailable(path, error) from error


def check_ready(path: str) -> None:
    """
    Check that the file at *path* holds the tables of this version, without writing to it.

    Raises:
        StoreUnavailableError: If it does not, with what to do about it.
    """
    found = look(path)
    if not found.lacking:
        return
    if found.is_ours:
        why = (
            f"it was made by an older devsess and lacks {', '.join(found.lacking)}; upgrade the"
            " programs that use it, then run devsess migrate"
        )
    elif found.others:
        why = (
            f"it belongs to another program (it has {_some(found.others)}) and holds no sessions of"
            " devsess; check the path, or run devsess migrate to keep them in it as well"
        )
    else:
        why = "it is empty; start the application that uses it, or run devsess migrate"
    raise StoreUnavailableError(f"database {path}: {why}")


def check_names(path: str, connection: sqlite3.Connection) -> None:
    """
    Check that the tables still to be made meet none of another program's.

    Raises:
        StoreUnavailableError: If one of its tables has a name of ours.
    """
    # At one instant: four processes may open a new file at once.
    connection.execute("BEGIN")
    steps, names = schema.pending(connection), schema.names(connection)
    connection.execute("ROLLBACK")
    both = sorted(schema.names_made_by(steps) & names) if steps and names else []
    if both:
        raise StoreUnavailableError(
            f"database {path}: another program has a table or index named {both[0]} in it; give"
            " devsess a file of its own"
        )


def _reading(path: str, timeout: float) -> sqlite3.Connection:
    # The last connection to close moves the rest of a log into the file, if it may write: so it
    # must not. Where there is no log, SQLite may make an empty one, and only a connection that
    # may write removes it.
    mode = "ro" if Path(f"{os.path.realpath(path)}-wal").exists() else "rw"
    uri = f"{Path(path).absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=timeout, isolation_level=None)


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    kind = "a table" if len(names) == 1 else "tables"
    return f"{kind} named {shown}" + (" and others" if len(names) > _SHOWN else "")
