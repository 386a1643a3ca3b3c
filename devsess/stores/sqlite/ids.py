"""
Ids as they stand in a file, also in a damaged row: as bytes that are no text of any encoding.

Such a row is ended and purged like any other, in its place among them, and left out
where ids are returned: ending needs no label, and no id that can be read.
"""

from __future__ import annotations

import logging
from typing import TypeAlias

from attrs import frozen

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


def bound(one: Id | float) -> tuple[str, object]:
    """The expression that equals *one* in a column, and the value it takes."""
    if not isinstance(one, Odd):
        return "?", one
    return ("CAST(? AS TEXT)" if one.is_text else "?"), one.raw


def report(damaged: int) -> None:
    """Say that rows were ended that can no longer be named."""
    if damaged:
        log.error(
            "sessions whose rows are damaged have ended too (%d): not all of their ids can be read,"
            " so they have no event; check the file, and restore a backup if more is damaged",
            damaged,
        )
