"""
Ids as they stand in a file, also in a damaged row: as bytes that are no text of any encoding.

Such a row is ended and purged like any other, in its place among them, and left out
where ids are returned: ending needs no label, and no id that can be read.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

from devsess.stores.sqlite.damage import DamagedError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

log = logging.getLogger("devsess")


@frozen
class Odd:
    """
    A value in the place of an id that is none.

    Attributes:
        raw: The bytes.
        is_text: Whether SQLite takes them for text.
    """

    raw: bytes
    is_text: bool


Id: TypeAlias = str | Odd


def stored(column: str) -> str:
    """The expression that `read` reads: SQLite takes any bytes for a blob."""
    return f"iif(typeof({column}) = 'blob', hex({column}), CAST({column} AS BLOB))"


def read(value: bytes | str | None) -> Id:
    """The id that `stored` gave."""
    if isinstance(value, str):
        return Odd(bytes.fromhex(value), is_text=False)
    raw = value or b""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return Odd(raw, is_text=True)


def bound(one: Id) -> tuple[str, object]:
    """The expression that equals *one* in a column of text, and the value it takes."""
    if isinstance(one, str):
        return "?", one
    return ("CAST(? AS TEXT)" if one.is_text else "?"), one.raw


def packed(ids: Sequence[Id]) -> str:
    """*ids* as a text that can be kept: `unpacked` reads it."""
    return json.dumps([it if isinstance(it, str) else [it.raw.hex(), it.is_text] for it in ids])


def unpacked(text: str) -> tuple[Id, ...]:
    """
    The ids of a text that `packed` made.

    Raises:
        DamagedError: If it did not.
    """
    try:
        return tuple(
            it if isinstance(it, str) else Odd(bytes.fromhex(it[0]), is_text=it[1] is True)
            for it in json.loads(text)
        )
    except (ValueError, TypeError, LookupError) as error:
        raise DamagedError("there is no place among sessions where one should be") from error


def execute_each(
    db: sqlite3.Cursor, statement: str, values: Sequence[object], ids: list[Id]
) -> int:
    """
    Execute *statement* for each of *ids*, which stands where it says {}, as its last value.

    Returns how many rows it changed.
    """
    texts = [(*values, it) for it in ids if isinstance(it, str)]
    done = db.executemany(statement.format("?"), texts).rowcount if texts else 0
    for odd in ids:
        if isinstance(odd, Odd):
            expression, value = bound(odd)
            done += db.execute(statement.format(expression), [*values, value]).rowcount
    return done


def report(damaged: int) -> None:
    """Say that rows were ended that can no longer be named."""
    if damaged:
        log.error(
            "sessions whose rows are damaged have ended too (%d): not all of their ids can be read,"
            " so they have no event; check the file, and restore a backup if more is damaged",
            damaged,
        )
