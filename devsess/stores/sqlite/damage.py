"""
Checks that a row read can be one that devsess wrote.

SQLite checks no column's type when it reads, and a flipped bit makes a number a
text, or an instant the year 300,000. Such a row is damaged: it must become neither an
unexpected error nor an answer.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from operator import itemgetter
from types import NoneType
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")

# The first and last second of which there is a datetime.
_EARLIEST, _LATEST = -62_135_596_800.0, 253_402_300_799.0

_ANY_TEXT: tuple[type, ...] = (str, NoneType)
_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("id", "user_id", "device_id", "label", "kind", "os", "browser"), (str,)),
    **dict.fromkeys(("type", "amr", "claims", "levels", "owner", "key", "body"), (str,)),
    **dict.fromkeys(
        ("persistent", "bound", "presented", "blocked", "forgotten", "new_device"), (int,)
    ),
    **dict.fromkeys(("generation", "ending_number", "auth_time", "version"), (int,)),
    **dict.fromkeys(("ip", "network", "agent_id", "location", "acr", "actor"), _ANY_TEXT),
    **dict.fromkeys(("reason", "rotated_by", "name", "resembles", "assessment"), _ANY_TEXT),
    "session_id": _ANY_TEXT,
    **dict.fromkeys(("previous_generation", "step_up_after", "score"), (int, NoneType)),
    "impersonator": _ANY_TEXT,
    "salt": (bytes,),
    "fingerprint": (bytes, NoneType),
}
_SURE = (
    "at",
    "first_seen_at",
    "last_seen_at",
    "created_at",
    "idle_from",
    "idle_expires_at",
    "until",
)
_INSTANTS = frozenset({*_SURE, "absolute_expires_at", "auth_time"})
_ANY_INSTANTS = frozenset({"trusted_until", "rotated_at", "revoked_at", "step_up_after"})
# In whole seconds, as in a JWT.
_WHOLE = frozenset({"auth_time", "step_up_after"})

# Combinations of types that a shape remembers.
_REMEMBERED = 256

# The errors that a foreign row causes in the code that reads it.
DAMAGE = (
    *(TypeError, LookupError, AttributeError, UnicodeDecodeError, OverflowError),
    RecursionError,  # of JSON that is nested very deep
)

Values: TypeAlias = Sequence[Any]


class DamagedError(sqlite3.DatabaseError):
    """A row holds a value that was never written."""


def _kinds(column: str) -> tuple[type, ...]:
    if column in _INSTANTS - _WHOLE:
        return (float,)
    return (float, NoneType) if column in _ANY_INSTANTS - _WHOLE else _KINDS[column]


class Shape:
    """The types of rows of these *columns*; those in *missing* may be None."""

    def __init__(self, columns: Sequence[str], missing: Collection[str] = ()) -> None:
        self._columns = tuple(columns)
        self._kinds = tuple(_ANY_TEXT if name in missing else _kinds(name) for name in columns)
        self._fitting: set[tuple[type, ...]] = set()
        places = [place for place, name in enumerate(columns) if name in _INSTANTS]
        self._sure = itemgetter(*places, places[0])  # twice the first, for a tuple at least
        self._others = [place for place, name in enumerate(columns) if name in _ANY_INSTANTS]

    def check(self, values: Values) -> None:
        """
        Check that *values* can be a row.

        Raises:
            DamagedError: If not.
        """
        # The combinations of types are few: this is one look into a table.
        if (types := tuple(map(type, values))) not in self._fitting:
            self._check_types(types)
        sure = self._sure(values)
        if min(sure) < _EARLIEST or max(sure) > _LATEST:
            raise DamagedError("there is an instant that no calendar has")
        for place in self._others:
            at = values[place]
            if at is not None and not _EARLIEST <= at <= _LATEST:
                raise DamagedError("there is an instant that no calendar has")

    def _check_types(self, types: tuple[type, ...]) -> None:
        columns = zip(self._columns, self._kinds, types, strict=True)
        odd = [name for name, allowed, found in columns if found not in allowed]
        if odd:
            raise DamagedError(f"there is another type of value in {', '.join(odd)}")
        if len(self._fitting) < _REMEMBERED:
            self._fitting.add(types)


def is_second(at: object) -> bool:
    """Whether *at* is a whole second of which there is a datetime."""
    return type(at) is int and _EARLIEST <= at <= _LATEST


def checked_instant(at: object) -> float | None:
    """
    *at*, if it is an instant or nothing.

    Raises:
        DamagedError: If not.
    """
    if at is None:
        return None
    if not isinstance(at, float) or not _EARLIEST <= at <= _LATEST:
        raise DamagedError("there is no instant where one should be")
    return at


def damaged_if_unreadable(make: Callable[[Values], T]) -> Callable[[Values], T]:
    """*make*, which makes a row from values, with one error for all kinds of damage."""

    def made(values: Values) -> T:
        try:
            return make(values)
        except (ValueError, *DAMAGE) as error:
            raise DamagedError(f"a row cannot be read: {error}") from error

    return made


@lru_cache(maxsize=256)
def names(text: str) -> tuple[str, ...]:
    """A list of texts that was kept as JSON."""
    found = json.loads(text)
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise DamagedError("there is no list of texts where one should be")
    return tuple(found)


def check_object(text: str) -> None:
    """
    Check that *text* is a JSON object.

    Raises:
        DamagedError: If not.
    """
    if not _is_object(text):
        raise DamagedError("the claims are no JSON object")


@lru_cache(maxsize=256)
def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
