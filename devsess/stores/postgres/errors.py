"""What the errors of the driver mean to a manager."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
from psycopg import errors

from devsess.errors import StoreUnavailableError
from devsess.stores.calls import StoreBusyError

if TYPE_CHECKING:
    from psycopg import Error


class UndoneError(StoreBusyError):
    """The server undid the transaction for the sake of another: it may be tried again."""


class LostError(StoreUnavailableError):
    """The connection is lost: what it was sent may have been done, or not."""


# Found by the driver; or by the server, in a text within JSON.
_UNKEPT = (None, errors.UntranslatableCharacter.sqlstate)
_UNDONE = (errors.SerializationFailure, errors.DeadlockDetected)
_LOST = (psycopg.OperationalError, psycopg.InterfaceError)
_NO_TABLES = (errors.UndefinedTable, errors.InvalidSchemaName, errors.UndefinedColumn)


def meaning_of(error: Error | UnicodeError, *, is_closed: bool) -> Exception:
    """
    The error to raise in place of *error*.

    Its text is the server's first line: the details name values of rows.

    Args:
        error: From the driver.
        is_closed: Whether it closed the connection.
    """
    if isinstance(error, (UnicodeError, psycopg.DataError)) and _state(error) in _UNKEPT:
        return ValueError("a text holds a character that PostgreSQL cannot keep")
    if isinstance(error, errors.UniqueViolation) and error.diag.constraint_name == "sessions_pkey":
        return ValueError("there is a session with this id already")
    text = f"PostgreSQL did not do it: {_text(error)}"
    if isinstance(error, errors.LockNotAvailable):
        return StoreBusyError(text)
    if isinstance(error, _UNDONE):
        return UndoneError(text)
    if isinstance(error, _NO_TABLES):
        return StoreUnavailableError(f"{text}; call migrate() as a role that may make tables")
    if isinstance(error, _LOST) and is_closed:
        return LostError(f"PostgreSQL did not answer: {_text(error)}")
    return StoreUnavailableError(text)


def _state(error: Error | UnicodeError) -> str | None:
    return None if isinstance(error, UnicodeError) else error.sqlstate


def _text(error: Error | UnicodeError) -> str:
    primary = None if isinstance(error, UnicodeError) else error.diag.message_primary
    first = str(error).partition("\n")[0]
    return primary or first or type(error).__name__
