"""The errors of SQLAlchemy and its drivers, as those of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import exc

from devsess.errors import ConfigurationError, StoreUnavailableError
from devsess.stores.calls import StoreBusyError

if TYPE_CHECKING:
    from collections.abc import Iterator


class UndoneError(StoreBusyError):
    """The database undid the transaction for the sake of another: it may be tried again."""


class EmptiedError(StoreUnavailableError):
    """The first rows are gone, as where a test makes all tables anew."""

    def __init__(self) -> None:
        super().__init__("the table of locks is empty: call migrate()")


class LostError(StoreUnavailableError):
    """The connection is lost: what it was sent may have been done, or not."""


# By SQLSTATE of PostgreSQL, and by number of MariaDB.
_UNDONE = frozenset({"40001", "40P01", 1020, 1213})
_BUSY = frozenset({"55P03", 1205, 3572})
_UNKEPT = frozenset({"22021", "22P05", "54000", "22001", 1366, 1406})
_NO_TABLES = frozenset({"42P01", "3F000", "42703", 1146, 1054, 1049})
_ABORTED = frozenset({"25P02"})
# SQLite gives a text alone.
_SQLITE_BUSY = ("database is locked", "database table is locked")
_SQLITE_NO_TABLES = ("no such table", "no such column", "has no column named")
_MIGRATE = "make the tables with your migrations, or call migrate()"


def meaning_of(error: Exception) -> Exception:
    """The error to raise in place of *error*; its text names no values of rows."""
    if isinstance(error, UnicodeError):
        return _unkept()
    if isinstance(error, exc.TimeoutError):
        return StoreUnavailableError("all connections of the engine are in use")
    if isinstance(error, exc.PendingRollbackError):
        return _aborted()
    if not isinstance(error, exc.DBAPIError):
        return StoreUnavailableError(f"SQLAlchemy did not do it: {_first_line(error)}")
    return _of_driver(error)


def _of_driver(error: exc.DBAPIError) -> Exception:
    codes, text = {*_codes(error)}, _first_line(error.orig or error)
    if codes & _UNKEPT or isinstance(error, exc.DataError):
        return _unkept()
    if codes & _ABORTED:
        return _aborted()
    if codes & _UNDONE:
        return UndoneError(f"the database undid it for another transaction: {text}")
    if codes & _BUSY or text.startswith(_SQLITE_BUSY):
        return StoreBusyError(f"another transaction holds what this one needs: {text}")
    if codes & _NO_TABLES or any(it in text for it in _SQLITE_NO_TABLES):
        return StoreUnavailableError(f"a table or column is missing ({text}): {_MIGRATE}")
    if error.connection_invalidated:
        return LostError(f"the database did not answer: {text}")
    return StoreUnavailableError(f"the database did not do it: {text}")


def foreign(engine: object) -> ConfigurationError:
    """The error for what is no engine of SQLAlchemy's."""
    return ConfigurationError(
        "SQLAlchemyStore takes an Engine or an AsyncEngine of SQLAlchemy 2.0, not "
        f"{type(engine).__name__}"
    )


def unknown(dialect: str) -> ConfigurationError:
    """The error for an engine of a database that the store was never tried on."""
    return ConfigurationError(
        f"SQLAlchemyStore knows PostgreSQL, MariaDB and SQLite, and this is an engine of {dialect}"
    )


def _unkept() -> ValueError:
    return ValueError("a text is too long, or holds a character that the database cannot keep")


def _aborted() -> StoreUnavailableError:
    return StoreUnavailableError(
        "this transaction failed before: roll it back, and nothing of it is written"
    )


def _codes(error: exc.DBAPIError) -> Iterator[object]:
    """The codes of the driver's error, and of those that it stands for."""
    found: BaseException | None = error.orig
    while found is not None:
        yield getattr(found, "sqlstate", None)
        yield getattr(found, "pgcode", None)
        yield found.args[0] if found.args and isinstance(found.args[0], int) else None
        found = found.__cause__


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:200] or type(error).__name__
