"""
Rows as JSON text and back, for stores that keep each row as one value.

A row reads exactly as it was written. A column that its text lacks has its default,
so that rows outlive an upgrade.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from types import NoneType
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import fields

from devsess._frozen import freeze
from devsess.models import Assessment, Decision, EventType, Location, Signal
from devsess.stores.items import Item
from devsess.stores.rows import DeviceRow, EventRow, SessionRow

if TYPE_CHECKING:
    from attrs import AttrsInstance

    from devsess.stores.rows import Impersonator

R = TypeVar("R")

# The types of a column by its annotation; others are checked where they are made.
_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "Kind": (str,),
    "RotatedBy": (str,),
    "bytes": (bytes,),
    "bool": (bool,),
    "int": (int,),
    "float": (float, int),
    "None": (NoneType,),
}
# The columns of a location, with their types, in the order in which its list has them.
_LOCATION = {
    each.name: frozenset(it for name in str(each.type).split(" | ") for it in _TYPES[name])
    for each in fields(Location)
}
_FIRST_VERSION = 5
# The first and last second of which there is a datetime: each float of a row is an instant.
_EARLIEST, _LATEST = -62_135_596_800.0, 253_402_300_799.0


_encode = json.JSONEncoder(separators=(",", ":")).encode


class UnreadableRowError(ValueError):
    """A text holds no row that `dump` wrote: to a manager, a StoreUnavailableError."""


def dump(row: SessionRow | DeviceRow | EventRow | Item) -> str:
    """*row* as text; of a session's device only the id, since the device is a row of its own."""
    return _encode(as_plain(row))


def as_plain(row: SessionRow | DeviceRow | EventRow | Item) -> dict[str, Any]:
    """*row* as the values that `dump` writes, by column, for stores that keep documents."""
    return {each.name: _plain(getattr(row, each.name)) for each in fields(type(row))}


def owner_in(text: str) -> tuple[str, str]:
    """
    The ids of the user and the device of the session in *text*, to find the device's row by.

    Raises:
        UnreadableRowError: If the text holds no session.
    """
    return _read(text, lambda plain: (str(plain["user_id"]), str(plain["device"])))


def load_session(text: str, device: DeviceRow) -> SessionRow:
    """
    The session that `dump` wrote, with its *device*.

    Raises:
        UnreadableRowError: If the text holds no session.
    """
    return _read(text, lambda plain: _session(plain, device))


def session_from(plain: Mapping[str, Any], device: DeviceRow) -> SessionRow:
    """
    The session of which `as_plain` gave the values.

    Raises:
        UnreadableRowError: If they are none's.
    """
    return _made(lambda: _session(dict(plain), device))


def load_device(text: str) -> DeviceRow:
    """
    The device that `dump` wrote.

    Raises:
        UnreadableRowError: If the text holds no device.
    """
    return _read(text, _device)


def device_from(plain: Mapping[str, Any]) -> DeviceRow:
    """
    The device of which `as_plain` gave the values.

    Raises:
        UnreadableRowError: If they are none's.
    """
    return _made(lambda: _device(dict(plain)))


def load_event(text: str) -> EventRow:
    """
    The event that `dump` wrote.

    Raises:
        UnreadableRowError: If the text holds no event.
    """
    return _read(text, _event)


def event_from(plain: Mapping[str, Any]) -> EventRow:
    """
    The event of which `as_plain` gave the values.

    Raises:
        UnreadableRowError: If they are none's.
    """
    return _made(lambda: _event(dict(plain)))


def load_item(text: str) -> Item:
    """
    The item that `dump` wrote.

    Raises:
        UnreadableRowError: If the text holds no item.
    """
    return _read(text, lambda plain: Item(**plain))


def item_from(plain: Mapping[str, Any]) -> Item:
    """
    The item of which `as_plain` gave the values.

    Raises:
        UnreadableRowError: If they are none's.
    """
    return _made(lambda: Item(**plain))


def _session(plain: dict[str, Any], device: DeviceRow) -> SessionRow:
    if plain["location"] is not None:
        plain["location"] = location_from(plain["location"])
    levels = tuple((acr, at) for acr, at in plain.get("levels", ()))
    texts = [*plain["amr"], *(acr for acr, _ in levels)]
    if {str} != {str, *map(type, texts)} or {int} != {int, *(type(at) for _, at in levels)}:
        raise TypeError("there is another type of value in amr or levels")
    impersonator = plain.get("impersonator")
    plain |= {
        "impersonator": None if impersonator is None else impersonator_from(impersonator),
        "salt": base64.b64decode(plain["salt"], validate=True),
        "amr": tuple(plain["amr"]),
    }
    return SessionRow(**plain | {"device": device, "levels": levels})


def _device(plain: dict[str, Any]) -> DeviceRow:
    if plain.get("fingerprint") is not None:
        plain["fingerprint"] = base64.b64decode(plain["fingerprint"], validate=True)
    return DeviceRow(**plain)


def _event(plain: dict[str, Any]) -> EventRow:
    if plain.get("assessment") is not None:
        plain["assessment"] = load_assessment(plain["assessment"])
    return EventRow(**plain | {"type": EventType(plain["type"])})


def load_assessment(plain: Mapping[str, Any]) -> Assessment:
    """The assessment that its `to_dict` wrote."""
    return Assessment(
        score=plain["score"],
        decision=Decision(plain["decision"]),
        signals=tuple(
            Signal(it["kind"], it["weight"], it["message"], freeze(it["data"]))
            for it in plain["signals"]
        ),
        not_evaluated=tuple(plain["notEvaluated"]),
    )


def location_values(location: Location) -> list[object]:
    """
    *location* as a list of JSON types, which `location_from` reads.

    Unknown values at the end are left out, beyond the five of the first version: an update that
    expects a row which that version wrote compares the same text.
    """
    values = [getattr(location, name) for name in _LOCATION]
    while len(values) > _FIRST_VERSION and values[-1] is None:
        values.pop()
    return values


def location_from(values: object) -> Location:
    """
    The location that `location_values` gave the list of.

    Raises:
        TypeError: If it is no such list.
    """
    if isinstance(values, list) and _FIRST_VERSION <= len(values) <= len(_LOCATION):
        # A document's large numbers are of a type of the driver's.
        found: list[Any] = [
            int(it) if isinstance(it, int) and type(it) is not bool else it for it in values
        ]
        if all(type(it) in of for it, of in zip(found, _LOCATION.values(), strict=False)):
            return Location(*found)
    raise TypeError("there is no location where one should be")


def impersonator_from(values: object) -> Impersonator:
    """
    The impersonator of a list of two texts.

    Raises:
        TypeError: If it is none.
    """
    if isinstance(values, list) and [str, str] == [type(it) for it in values]:
        return values[0], values[1]
    raise TypeError("there is no impersonator where one should be")


def _plain(value: object) -> object:
    if isinstance(value, DeviceRow):
        return value.id
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, EventType):
        return value.value
    if isinstance(value, Assessment):
        return value.to_dict()
    return location_values(value) if isinstance(value, Location) else value


def _checked(kind: type[AttrsInstance]) -> list[tuple[str, frozenset[type]]]:
    """The columns whose annotation says all about their types, with these."""
    found = [(each.name, str(each.type).split(" | ")) for each in fields(kind)]
    return [
        (column, frozenset(it for name in names for it in _TYPES[name]))
        for column, names in found
        if all(name in _TYPES for name in names)
    ]


# Every row that is read is checked: the annotations are read once.
_CHECKED = {kind: _checked(kind) for kind in (SessionRow, DeviceRow, EventRow, Item)}


def _check(row: SessionRow | DeviceRow | EventRow | Item) -> None:
    for name, types in _CHECKED[type(row)]:
        value = getattr(row, name)
        kind = type(value)
        if kind not in types:
            raise TypeError(f"there is another type of value in {name}")
        if (kind is float or kind is int) and not _EARLIEST <= value <= _LATEST:
            raise ValueError(f"there is an instant that no calendar has in {name}")


def _read(text: str, make: Callable[[dict[str, Any]], R]) -> R:
    return _made(lambda: make(json.loads(text)))


def _made(make: Callable[[], R]) -> R:
    try:
        made = make()
        if isinstance(made, (SessionRow, DeviceRow, EventRow, Item)):
            _check(made)
        return made
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise UnreadableRowError(f"this is no row that devsess wrote: {error}") from error
