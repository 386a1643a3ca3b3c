"""The table of pages: a path, with places in braces, and a handler for each method."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias, TypeVar

from attrs import frozen

from devsess.adapters._http import Answer

V = TypeVar("V")

Handler: TypeAlias = Callable[[V], Awaitable[Answer]]
# "/devices/{device}/rename" and its handlers, by method.
Routes: TypeAlias = Mapping[str, Mapping[str, Handler[V]]]


@frozen
class Found:
    """
    A route that fits a path.

    Attributes:
        route: As it stands in the table.
        values: The text in each of its places.
    """

    route: str
    values: Mapping[str, str]


def find(routes: Mapping[str, object], path: str) -> Found | None:
    """The first route that fits *path*, or None."""
    wanted = path.split("/")
    for route in routes:
        values = _fit(route.split("/"), wanted)
        if values is not None:
            return Found(route, values)
    return None


def _fit(places: list[str], parts: list[str]) -> dict[str, str] | None:
    if len(places) != len(parts):
        return None
    values = {}
    for place, part in zip(places, parts, strict=True):
        if place.startswith("{"):
            if not part:
                return None
            values[place[1:-1]] = part
        elif place != part:
            return None
    return values
