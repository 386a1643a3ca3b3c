"""Events for programs that ask again and again: one that is damaged must not end the others."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, TypeVar

from devsess.errors import StoreUnavailableError
from devsess.stores.as_json import UnreadableRowError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from devsess.stores.rows import EventRow

T = TypeVar("T")


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
