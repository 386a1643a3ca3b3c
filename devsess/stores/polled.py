"""The common part of stores that give events to programs which ask again and again."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from devsess.errors import StoreUnavailableError
from devsess.stores.as_json import UnreadableRowError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from devsess.stores.rows import EventRow

T = TypeVar("T")

# Of a place: each number of so many is one of 64 bits.
_DIGITS = 18


def read_position(position: str | None, newest: int) -> int:
    """
    The place in the events of all accounts that *position* names; None is before the oldest.

    Args:
        position: The `next` of an earlier poll.
        newest: The highest place that was ever given.

    Raises:
        ValueError: If it is mangled, or higher than *newest*: of another database.
    """
    places = read_places(position, 1)
    check_given(places, [newest])
    return places[0]


def read_places(position: str | None, count: int) -> list[int]:
    """
    The *count* places that *position* names, of a store whose events are in several lines.

    Raises:
        ValueError: If it is mangled.
    """
    texts = ["0"] * count if position is None else position.split(",")
    are_places = all(it.isascii() and it.isdigit() and len(it) <= _DIGITS for it in texts)
    if not are_places or len(texts) != count:
        raise ValueError("this position was not given out by poll, or by another store's")
    return [int(it) for it in texts]


def check_given(places: Sequence[int], newest: Sequence[int]) -> None:
    """
    Check that none of *places* is behind the *newest* of its line.

    Raises:
        ValueError: If one is.
    """
    if any(place > last for place, last in zip(places, newest, strict=True)):
        raise ValueError(
            "this position is of another database, or of before its backup: begin with None"
        )


def readable(
    found: Iterable[tuple[object, T]], make: Callable[[T], EventRow]
) -> tuple[EventRow, ...]:
    """
    The events that *make* reads of *found*; damaged ones are passed over, and logged.

    A program goes on behind a page that it was given. If one damaged event were an error, it would
    be the same error for ever, and no later event would be seen.

    Args:
        found: Places, and what stands there.
        make: Reads it; raises UnreadableRowError, or StoreUnavailableError, for damage alone.
    """
    events = []
    for place, values in found:
        try:
            events.append(make(values))
        except (UnreadableRowError, StoreUnavailableError):
            report(place)
    return tuple(events)


def report(place: object) -> None:
    """Say that the event at *place* is damaged; not what it holds, which is about a person."""
    logging.getLogger("devsess").error(
        "the event at place %s is damaged, and poll passes it over: check the database", place
    )
