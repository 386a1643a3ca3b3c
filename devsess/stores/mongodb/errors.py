"""The meaning of a driver's errors for a call and its transaction."""

from __future__ import annotations

from pymongo.errors import BulkWriteError, OperationFailure, PyMongoError

_HINTS = {
    13: "the user lacks a right",
    18: "the credentials were refused",
    20: "transactions need a replica set; one of a single member will do",
}
# The codes of a write conflict, and of a document that two transactions insert at once.
_CONFLICTS = (112, 11000)


class MovedError(Exception):
    """Two reads do not fit together: something was written in between. Read again."""


class EmptiedError(Exception):
    """The store's own documents are not there: it is new, or was emptied."""


def named(error: PyMongoError) -> str:
    """The kind of *error*, and what to do; its own text may hold addresses."""
    code = getattr(error, "code", None)
    if code is None:
        return type(error).__name__
    hint = _HINTS.get(code)
    return f"{type(error).__name__}, code {code}" + (f": {hint}" if hint else "")


def is_overtaken(error: Exception) -> bool:
    """Whether nothing was committed, and another try may be."""
    if isinstance(error, PyMongoError):
        if error.has_error_label("UnknownTransactionCommitResult"):
            return False
        if error.has_error_label("TransientTransactionError"):
            return True
    return is_conflict(error)


def is_conflict(error: Exception) -> bool:
    """Whether another transaction wrote a document that this one has written or read."""
    if isinstance(error, MovedError):
        return True
    codes = [error.code] if isinstance(error, OperationFailure) else []
    if isinstance(error, BulkWriteError):
        codes = [it["code"] for it in error.details.get("writeErrors", ())]
    return any(code in _CONFLICTS for code in codes)
