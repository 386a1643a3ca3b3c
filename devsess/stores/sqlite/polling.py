"""
The events of all accounts, for programs that ask again and again.

No event is missed: one process writes at a time, so that places are in the order of the commits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from devsess.errors import StoreUnavailableError
from devsess.stores.polled import report
from devsess.stores.sqlite import rows
from devsess.stores.sqlite.errors import is_damage

Rows: TypeAlias = list[tuple[Any, ...]]
Ask: TypeAlias = Callable[[str, tuple[int, int]], Rows]


def behind(ask: Ask, place: int, limit: int) -> tuple[int, Rows]:
    """Rows of `rows.POLL` behind *place*, and the place of the last one that was looked at."""
    try:
        found = ask(rows.POLL, (place, limit))
        return (found[-1][0] if found else place), found
    except StoreUnavailableError as error:
        if not is_damage(error.__cause__):
            raise
    # A text that cannot be decoded fails the whole answer: each event by itself.
    places = [it for (it,) in ask(rows.POLLED, (place, limit))]
    return (places[-1] if places else place), [row for it in places for row in _one(ask, it)]


def _one(ask: Ask, place: int) -> Rows:
    try:
        return ask(rows.POLL, (place - 1, 1))
    except StoreUnavailableError as error:
        if not is_damage(error.__cause__):
            raise
        report(place)
        return []
