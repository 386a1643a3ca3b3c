"""
One row of many columns, read in half the time.

Each time that Python's sqlite3 executes a statement, it describes the columns of the answer
(`Cursor.description`), and to describe 45 of them takes as long as to read them. So a statement
for one row hands its columns to an SQL function, and its answer has a single column. Of few
columns, and of many rows, the description costs next to nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, TypeAlias

from devsess.stores.sqlite.damage import DamagedError

_ROW = "devsess_row"
# What sqlite3 says where it cannot call the function, for want of an argument.
_FAILED = "user-defined function raised exception"

Values: TypeAlias = "tuple[object, ...]"
Fetch: TypeAlias = "Callable[[sqlite3.Cursor, str, Values], list[tuple[Any, ...]]]"


class RowConnection(sqlite3.Connection):
    """
    A connection that knows the function.

    Attributes:
        latest: Its arguments are the columns of a row that was just read.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # An exception holds what its __init__ is given, and no step of that runs Python: inside of
        # an SQL function, what a signal's handler raises would be lost.
        self.latest = Exception()
        self.create_function(_ROW, -1, self.latest.__init__)  # type: ignore[misc]


def select_one(columns: str, source: str) -> str:
    """
    The statement for `fetch_one`: *columns* of the row that *source* leaves, which is one at most.

    SQLite takes up to 100 arguments of a function, so up to 100 columns, in its older versions.
    """
    return f"SELECT {_ROW}({columns}) {source}"


def fetch_one(cursor: sqlite3.Cursor, statement: str, values: Values) -> list[tuple[Any, ...]]:
    """
    The row of *statement*, made by `select_one`, in a list, which is empty where there is none.

    Args:
        cursor: A `RowConnection`'s. Nobody else may use that one meanwhile: its next row takes
            the place of this one.
        statement, values: As for `execute`.

    Raises:
        DamagedError: If a text in the row is none.
        sqlite3.Error: As any statement.
    """
    try:
        found = cursor.execute(statement, values).fetchall()
    except sqlite3.OperationalError as error:
        if str(error) == _FAILED:
            raise DamagedError("there is a text that is not UTF-8") from error
        raise
    latest: Exception = cursor.connection.latest  # type: ignore[attr-defined]
    row, latest.args = latest.args, ()
    return [row] if found else []


def fetch_all(cursor: sqlite3.Cursor, statement: str, values: Values) -> list[tuple[Any, ...]]:
    """The rows of any other *statement*."""
    return cursor.execute(statement, values).fetchall()
